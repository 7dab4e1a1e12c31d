//! From resources and a cluster to the end state: plans and carries out, round after round, until nothing changes any
//! more. The operator works in steps (rights come only after the quota has taken hold); a reader wants the whole picture.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;
use tenantry_core::check;
use tenantry_core::conditions::Reason;
use tenantry_core::kind::{Children, Registration};
use tenantry_core::meta::{self, Owner};
use tenantry_core::object::ObjectKey;
use tenantry_core::plan::{Plan, Undecided};
use tenantry_core::resources::Resource;
use tenantry_core::world::{Read, Scope, World};

use super::PlanError;
use super::carry::carry_out;
use super::schema;
use super::snapshot::{Snapshot, key_of};
use crate::manifest::Manifest;
use crate::render;

/// More rounds than any chain of waits among the kinds is long.
const ROUNDS: usize = 16;
/// Stands for the uid that the API server will give a resource that does not exist yet.
const UID_TO_COME: &str = "assigned-on-create";

/// What is to be done with the resources that are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    /// Apply them.
    Apply,
    /// Delete them.
    Delete,
}

/// What will become of a cluster.
pub(super) struct Settled {
    /// The cluster now.
    pub(super) before: Snapshot,
    /// The cluster when all is done.
    pub(super) after: Snapshot,
    /// One entry for each resource that was given or is affected, in order of key.
    pub(super) planned: BTreeMap<ObjectKey, Planned>,
}

/// What is planned for one resource in the end.
#[derive(Default)]
pub(super) struct Planned {
    /// Where it was read; `None` for a resource of the cluster that is affected.
    pub(super) place: Option<String>,
    /// Set when no server would store it; then there is no plan but the refusals.
    pub(super) invalid: bool,
    /// The last plan.
    pub(super) plan: Plan,
    /// Wanted objects that exist and are not ours.
    pub(super) not_owned: BTreeSet<ObjectKey>,
    /// What was changed of objects that stay their owners', by the first patch of each.
    pub(super) adjusted: BTreeMap<ObjectKey, Value>,
}

