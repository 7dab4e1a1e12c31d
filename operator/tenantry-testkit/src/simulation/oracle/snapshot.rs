//! The cluster at one moment of a recorded history, as plans see the world. It is built from the record, never by the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tenantry_core::kind::Registration;
use tenantry_core::object::ObjectKey;
use tenantry_core::resources::Resource;
use tenantry_core::world::{Lookup, Scope, Source};

use crate::server::{Change, ChangeKind};

/// Group, plural, namespace and name.
type Place = (String, String, String, String);

/// Every object at one moment.
#[derive(Default)]
pub struct Snapshot {
    objects: BTreeMap<Place, Arc<Value>>,
}

impl Snapshot {
    /// The cluster after these changes.
    pub fn after(history: &[Change]) -> Self {
        let mut snapshot = Self::default();
        for change in history {
            snapshot.apply(change);
        }
        snapshot
    }

    /// The cluster after one more change.
    pub fn apply(&mut self, change: &Change) {
        let place = (change.group.clone(), change.resource.clone(), change.namespace.clone(), change.name.clone());
        if change.kind == ChangeKind::Deleted {
            self.objects.remove(&place);
        } else {
            self.objects.insert(place, change.object.clone());
        }
    }

    /// One object.
    pub fn object(&self, key: &ObjectKey) -> Option<&Arc<Value>> {
        self.by_address(key.resource.group, key.resource.plural, &key.namespace, &key.name)
    }

    /// One object by the parts of its address.
    pub fn by_address(&self, group: &str, plural: &str, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        self.objects.get(&(group.to_owned(), plural.to_owned(), namespace.to_owned(), name.to_owned()))
    }

    /// Every object with its plural name.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Arc<Value>)> {
        self.objects.iter().map(|((_, plural, ..), object)| (plural.as_str(), object))
    }

    /// Objects of one kind, in one namespace or (empty) in all.
    pub fn of_kind(&self, group: &str, plural: &str, namespace: &str) -> impl Iterator<Item = &Arc<Value>> {
        let first = (group.to_owned(), plural.to_owned(), namespace.to_owned(), String::new());
        let (group, plural, namespace) = (group.to_owned(), plural.to_owned(), namespace.to_owned());
        self.objects
            .range(first..)
            .take_while(move |(place, _)| {
                place.0 == group && place.1 == plural && (namespace.is_empty() || place.2 == namespace)
            })
            .map(|(_, object)| object)
    }

    /// All custom resources of a kind.
    pub fn resources(&self, kind: &Registration) -> Vec<Arc<Value>> {
        self.of_kind(kind.resource.group, kind.resource.plural, "").cloned().collect()
    }
}

impl Source for Snapshot {
    fn get(&self, key: &ObjectKey) -> Lookup<Arc<Value>> {
        self.object(key).map_or(Lookup::Missing, |object| Lookup::Found(Arc::new(key.resource.kept(object))))
    }

    fn list(&self, resource: &'static Resource, scope: &Scope) -> Lookup<Vec<Arc<Value>>> {
        let namespace = if let Scope::Namespace(namespace) = scope { namespace } else { "" };
        let found =
            self.of_kind(resource.group, resource.plural, namespace).filter(|object| scope.contains(resource, object));
        Lookup::Found(found.map(|object| Arc::new(resource.kept(object))).collect())
    }
}
