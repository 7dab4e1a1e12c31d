//! The Tenant's status: pure, made from the resource, the world and what became of the plan.

use jiff::Timestamp;

use crate::conditions::{Conditions, Reason, Truth, Type, truncate};
use crate::fields::Quantities;
use crate::kind::{Outcome, Progress};
use crate::meta;
use crate::plan::Undecided;
use crate::resources::{LIMIT_RANGE, NAMESPACE, NETWORK_POLICY, RESOURCE_QUOTA, ROLE_BINDING, TENANT_VIEW};
use crate::world::World;

use super::plan::{self, Draft, EnvironmentDraft};
use super::quota;
use super::retire;
use super::types::{Effective, EnvironmentStatus, HomeStatus, SuspendMode, Tenant, TenantStatus};
use super::usage::Usage;

/// Whose objects are told of.
const WHOSE: &str = "tenant";

/// How many retained namespaces the schema stores.
const MOST_RETAINED: usize = 128;

/// How many workloads that go on while a tenant is scaled to zero are named.
const MOST_NAMED: usize = 20;

/// What the status should say.
pub(super) fn status(tenant: &Tenant, world: &World, done: &Outcome, now: Timestamp) -> TenantStatus {
    let draft = plan::draft(tenant, world, now);
    let usage = Usage::shown(tenant, &draft, world, now);
    let environments: Vec<EnvironmentStatus> =
        draft.environments.iter().map(|environment| environment_status(environment, &usage, world, done)).collect();
    let before = tenant.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let mut conditions = Conditions::new(before, tenant.metadata.generation.unwrap_or_default(), now);
    let deleting = tenant.metadata.deletion_timestamp.is_some();
    let accepted = accepted(tenant, done, now);
    let references = references(done);
    let applied = if deleting { deletion(&draft, done) } else { applied(done) };
    let applied = match unseen(world) {
        Some((reason, message)) if applied.truth == Truth::True => Verdict::new(Truth::Unknown, reason, message),
        _ => applied,
    };
    conditions.set(Type::Accepted, accepted.truth, accepted.reason, accepted.message);
    conditions.set(Type::ResolvedRefs, references.truth, references.reason, references.message);
    if applied.truth == Truth::Unknown {
        conditions.set(Type::Reconciling, Truth::True, applied.reason, applied.message.clone());
    }
    if let Some((reason, message)) = stalled(done) {
        conditions.set(Type::Stalled, Truth::True, reason, message);
    }
    if let Some(suspended) = suspended(tenant, &draft, world, done).filter(|_| !deleting) {
        conditions.set(Type::Suspended, suspended.truth, suspended.reason, suspended.message);
    }
    conditions.set(Type::Applied, applied.truth, applied.reason, applied.message);
    let ready = environments.iter().filter(|environment| environment.ready).count();
    let total = tenant.spec.environments.len();
    let effective = draft.effective.clone().map(|effective| Effective { quota: shown(effective.quota), ..effective });
    let hard = effective.as_ref().map(|effective| effective.quota.clone()).unwrap_or_default();
    TenantStatus {
        observed_generation: tenant.metadata.generation,
        conditions: conditions.summarise(
            &[Type::Accepted, Type::ResolvedRefs, Type::Applied],
            format!("{ready} of {total} environments are as wanted{}", told(&environments)),
        ),
        ready: Some(format!("{ready}/{total}")),
        effective,
        home: tenant.metadata.name.clone().map(|namespace| HomeStatus { namespace }),
        environments,
        retained: draft.retained.iter().take(MOST_RETAINED).cloned().collect(),
        quota: usage.total(hard, &draft),
    }
}

/// What is to be said of conflicts, after how many environments are as wanted.
fn told(environments: &[EnvironmentStatus]) -> String {
    let with = environments.iter().filter_map(|one| Some((one, one.conflicts.as_ref()?.total)));
    let parts: Vec<String> =
        with.filter(|(_, total)| *total > 0).map(|(one, total)| format!("{total} in {}", one.namespace)).collect();
    if parts.is_empty() {
        return String::new();
    }
    format!(
        "; what adopted namespaces had and could not be made again: {}, see status.environments[].conflicts and tenantry plan",
        parts.join(", ")
    )
}

/// As many as the schema stores: a status that is refused would leave the last one standing for ever.
pub(super) fn shown(quota: Quantities) -> Quantities {
    quota.into_iter().take(quota::MOST_NAMES).collect()
}