/// Lets the cluster take these resources in and come to rest.
pub(super) fn settle(
    kinds: &'static [Registration],
    before: Snapshot,
    given: Vec<(&'static Registration, Manifest)>,
    intent: Intent,
    now: Timestamp,
) -> Result<Settled, PlanError> {
    let mut planned: BTreeMap<ObjectKey, Planned> = BTreeMap::new();
    let mut after = before.clone();
    for (kind, Manifest { place, object }) in given {
        let key = key_of(kind.resource, &object);
        if let Some(earlier) = planned.get(&key) {
            let first = earlier.place.clone().unwrap_or_default();
            return Err(PlanError::Twice { key: key.to_string(), first, second: place });
        }
        let mut entry = Planned { place: Some(place), ..Planned::default() };
        match intent {
            Intent::Apply => entry.take_in(kind, &key, &object, &before, &mut after),
            Intent::Delete => begin_deletion(kind, &key, &mut after, now)?,
        }
        planned.insert(key, entry);
    }
    for key in affected(kinds, &before, &after, &planned, now)? {
        planned.insert(key, Planned::default());
    }
    for _ in 0..ROUNDS {
        let earlier = after.clone();
        for (key, entry) in &mut planned {
            let Some(resource) = after.object(key).cloned().filter(|_| !entry.invalid) else { continue };
            entry.plan = plan(kinds, key, &resource, &after, now)?;
            entry.not_owned = carry_out(&mut after, &Owner::of(key.resource, &resource), &entry.plan);
            for adjustment in &entry.plan.adjustments {
                entry.adjusted.entry(adjustment.key.clone()).or_insert_with(|| adjustment.patch.clone());
            }
            if entry.plan.release {
                after.remove(key);
            }
        }
        if after == earlier {
            return Ok(Settled { before, after, planned });
        }
    }
    Err(PlanError::Restless(ROUNDS))
}

/// The kinds that are watched on demand, and the namespaces in which plans over this cluster, with these resources in it, ask for
/// them.
pub(super) fn demand(
    kinds: &'static [Registration],
    before: &Snapshot,
    given: &[(&'static Registration, Manifest)],
    now: Timestamp,
) -> BTreeSet<(&'static Resource, String)> {
    let there = before.objects().filter_map(|(key, object)| {
        let kind = kinds.iter().find(|kind| kind.resource == key.resource)?;
        Some((kind, object.as_ref()))
    });
    let given = given.iter().map(|(kind, manifest)| (*kind, &manifest.object));
    let reads = there.chain(given).flat_map(|(kind, resource)| {
        let world = World::new(before);
        // One that is malformed asks for nothing.
        let _ = (kind.plan)(resource, &world, now);
        world.into_reads()
    });
    reads
        .filter_map(|read| match read {
            Read::List(resource, Scope::Namespace(namespace)) if resource.watch.is_on_demand() => {
                Some((resource, namespace))
            }
            // Wherever it is.
            Read::List(resource, _) if resource.watch.is_on_demand() => Some((resource, String::new())),
            _ => None,
        })
        .collect()
}

impl Planned {
    /// Puts a resource into the cluster as the API server would store it, or notes why it would not.
    fn take_in(
        &mut self,
        kind: &Registration,
        key: &ObjectKey,
        object: &Value,
        before: &Snapshot,
        after: &mut Snapshot,
    ) {
        let old = before.object(key).map(AsRef::as_ref);
        match schema::admit(&render::crds::schema(kind), object, old) {
            Ok(admitted) => after.put(key.clone(), stored(admitted, old)),
            Err(faults) => {
                self.invalid = true;
                for schema::Fault { field, message } in faults {
                    self.plan.refuse(Reason::Invalid, field, message);
                }
            }
        }
    }
}

/// Does what the API server does on a delete: without a finalizer the resource is gone, with one it is on its way out.
fn begin_deletion(kind: &Registration, key: &ObjectKey, after: &mut Snapshot, now: Timestamp) -> Result<(), PlanError> {
    let Some(found) = after.object(key) else { return Err(PlanError::NotThere { key: key.to_string() }) };
    let mut resource = (**found).clone();
    if kind.children == Children::Recorded {
        resource["metadata"]["deletionTimestamp"] = Value::from(now.to_string());
        after.put(key.clone(), resource);
    } else {
        after.remove(key);
    }
    Ok(())
}

/// Resources of the cluster, not given, that are planned differently once the given ones are in.
fn affected(
    kinds: &'static [Registration],
    before: &Snapshot,
    with_given: &Snapshot,
    given: &BTreeMap<ObjectKey, Planned>,
    now: Timestamp,
) -> Result<Vec<ObjectKey>, PlanError> {
    let mut affected = Vec::new();
    for (key, resource) in before.objects() {
        if given.contains_key(key) || !kinds.iter().any(|kind| kind.resource == key.resource) {
            continue;
        }
        if plan(kinds, key, resource, before, now)? != plan(kinds, key, resource, with_given, now)? {
            affected.push(key.clone());
        }
    }
    Ok(affected)
}

fn plan(
    kinds: &'static [Registration],
    key: &ObjectKey,
    resource: &Value,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<Plan, PlanError> {
    let Some(kind) = kinds.iter().find(|kind| kind.resource == key.resource) else { return Ok(Plan::default()) };
    let plan = match (kind.plan)(resource, &World::new(snapshot), now) {
        Ok(plan) => plan,
        Err(malformed) => {
            let mut plan = Plan::default();
            plan.refuse(Reason::Invalid, "spec", malformed.to_string());
            plan.undecided.push(Undecided::Everything);
            plan
        }
    };
    match check::violation(&plan) {
        Some(rule) => Err(PlanError::Violation { key: key.to_string(), rule }),
        None => Ok(plan),
    }
}

/// The resource as it would be stored: what only the server and the operator write is taken from what is there.
fn stored(mut resource: Value, old: Option<&Value>) -> Value {
    let nothing = Value::Null;
    let old = old.unwrap_or(&nothing);
    for field in ["uid", "creationTimestamp", "deletionTimestamp", "finalizers", "generation"] {
        if !old["metadata"][field].is_null() {
            resource["metadata"][field] = old["metadata"][field].clone();
        }
    }
    if resource["metadata"]["uid"].is_null() {
        resource["metadata"]["uid"] = UID_TO_COME.into();
    }
    let inventory = &old["metadata"]["annotations"][meta::INVENTORY];
    if !inventory.is_null() {
        resource["metadata"]["annotations"][meta::INVENTORY] = inventory.clone();
    }
    if !old["status"].is_null() {
        resource["status"] = old["status"].clone();
    }
    resource
}
