//! Where objects of a resource may be that no watch shows: cluster-scoped ones, which an owner reference does not reach, and
//! those that may not be read at all, with what was written last. It is on the resource **before** the first object, in one
//! call with the finalizer, so that a crash between the two cannot leak anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tenantry_core::meta::{FINALIZER, INVENTORY};
use tenantry_core::object::{Desired, ObjectKey};
use tenantry_core::plan::Plan;
use tenantry_core::resources::{NAMESPACE, Watch};

use crate::engine::Engine;
use crate::error::Error;

/// What is known of a recorded object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It may be there: it was about to be written.
    Intended,
    /// It was written: its uid then, and the hash of what was wanted.
    Written {
        /// Its uid.
        uid: String,
        /// Hash of what was wanted.
        hash: u64,
    },
    /// Somebody else has an object of that name.
    Stranger,
}

/// Objects as `plural/name` or `plural/namespace/name`, sorted. Objects that can be watched are found by their owner mark.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory(BTreeMap<String, State>);

impl Inventory {
    /// The inventory written on a resource. An entry that cannot be read counts as one of which only the name is known.
    pub fn of(cr: &Value) -> Self {
        let text = cr["metadata"]["annotations"][INVENTORY].as_str().unwrap_or_default();
        let entries = text.split(',').filter(|entry| !entry.is_empty()).map(|entry| {
            let (name, state) = entry.split_once('=').unwrap_or((entry, ""));
            let written = || {
                let (uid, hash) = state.split_once('.')?;
                Some(State::Written { uid: uid.to_owned(), hash: u64::from_str_radix(hash, 16).ok()? })
            };
            let state = if state == "!" { State::Stranger } else { written().unwrap_or(State::Intended) };
            (name.to_owned(), state)
        });
        Self(entries.collect())
    }
}

impl fmt::Display for Inventory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, state)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match state {
                State::Intended => write!(out, "{comma}{name}")?,
                State::Written { uid, hash } => write!(out, "{comma}{name}={uid}.{hash:x}")?,
                State::Stranger => write!(out, "{comma}{name}=!")?,
            }
        }
        Ok(())
    }
}

/// The inventory during one look: what it said when the look began, and what has come of it since.
#[derive(Debug, Default)]
pub struct Ledger {
    before: Inventory,
    now: Mutex<Inventory>,
}

impl Ledger {
    /// What is known of an object now.
    pub fn state(&self, key: &ObjectKey) -> Option<State> {
        self.lock().0.get(&name(key)).cloned()
    }

    /// Whether an earlier look may have written it.
    pub fn is_old(&self, key: &ObjectKey) -> bool {
        self.before.0.contains_key(&name(key))
    }

    /// Takes note of what has become of it; `None` when it is gone.
    pub fn note(&self, key: &ObjectKey, state: Option<State>) {
        let mut now = self.lock();
        match state {
            Some(state) => _ = now.0.insert(name(key), state),
            None => _ = now.0.remove(&name(key)),
        }
    }

