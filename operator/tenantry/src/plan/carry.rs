//! Carries one plan out on a cluster in memory, by the same rules as the engine on a real one: creates what is missing,
//! changes what is ours, leaves alone what is another's, removes what is provably ours and no longer wanted.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use tenantry_core::content;
use tenantry_core::meta::Owner;
use tenantry_core::object::{Desired, ObjectKey};
use tenantry_core::plan::Plan;
use tenantry_core::resources::{NAMESPACE, Resource, Write};

use super::snapshot::{Snapshot, claim, is_ours, is_shared};
use super::view::{is_as_wanted, managed_fields};

/// Carries it out. Returns the wanted objects that exist and are not ours.
pub(super) fn carry_out(snapshot: &mut Snapshot, owner: &Owner, plan: &Plan) -> BTreeSet<ObjectKey> {
    let mut not_owned = BTreeSet::new();
    let mut blocked: BTreeSet<&str> = BTreeSet::new();
    for object in &plan.desired {
        let key = object.key();
        if blocked.contains(key.failure_domain()) {
            continue;
        }
        match snapshot.object(key).cloned() {
            None => snapshot.put(key.clone(), created(object)),
            Some(found) if is_as_wanted(&found, object) => {}
            Some(found)
                if is_ours(key.resource, &found, owner)
                    || inherits(snapshot, owner, key, &found)
                    || consents(object, owner, &found) =>
            {
                snapshot.put(key.clone(), changed(&found, object));
            }
            Some(_) => {
                not_owned.insert(key.clone());
                blocked.insert(key.failure_domain());
            }
        }
    }
    for key in candidates(snapshot, owner, plan) {
        snapshot.remove(&key);
    }
    for adjustment in &plan.adjustments {
        if let Some(found) = snapshot.object(&adjustment.key) {
            let mut object = (**found).clone();
            merge(&mut object, &adjustment.patch);
            snapshot.put(adjustment.key.clone(), object);
        }
    }
    not_owned
}

/// Whether it was an earlier holder's of its namespace, which is this owner's now.
fn inherits(snapshot: &Snapshot, owner: &Owner, key: &ObjectKey, found: &Value) -> bool {
    let namespace = snapshot.object(&ObjectKey::cluster(&NAMESPACE, key.namespace.clone()));
    let holder = namespace.and_then(|namespace| Owner::marked_on(namespace));
    Owner::marked_on(found).is_some_and(|mark| owner.inherits(&mark, holder.as_ref()))
}

fn consents(object: &Desired, owner: &Owner, found: &Value) -> bool {
    object.takes_over() && owner.is_welcome(found)
}

/// Takes a merge patch in (RFC 7396).
fn merge(object: &mut Value, patch: &Value) {
    let Some(changes) = patch.as_object() else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    for (field, change) in changes {
        if change.is_null() {
            object.as_object_mut().map(|fields| fields.remove(field));
        } else {
            merge(&mut object[field], change);
        }
    }
}

/// Objects of this owner that the plan decides about and does not want. Last in, first out.
fn candidates(snapshot: &Snapshot, owner: &Owner, plan: &Plan) -> Vec<ObjectKey> {
    let wanted: BTreeSet<&ObjectKey> = plan.desired.iter().map(Desired::key).collect();
    let claimed = |namespace: &str| {
        snapshot
            .object(&ObjectKey::cluster(&NAMESPACE, namespace))
            .and_then(|object| Owner::marked_on(object))
            .is_some_and(|marked| marked.uid == owner.uid)
    };
    let found: Vec<ObjectKey> = snapshot
        .objects()
        .filter(|(key, _)| key.resource.write != Write::Never)
        .filter(|(key, object)| {
            Owner::marked_on(object).is_some_and(|marked| {
                let inherited = key.resource.namespaced && claimed(&key.namespace);
                let same = marked.path() == owner.path() && (marked.uid == owner.uid || inherited);
                same || inherits(snapshot, owner, key, object)
            })
        })
        .filter(|(key, _)| !wanted.contains(key) && plan.decides(key))
        .map(|(key, _)| key.clone())
        .collect();
    let doomed: BTreeSet<String> =
        found.iter().filter(|key| *key.resource == NAMESPACE).map(|key| key.name.clone()).collect();
    // What lives in a namespace that goes, goes with it.
    found.into_iter().rev().filter(|key| !doomed.contains(&key.namespace)).collect()
}

fn created(object: &Desired) -> Value {
    let key = object.key();
    let mut body = object.body().clone();
    body["metadata"]["uid"] = Value::from(format!("uid of {key}"));
    if *key.resource == NAMESPACE {
        body["status"]["phase"] = "Active".into();
    }
    claimed(key.resource, body, object)
}

fn changed(found: &Value, object: &Desired) -> Value {
    let resource = object.key().resource;
    let mut body = found.clone();
    let ours = if is_shared(resource) { content::kept_fields(found) } else { managed_fields(found) };
    for section in ["labels", "annotations"] {
        let fields = &mut body["metadata"][section];
        for (key, value) in object.body()["metadata"][section].as_object().into_iter().flatten() {
            fields[key] = value.clone();
        }
        let gone = ours[section].as_object().into_iter().flat_map(Map::keys);
        for key in gone.filter(|key| object.body()["metadata"][section][key.as_str()].is_null()) {
            fields.as_object_mut().map(|fields| fields.remove(key));
        }
    }
    // What is replaced keeps none that are not wanted.
    let references = &object.body()["metadata"]["ownerReferences"];
    if !references.is_null() || !is_shared(resource) {
        body["metadata"]["ownerReferences"] = references.clone();
    }
    if !is_shared(resource)
        && let Some(fields) = body.as_object_mut()
    {
        let kept = |field: &str| matches!(field, "apiVersion" | "kind" | "metadata" | "status");
        fields.retain(|field, _| kept(field));
        let wanted = object.body().as_object().into_iter().flatten();
        fields.extend(wanted.filter(|(field, _)| !kept(field)).map(|(field, value)| (field.clone(), value.clone())));
    }
    claimed(resource, body, object)
}

fn claimed(resource: &Resource, mut body: Value, object: &Desired) -> Value {
    let mut keys = Vec::new();
    for section in ["labels", "annotations"] {
        let set = object.body()["metadata"][section].as_object().into_iter().flat_map(Map::keys);
        keys.extend(set.map(|key| (section, key.clone())));
    }
    claim(resource, &mut body, keys);
    body
}
