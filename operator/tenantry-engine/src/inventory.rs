//! Where objects of a resource may be that no owner reference reaches. It is written on the resource **before** the first
//! object, in one call with the finalizer, so that a crash between the two cannot leak anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use tenantry_core::meta::{FINALIZER, INVENTORY};
use tenantry_core::object::ObjectKey;
use tenantry_core::plan::Plan;

use crate::engine::Engine;
use crate::error::Error;

/// Names of cluster-scoped objects as `plural/name`, sorted. Objects inside namespaces are found by their owner mark.
pub type Inventory = BTreeSet<String>;

/// The inventory written on a resource.
pub fn read(cr: &Value) -> Inventory {
    let text = cr["metadata"]["annotations"][INVENTORY].as_str().unwrap_or_default();
    text.split(',').filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}

/// The entry of a cluster-scoped object.
pub fn entry(key: &ObjectKey) -> Option<String> {
    (!key.resource.namespaced).then(|| format!("{}/{}", key.resource.plural, key.name))
}

/// Whether our finalizer is on it.
pub fn has_finalizer(cr: &Value) -> bool {
    cr["metadata"]["finalizers"].as_array().is_some_and(|all| all.iter().any(|one| one == FINALIZER))
}

/// Makes sure that everything the plan wants is in the inventory and the finalizer is in place, before anything is written.
/// Entries of what is gone are dropped at the next change. Returns the resource as it is then; `None` if it is known to be
/// another by now.
pub async fn record(
    engine: &Engine,
    key: &ObjectKey,
    cr: Arc<Value>,
    plan: &Plan,
) -> Result<Option<Arc<Value>>, Error> {
    let before = read(&cr);
    let wanted: Inventory = plan.desired.iter().filter_map(|object| entry(object.key())).collect();
    let mut after: Inventory = before.iter().filter(|known| still_there(engine, key, known)).cloned().collect();
    after.extend(wanted);
    let deleting = !cr["metadata"]["deletionTimestamp"].is_null();
    if (after == before && has_finalizer(&cr)) || deleting {
        return Ok(Some(cr));
    }
    let mut finalizers: Vec<Value> = cr["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    if !has_finalizer(&cr) {
        finalizers.push(FINALIZER.into());
    }
    let text = after.into_iter().collect::<Vec<_>>().join(",");
    let patch = json!({ "metadata": { "finalizers": finalizers, "annotations": { INVENTORY: text } } });
    Ok(engine.patch_resource(key, &cr, "", patch).await?.map(Arc::new))
}

/// Whether an inventoried object exists, or nobody can tell.
fn still_there(engine: &Engine, key: &ObjectKey, known: &str) -> bool {
    let Some((plural, name)) = known.split_once('/') else { return false };
    let store = engine.store();
    let kind = engine.kind(key.resource);
    let declared =
        kind.and_then(|kind| kind.access.iter().find(|access| access.is_watched() && access.resource.plural == plural));
    let Some(resource) = declared else {
        return true;
    };
    !store.is_synced(resource.resource) || store.record(&ObjectKey::cluster(resource.resource, name)).is_some()
}