/// Which kind of child cannot be seen now.
fn unseen(world: &World) -> Option<(Reason, String)> {
    let kinds = [&NAMESPACE, &NETWORK_POLICY, &RESOURCE_QUOTA, &LIMIT_RANGE, &ROLE_BINDING, &TENANT_VIEW];
    let blind = world.unseen(&kinds)?;
    let text = format!(
        "{} cannot be seen, so whether they are as wanted is not known; the operator's /readyz says why",
        blind.plural
    );
    Some((Reason::Pending, text))
}

/// Value of one condition.
struct Verdict {
    truth: Truth,
    reason: Reason,
    message: String,
}

impl Verdict {
    fn good(message: &str) -> Self {
        Self { truth: Truth::True, reason: Reason::Succeeded, message: message.into() }
    }

    fn new(truth: Truth, reason: Reason, message: impl Into<String>) -> Self {
        Self { truth, reason, message: message.into() }
    }
}

/// Whether a refusal is about the spec itself, and not about what holds its place in the cluster.
fn concerns_spec(reason: Reason) -> bool {
    !matches!(reason, Reason::NotOwned | Reason::DeletionBlocked)
}

fn accepted(tenant: &Tenant, done: &Outcome, now: Timestamp) -> Verdict {
    let refusals: Vec<String> =
        done.plan.refusals.iter().filter(|refusal| concerns_spec(refusal.reason)).map(ToString::to_string).collect();
    let first = done.plan.refusals.iter().find(|refusal| concerns_spec(refusal.reason));
    if let Some(first) = first {
        return Verdict::new(Truth::False, first.reason, refusals.join("; "));
    }
    let mut message = "the spec is valid".to_owned();
    if retire::is_confirmed(tenant) && tenant.metadata.deletion_timestamp.is_none() {
        message = format!(
            "{message}; deleting namespaces is confirmed in advance: remove the annotation {} to be asked the next time",
            meta::CONFIRM_DELETE
        );
    }
    let ended = tenant.spec.members.iter().filter(|member| member.until.is_some_and(|until| until <= now));
    let ended: Vec<&str> = ended.map(|member| member.name.as_str()).collect();
    if ended.is_empty() {
        return Verdict::good(&message);
    }
    Verdict::good(&format!("{message}; members {} have ended and give no rights", ended.join(", ")))
}

fn references(done: &Outcome) -> Verdict {
    match done.plan.waits.iter().find(|wait| wait.reason == Reason::RefNotFound) {
        Some(wait) => Verdict::new(Truth::False, Reason::RefNotFound, wait.message.clone()),
        None => Verdict::good("the class exists"),
    }
}

fn applied(done: &Outcome) -> Verdict {
    if let Some(violation) = &done.violation {
        return Verdict::new(Truth::False, Reason::InternalError, violation.clone());
    }
    if let Some(refusal) = done.plan.refusals.iter().find(|refusal| !concerns_spec(refusal.reason)) {
        return Verdict::new(Truth::False, refusal.reason, refusal.to_string());
    }
    if let Some((key, progress)) = done.first(Progress::is_stuck) {
        let (reason, message) = progress.told(key, WHOSE);
        return Verdict::new(Truth::False, reason, message);
    }
    if let Some(wait) = done.plan.waits.first() {
        return Verdict::new(Truth::Unknown, Reason::Pending, wait.message.clone());
    }
    if let Some((key, progress)) = done.first(|progress| *progress != Progress::Observed) {
        let (reason, message) = progress.told(key, WHOSE);
        return Verdict::new(Truth::Unknown, reason, message);
    }
    if let Some(key) = done.leaving.first() {
        return Verdict::new(Truth::Unknown, Reason::Pending, format!("{key} is being removed"));
    }
    Verdict::good("everything wanted was seen in the cluster")
}

fn deletion(draft: &Draft, done: &Outcome) -> Verdict {
    if let Some(refusal) = done.plan.refusals.iter().find(|refusal| refusal.reason == Reason::DeletionBlocked) {
        return Verdict::new(Truth::False, Reason::DeletionBlocked, refusal.to_string());
    }
    if !draft.blockers.is_empty() {
        return Verdict::new(Truth::False, Reason::DeletionBlocked, draft.blockers.join("; "));
    }
    match applied(done) {
        failed if failed.truth == Truth::False => failed,
        other => {
            let message = if other.truth == Truth::Unknown { other.message } else { "being deleted".into() };
            Verdict::new(Truth::Unknown, Reason::Deleting, message)
        }
    }
}

