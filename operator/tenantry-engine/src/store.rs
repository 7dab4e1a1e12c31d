//! What this process knows of the cluster: for every watched object a small record, for few of them more. Filled by the
//! watches and by our own writes, whichever is newer. It decides nothing and calls nobody.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;
use tenantry_core::content;
use tenantry_core::meta::Owner;
use tenantry_core::object::{Desired, ObjectKey};
use tenantry_core::resources::{Keep, NAMESPACE, Resource};
use tenantry_core::world::{Lookup, Scope, Source};

use crate::calls::{Version, version_number};
use crate::kept::Kept;

/// What is known of one object.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its uid and resourceVersion.
    pub version: Version,
    /// Hash of what of it is ours.
    pub hash: u128,
    /// Whose child it says it is.
    pub owner: Option<Arc<Owner>>,
    /// Whether our field manager has written to it, whatever its marks say now.
    pub written_by_us: bool,
    /// Whether it is on its way out.
    pub deleting: bool,
    /// Whether a watch has shown this state, or only the answer to our write.
    pub observed: bool,
    /// A wanted hash that the server stores as `hash`: it (or a webhook) alters what we send, and that is as close as we get.
    pub settled: Option<u128>,
    /// What [`Keep`] says is kept.
    pub kept: Option<Kept>,
    /// At which [`Store::moment`] it last changed in anything that plans can see.
    pub changed: u64,
}

impl Record {
    /// Whether the object is as a body with this hash wants it.
    pub fn is_as_wanted(&self, desired: u128) -> bool {
        self.hash == desired || self.settled == Some(desired)
    }

    /// What is kept of it; null for digests.
    pub fn value(&self) -> Arc<Value> {
        self.kept.as_ref().map(Kept::value).unwrap_or_default()
    }
}

/// What a change to the store means for others.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Owners (`plural/namespace/name`) of the object, before and after.
    pub owners: BTreeSet<String>,
    /// Keys under which the index of its kind filed or files the object, if anything that plans can see has changed.
    pub index: BTreeSet<String>,
    /// Whether anything that plans can see has changed. If not, it is the echo of our own write, or of no interest.
    pub visible: bool,
    /// Whether what is ours of a known object has changed, or the object is gone.
    pub drifted: bool,
    /// Whether more of a known object has changed than its status, which is ours: somebody wants something else now.
    pub edited: bool,
    /// Set when the last unseen write of an owner has now been seen.
    pub all_observed: BTreeSet<String>,
}

/// So many ends are remembered: more than calls can be under way.
const REMEMBERED: usize = 256;

/// Everything that is known.
#[derive(Default)]
pub struct Store {
    tables: BTreeMap<&'static Resource, Table>,
    /// `plural/namespace/name` of an owner -> its children.
    children: BTreeMap<String, BTreeSet<ObjectKey>>,
    /// Kind and key of its index -> what is filed there.
    indexed: BTreeMap<(&'static Resource, String), BTreeSet<(String, String)>>,
    /// Owner -> children that were written and not yet seen.
    unseen: BTreeMap<String, BTreeSet<ObjectKey>>,
    /// Namespace -> version at which its present incarnation began, or the last one ended. Older objects in it are ghosts.
    born: BTreeMap<String, u64>,
    /// Objects that were told gone of late, with the versions of their ends: the answer to a write of ours may be slower.
    gone: VecDeque<(ObjectKey, u64)>,
    /// Newest version seen in any object.
    newest: u64,
    /// Counts the changes that plans can see.
    moment: u64,
    /// Where the operator itself runs.
    operator_namespace: String,
}

#[derive(Default)]
struct Table {
    /// Namespaces of which all objects are known; the empty one stands for the whole cluster.
    synced: BTreeSet<String>,
    records: BTreeMap<(String, String), Record>,
    /// While a list of a namespace, or of the cluster, is under way: keys it has shown, or that we have written since it began.
    listing: BTreeMap<String, HashSet<(String, String)>>,
}

impl Table {
    fn show(&mut self, key: &ObjectKey) {
        for (namespace, listing) in &mut self.listing {
            if namespace.is_empty() || *namespace == key.namespace {
                listing.insert(place(key));
            }
        }
    }
}

impl Store {
    /// Knows nothing yet but where the operator itself runs.
    pub fn new(operator_namespace: String) -> Self {
        Self { operator_namespace, ..Self::default() }
    }

