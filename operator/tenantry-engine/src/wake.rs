//! Who must be looked at again when an object changes: whoever looked it up, or looked for it in vain, in its last plan or its last
//! status.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tenantry_core::object::ObjectKey;
use tenantry_core::resources::{Resource, Watch};
use tenantry_core::world::{Read, Scope};
use tokio::sync::Notify;

use crate::store::Change;

/// What looked something up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Plan,
    /// Beyond what the plan did.
    Status,
}

/// The recorded look-ups of all resources, in both directions.
#[derive(Default)]
pub struct Readers {
    by_read: BTreeMap<Read, BTreeSet<(ObjectKey, Part)>>,
    by_reader: BTreeMap<(ObjectKey, Part), BTreeSet<Read>>,
    /// How many resources list each kind that is watched on demand.
    listed: BTreeMap<&'static Resource, usize>,
    /// Told when a kind is listed for the first time, or no more. Waiters are woken in order: equal seeds give equal traces.
    demand: Arc<Notify>,
}

impl Readers {
    /// Puts the look-ups of this resource's newest plan in the place of the earlier ones. Returns whether they differ.
    pub fn record(&mut self, reader: &ObjectKey, reads: BTreeSet<Read>) -> bool {
        self.record_part((reader.clone(), Part::Plan), reads)
    }

    /// The same for its newest status. Returns whether they differ.
    pub fn record_status(&mut self, reader: &ObjectKey, mut reads: BTreeSet<Read>) -> bool {
        if let Some(planned) = self.by_reader.get(&(reader.clone(), Part::Plan)) {
            reads.retain(|read| !planned.contains(read));
        }
        self.record_part((reader.clone(), Part::Status), reads)
    }

    fn record_part(&mut self, reader: (ObjectKey, Part), reads: BTreeSet<Read>) -> bool {
        if self.by_reader.get(&reader).map_or(reads.is_empty(), |known| *known == reads) {
            return false;
        }
        let listed = self.listed();
        self.drop_reads(&reader);
        for read in &reads {
            self.by_read.entry(read.clone()).or_default().insert(reader.clone());
            if let Some(resource) = on_demand(read) {
                *self.listed.entry(resource).or_default() += 1;
            }
        }
        if !reads.is_empty() {
            self.by_reader.insert(reader, reads);
        }
        self.publish(&listed);
        true
    }

    /// Where something is looked up that is watched only where it is.
    pub fn asked(&self) -> BTreeSet<(&'static Resource, String)> {
        let objects = self.by_read.keys().filter_map(|read| match read {
            Read::Object(key) if key.resource.watch == Watch::Asked => Some((key.resource, key.namespace.clone())),
            _ => None,
        });
        // A look at no namespace is a question for the kind alone.
        objects.filter(|(_, namespace)| !namespace.is_empty()).collect()
    }

    /// The resource is gone.
    pub fn forget(&mut self, reader: &ObjectKey) {
        let listed = self.listed();
        for part in [Part::Plan, Part::Status] {
            self.drop_reads(&(reader.clone(), part));
        }
        self.publish(&listed);
    }

    /// Whether some plan lists this kind, which is watched on demand.
    pub fn is_listed(&self, resource: &Resource) -> bool {
        self.listed.contains_key(resource)
    }

    /// Whose plan lists it.
    pub fn who_list(&self, resource: &'static Resource) -> BTreeSet<ObjectKey> {
        let lists =
            self.by_read.iter().filter(|(read, _)| matches!(read, Read::List(listed, _) if *listed == resource));
        lists.flat_map(|(_, readers)| readers.iter().map(|(reader, _)| reader.clone())).collect()
    }

    /// Tells when that may have changed.
    pub fn demand(&self) -> Arc<Notify> {
        self.demand.clone()
    }

    fn publish(&self, before: &BTreeSet<&'static Resource>) {
        if !self.listed.keys().eq(before) {
            self.demand.notify_waiters();
        }
    }

