//! All that the server remembers, and the only functions that change it: put and remove. No rules of Kubernetes live here.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::clock::Clock;
use super::record::{Change, ChangeKind, Record};
use super::registry::{Registry, Resource};
use super::request::Call;
use crate::bell::Bell;

/// Answers whether a call is allowed.
pub type Authorize = Arc<dyn Fn(&Call) -> bool + Send + Sync>;

/// Where an object is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// API group.
    pub group: String,
    /// Plural name.
    pub plural: String,
    /// Namespace, empty for cluster scope.
    pub namespace: String,
    /// Object name.
    pub name: String,
}

impl Key {
    /// The key of an object of a resource.
    pub fn new(resource: &Resource, namespace: &str, name: &str) -> Self {
        let namespace = if resource.namespaced { namespace } else { "" };
        Self {
            group: resource.group.clone(),
            plural: resource.plural.clone(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// The whole state of one server.
pub struct State {
    /// Its clock.
    pub clock: Clock,
    /// What it serves.
    pub registry: Registry,
    /// Newest resourceVersion.
    pub revision: u64,
    /// Watches may start at this resourceVersion or later.
    pub kept_from: u64,
    /// Every change since the start.
    pub history: Vec<Change>,
    /// Every answered call.
    pub log: Vec<Record>,
    /// Asked before every call; absent means all is allowed.
    pub authorize: Option<Authorize>,
    /// Who makes the present change.
    pub agent: String,
    /// Tells watches to look again.
    pub changed: Bell,
    objects: BTreeMap<Key, Arc<Value>>,
    uids: u64,
    seed: u64,
}

impl State {
    /// An empty store.
    pub fn new(seed: u64) -> Self {
        Self {
            clock: Clock::start(),
            registry: Registry::built_in(),
            revision: 1,
            kept_from: 0,
            history: Vec::new(),
            log: Vec::new(),
            authorize: None,
            agent: String::new(),
            changed: Bell::default(),
            objects: BTreeMap::new(),
            uids: 0,
            seed,
        }
    }

    /// A fresh uid: looks like one, and is the same in every run with the same seed.
    pub fn next_uid(&mut self) -> String {
        self.uids += 1;
        let (seed, count) = (self.seed, self.uids);
        format!("{:08x}-0000-4000-8000-{count:012x}", seed & 0xffff_ffff)
    }

    /// Five letters for `generateName`.
    pub fn next_suffix(&mut self) -> String {
        self.uids += 1;
        format!("{:05x}", self.uids)
    }

    /// One object.
    pub fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    /// All objects.
    pub fn objects(&self) -> impl Iterator<Item = (&Key, &Arc<Value>)> {
        self.objects.iter()
    }

    /// Objects of one stored kind, in one namespace or (empty) in all, in order.
    pub fn of_kind(&self, group: &str, plural: &str, namespace: &str) -> Vec<(&Key, &Arc<Value>)> {
        let first = Key {
            group: group.to_owned(),
            plural: plural.to_owned(),
            namespace: namespace.to_owned(),
            name: String::new(),
        };
        let is_wanted = |key: &Key| {
            key.group == group && key.plural == plural && (namespace.is_empty() || key.namespace == namespace)
        };
        self.objects.range(first..).take_while(|(key, _)| is_wanted(key)).collect()
    }

    /// What the store held at an earlier resourceVersion.
    pub fn at_revision(&self, group: &str, plural: &str, revision: u64) -> BTreeMap<Key, Arc<Value>> {
        let mut objects: BTreeMap<_, _> =
            self.of_kind(group, plural, "").into_iter().map(|(key, object)| (key.clone(), object.clone())).collect();
        let is_later =
            |change: &&Change| change.revision > revision && change.group == group && change.resource == plural;
        for change in self.history.iter().rev().filter(is_later) {
            let key = Key {
                group: group.to_owned(),
                plural: plural.to_owned(),
                namespace: change.namespace.clone(),
                name: change.name.clone(),
            };
            match &change.previous {
                Some(previous) => objects.insert(key, previous.clone()),
                None => objects.remove(&key),
            };
        }
        objects
    }

    /// Store an object under a new resourceVersion; returns it as stored.
    pub fn put(&mut self, key: Key, mut object: Value) -> Arc<Value> {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        let object = Arc::new(object);
        let previous = self.objects.insert(key.clone(), object.clone());
        let kind = if previous.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        self.remember(kind, key, object.clone(), previous);
        object
    }

    /// Remove an object; returns it as it was last, with the resourceVersion of its removal.
    pub fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        let previous = self.objects.remove(key)?;
        self.revision += 1;
        let mut last = Value::clone(&previous);
        last["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        let last = Arc::new(last);
        self.remember(ChangeKind::Deleted, key.clone(), last.clone(), Some(previous));
        Some(last)
    }

    fn remember(&mut self, kind: ChangeKind, key: Key, object: Arc<Value>, previous: Option<Arc<Value>>) {
        self.history.push(Change {
            revision: self.revision,
            at: self.clock.elapsed(),
            kind,
            group: key.group,
            resource: key.plural,
            namespace: key.namespace,
            name: key.name,
            object,
            previous,
            agent: self.agent.clone(),
        });
        self.wake_watches();
    }

    /// Make every open watch look again.
    pub fn wake_watches(&self) {
        self.changed.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn remembers_every_version() {
        let mut state = State::new(1);
        let key = Key { group: String::new(), plural: "things".into(), namespace: "a".into(), name: "x".into() };
        let first = state.put(key.clone(), json!({"metadata": {}, "v": 1}));
        let revision = state.revision;
        state.put(key.clone(), json!({"metadata": {}, "v": 2}));
        state.remove(&key);
        assert!(state.get(&key).is_none());
        assert_eq!(state.at_revision("", "things", revision)[&key], first);
        assert!(state.at_revision("", "things", revision - 1).is_empty());
        let kinds = state.history.iter().map(|change| change.kind).collect::<Vec<_>>();
        assert_eq!(kinds, [ChangeKind::Added, ChangeKind::Modified, ChangeKind::Deleted]);
    }
}
