//! Lets a deleted resource go: takes our finalizer off, once nothing of it is left that its plan does not mean to leave.

use serde_json::{Value, json};
use tenantry_core::kind::{Outcome, Progress};
use tenantry_core::meta::{FINALIZER, INVENTORY};
use tenantry_core::object::ObjectKey;

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
    let patch = json!({ "metadata": { "finalizers": finalizers, "annotations": { INVENTORY: null } } });
    match engine.patch_resource(key, cr, "", patch).await {
        Err(error) if error.code() == Some(404) => Ok(true),
        result => result.map(|patched| patched.is_some()),
    }
}