    /// What is known of an object. A child older than its namespace is not there any more, its deletion is yet to be told.
    pub fn record(&self, key: &ObjectKey) -> Option<&Record> {
        let record = self.tables.get(key.resource)?.records.get(&place(key))?;
        (!self.is_ghost(key, record)).then_some(record)
    }

    /// Whether any of these was there of late and is not.
    pub fn was_taken(&self, wanted: &[Desired]) -> bool {
        let is_missing = |key: &ObjectKey| self.record(key).is_none() && self.gone.iter().any(|(gone, _)| gone == key);
        wanted.iter().any(|object| is_missing(object.key()))
    }

    /// Whether all objects of a kind are known.
    pub fn is_synced(&self, resource: &Resource) -> bool {
        self.is_synced_in(resource, "")
    }

    /// Whether all objects of a kind in a namespace are known.
    pub fn is_synced_in(&self, resource: &Resource, namespace: &str) -> bool {
        let table = self.tables.get(resource);
        table.is_some_and(|table| table.synced.contains("") || table.synced.contains(namespace))
    }

    /// Children that carry the mark of this owner path, whatever the uid in it.
    pub fn children(&self, owner: &str) -> impl Iterator<Item = (&ObjectKey, &Record)> {
        self.children.get(owner).into_iter().flatten().filter_map(|key| self.record(key).map(|record| (key, record)))
    }

    /// Whom a namespace is marked for.
    pub fn namespace_owner(&self, namespace: &str) -> Option<&Owner> {
        self.record(&ObjectKey::cluster(&NAMESPACE, namespace))?.owner.as_deref()
    }

    /// All objects with an owner mark in a namespace, whoever they are marked for.
    pub fn marked_in(&self, namespace: &str) -> impl Iterator<Item = (ObjectKey, &Record)> {
        self.tables.iter().filter(|(resource, _)| resource.namespaced).flat_map(move |(resource, table)| {
            table
                .records
                .range((namespace.to_owned(), String::new())..)
                .take_while(move |((other, _), _)| other == namespace)
                .filter(|(_, record)| record.owner.is_some())
                .map(move |((_, name), _)| ObjectKey::namespaced(resource, namespace, name.clone()))
                .filter_map(|key| Some((key.clone(), self.record(&key)?)))
        })
    }

    /// Keys of all known objects of a kind.
    pub fn keys(&self, resource: &'static Resource) -> Vec<ObjectKey> {
        self.tables
            .get(resource)
            .into_iter()
            .flat_map(|table| table.records.keys())
            .map(|(namespace, name)| ObjectKey::namespaced(resource, namespace.clone(), name.clone()))
            .collect()
    }

    /// Number of known objects of a kind.
    pub fn len(&self, resource: &Resource) -> usize {
        self.tables.get(resource).map_or(0, |table| table.records.len())
    }

    /// Newest resourceVersion seen in any object.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Where in the course of changes this store is: a plan made now knows nothing of a record that changes later.
    pub fn moment(&self) -> u64 {
        self.moment
    }

    /// A watch showed this object.
    pub fn observe(&mut self, resource: &'static Resource, object: &Value) -> Change {
        let key = key_of(resource, object);
        let version = version_number(object);
        self.table(resource).show(&key);
        if self.raw(&key).is_some_and(|known| known.version.version > version) {
            return Change::default();
        }
        self.put(&key, read(resource, object, true))
    }

    /// The API server answered our write with this object.
    pub fn written(&mut self, key: &ObjectKey, object: &Value, desired: Option<u128>) -> Change {
        let version = version_number(object);
        if self.raw(key).is_none() && self.gone.iter().any(|(gone, end)| gone == key && *end >= version) {
            return Change::default();
        }
        self.answered(key, object, desired)
    }

