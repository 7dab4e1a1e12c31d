//! A cluster in memory, as whole objects: what a plan looks at and what it is carried out on. It shows plans exactly what
//! the operator's caches would show them, and it never reaches a server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use tenantry_core::kind::Registration;
use tenantry_core::kinds::KINDS;
use tenantry_core::meta::{self, Owner};
use tenantry_core::object::ObjectKey;
use tenantry_core::resources::{NAMESPACE, RESOURCE_QUOTA, Resource, Write};
use tenantry_core::world::{Lookup, Scope, Source};
use tenantry_core::{access, content, enforcement, names};

/// All that is known of a cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Snapshot {
    objects: BTreeMap<ObjectKey, Arc<Value>>,
    unknown: BTreeSet<&'static Resource>,
}

impl Snapshot {
    /// A cluster on which Tenantry has just been installed, and nothing else.
    pub(super) fn installed() -> Self {
        let mut snapshot = Self::default();
        snapshot.install();
        snapshot
    }

    /// Puts in the admission policies as an installation does.
    pub(super) fn install(&mut self) {
        for object in enforcement::installed(names::OPERATOR_NAMESPACE) {
            self.record_seen(&object);
        }
    }

    /// One object, whole.
    pub(super) fn object(&self, key: &ObjectKey) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    /// All objects, in order of key.
    pub(super) fn objects(&self) -> impl Iterator<Item = (&ObjectKey, &Arc<Value>)> {
        self.objects.iter()
    }

    /// Notes that nothing is known of a kind.
    pub(super) fn set_unknown(&mut self, resource: &'static Resource) {
        self.unknown.insert(resource);
    }

    /// Plurals of the kinds of which nothing is known.
    pub(super) fn unknown(&self) -> Vec<String> {
        self.unknown.iter().map(|resource| resource.plural.to_owned()).collect()
    }

    /// Puts an object in as it was recorded, in every way in which plans look at its kind. Whether any does.
    pub(super) fn record_seen(&mut self, object: &Value) -> bool {
        let looks = looks_of(KINDS, object);
        for resource in &looks {
            self.record(resource, object.clone());
        }
        !looks.is_empty()
    }

    /// Puts an object in as it was recorded. Its `managedFields` are often left out of recordings; what carries our mark
    /// was written by us, so they are made up for it.
    pub(super) fn record(&mut self, resource: &'static Resource, mut object: Value) {
        if Owner::marked_on(&object).is_some() && object["metadata"]["managedFields"].is_null() {
            claim_managed_keys(resource, &mut object);
        }
        self.put(key_of(resource, &object), object);
    }

    /// Puts an object in. What the cluster's own controllers would do to it is done at once: a quota takes hold.
    pub(super) fn put(&mut self, key: ObjectKey, mut object: Value) {
        if *key.resource == RESOURCE_QUOTA {
            enforce(&mut object);
        }
        self.objects.insert(key, Arc::new(object));
    }

    /// Takes an object out; with a namespace goes all that is in it, and with any object what is tied to it.
    pub(super) fn remove(&mut self, key: &ObjectKey) {
        let removed = self.objects.remove(key);
        if let Some(uid) = removed.as_ref().and_then(|object| object["metadata"]["uid"].as_str()) {
            let tied = |object: &Value| {
                let references = object["metadata"]["ownerReferences"].as_array();
                let refers = references.is_some_and(|all| all.iter().any(|one| one["uid"] == uid));
                // By its mark alone, where the owner lingers.
                refers || Owner::marked_on(object).is_some_and(|owner| owner.uid == uid && !owner.namespace.is_empty())
            };
            self.objects.retain(|_, object| !tied(object));
        }
        if *key.resource == NAMESPACE {
            self.objects.retain(|other, _| other.namespace != key.name);
        }
    }
}

/// The kind of an object among those that some registered kind uses, whatever its version.
pub(super) fn resource_of(kinds: &[Registration], object: &Value) -> Option<&'static Resource> {
    looks_of(kinds, object).first().copied()
}

