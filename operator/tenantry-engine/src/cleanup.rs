//! Lets a deleted resource go: takes our finalizer off, once nothing of it is left that its plan does not mean to leave.

use serde_json::{Value, json};
use tenantry_core::kind::{Outcome, Progress};
use tenantry_core::meta::{FINALIZER, INVENTORY};
use tenantry_core::object::ObjectKey;

use crate::calls::version_number;
use crate::engine::Engine;
use crate::error::Error;

/// Takes the finalizer off if all is done. Returns whether the resource was let go.
pub async fn release(engine: &Engine, key: &ObjectKey, cr: &Value, outcome: &Outcome<'_>) -> Result<bool, Error> {
    let done = outcome.plan.release
        && outcome.violation.is_none()
        && outcome.leaving.is_empty()
        && outcome.objects.values().all(|progress| *progress == Progress::Observed);
    if !done {
        return Ok(false);
    }
    let finalizers: Vec<&Value> =
        cr["metadata"]["finalizers"].as_array().into_iter().flatten().filter(|one| **one != FINALIZER).collect();
    let mut patch = json!({ "metadata": { "finalizers": finalizers } });
    if !cr["metadata"]["annotations"][INVENTORY].is_null() {
        patch["metadata"]["annotations"] = json!({ INVENTORY: null });
    }
    match engine.patch_resource(key, cr, "", patch).await {
        Err(error) if error.code() == Some(404) => Ok(true),
        result => Ok(result?.is_some_and(|patched| {
            // Nothing else holds it, so this answer is the last that is known of it. The watch may have told of its end
            // already, and would not tell again: kept, it would be taken for there for ever.
            if patched["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty) {
                let change = engine.store_mut().removed(key, version_number(&patched));
                engine.wake(key, &change);
            }
            true
        })),
    }
}
