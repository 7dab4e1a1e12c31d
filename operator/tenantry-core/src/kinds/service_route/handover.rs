//! A route that goes while another one of its tenant waits for its path: renamed, that is. The server would take its parts away at once,
//! and requests would fail until the other's are made and served. So once somebody waits for its path, a route stays when it is
//! deleted until that one serves, and only then is taken down.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::plan::Draft;
use super::types::ServiceRoute;
use crate::conditions::Reason;
use crate::meta::FINALIZER;
use crate::plan::{Plan, Undecided};
use crate::resources::{NETWORK_POLICY, SERVICE_ROUTE};
use crate::routing::{POLICY_KINDS, is_to_be_had, served_routes};
use crate::world::{Lookup, Scope, World};

/// Whoever deletes a route means it to end: nobody is waited for longer than this.
const AT_MOST: SignedDuration = SignedDuration::from_secs(30);
/// Gateways say that they serve a route a moment before they do.
const SETTLED: SignedDuration = SignedDuration::from_secs(3);

/// Who has a route's path after it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Heirs {
    /// Those of its tenant who ask for the same.
    Known(Vec<Arc<Value>>),
    /// That cannot be told.
    Unknown,
}

impl Default for Heirs {
    fn default() -> Self {
        Self::Known(Vec::new())
    }
}

impl Heirs {
    fn wait(&self) -> bool {
        matches!(self, Self::Known(all) if !all.is_empty())
    }

    /// How long a route that was deleted at this moment stays for them.
    fn until(&self, deleted: Timestamp) -> Timestamp {
        let latest = later(deleted, AT_MOST);
        match self {
            Self::Known(all) if all.is_empty() => deleted,
            Self::Known(all) => {
                let served = all.iter().filter_map(|heir| served_since(heir)).min();
                served.map_or(latest, |since| later(since, SETTLED).min(latest))
            }
            Self::Unknown => latest,
        }
    }
}

/// What is drafted, held against who comes after it.
pub(super) fn plan(route: &ServiceRoute, draft: Draft, world: &World, now: Timestamp) -> Plan {
    let Draft { mut plan, heirs, .. } = draft;
    // Once is enough: its parts are not tied and untied again as others come and go.
    plan.lingers = heirs.wait() || has_finalizer(route);
    let Some(deleted) = &route.metadata.deletion_timestamp else { return plan };
    let until = heirs.until(deleted.0);
    if now < until {
        plan.requeue_at(until);
        plan
    } else {
        taken_down(route, world)
    }
}

/// Nothing of it is wanted; and it goes as soon as all of it can be seen to be gone.
fn taken_down(route: &ServiceRoute, world: &World) -> Plan {
    let mut plan = Plan { lingers: true, ..Plan::default() };
    if sees_all(route, world) {
        plan.release = true;
    } else {
        plan.undecided.push(Undecided::Everything);
        plan.wait(
            Reason::Pending,
            "what was made for it cannot be seen, and might outlive it; the operator's /readyz says why",
        );
    }
    plan
}

fn sees_all(route: &ServiceRoute, world: &World) -> bool {
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    let (namespace, name) = (part(&route.metadata.namespace), part(&route.metadata.name));
    let owner = format!("{}/{namespace}/{name}", SERVICE_ROUTE.plural);
    let Some(routes) = served_routes(route.spec.protocol, world) else { return false };
    let policies = POLICY_KINDS.into_iter().filter(|kind| is_to_be_had(kind, world) != Some(false));
    let kinds: Vec<_> = routes.into_iter().chain(policies).chain([&NETWORK_POLICY]).collect();
    kinds.into_iter().all(|kind| world.list(kind, Scope::OwnedBy(owner.clone())) != Lookup::NotSynced)
}

fn has_finalizer(route: &ServiceRoute) -> bool {
    route.metadata.finalizers.iter().flatten().any(|one| one == FINALIZER)
}

/// Since when a ServiceRoute is served, as its own status says of its present spec.
fn served_since(route: &Value) -> Option<Timestamp> {
    let conditions = route["status"]["conditions"].as_array()?;
    let programmed = conditions.iter().find(|one| one["type"] == "Programmed")?;
    let is_so = programmed["status"] == "True" && programmed["observedGeneration"] == route["metadata"]["generation"];
    programmed["lastTransitionTime"].as_str().filter(|_| is_so)?.parse().ok()
}

fn later(moment: Timestamp, by: SignedDuration) -> Timestamp {
    moment.saturating_add(by).unwrap_or(Timestamp::MAX)
}