/// Whether every rule of the suspension is in place, and what goes on all the same.
fn suspended(tenant: &Tenant, draft: &Draft, world: &World, done: &Outcome) -> Option<Verdict> {
    let suspend = tenant.spec.suspend.as_ref()?;
    let mode = suspend.mode.label();
    // What else the tenant waits for does not matter here: a missing class keeps nobody from being stopped.
    let in_place = done.violation.is_none() && !done.plan.undecided.contains(&Undecided::Everything);
    let unwritten = (!in_place).then(|| (Reason::Pending, "nothing is decided yet".to_owned()));
    let pending = || draft.stopped.pending.first().map(|text| (Reason::Pending, text.clone()));
    let leaving = || done.leaving.first().map(|key| (Reason::Pending, format!("{key} is being removed")));
    let missing = done
        .first(Progress::is_stuck)
        .or_else(|| done.first(|progress| *progress != Progress::Observed))
        .map(|(key, progress)| progress.told(key, WHOSE))
        .or(unwritten)
        .or_else(pending)
        .or_else(leaving)
        .or_else(|| unseen(world));
    if let Some((reason, message)) = missing {
        let truth = if reason == Reason::Pending { Truth::Unknown } else { Truth::False };
        return Some(Verdict::new(truth, reason, format!("{mode}: {message}")));
    }
    let mut message = mode.to_owned();
    if let Some(reason) = suspend.reason.as_deref().filter(|reason| !reason.is_empty()) {
        message = format!("{message}, as {reason:?}");
    }
    message.push_str("; every rule of it is in place");
    if suspend.mode == SuspendMode::ScaleToZero {
        message = format!("{message}; {} workloads are at zero until then", draft.stopped.at_zero);
    }
    if draft.stopped.closed > 0 {
        message = format!("{message}; {} network policies of others select no pod until then", draft.stopped.closed);
    }
    let going_on = &draft.stopped.going_on;
    if !going_on.is_empty() {
        let named = going_on.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = going_on.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        message = format!("{message}; these go on, as nothing can scale them: {named}{more}");
    }
    Some(Verdict::new(Truth::True, Reason::Suspended, message))
}

/// What only somebody's help can mend.
fn stalled(done: &Outcome) -> Option<(Reason, String)> {
    if let Some(violation) = &done.violation {
        return Some((Reason::InternalError, violation.clone()));
    }
    done.plan.refusals.first().map(|refusal| (refusal.reason, refusal.to_string()))
}

fn environment_status(
    environment: &EnvironmentDraft,
    usage: &Usage,
    world: &World,
    done: &Outcome,
) -> EnvironmentStatus {
    let namespace = &environment.place.namespace;
    let worst = done
        .objects
        .iter()
        .filter(|(key, progress)| key.failure_domain() == namespace && **progress != Progress::Observed)
        .min_by_key(|(_, progress)| matches!(progress, Progress::Written | Progress::Held))
        .map(|(key, progress)| progress.told(key, WHOSE));
    let decided = done.objects.keys().any(|key| key.failure_domain() == namespace);
    let unwritten = || (!decided).then(|| (Reason::Pending, "nothing is written yet".to_owned()));
    let leaving = done.leaving.iter().find(|key| key.failure_domain() == namespace);
    let leaving = || leaving.map(|key| (Reason::Pending, format!("{key} is being removed")));
    let violation = || done.violation.clone().map(|text| (Reason::InternalError, text));
    let obstacle = environment
        .obstacle
        .clone()
        .or(worst)
        .or_else(leaving)
        .or_else(|| unseen(world))
        .or_else(violation)
        .or_else(unwritten);
    EnvironmentStatus {
        name: environment.place.environment.clone(),
        namespace: namespace.clone(),
        uid: environment.uid.clone(),
        ready: obstacle.is_none(),
        reason: obstacle.as_ref().map_or(Reason::Succeeded, |(reason, _)| *reason).name().to_owned(),
        message: obstacle.map(|(_, mut message)| {
            truncate(&mut message, 1024);
            message
        }),
        pod_security: environment.pod_security,
        quota: usage.of(environment),
        members: i64::try_from(environment.members).unwrap_or(i64::MAX),
        conflicts: environment.conflicts.clone(),
    }
}