    /// Somebody has read this object, just now. One that is out of a watch's sight is told gone, and is there all the same, with the version at
    /// which it left or a later one; an earlier state is from before its end.
    pub fn found(&mut self, key: &ObjectKey, object: &Value) -> Change {
        let version = version_number(object);
        if self.raw(key).is_none() && self.gone.iter().any(|(gone, end)| gone == key && *end > version) {
            return Change::default();
        }
        self.answered(key, object, None)
    }

    fn answered(&mut self, key: &ObjectKey, object: &Value, desired: Option<u128>) -> Change {
        let version = version_number(object);
        if is_gone(key.resource, object) {
            return self.removed(key, version);
        }
        self.table(key.resource).show(key);
        if self.raw(key).is_some_and(|known| known.version.version > version) {
            return Change::default();
        }
        let already_seen = self.raw(key).is_some_and(|known| known.version.version == version && known.observed);
        let mut record = read(key.resource, object, already_seen);
        record.settled = desired.filter(|desired| *desired != record.hash);
        self.put(key, record)
    }

    /// We asked for this object's deletion and the API server agreed.
    pub fn deletion_begun(&mut self, key: &ObjectKey, uid: &str) {
        if let Some(record) = self.table(key.resource).records.get_mut(&place(key))
            && record.version.uid == uid
        {
            record.deleting = true;
        }
    }

    /// A watch, or an answer, says that the object is gone. `version` is that of its last state.
    pub fn removed(&mut self, key: &ObjectKey, version: u64) -> Change {
        self.newest = self.newest.max(version);
        if self.gone.len() == REMEMBERED {
            self.gone.pop_front();
        }
        self.gone.push_back((key.clone(), version));
        if *key.resource == NAMESPACE {
            let born = self.born.entry(key.name.clone()).or_default();
            *born = (*born).max(version);
            self.forget_ghosts(&key.name);
        }
        match self.raw(key) {
            Some(known) if known.version.version <= version => self.remove(key),
            _ => Change::default(),
        }
    }

    /// Keeps no memory of an object, though it is there.
    pub fn forget_one(&mut self, key: &ObjectKey) {
        self.remove(key);
    }

    /// A new list of a kind begins, in a namespace or, if that is empty, in the whole cluster.
    pub fn list_begins(&mut self, resource: &'static Resource, namespace: &str) {
        self.table(resource).listing.insert(namespace.to_owned(), HashSet::new());
    }

    /// The list is complete: what it did not show is gone. Returns what that changed.
    pub fn list_ends(&mut self, resource: &'static Resource, namespace: &str) -> Vec<(ObjectKey, Change)> {
        let table = self.table(resource);
        let shown = table.listing.remove(namespace).unwrap_or_default();
        table.synced.insert(namespace.to_owned());
        let gone: Vec<ObjectKey> = table
            .records
            .keys()
            .filter(|place| (namespace.is_empty() || place.0 == namespace) && !shown.contains(*place))
            .map(|(namespace, name)| ObjectKey::namespaced(resource, namespace.clone(), name.clone()))
            .collect();
        gone.into_iter()
            .map(|key| {
                let change = self.remove(&key);
                (key, change)
            })
            .collect()
    }

    /// The kind is not served there or may not be read any more: nothing is known of it.
    pub fn lost(&mut self, resource: &'static Resource, namespace: &str) {
        self.table(resource).synced.remove(namespace);
    }

    /// Nobody looks at this kind any more.
    pub fn forget(&mut self, resource: &'static Resource) {
        for key in self.keys(resource) {
            self.remove(&key);
        }
        self.tables.remove(resource);
    }

    /// Forgets everything (the server's history went backwards).
    pub fn forget_all(&mut self) {
        *self = Self::new(std::mem::take(&mut self.operator_namespace));
    }

    fn table(&mut self, resource: &'static Resource) -> &mut Table {
        self.tables.entry(resource).or_default()
    }

    fn raw(&self, key: &ObjectKey) -> Option<&Record> {
        self.tables.get(key.resource)?.records.get(&place(key))
    }

    fn is_ghost(&self, key: &ObjectKey, record: &Record) -> bool {
        key.resource.namespaced && self.born.get(&key.namespace).is_some_and(|born| record.version.version < *born)
    }