    fn listed(&self) -> BTreeSet<&'static Resource> {
        self.listed.keys().copied().collect()
    }

    fn drop_reads(&mut self, reader: &(ObjectKey, Part)) {
        for read in self.by_reader.remove(reader).unwrap_or_default() {
            if let Some(resource) = on_demand(&read)
                && let Some(count) = self.listed.get_mut(resource)
            {
                *count -= 1;
                if *count == 0 {
                    self.listed.remove(resource);
                }
            }
            if let Some(readers) = self.by_read.get_mut(&read) {
                readers.remove(reader);
                if readers.is_empty() {
                    self.by_read.remove(&read);
                }
            }
        }
    }

    /// Who looked up this object, or a set that it is or was in, as this change of it tells.
    pub fn of(&self, key: &ObjectKey, change: &Change) -> BTreeSet<ObjectKey> {
        let resource = key.resource;
        let mut reads = vec![
            Read::Object(key.clone()),
            Read::List(resource, Scope::All),
            Read::List(resource, Scope::Namespace(key.namespace.clone())),
        ];
        reads.extend(change.index.iter().map(|filed| Read::List(resource, Scope::Indexed(filed.clone()))));
        reads.extend(change.owners.iter().map(|owner| Read::List(resource, Scope::OwnedBy(owner.clone()))));
        reads.iter().filter_map(|read| self.by_read.get(read)).flatten().map(|(reader, _)| reader.clone()).collect()
    }
}

fn on_demand(read: &Read) -> Option<&'static Resource> {
    match read {
        Read::List(resource, _) if resource.watch.is_on_demand() => Some(resource),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tenantry_core::resources::{NAMESPACE, POD, RESOURCE_QUOTA};

    use super::*;

    #[test]
    fn readers_are_woken_by_what_they_read_last_and_by_what_they_missed() {
        let mut readers = Readers::default();
        let reader = ObjectKey::cluster(&NAMESPACE, "reader");
        let quota = ObjectKey::namespaced(&RESOURCE_QUOTA, "a", "q");
        let owned = Change { owners: BTreeSet::from(["tenants//a".to_owned()]), ..Change::default() };
        readers.record(&reader, BTreeSet::from([Read::Object(quota.clone())]));
        assert_eq!(readers.of(&quota, &Change::default()), BTreeSet::from([reader.clone()]));
        readers.record(&reader, BTreeSet::from([Read::List(&RESOURCE_QUOTA, Scope::OwnedBy("tenants//a".into()))]));
        assert!(readers.of(&quota, &Change::default()).is_empty(), "the earlier read no longer counts");
        assert_eq!(readers.of(&quota, &owned), BTreeSet::from([reader.clone()]));
        readers.forget(&reader);
        assert!(readers.of(&quota, &owned).is_empty());
    }

    #[test]
    fn what_only_the_status_looked_at_wakes_as_well() {
        let mut readers = Readers::default();
        let reader = ObjectKey::cluster(&NAMESPACE, "reader");
        let [planned, told] = ["planned", "told"].map(|name| ObjectKey::namespaced(&RESOURCE_QUOTA, "a", name));
        let read = |key: &ObjectKey| Read::Object(key.clone());
        let woken = |readers: &Readers, key: &ObjectKey| !readers.of(key, &Change::default()).is_empty();
        readers.record(&reader, BTreeSet::from([read(&planned)]));
        assert!(readers.record_status(&reader, BTreeSet::from([read(&planned), read(&told)])));
        assert!(!readers.record_status(&reader, BTreeSet::from([read(&planned), read(&told)])), "nothing new");
        readers.record(&reader, BTreeSet::from([read(&planned)]));
        assert!(woken(&readers, &planned) && woken(&readers, &told), "a plan does not undo it");
        readers.record_status(&reader, BTreeSet::new());
        assert!(woken(&readers, &planned) && !woken(&readers, &told));
        readers.record_status(&reader, BTreeSet::from([read(&told)]));
        readers.forget(&reader);
        assert!(!woken(&readers, &planned) && !woken(&readers, &told));
    }

    #[test]
    fn a_kind_is_in_demand_while_somebody_lists_it() {
        let mut readers = Readers::default();
        let list = |namespace: &str| BTreeSet::from([Read::List(&POD, Scope::Namespace(namespace.to_owned()))]);
        let [one, other] = ["one", "other"].map(|name| ObjectKey::cluster(&NAMESPACE, name));
        readers.record(&one, list("a"));
        readers.record(&other, list("b"));
        assert_eq!(readers.who_list(&POD), BTreeSet::from([one.clone(), other.clone()]));
        readers.record(&one, BTreeSet::new());
        assert!(readers.is_listed(&POD), "the other still does");
        assert_eq!(readers.who_list(&POD), BTreeSet::from([other.clone()]));
        readers.record(&other, list("c"));
        assert!(readers.is_listed(&POD));
        readers.forget(&other);
        assert!(!readers.is_listed(&POD));
    }
}
