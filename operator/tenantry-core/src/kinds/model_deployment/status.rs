//! The ModelDeployment's status.

use jiff::Timestamp;

use crate::conditions::Truth;
use crate::kind::Outcome;
use crate::workload::{self, Draft, Workload};
use crate::world::World;

use super::plan::{self, DEFAULT};
use super::types::{ModelDeployment, ModelDeploymentStatus, ModelFailure, ModelStatus, Traffic};

/// What the status should say.
pub(super) fn status(cr: &ModelDeployment, world: &World, done: &Outcome, now: Timestamp) -> ModelDeploymentStatus {
    let before = cr.status.as_ref().map(|status| &status.trunk);
    let (workload, versions) = plan::workloads(cr);
    let draft = workload::draft_with(&workload, &versions, world, now);
    let judged = workload::judge(&workload, &draft, before, world, done, now);
    ModelDeploymentStatus {
        trunk: judged.finish(&[], "it serves its model"),
        traffic: traffic(cr, &workload, &versions, &draft),
        model_status: Some(ModelStatus { name: plan::served_as(cr), failure: failure(&draft) }),
    }
}

/// Shares as the spec says; addresses of what answers.
fn traffic(cr: &ModelDeployment, workload: &Workload, versions: &[Workload], draft: &Draft) -> Vec<Traffic> {
    if versions.is_empty() {
        return Vec::new();
    }
    let before = cr.status.as_ref().map(|status| status.traffic.as_slice()).unwrap_or_default();
    let rest = 100 - cr.spec.versions.iter().map(|version| version.traffic_percent).sum::<i32>();
    let shares = std::iter::once((DEFAULT, rest.max(0), None))
        .chain(cr.spec.versions.iter().map(|one| (one.name.as_str(), one.traffic_percent, one.match_.as_ref())));
    let workloads = std::iter::once(workload).chain(versions);
    shares
        .zip(workloads)
        .zip(&draft.runs)
        .map(|(((version, percent, match_), workload), run)| {
            let ready = run.seen.truth == Truth::True;
            let told = before.iter().find(|one| one.version == version).and_then(|one| one.url.as_deref());
            Traffic {
                version: version.to_owned(),
                percent,
                headers: match_.map(|one| one.headers.clone()).unwrap_or_default(),
                ready,
                url: workload.url().filter(|url| run.seen.answers_at(url, told)),
            }
        })
        .collect()
}

/// Of the first version that has one.
fn failure(draft: &Draft) -> Option<ModelFailure> {
    draft.runs.iter().find_map(|run| {
        let trouble = run.seen.trouble.clone()?;
        let version = run.version.clone().unwrap_or_else(|| DEFAULT.to_owned());
        Some(ModelFailure { version, reason: trouble.reason, message: trouble.message })
    })
}