    /// What was written in an earlier incarnation of a namespace will never be seen.
    fn forget_ghosts(&mut self, namespace: &str) {
        let mut unseen = std::mem::take(&mut self.unseen);
        for keys in unseen.values_mut() {
            keys.retain(|key| key.namespace != namespace || self.record(key).is_some());
        }
        unseen.retain(|_, keys| !keys.is_empty());
        self.unseen = unseen;
    }

    fn put(&mut self, key: &ObjectKey, mut record: Record) -> Change {
        self.newest = self.newest.max(record.version.version);
        let before = self.raw(key).cloned();
        let mut change = Change::default();
        let same_object = before.as_ref().is_some_and(|before| before.version.uid == record.version.uid);
        if *key.resource == NAMESPACE && !same_object && self.is_synced(&NAMESPACE) {
            self.born.insert(key.name.clone(), record.version.version);
            self.forget_ghosts(&key.name);
        }
        if let Some(before) = &before {
            // What the server makes of a wanted body does not change with the object's version.
            if record.settled.is_none() && before.hash == record.hash {
                record.settled = before.settled;
            }
            self.unlink(key, before, &mut change);
        }
        change.visible = before.as_ref().is_none_or(|before| {
            before.hash != record.hash
                || before.kept != record.kept
                || before.deleting != record.deleting
                || before.version.uid != record.version.uid
        });
        self.moment += u64::from(change.visible);
        record.changed = before.as_ref().filter(|_| !change.visible).map_or(self.moment, |before| before.changed);
        change.edited = change.visible && before.as_ref().is_some_and(|before| !is_same_but_status(before, &record));
        change.drifted =
            before.as_ref().is_some_and(|before| before.hash != record.hash || before.owner != record.owner);
        if let Some(owner) = &mut record.owner {
            let path = owner.path();
            // Children of one owner share one mark: it is a third of a record.
            let siblings = self.children.get(&path).and_then(|children| children.first());
            if let Some(known) =
                siblings.and_then(|sibling| self.raw(sibling)?.owner.as_ref()).filter(|known| *known == owner)
            {
                *owner = known.clone();
            }
            self.children.entry(path.clone()).or_default().insert(key.clone());
            if record.observed {
                if let Some(unseen) = self.unseen.get_mut(&path) {
                    unseen.remove(key);
                    if unseen.is_empty() {
                        self.unseen.remove(&path);
                        change.all_observed.insert(path.clone());
                    }
                }
            } else {
                self.unseen.entry(path.clone()).or_default().insert(key.clone());
            }
            change.owners.insert(path);
        }
        for filed in filed(key.resource, &record) {
            self.indexed.entry((key.resource, filed.clone())).or_default().insert(place(key));
            change.index.insert(filed);
        }
        self.table(key.resource).records.insert(place(key), record);
        change
    }

    fn remove(&mut self, key: &ObjectKey) -> Change {
        let mut change = Change::default();
        if let Some(record) = self.table(key.resource).records.remove(&place(key)) {
            self.unlink(key, &record, &mut change);
            for path in &change.owners {
                if let Some(unseen) = self.unseen.get_mut(path) {
                    unseen.remove(key);
                    if unseen.is_empty() {
                        self.unseen.remove(path);
                    }
                }
            }
            change.visible = true;
            change.drifted = true;
        }
        change
    }

