//! The whole path of one look at one resource: read, plan, check, apply, prune, adjust, status, requeue.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tenantry_core::check;
use tenantry_core::conditions::{Condition, Conditions, Reason, Truth, Type};
use tenantry_core::kind::{Children, Malformed, Outcome, Progress, Registration};
use tenantry_core::meta::Owner;
use tenantry_core::object::ObjectKey;
use tenantry_core::plan::Plan;
use tenantry_core::resources::{Resource, Watch};
use tenantry_core::world::World;
use tracing::Instrument;

use crate::calls::Version;
use crate::engine::Engine;
use crate::error::{Cause, Error};
use crate::inventory::Ledger;
use crate::kept::Kept;
use crate::{adjust, apply, blind, cleanup, inventory, prune, status};

/// A moment that a plan waits for is checked at least this often, because the machine's clock may be set meanwhile.
/// A look that finds nothing to do makes no request.
const CLOCK_CHECK: Duration = Duration::from_secs(30);

/// A name that somebody else's object has is tried again this often: no watch tells when that object goes.
const STRANGER_CHECK: Duration = Duration::from_mins(1);

/// Takes keys from the queue and looks at them, until the queue is closed.
pub async fn work(engine: Arc<Engine>) {
    while let Some(turn) = engine.queue.next().await {
        let key = turn.key;
        let span =
            tracing::info_span!("reconcile", kind = key.resource.kind, namespace = %key.namespace, name = %key.name);
        let started = tokio::time::Instant::now();
        span.in_scope(|| tracing::debug!(lane = turn.lane.name(), waited = ?turn.waited, "looking"));
        let result = look(&engine, &key).instrument(span.clone()).await;
        engine.metrics.reconciled(key.resource.kind, result.is_ok(), started.elapsed());
        match result {
            Ok(again) => {
                if let Some(delay) = again {
                    engine.queue.add_after(&key, delay);
                }
                engine.queue.succeeded(&key);
            }
            Err(errors) => {
                let _entered = span.enter();
                engine.queue.failed(&key, report(&errors));
            }
        }
    }
}

/// One look. `Ok` says when to come again even if nothing happens.
async fn look(engine: &Engine, key: &ObjectKey) -> Result<Option<Duration>, Vec<Error>> {
    let Some(kind) = engine.kind(key.resource) else { return Ok(None) };
    if !engine.leadership.holds() || !engine.knows_enough(kind) {
        return Ok(None); // Woken again when that changes.
    }
    let Some(mut cr) = engine.store().record(key).and_then(|record| record.kept.as_ref().map(Kept::value)) else {
        engine.forget(key);
        return Ok(None);
    };
    let deleting = !cr["metadata"]["deletionTimestamp"].is_null();
    if deleting && !inventory::has_finalizer(&cr) {
        engine.external.set(key, &[]);
        return Ok(None);
    }
    let (plan, moment) = match plan(engine, kind, key, &cr) {
        Ok(planned) => planned,
        Err(malformed) => {
            return stall(engine, kind, key, &cr, &malformed.to_string()).await.map_err(|error| vec![error]);
        }
    };
    let owner = Owner::of(kind.resource, &cr);
    let mut errors = Vec::new();
    let mut wrote = false;
    let mut adjusted_again = None;
    let mut outcome =
        Outcome { plan: &plan, objects: BTreeMap::new(), leaving: Vec::new(), violation: check::violation(&plan) };
    if let Some(rule) = &outcome.violation {
        tracing::error!(rule, "the plan breaks a rule of its own; nothing is written");
        engine.metrics.violation(key.resource.kind);
    } else {
        engine.external.set(key, &plan.external);
        let mut ledger = Ledger::default();
        if kind.children == Children::Recorded {
            match inventory::record(engine, key, cr, &plan).await.map_err(|error| vec![error])? {
                Some((recorded, noted)) => (cr, ledger) = (recorded, noted),
                // Changed meanwhile, which has woken it: this plan is void.
                None => return Ok(None),
            }
        }
        if kind.children == Children::Owned {
            // What was taken away may have gone with its owner, whose watch may be long in telling: made again, it would go at once.
            let was_taken = engine.store().was_taken(&plan.desired);
            if was_taken {
                let found = engine.read_again(key).await.map_err(|error| vec![error])?;
                if found.is_none_or(|found| Version::of(&found) != Version::of(&cr)) {
                    return Ok(None); // Gone, or another by now, which has woken it: this plan is void.
                }
            }
            if plan.lingers {
                match inventory::linger(engine, key, cr).await.map_err(|error| vec![error])? {
                    Some(lingering) => cr = lingering,
                    // Changed meanwhile, which has woken it: this plan is void.
                    None => return Ok(None),
                }
            }
        }
        let applied = apply::apply(engine, &owner, &plan.desired, moment, &ledger).await;
        outcome.objects = applied.objects;
        wrote = applied.wrote;
        errors.extend(applied.errors);
        if matches!(kind.children, Children::Recorded | Children::Owned) {
            let pruned = prune::prune(engine, kind, &owner, &plan).await;
            let (leaving, failed) = blind::prune(engine, key, &plan, &ledger).await;
            outcome.leaving = pruned.leaving.into_iter().chain(leaving).collect();
            errors.extend(pruned.errors.into_iter().chain(failed));
        }
        let adjusted = adjust::adjust(engine, &owner, &plan.adjustments).await;
        outcome.objects.extend(adjusted.objects);
        adjusted_again = adjusted.again;
        errors.extend(adjusted.errors);
        if kind.children == Children::Recorded {
            match inventory::settle(engine, key, cr, &ledger).await {
                Ok(Some(settled)) => cr = settled,
                // Changed meanwhile, which has woken it.
                Ok(None) => return if errors.is_empty() { Ok(None) } else { Err(errors) },
                Err(error) => {
                    errors.push(error);
                    return Err(errors);
                }
            }
        }
    }
    let again = match finish(engine, kind, key, &cr, &outcome, wrote).await {
        Ok(again) => again,
        Err(error) => {
            errors.push(error);
            None
        }
    };
    let planned = plan.requeue_at.map(|when| engine.clock.until(when).min(CLOCK_CHECK));
    let stranger = outcome.objects.values().any(|progress| *progress == Progress::NotOwned).then_some(STRANGER_CHECK);
    let soonest = again.into_iter().chain(planned).chain(stranger).chain(adjusted_again).min();
    if errors.is_empty() { Ok(soonest) } else { Err(errors) }
}

