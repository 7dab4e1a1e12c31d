//! The status of a workload, whatever its kind. A kind adds what is special about it and has all of it summed up.

use std::iter;

use jiff::Timestamp;

use super::draft::{Draft, PARTS, Run, Workload};
use super::finding;
use super::rollout::Setback;
use super::types::TrunkStatus;
use crate::conditions::{Condition, Conditions, Reason, Truth, Type};
use crate::kind::{Outcome, Progress};
use crate::resources::{ENDPOINT_SLICE, NETWORK_POLICY, Resource, SERVICE_ROUTE};
use crate::world::{Lookup, World};

/// How many of those who refer to a workload its status names.
const MOST_NAMED: usize = 100;

/// What is to be said, before the kind has added its part.
pub(crate) struct Judged<'a> {
    /// The conditions so far.
    pub(crate) conditions: Conditions<'a>,
    status: TrunkStatus,
    dependents: Vec<Type>,
    /// Whether no pods run, as none is asked for.
    idle: bool,
    /// Whether its tenant is, in whatever way.
    suspended: bool,
}

/// Value of a condition, its reason and its message.
pub(crate) type Verdict = (Truth, Reason, String);

/// Judges a workload.
pub(crate) fn judge<'a>(
    workload: &Workload,
    draft: &Draft,
    before: Option<&'a TrunkStatus>,
    world: &World,
    done: &Outcome,
    now: Timestamp,
) -> Judged<'a> {
    let generation = workload.metadata.generation;
    let mut conditions =
        Conditions::new(before.map_or(&[], |before| before.conditions.as_slice()), generation.unwrap_or_default(), now);
    let mut dependents = vec![Type::Accepted, Type::ResolvedRefs, Type::Applied];
    conditions.set_accepted(done, "the spec is valid and supported");
    let (truth, reason, message) = resolved(done, draft);
    conditions.set(Type::ResolvedRefs, truth, reason, message);
    let addons = draft.decided.iter().flat_map(|decided| decided.served.iter().copied());
    let kinds: Vec<_> = iter::once(&NETWORK_POLICY).chain(PARTS).chain([&ENDPOINT_SLICE]).chain(addons).collect();
    let applied = set_back(applied(done, "workload", &kinds, world), draft);
    let suspended = draft.home.as_ref().and_then(|home| home.suspended.as_deref());
    let mut status = TrunkStatus { observed_generation: generation, ..TrunkStatus::default() };
    let mut idle = false;
    if let Some((main, (truth, reason, message))) = draft.runs.first().zip(worst(&draft.runs)) {
        idle = truth == Truth::True && main.seen.reason == Reason::ScaledToZero;
        let told = before.and_then(|before| before.url.as_deref());
        status.url = workload.url().filter(|url| main.seen.answers_at(url, told));
        status.replicas = main.seen.replicas;
        status.revision.clone_from(&main.seen.revision);
        status.selector = Some(selector(workload));
        if truth == Truth::Unknown && reason != Reason::ScaledToZero && applied.0 == Truth::True {
            conditions.set(Type::Reconciling, Truth::True, reason, message.clone());
        }
        conditions.set(Type::Available, truth, reason, message);
        // What is suspended is not usable for that reason, whatever else.
        if suspended.is_none() {
            dependents.push(Type::Available);
        }
    }
    if workload.trunk.expose.is_some() {
        let (truth, reason, message) = exposed(workload, world);
        conditions.set(Type::Programmed, truth, reason, message);
        if suspended.is_none() {
            dependents.push(Type::Programmed);
        }
    }
    if applied.0 == Truth::Unknown && done.plan.refusals.is_empty() {
        conditions.set(Type::Reconciling, Truth::True, applied.1, applied.2.clone());
    }
    let stalled = (applied.1 == Reason::RolledBack).then(|| applied.2.clone());
    conditions.set(Type::Applied, applied.0, applied.1, applied.2);
    let scaling = draft.runs.iter().filter_map(|run| Some((run, run.scaling.as_ref()?)));
    if let Some((run, (truth, reason, message))) = scaling.min_by_key(|(_, (truth, ..))| *truth) {
        conditions.set(Type::ScalingReady, *truth, *reason, run.told(message));
    }
    if !conditions.set_stalled(done)
        && let Some(text) = stalled
    {
        conditions.set(Type::Stalled, Truth::True, Reason::RolledBack, text);
    }
    if let Some(mode) = suspended {
        let text = format!("its tenant is suspended: {mode}");
        conditions.set(Type::Suspended, Truth::True, Reason::Suspended, text);
    }
    status.used_by = draft.callers.titles.iter().take(MOST_NAMED).cloned().collect();
    Judged { conditions, status, dependents, idle, suspended: suspended.is_some() }
}