    fn unlink(&mut self, key: &ObjectKey, record: &Record, change: &mut Change) {
        for filed in filed(key.resource, record) {
            let place_in_index = (key.resource, filed.clone());
            if let Some(filed) = self.indexed.get_mut(&place_in_index) {
                filed.remove(&place(key));
                if filed.is_empty() {
                    self.indexed.remove(&place_in_index);
                }
            }
            change.index.insert(filed);
        }
        if let Some(owner) = &record.owner {
            let path = owner.path();
            if let Some(children) = self.children.get_mut(&path) {
                children.remove(key);
                if children.is_empty() {
                    self.children.remove(&path);
                }
            }
            change.owners.insert(path);
        }
    }
}

/// Whether the answer to a write shows an object's last state: what held it was taken off. Namespaces are held otherwise, and
/// pods have time to end.
fn is_gone(resource: &Resource, object: &Value) -> bool {
    let metadata = &object["metadata"];
    !metadata["deletionTimestamp"].is_null()
        && metadata["finalizers"].as_array().is_none_or(Vec::is_empty)
        && metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or_default() == 0
        && *resource != NAMESPACE
}

/// Whether two states of an object that is kept whole differ in their status and version alone.
fn is_same_but_status(before: &Record, after: &Record) -> bool {
    // Answers name version and kind, watches leave them out.
    const APART: &[&str] = &["status", "metadata", "apiVersion", "kind"];
    let (Some(before), Some(after)) = (&before.kept, &after.kept) else { return false };
    let (before, after) = (before.value(), after.value());
    let differ = |one: &Value, other: &Value, apart_from: &[&str]| {
        let keys = || one.as_object().into_iter().chain(other.as_object()).flat_map(serde_json::Map::keys);
        keys().any(|key| !apart_from.contains(&key.as_str()) && one.get(key) != other.get(key))
    };
    !differ(&before, &after, APART) && !differ(&before["metadata"], &after["metadata"], &["resourceVersion"])
}

fn place(key: &ObjectKey) -> (String, String) {
    (key.namespace.clone(), key.name.clone())
}

/// Where the index of its kind files an object.
fn filed(resource: &Resource, record: &Record) -> Vec<String> {
    resource.index.map(|index| index(&record.value())).unwrap_or_default()
}

/// The key of an object as the API server shows it.
pub fn key_of(resource: &'static Resource, object: &Value) -> ObjectKey {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    ObjectKey::namespaced(resource, text("namespace"), text("name"))
}

fn read(resource: &'static Resource, object: &Value, observed: bool) -> Record {
    Record {
        version: Version::of(object),
        hash: content::hash_observed(resource, object),
        owner: Owner::marked_on(object).map(Arc::new),
        written_by_us: content::was_written_by_us(object),
        deleting: !object["metadata"]["deletionTimestamp"].is_null(),
        observed,
        settled: None,
        changed: 0,
        kept: match resource.keep {
            Keep::Digest => None,
            Keep::Projection(_) | Keep::Whole => Some(Kept::of(&resource.kept(object))),
        },
    }
}

impl Source for Store {
    fn get(&self, key: &ObjectKey) -> Lookup<Arc<Value>> {
        match self.record(key) {
            _ if !self.is_synced_in(key.resource, &key.namespace) => Lookup::NotSynced,
            Some(record) => Lookup::Found(record.value()),
            None => Lookup::Missing,
        }
    }

    fn list(&self, resource: &'static Resource, scope: &Scope) -> Lookup<Vec<Arc<Value>>> {
        let known = match scope {
            Scope::Namespace(namespace) => self.is_synced_in(resource, namespace),
            Scope::All | Scope::OwnedBy(_) | Scope::Indexed(_) => self.is_synced(resource),
        };
        if !known {
            return Lookup::NotSynced;
        }
        let empty = BTreeMap::new();
        let records = self.tables.get(resource).map_or(&empty, |table| &table.records);
        Lookup::Found(match scope {
            Scope::All => records.values().map(Record::value).collect(),
            Scope::Namespace(namespace) => records
                .range((namespace.clone(), String::new())..)
                .take_while(|((other, _), _)| other == namespace)
                .map(|(_, record)| record.value())
                .collect(),
            Scope::OwnedBy(owner) => self
                .children(owner)
                .filter(|(key, _)| key.resource == resource)
                .map(|(_, record)| record.value())
                .collect(),
            Scope::Indexed(key) => {
                let filed = self.indexed.get(&(resource, key.clone())).into_iter().flatten();
                let keys =
                    filed.map(|(namespace, name)| ObjectKey::namespaced(resource, namespace.clone(), name.clone()));
                keys.filter_map(|key| self.record(&key)).map(Record::value).collect()
            }
        })
    }

    fn operator_namespace(&self) -> &str {
        &self.operator_namespace
    }
}

#[cfg(test)]
mod tests;