/// Plans, and records what was looked up before anything can change unnoticed: both under one lock of the store.
/// Returns the moment it was made at, too.
fn plan(engine: &Engine, kind: &Registration, key: &ObjectKey, cr: &Value) -> Result<(Plan, u64), Malformed> {
    let view = engine.view();
    let world = World::new(&view);
    let plan = (kind.plan)(cr, &world, engine.clock.now());
    if engine.readers().record(key, world.into_reads()) {
        engine.asking.notify_one();
    }
    Ok((plan?, view.store.moment()))
}

/// Lets a deleted resource go, or writes its status.
async fn finish(
    engine: &Engine,
    kind: &Registration,
    key: &ObjectKey,
    cr: &Value,
    outcome: &Outcome<'_>,
    wrote: bool,
) -> Result<Option<Duration>, Error> {
    if !cr["metadata"]["deletionTimestamp"].is_null() && cleanup::release(engine, key, cr, outcome).await? {
        return Ok(None);
    }
    let status = {
        let view = engine.view();
        let world = World::new(&view);
        let status = (kind.status)(cr, &world, outcome, engine.clock.now());
        // What only the status looks at must wake the resource as well, or it tells for ever what was so at this moment.
        if engine.readers().record_status(key, world.into_reads()) {
            engine.asking.notify_one();
        }
        status
    };
    match status {
        Ok(status) => status::write(engine, kind, key, cr, &status, wrote).await,
        Err(malformed) => stall(engine, kind, key, cr, &malformed.to_string()).await,
    }
}

/// A stored resource that does not fit its type: nothing is done about it, and its status says so.
async fn stall(
    engine: &Engine,
    kind: &Registration,
    key: &ObjectKey,
    cr: &Value,
    message: &str,
) -> Result<Option<Duration>, Error> {
    let before: Vec<Condition> = serde_json::from_value(cr["status"]["conditions"].clone()).unwrap_or_default();
    let generation = cr["metadata"]["generation"].as_i64().unwrap_or_default();
    let mut conditions = Conditions::new(&before, generation, engine.clock.now());
    conditions.set(Type::Accepted, Truth::False, Reason::Invalid, message);
    conditions.set(Type::Stalled, Truth::True, Reason::Invalid, message);
    let mut status = cr.get("status").cloned().unwrap_or_else(|| json!({}));
    status["observedGeneration"] = Value::from(generation);
    status["conditions"] = json!(conditions.summarise(&[Type::Accepted], ""));
    status::write(engine, kind, key, cr, &status, false).await
}

/// Logs failures; returns how long the server asked us to wait.
fn report(errors: &[Error]) -> Option<Duration> {
    for error in errors {
        // A conflict means that somebody was faster; the next look sees what they did.
        if matches!(error.category(), "conflict" | "not_leader") {
            tracing::debug!(%error, category = error.category(), "will look again");
        } else {
            tracing::warn!(%error, category = error.category(), "a step failed; it is tried again");
        }
    }
    errors
        .iter()
        .filter_map(|error| match &error.cause {
            Cause::Answer { retry_after, .. } => *retry_after,
            _ => None,
        })
        .max()
}

impl Engine {
    /// Whether everything a kind reads is known, or known to be out of reach. Until then plans would only wait.
    fn knows_enough(&self, kind: &Registration) -> bool {
        let (store, watches) = (self.store(), self.watches());
        let looked_at = kind.access.iter().filter(|access| access.is_watched()).map(|access| access.resource);
        looked_at.chain([kind.resource]).all(|resource| {
            resource.watch.is_on_demand()
                || matches!(resource.watch, Watch::Asked | Watch::Blind)
                || store.is_synced(resource)
                || watches.get(resource).is_some_and(|health| health.error.is_some())
        })
    }

    fn forget(&self, key: &ObjectKey) {
        self.readers().forget(key);
        self.patience.forget(key);
        self.external.set(key, &[]);
        self.queue.forget(key);
    }

    /// Has those looked at whose plans list this kind.
    pub(crate) fn queue_those_who_list(&self, resource: &'static Resource) {
        let keys = self.readers().who_list(resource);
        for key in keys {
            self.queue.add(&key, crate::queue::Lane::Backlog);
        }
    }

    /// Has every known resource looked at.
    pub(crate) fn queue_all(&self) {
        let keys: Vec<ObjectKey> = {
            let store = self.store();
            self.kinds.iter().flat_map(|kind| store.keys(kind.resource)).collect()
        };
        for key in keys {
            self.queue.add(&key, crate::queue::Lane::Backlog);
        }
    }
}