impl Judged<'_> {
    /// What the earlier status says of Verified, if that was found of this spec and these pods.
    pub(super) fn still_holds(&self, before: &TrunkStatus) -> Option<Verdict> {
        let (condition, verdict) = finding::verified(&before.conditions)?;
        let is_same = Some(condition.observed_generation) == self.status.observed_generation
            && before.revision == self.status.revision;
        is_same.then_some(verdict)
    }

    /// Sums it up; `further` conditions, set by the kind, must hold as well. Not of what is suspended: nobody asks it, or it has no pods to be
    /// asked, and it is not usable for another reason.
    pub(crate) fn finish(self, further: &[Type], message: &str) -> TrunkStatus {
        let further = if self.suspended { &[] } else { further };
        let dependents: Vec<Type> = self.dependents.iter().chain(further).copied().collect();
        let message = if self.idle { "no pods run, as nothing asks for any" } else { message };
        TrunkStatus { conditions: self.conditions.summarise(&dependents, message), ..self.status }
    }
}

/// Whether its route says that it is served.
fn exposed(workload: &Workload, world: &World) -> Verdict {
    let key = workload.child(&SERVICE_ROUTE);
    let route = match world.get(&key) {
        Lookup::Found(route) => route,
        Lookup::Missing => return (Truth::Unknown, Reason::Pending, format!("{key} is not there yet")),
        Lookup::NotSynced => return (Truth::Unknown, Reason::Pending, format!("{key} is not known yet")),
    };
    let conditions: Vec<Condition> = serde_json::from_value(route["status"]["conditions"].clone()).unwrap_or_default();
    let generation = route["metadata"]["generation"].as_i64().unwrap_or_default();
    match conditions.into_iter().find(|one| one.type_ == Type::Ready.name() && one.observed_generation == generation) {
        Some(ready) => {
            let reason = Reason::of(&ready).unwrap_or(Reason::Pending);
            (ready.status, reason, format!("{key}: {}", ready.message))
        }
        None => (Truth::Unknown, Reason::Pending, format!("{key} has not been looked at yet")),
    }
}

