//! A world held in memory: for tests, and for plans against a folder of files. It never changes by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::access;
use crate::external::{Answer, Question};
use crate::kinds::KINDS;
use crate::meta;
use crate::object::ObjectKey;
use crate::resources::Resource;

use super::{Lookup, Scope, Source};

/// Objects by key, each as it was given and as the engine's cache would keep it.
#[derive(Debug, Clone, Default)]
pub struct MemoryWorld {
    objects: BTreeMap<ObjectKey, Stored>,
    unsynced: BTreeSet<&'static Resource>,
    /// By URL, whoever asks.
    answers: BTreeMap<String, Arc<Answer>>,
}

#[derive(Debug, Clone)]
struct Stored {
    whole: Arc<Value>,
    kept: Arc<Value>,
}

/// An object that no plan ever looks at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{api_version} {kind} is no kind that Tenantry reads")]
pub struct UnknownKind {
    api_version: String,
    kind: String,
}

impl MemoryWorld {
    /// Puts one object in, or replaces it. One without `managedFields`, as `kubectl get -o yaml` prints it, counts as
    /// written by Tenantry alone when it carries the managed-by label.
    pub fn insert(&mut self, mut object: Value) -> Result<(), UnknownKind> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        assume_written_by_us(&mut object);
        let is_ours = object["metadata"]["labels"][meta::MANAGED_BY] == meta::MANAGER;
        // Some are looked at in two ways: all of them, and those that we have made.
        let looks: Vec<_> = access::visible(KINDS)
            .into_iter()
            .filter(|resource| resource.kind == kind && resource.api_version() == api_version)
            .collect();
        if looks.is_empty() {
            return Err(UnknownKind { api_version, kind });
        }
        let object = Arc::new(object);
        for resource in looks.iter().filter(|resource| looks.len() == 1 || !resource.watch.sees_ours_alone() || is_ours)
        {
            let metadata = &object["metadata"];
            let key = ObjectKey::namespaced(resource, text(&metadata["namespace"]), text(&metadata["name"]));
            let kept = Arc::new(resource.kept(&object));
            // Of a kind that is looked at in two ways: what the second has nothing to say of is not there.
            if kept.is_null() && resource.watch.is_on_demand() {
                self.objects.remove(&key);
            } else {
                self.objects.insert(key, Stored { whole: Arc::clone(&object), kept });
            }
        }
        Ok(())
    }

    /// Has every question that is asked of this URL answered so.
    pub fn answers(&mut self, url: &str, answer: Answer) {
        self.answers.insert(url.to_owned(), Arc::new(answer));
    }

    /// Takes one object out.
    pub fn remove(&mut self, key: &ObjectKey) {
        self.objects.remove(key);
    }

    /// From now on nothing is known of this kind.
    pub fn forget(&mut self, resource: &'static Resource) {
        self.unsynced.insert(resource);
    }

    /// One object as it was put in.
    pub fn whole(&self, key: &ObjectKey) -> Option<&Value> {
        self.objects.get(key).map(|stored| &*stored.whole)
    }

    /// All keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &ObjectKey> {
        self.objects.keys()
    }
}

impl Source for MemoryWorld {
    fn get(&self, key: &ObjectKey) -> Lookup<Arc<Value>> {
        if self.unsynced.contains(key.resource) {
            return Lookup::NotSynced;
        }
        self.objects.get(key).map_or(Lookup::Missing, |stored| Lookup::Found(Arc::clone(&stored.kept)))
    }

    fn answer(&self, question: &Question) -> Option<Arc<Answer>> {
        self.answers.get(&question.url).map(Arc::clone)
    }

    fn list(&self, resource: &'static Resource, scope: &Scope) -> Lookup<Vec<Arc<Value>>> {
        if self.unsynced.contains(resource) {
            return Lookup::NotSynced;
        }
        let found = self
            .objects
            .iter()
            .filter(|(key, stored)| key.resource == resource && scope.contains(resource, &stored.whole));
        Lookup::Found(found.map(|(_, stored)| Arc::clone(&stored.kept)).collect())
    }
}

fn assume_written_by_us(object: &mut Value) {
    let is_ours = object["metadata"]["labels"][meta::MANAGED_BY] == meta::MANAGER;
    if !is_ours || !object["metadata"]["managedFields"].is_null() {
        return;
    }
    let fields = |section: &str| -> Map<String, Value> {
        let entries = object["metadata"][section].as_object().into_iter().flatten();
        entries.map(|(key, _)| (format!("f:{key}"), json!({}))).collect()
    };
    let written = json!({ "f:metadata": { "f:labels": fields("labels"), "f:annotations": fields("annotations") } });
    object["metadata"]["managedFields"] =
        json!([{ "manager": meta::MANAGER, "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": written }]);
}
