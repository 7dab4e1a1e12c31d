//! What the parts of the engine share. It holds state and passes changes on; it decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::Value;
use tenantry_core::access;
use tenantry_core::kind::Registration;
use tenantry_core::object::ObjectKey;
use tenantry_core::resources::Resource;
use tokio::sync::Notify;

use crate::adjust::Truces;
use crate::calls::{Calls, Version};
use crate::clock::Clock;
use crate::error::Error;
use crate::external::Schedule;
use crate::leader::Leadership;
use crate::metrics::Metrics;
use crate::queue::{Lane, Queue};
use crate::status::Patience;
use crate::store::{Change, Store};
use crate::view::View;
use crate::wake::Readers;
use crate::watch::Health;

/// One running operator.
pub struct Engine {
    pub(crate) kinds: &'static [Registration],
    pub(crate) calls: Calls,
    pub(crate) clock: Clock,
    /// What the operator counts.
    pub metrics: Arc<Metrics>,
    /// Whether this process may write.
    pub leadership: Leadership,
    pub(crate) identity: String,
    pub(crate) queue: Queue,
    pub(crate) patience: Patience,
    /// Told when plans look into other namespaces than before.
    pub(crate) asking: Notify,
    pub(crate) truces: Truces,
    /// What is asked of others than the API server.
    pub(crate) external: Schedule,
    store: RwLock<Store>,
    readers: Mutex<Readers>,
    watches: Mutex<BTreeMap<&'static Resource, Health>>,
}

impl Engine {
    /// An engine that has seen nothing yet. `seed` spreads its pauses.
    pub fn new(
        kinds: &'static [Registration],
        calls: Calls,
        clock: Clock,
        metrics: Arc<Metrics>,
        leadership: Leadership,
        identity: String,
        seed: u64,
    ) -> Self {
        let watches = access::watched(kinds).into_iter().map(|resource| (resource, Health::default())).collect();
        Self {
            kinds,
            calls,
            clock,
            metrics,
            leadership,
            identity,
            queue: Queue::new(seed),
            patience: Patience::default(),
            asking: Notify::new(),
            truces: Truces::default(),
            external: Schedule::default(),
            store: RwLock::default(),
            readers: Mutex::default(),
            watches: Mutex::new(watches),
        }
    }

    /// Whether nothing waits to be looked at and nobody is looking.
    pub fn is_idle(&self) -> bool {
        self.queue.is_idle()
    }

    pub(crate) fn store(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What plans see.
    pub(crate) fn view(&self) -> View<'_> {
        View { store: self.store(), external: &self.external }
    }

    pub(crate) fn store_mut(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn readers(&self) -> MutexGuard<'_, Readers> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn watches(&self) -> MutexGuard<'_, BTreeMap<&'static Resource, Health>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The registration of a custom resource's kind.
    pub(crate) fn kind(&self, resource: &Resource) -> Option<&'static Registration> {
        self.kinds.iter().find(|kind| kind.resource == resource)
    }

    /// The key of the resource that an owner path names.
    pub(crate) fn owner_key(&self, path: &str) -> Option<ObjectKey> {
        let mut parts = path.splitn(3, '/');
        let (plural, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
        let kind = self.kinds.iter().find(|kind| kind.resource.plural == plural)?;
        Some(ObjectKey::namespaced(kind.resource, namespace, name))
    }

    /// Wakes everybody whom a change concerns.
    pub(crate) fn wake(&self, key: &ObjectKey, change: &Change) {
        let owners = |paths: &BTreeSet<String>, lane: Lane| {
            for owner in paths.iter().filter_map(|path| self.owner_key(path)) {
                self.queue.add(&owner, lane);
            }
        };
        owners(&change.all_observed, Lane::Backlog);
        if !change.visible {
            return;
        }
        if self.kind(key.resource).is_some() {
            // The echo of our own status may be faster than the answer. It must not count as an edit: an edit does not wait
            // for the pause after a failure, so a failure told in ever new words would be tried again at once for ever.
            self.queue.add(key, if change.edited { Lane::Edit } else { Lane::Backlog });
        }
        owners(&change.owners, if change.drifted { Lane::Edit } else { Lane::Backlog });
        for reader in self.readers().of(key, change) {
            self.queue.add(&reader, Lane::Backlog);
        }
    }

    /// Takes note of the answer to a change of what is not ours. Others may have a part in it, and the event that follows shows nothing new.
    pub(crate) fn note_adjustment(&self, key: &ObjectKey, object: &Value) {
        let change = self.store_mut().written(key, object, None);
        let readers = if change.visible { self.readers().of(key, &change) } else { BTreeSet::new() };
        for reader in readers {
            self.queue.add(&reader, Lane::Backlog);
        }
    }

    /// Takes note of the answer to one of our writes.
    pub(crate) fn note_write(&self, key: &ObjectKey, object: &Value, wanted: Option<u128>) {
        self.store_mut().written(key, object, wanted);
    }

    /// Reads an object that is another than we knew, because its watch may be long in telling. `None` if it is gone.
    pub(crate) async fn read_again(&self, key: &ObjectKey) -> Result<Option<Value>, Error> {
        let known = self.store().record(key).map(|record| record.version.version);
        let found = self.calls.find(key).await?;
        let change = match &found {
            Some(found) => self.store_mut().found(key, found),
            None => self.store_mut().removed(key, known.unwrap_or_default()),
        };
        // The event of what was known will bring nothing new. What was not may be a stranger's, which concerns nobody.
        if known.is_some() {
            self.wake(key, &change);
        }
        Ok(found)
    }

    /// Merge-patches a custom resource, or a subresource of it, exactly as `cr` shows it, and takes note of the answer.
    /// `None` if it is known to be another by now: what was decided on this state is void, and a look at the new one is due.
    pub(crate) async fn patch_resource(
        &self,
        key: &ObjectKey,
        cr: &Value,
        subresource: &str,
        patch: Value,
    ) -> Result<Option<Value>, Error> {
        let calls = self.leads(key)?;
        let version = Version::of(cr);
        if self.store().record(key).is_none_or(|record| record.version != version) {
            return Ok(None);
        }
        let object = match calls.merge(key, subresource, patch, &version).await {
            // Newer than our cache, or gone, and the watch may be long in telling.
            Err(error) if ["Conflict", "NotFound"].contains(&error.reason()) => {
                let found = self.read_again(key).await?;
                return if found.is_some_and(|found| Version::of(&found) == version) { Err(error) } else { Ok(None) };
            }
            result => result?,
        };
        let change = self.store_mut().written(key, &object, None);
        if change.visible {
            // The watch will find nothing new in it; whoever tells of this resource (its own status apart) must hear it here.
            let readers = self.readers().of(key, &change);
            for reader in readers.iter().filter(|reader| *reader != key) {
                self.queue.add(reader, Lane::Backlog);
            }
        }
        Ok(Some(object))
    }
}