/// Tells of a resource that runs nothing itself what is told of all: whether its references are there, and whether it is
/// written.
pub(crate) fn tell(
    conditions: &mut Conditions,
    done: &Outcome,
    whose: &str,
    kinds: &[&'static Resource],
    world: &World,
) {
    let (truth, reason, message) = references(done);
    conditions.set(Type::ResolvedRefs, truth, reason, message);
    let (truth, reason, message) = applied(done, whose, kinds, world);
    if truth == Truth::Unknown && done.plan.refusals.is_empty() {
        conditions.set(Type::Reconciling, Truth::True, reason, message.clone());
    }
    conditions.set(Type::Applied, truth, reason, message);
}

/// Whether everything that a plan refers to exists and may be used.
fn references(done: &Outcome) -> Verdict {
    let plan = done.plan;
    if !plan.denials.is_empty() {
        let all: Vec<String> = plan.denials.iter().map(|one| format!("{}: {}", one.field, one.message)).collect();
        return (Truth::False, Reason::RefNotPermitted, all.join("; "));
    }
    let about = |reason: Reason| -> Vec<&str> {
        plan.waits.iter().filter(|wait| wait.reason == reason).map(|wait| wait.message.as_str()).collect()
    };
    let (missing, unknown) = (about(Reason::RefNotFound), about(Reason::Pending));
    if !missing.is_empty() {
        return (Truth::False, Reason::RefNotFound, missing.join("; "));
    }
    if !unknown.is_empty() {
        return (Truth::Unknown, Reason::Pending, unknown.join("; "));
    }
    (Truth::True, Reason::Succeeded, "everything it refers to exists and may be used".into())
}

/// The same of a workload, which names more than is looked for.
fn resolved(done: &Outcome, draft: &Draft) -> Verdict {
    let references = references(done);
    if references.0 != Truth::True {
        return references;
    }
    if draft.home.is_none() {
        if let Some(wait) = done.plan.waits.first() {
            return (Truth::Unknown, wait.reason, wait.message.clone());
        }
        let text = "nothing is looked for as long as it is in no environment of a tenant";
        return (Truth::Unknown, Reason::Pending, text.into());
    }
    if !draft.unchecked.is_empty() {
        let sorts: Vec<&str> = draft.unchecked.iter().copied().collect();
        let text = format!(
            "every workload it refers to exists and may be called; whether each {} it names exists is not looked at here: pods that lack one say so in Available",
            sorts.join(", ")
        );
        return (Truth::True, Reason::Succeeded, text);
    }
    references
}

/// Whether all wanted objects are as they should be: of a resource that a message calls so, which consists of these kinds.
fn applied(done: &Outcome, whose: &str, kinds: &[&'static Resource], world: &World) -> Verdict {
    if let Some(violation) = &done.violation {
        return (Truth::False, Reason::InternalError, violation.clone());
    }
    if let Some((key, progress)) = done.first(Progress::is_stuck) {
        return match (progress, progress.told(key, whose)) {
            (Progress::Failed(why), (_, told)) if why.contains("exceeded quota") => {
                (Truth::False, Reason::QuotaExceeded, format!("{told}: free some of it, or have the quota raised"))
            }
            (_, (reason, told)) => (Truth::False, reason, told),
        };
    }
    if let Some((key, progress)) = done.first(|progress| *progress != Progress::Observed) {
        let (reason, told) = progress.told(key, whose);
        return (Truth::Unknown, reason, told);
    }
    let pending = |text: String| (Truth::Unknown, Reason::Pending, text);
    if let Some(key) = done.leaving.first() {
        return pending(format!("{key} is being removed"));
    }
    if let Some(wait) = done.plan.waits.iter().find(|wait| wait.reason != Reason::RefNotFound) {
        return (Truth::Unknown, wait.reason, wait.message.clone());
    }
    if !done.plan.refusals.is_empty() {
        return pending("what is there is left as it is until the spec is accepted".into());
    }
    if !done.plan.undecided.is_empty() {
        return (Truth::True, Reason::Succeeded, "what is there is left as it is".into());
    }
    if let Some(kind) = world.unseen(kinds) {
        return pending(format!("{} cannot be seen; the operator's /readyz says why", kind.plural));
    }
    (Truth::True, Reason::Succeeded, "everything is written and was seen".into())
}

/// What runs is not what the spec asks for, though all is written: unless something worse is in the way.
fn set_back(applied: Verdict, draft: &Draft) -> Verdict {
    let mut setbacks = draft.runs.iter().filter_map(|run| Some((run, run.setback.as_ref()?)));
    let rolled_back = setbacks.find_map(|(run, setback)| match setback {
        Setback::RolledBack { number, why } => Some(run.told(&format!(
            "{} has failed ({why}), and what was available before it runs again: look at what the spec has changed since, and change it to try anew",
            if number.is_empty() { "a revision".to_owned() } else { format!("revision {number}") },
        ))),
        Setback::Stands(_) => None,
    });
    match rolled_back {
        Some(text) if applied.0 != Truth::False => (Truth::False, Reason::RolledBack, text),
        _ => applied,
    }
}

impl Run {
    /// What is to be said of it, beside others.
    fn told(&self, text: &str) -> String {
        match &self.version {
            Some(version) => format!("version {version}: {text}"),
            None => text.to_owned(),
        }
    }
}

/// What is to be said of its Deployments: of the one that is worst.
fn worst(runs: &[Run]) -> Option<Verdict> {
    let run = runs.iter().min_by_key(|run| run.seen.truth)?;
    let seen = &run.seen;
    let message = match &run.setback {
        Some(Setback::Stands(why)) => format!("{}; nothing is rolled back, as {why}", seen.message),
        Some(Setback::RolledBack { .. }) if seen.truth == Truth::True => {
            "enough pods of the revision that came back are available".to_owned()
        }
        _ => seen.message.clone(),
    };
    Some((seen.truth, seen.reason, run.told(&message)))
}

fn selector(workload: &Workload) -> String {
    let labels = workload.sort.labels(workload.name());
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}
