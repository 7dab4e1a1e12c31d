//! Who keeps rights while nothing else of a Tenant can be decided: an end of rights waits for no class and no name. It never
//! gives rights where there were none.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::build::build_role_binding;
use crate::check;
use crate::kinds::tenantry_platform::types::TenantryPlatformSpec;
use crate::names::{self, Place};
use crate::object::ObjectKey;
use crate::plan::{Plan, Undecided};
use crate::resources::{CONFIG_MAP, NAMESPACE, ROLE_BINDING, SECRET};
use crate::world::{Lookup, World};

use super::ownership::{Holder, holder};
use super::retire::GUARDS;
use super::types::{Role, Tenant};
use super::{members, places};

/// Decides the bindings of namespaces that are the tenant's and have some, and leaves all else undecided.
pub(super) fn decide_alone(
    plan: &mut Plan,
    tenant: &Tenant,
    existing: &[Arc<Value>],
    platform: &TenantryPlatformSpec,
    world: &World,
    now: Timestamp,
) {
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
    if held.is_empty() {
        plan.undecided.push(Undecided::Everything);
        return;
    }
    let elsewhere = existing.iter().filter_map(|facts| facts["metadata"]["name"].as_str());
    let elsewhere = elsewhere.filter(|namespace| !held.iter().any(|place| place.namespace == *namespace));
    plan.undecided.extend(elsewhere.map(|namespace| Undecided::Namespace(namespace.to_owned())));
    plan.undecided.extend(others.into_iter().map(|place| Undecided::Namespace(place.namespace)));
    let members = members::resolve(tenant, &held, platform, world, now, plan);
    for place in &held {
        plan.undecided.push(Undecided::Object(ObjectKey::cluster(&NAMESPACE, &place.namespace)));
        let kept = GUARDS.into_iter().chain([&SECRET, &CONFIG_MAP]);
        plan.undecided.extend(kept.map(|resource| Undecided::Kind(resource, place.namespace.clone())));
        for (role, subjects) in members.of(place) {
            plan.want(build_role_binding(place, role, &subjects));
        }
    }
}

/// Whether anybody has rights there by our bindings.
pub(super) fn has_bindings(place: &Place, world: &World) -> bool {
    let bindings = Role::ALL.map(|role| {
        let name = format!("tenantry-{}", role.word());
        world.get(&ObjectKey::namespaced(&ROLE_BINDING, &place.namespace, name))
    });
    bindings.iter().any(|binding| matches!(binding, Lookup::Found(_)))
}
