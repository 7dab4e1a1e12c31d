//! Who keeps rights while nothing else of a Tenant can be decided: an end of rights waits for no class and no name, nor does
//! suspending. It never gives rights where there were none.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::build::build_role_binding;
use crate::check;
use crate::conditions::Reason;
use crate::kinds::tenantry_platform::types::TenantryPlatformSpec;
use crate::names::{self, Place};
use crate::object::ObjectKey;
use crate::plan::{Plan, Undecided};
use crate::resources::{CONFIG_MAP, NAMESPACE, ROLE_BINDING, SECRET, SERVICE, TENANT_VIEW};
use crate::world::{Lookup, World};

use super::listeners::LISTENING;
use super::ownership::{Holder, holder, is_leaving, place_of};
use super::retire::GUARDS;
use super::suspend::{self, Stopped};
use super::types::{Role, SuspendMode, Tenant};
use super::{members, places, quarantine, workloads};

/// Decides the bindings of namespaces that are the tenant's and have some, and how a suspended tenant's are marked and
/// closed, and leaves all else undecided.
pub(super) fn decide_alone(
    plan: &mut Plan,
    tenant: &Tenant,
    existing: &[Arc<Value>],
    platform: &TenantryPlatformSpec,
    world: &World,
    now: Timestamp,
) -> Stopped {
    let name = tenant.metadata.name.as_deref().unwrap_or_default();
    let mut places = places::all(tenant, existing);
    places.push(Place::home(name));
    places.sort();
    places.dedup();
    let (held, others): (Vec<Place>, Vec<Place>) = places.into_iter().partition(|place| {
        names::is_dns_label(&place.namespace)
            && !check::is_protected(&place.namespace)
            && matches!(holder(place, world), Holder::Ours(_))
            && has_bindings(place, world)
    });
    let is_suspended = tenant.spec.suspend.is_some();
    if held.is_empty() && !is_suspended {
        plan.undecided.push(Undecided::Everything);
        return Stopped::default();
    }
    let (mut marked, mut unmarked) = (BTreeSet::new(), BTreeSet::new());
    for facts in existing {
        let namespace = facts["metadata"]["name"].as_str().unwrap_or_default();
        if is_suspended && !is_leaving(facts) {
            let Some(place) = place_of(name, facts) else { continue };
            suspend::mark_as_it_is(plan, tenant, &place, facts, suspend::notes(facts));
            suspend::guard_as_it_is(plan, tenant, &place);
            plan.undecided.extend(platforms_in(namespace));
            marked.insert(namespace.to_owned());
        } else if !held.iter().any(|place| place.namespace == namespace) {
            unmarked.insert(namespace.to_owned());
        }
    }
    unmarked.extend(others.into_iter().map(|place| place.namespace).filter(|namespace| !marked.contains(namespace)));
    let bindings_stay = marked.iter().filter(|namespace| !held.iter().any(|place| place.namespace == **namespace));
    plan.undecided.extend(bindings_stay.map(|namespace| Undecided::Kind(&ROLE_BINDING, namespace.clone())));
    plan.undecided.extend(unmarked.into_iter().map(Undecided::Namespace));
    let members = members::resolve(tenant, &held, platform, world, now, plan);
    for place in &held {
        plan.undecided.push(Undecided::Kind(&TENANT_VIEW, place.namespace.clone()));
        if !marked.contains(&place.namespace) {
            plan.undecided.push(Undecided::Object(ObjectKey::cluster(&NAMESPACE, &place.namespace)));
            plan.undecided.extend(GUARDS.map(|resource| Undecided::Kind(resource, place.namespace.clone())));
        }
        plan.undecided.extend(platforms_in(&place.namespace));
        for (role, subjects) in members.of(place) {
            plan.want(build_role_binding(place, role, &subjects));
        }
    }
    // The way back needs all of the plan.
    let mut stopped = Stopped::default();
    match tenant.spec.suspend.as_ref().map(|suspend| suspend.mode) {
        Some(SuspendMode::ScaleToZero) => workloads::plan_workloads(tenant, existing, world, plan, &mut stopped),
        Some(SuspendMode::Quarantine) => quarantine::plan_policies(tenant, existing, world, plan, &mut stopped),
        Some(SuspendMode::Freeze | SuspendMode::NoNewWork) | None => {}
    }
    for pending in &stopped.pending {
        plan.wait(Reason::Pending, pending.clone());
    }
    stopped
}

/// What the platform has put there, which stays as it is: copies, listeners, names of the gateway.
fn platforms_in(namespace: &str) -> impl Iterator<Item = Undecided> {
    let kinds = [&SECRET, &CONFIG_MAP, &SERVICE].into_iter().chain(LISTENING);
    kinds.map(|resource| Undecided::Kind(resource, namespace.to_owned()))
}

/// Whether anybody has rights there by our bindings.
pub(super) fn has_bindings(place: &Place, world: &World) -> bool {
    let bindings = Role::ALL.map(|role| {
        let name = format!("tenantry-{}", role.word());
        world.get(&ObjectKey::namespaced(&ROLE_BINDING, &place.namespace, name))
    });
    bindings.iter().any(|binding| matches!(binding, Lookup::Found(_)))
}
