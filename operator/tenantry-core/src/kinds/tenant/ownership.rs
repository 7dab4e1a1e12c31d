//! Whose a namespace is. A namespace that is not ours is never changed, and nothing is put into it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::meta::{self, Owner};
use crate::names::Place;
use crate::object::ObjectKey;
use crate::resources::{NAMESPACE, TENANT};
use crate::world::{Lookup, World};

/// What there is under the name of a namespace that a tenant wants.
#[derive(Debug, Clone)]
pub(super) enum Holder {
    /// Nothing.
    Nobody,
    /// This tenant's namespace.
    Ours(Arc<Value>),
    /// This tenant's namespace, on its way out.
    Leaving(Arc<Value>),
    /// Not this tenant's, and free to be taken over: the spec asks for it, and it consents.
    Adoptable(Arc<Value>),
    /// Nothing, where the spec says that there is something to take over.
    Absent,
    /// Another tenant's, or nobody's we know; the text says whose.
    Foreign(String),
    /// Namespaces are not known yet.
    Unknown,
}

/// Looks up who holds the namespace of `place`.
pub(super) fn holder(place: &Place, world: &World) -> Holder {
    match world.get(&ObjectKey::cluster(&NAMESPACE, &place.namespace)) {
        Lookup::NotSynced => Holder::Unknown,
        Lookup::Missing => Holder::Nobody,
        Lookup::Found(facts) if !is_ours(place, &facts) && !is_stripped(place, &facts, world) => {
            Holder::Foreign(describe(&facts))
        }
        Lookup::Found(facts) if is_leaving(&facts) => Holder::Leaving(facts),
        Lookup::Found(facts) => Holder::Ours(facts),
    }
}

/// Whether a namespace that carries this tenant's mark is one that the tenant could have made or has taken over, and no copy
/// of one.
pub(super) fn is_own(tenant: &str, facts: &Value) -> bool {
    place_of(tenant, facts).is_some_and(|place| is_ours(&place, facts))
}

/// Which of the tenant's places a namespace is. Its name says so; where it was taken over, its own marks do.
pub(super) fn place_of(tenant: &str, facts: &Value) -> Option<Place> {
    let metadata = &facts["metadata"];
    let name = metadata["name"].as_str().unwrap_or_default();
    if name == tenant {
        return Some(Place::home(tenant));
    }
    if metadata["annotations"][meta::ADOPTED] == name {
        let environment = metadata["labels"][meta::ENVIRONMENT].as_str().filter(|label| *label != meta::HOME)?;
        return Some(Place::elsewhere(tenant, environment, name));
    }
    Some(Place::environment(tenant, name.strip_prefix(tenant)?.strip_prefix('-')?))
}

/// Whether it has outlived its environment.
pub(super) fn is_retained(facts: &Value) -> bool {
    facts["metadata"]["labels"][meta::RETAINED_FROM].is_string()
}

/// Whether the namespace is being deleted.
pub(super) fn is_leaving(facts: &Value) -> bool {
    !facts["metadata"]["deletionTimestamp"].is_null()
}

/// Our own last writes are proof even where somebody stripped or changed the rest: then the difference is drift, to be
/// repaired. Labels that others wrote (a restored backup) count only together with the owner mark, so that nobody can
/// hand us a namespace by labelling it.
fn is_ours(place: &Place, facts: &Value) -> bool {
    let labelled = |labels: &Value| {
        labels[meta::TENANT] == place.tenant.as_str() && labels[meta::ENVIRONMENT] == place.environment.as_str()
    };
    let marked = |annotations: &Value| {
        let mark = Owner::marked_on(&json!({ "metadata": { "annotations": annotations } }));
        mark.is_some_and(|mark| mark.plural == "tenants" && mark.name == place.tenant)
    };
    let (metadata, written) = (&facts["metadata"], &facts["written"]);
    marked(&written["annotations"])
        || labelled(&written["labels"])
        || (labelled(&metadata["labels"]) && marked(&metadata["annotations"]))
}

/// Whether it is our namespace without any of its marks: nobody claims it, the server's own record says that Tenantry wrote
/// it, and this Tenant's inventory, which is written before the namespace is made, that it was for this Tenant.
fn is_stripped(place: &Place, facts: &Value, world: &World) -> bool {
    let unclaimed = facts["metadata"]["labels"][meta::TENANT].is_null() && Owner::marked_on(facts).is_none();
    let recorded = || {
        let tenant = world.get(&ObjectKey::cluster(&TENANT, &place.tenant)).found();
        let inventory =
            tenant.and_then(|tenant| Some(tenant["metadata"]["annotations"][meta::INVENTORY].as_str()?.to_owned()));
        let entry = format!("{}/{}", NAMESPACE.plural, place.namespace);
        inventory.is_some_and(|inventory| inventory.split(',').any(|recorded| recorded == entry))
    };
    unclaimed && facts["writtenByUs"] == true && recorded()
}

pub(super) fn describe(facts: &Value) -> String {
    let label = |key: &str| facts["metadata"]["labels"][key].as_str();
    match (label(meta::TENANT), label(meta::ENVIRONMENT)) {
        (Some(tenant), Some(environment)) => format!("it belongs to tenant {tenant}, environment {environment}"),
        (Some(tenant), None) => format!("it belongs to tenant {tenant}"),
        _ => "it exists and was not made by Tenantry".to_owned(),
    }
}