    /// The recorded objects that nothing shows.
    pub fn blind(&self, engine: &Engine, key: &ObjectKey) -> Vec<(ObjectKey, State)> {
        let Some(kind) = engine.kind(key.resource) else { return Vec::new() };
        let blind = || kind.access.iter().map(|access| access.resource).filter(|one| one.watch == Watch::Blind);
        let found = |(entry, state): (&String, &State)| {
            let [plural, namespace, name] = entry.splitn(3, '/').collect::<Vec<_>>().try_into().ok()?;
            let resource = blind().find(|resource| resource.plural == plural)?;
            Some((ObjectKey::namespaced(resource, namespace, name), state.clone()))
        };
        self.lock().0.iter().filter_map(found).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inventory> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether our finalizer is on it.
pub fn has_finalizer(cr: &Value) -> bool {
    cr["metadata"]["finalizers"].as_array().is_some_and(|all| all.iter().any(|one| one == FINALIZER))
}

/// The entry of an object, whether or not it needs one.
fn name(key: &ObjectKey) -> String {
    if key.namespace.is_empty() {
        format!("{}/{}", key.resource.plural, key.name)
    } else {
        format!("{}/{}/{}", key.resource.plural, key.namespace, key.name)
    }
}

fn is_recorded(key: &ObjectKey) -> bool {
    !key.resource.namespaced || key.resource.watch == Watch::Blind
}

/// Makes sure that everything the plan wants is in the inventory and the finalizer is in place, before anything is written.
/// Entries of what is gone are dropped at the next change. Returns the resource as it is then; `None` if it is known to be
/// another by now.
pub async fn record(
    engine: &Engine,
    key: &ObjectKey,
    cr: Arc<Value>,
    plan: &Plan,
) -> Result<Option<(Arc<Value>, Ledger)>, Error> {
    let before = Inventory::of(&cr);
    let wanted: BTreeSet<String> =
        plan.desired.iter().map(Desired::key).filter(|key| is_recorded(key)).map(name).collect();
    let mut after = before.clone();
    after.0.retain(|entry, _| wanted.contains(entry) || still_there(engine, key, entry));
    for entry in wanted {
        after.0.entry(entry).or_insert(State::Intended);
    }
    let deleting = !cr["metadata"]["deletionTimestamp"].is_null();
    if (after == before && has_finalizer(&cr)) || deleting {
        let ledger = Ledger { now: Mutex::new(before.clone()), before };
        return Ok(Some((cr, ledger)));
    }
    let patch =
        json!({ "metadata": { "finalizers": with_finalizer(&cr), "annotations": { INVENTORY: after.to_string() } } });
    let patched = engine.patch_resource(key, &cr, "", patch).await?;
    Ok(patched.map(|cr| (Arc::new(cr), Ledger { before, now: Mutex::new(after) })))
}

/// Makes sure that the finalizer is in place before the children of what lingers lose the reference to it. Returns the resource as it is
/// then; `None` if it is known to be another by now.
pub async fn linger(engine: &Engine, key: &ObjectKey, cr: Arc<Value>) -> Result<Option<Arc<Value>>, Error> {
    if has_finalizer(&cr) {
        return Ok(Some(cr));
    }
    let patch = json!({ "metadata": { "finalizers": with_finalizer(&cr) } });
    Ok(engine.patch_resource(key, &cr, "", patch).await?.map(Arc::new))
}

fn with_finalizer(cr: &Value) -> Vec<Value> {
    let mut finalizers: Vec<Value> = cr["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    if !has_finalizer(cr) {
        finalizers.push(FINALIZER.into());
    }
    finalizers
}

/// Writes down what has become of what nothing shows. Returns the resource as it is then; `None` if it is known to be another
/// by now: what was not written down is done once more, to the same end.
pub async fn settle(
    engine: &Engine,
    key: &ObjectKey,
    cr: Arc<Value>,
    ledger: &Ledger,
) -> Result<Option<Arc<Value>>, Error> {
    let now = ledger.lock().clone();
    if now == Inventory::of(&cr) || !cr["metadata"]["deletionTimestamp"].is_null() {
        return Ok(Some(cr));
    }
    let patch = json!({ "metadata": { "annotations": { INVENTORY: now.to_string() } } });
    Ok(engine.patch_resource(key, &cr, "", patch).await?.map(Arc::new))
}

/// Whether an inventoried object exists, or nobody can tell. What nobody may read goes with its namespace, or by our hand.
fn still_there(engine: &Engine, key: &ObjectKey, known: &str) -> bool {
    let Some((plural, name)) = known.split_once('/') else { return false };
    let store = engine.store();
    if let Some((namespace, _)) = name.split_once('/') {
        return !store.is_synced(&NAMESPACE) || store.record(&ObjectKey::cluster(&NAMESPACE, namespace)).is_some();
    }
    let kind = engine.kind(key.resource);
    let declared =
        kind.and_then(|kind| kind.access.iter().find(|access| access.is_watched() && access.resource.plural == plural));
    let Some(resource) = declared else {
        return true;
    };
    !store.is_synced(resource.resource) || store.record(&ObjectKey::cluster(resource.resource, name)).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{INVENTORY, Inventory};

    #[test]
    fn what_is_written_is_what_is_read() {
        let text = "namespaces/a,secrets/a-dev/key,secrets/a-dev/other=!,secrets/a-dev/x.y=0f-1.ff";
        let cr = json!({ "metadata": { "annotations": { INVENTORY: text } } });
        assert_eq!(Inventory::of(&cr).to_string(), text);
        let damaged = json!({ "metadata": { "annotations": { INVENTORY: "secrets/a-dev/key=what" } } });
        assert_eq!(Inventory::of(&damaged).to_string(), "secrets/a-dev/key", "then only that it may be there");
    }
}