/// The ways in which plans look at such an object: some kinds are looked at as a whole, and apart from that at what of them is ours.
fn looks_of(kinds: &[Registration], object: &Value) -> Vec<&'static Resource> {
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let is_ours = object["metadata"]["labels"][meta::MANAGED_BY] == meta::MANAGER;
    let mut looks: Vec<_> = access::visible(kinds)
        .into_iter()
        .filter(|resource| object["kind"] == resource.kind && group == resource.group)
        .collect();
    if looks.len() > 1 && !is_ours {
        looks.retain(|resource| !resource.watch.sees_ours_alone());
    }
    looks
}

/// The key of an object.
pub(super) fn key_of(resource: &'static Resource, object: &Value) -> ObjectKey {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    let namespace = match (resource.namespaced, text("namespace")) {
        (false, _) => "",
        (true, "") => "default",
        (true, namespace) => namespace,
    };
    ObjectKey::namespaced(resource, namespace, text("name"))
}

/// Writes into `managedFields` that these labels and annotations of the object are ours.
pub(super) fn claim<'a>(resource: &Resource, object: &mut Value, keys: impl IntoIterator<Item = (&'a str, String)>) {
    let mut fields = json!({});
    for (section, key) in keys {
        fields[format!("f:{section}")][format!("f:{key}")] = json!({});
    }
    object["metadata"]["managedFields"] = json!([{
        "manager": meta::MANAGER,
        "operation": "Update",
        "apiVersion": resource.api_version(),
        "fieldsType": "FieldsV1",
        "fieldsV1": { "f:metadata": fields },
    }]);
}

fn claim_managed_keys(resource: &Resource, object: &mut Value) {
    let mut keys = Vec::new();
    for section in ["labels", "annotations"] {
        let found = object["metadata"][section].as_object().into_iter().flatten();
        keys.extend(found.filter(|(key, _)| meta::is_managed_key(key)).map(|(key, _)| (section, key.clone())));
    }
    claim(resource, object, keys);
}

/// What kube-controller-manager does with a quota: its status takes over the limits.
fn enforce(quota: &mut Value) {
    let hard = quota["spec"]["hard"].clone();
    if hard.is_null() || quota["status"]["hard"] == hard {
        return;
    }
    let known = quota["status"]["used"].clone();
    let used = |name: &String| known.get(name).cloned().unwrap_or_else(|| Value::from("0"));
    let used: BTreeMap<&String, Value> =
        hard.as_object().into_iter().flatten().map(|(name, _)| (name, used(name))).collect();
    quota["status"] = json!({ "hard": hard, "used": used });
}

impl Source for Snapshot {
    fn get(&self, key: &ObjectKey) -> Lookup<Arc<Value>> {
        match self.objects.get(key) {
            _ if self.unknown.contains(key.resource) => Lookup::NotSynced,
            Some(object) => Lookup::Found(Arc::new(key.resource.kept(object))),
            None => Lookup::Missing,
        }
    }

    fn list(&self, resource: &'static Resource, scope: &Scope) -> Lookup<Vec<Arc<Value>>> {
        if self.unknown.contains(resource) {
            return Lookup::NotSynced;
        }
        Lookup::Found(
            self.objects
                .iter()
                .filter(|(key, object)| key.resource == resource && scope.contains(resource, object))
                .map(|(_, object)| Arc::new(resource.kept(object)))
                .collect(),
        )
    }
}

/// Whether an object is this owner's: by its name, if such names are ours; by its mark; or, if somebody stripped that, by the
/// server's record of who wrote it.
pub(super) fn is_ours(resource: &Resource, object: &Value, owner: &Owner) -> bool {
    match Owner::marked_on(object) {
        _ if resource.write == Write::ByName => true,
        Some(marked) => marked.path() == owner.path(),
        None => content::was_written_by_us(object),
    }
}

/// Whether others write to the content of objects of this kind as well.
pub(super) fn is_shared(resource: &Resource) -> bool {
    !matches!(resource.write, Write::Replace | Write::ByName)
}
