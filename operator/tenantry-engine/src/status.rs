//! Writes a status when it says something new, and not before it has something to say: a state that is about to pass is
//! held back for a moment, so that a tenant that is ready in half a second costs one status write, not four.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tenantry_core::object::ObjectKey;
use tokio::time::Instant;

use crate::engine::Engine;
use crate::error::Error;
use crate::{events, merge};

/// How long a passing state is held back.
const PATIENCE: Duration = Duration::from_secs(2);

/// Since when resources have had a passing state that was not written.
#[derive(Default)]
pub struct Patience {
    since: Mutex<HashMap<ObjectKey, Instant>>,
}

impl Patience {
    /// How much longer to wait with a passing state; `None` if it has been long enough.
    fn remaining(&self, key: &ObjectKey) -> Option<Duration> {
        let since = *self.lock().entry(key.clone()).or_insert_with(Instant::now);
        PATIENCE.checked_sub(since.elapsed()).filter(|left| !left.is_zero())
    }

    /// Starts over.
    pub fn forget(&self, key: &ObjectKey) {
        self.lock().remove(key);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ObjectKey, Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes `status` if it differs from what the resource says now. Returns when to come again if it was held back: after
/// a look that `wrote` something always, because the events of that are about to come, however long others had their turn before.
pub async fn write(
    engine: &Engine,
    key: &ObjectKey,
    cr: &Value,
    status: &Value,
    wrote: bool,
) -> Result<Option<Duration>, Error> {
    let before = cr.get("status").cloned().unwrap_or_else(|| json!({}));
    let Some(change) = merge::difference(&before, status) else {
        engine.patience.forget(key);
        return Ok(None);
    };
    if is_passing(status) {
        if wrote {
            engine.patience.forget(key);
        }
        if let Some(left) = engine.patience.remaining(key) {
            return Ok(Some(left));
        }
    }
    if engine.patch_resource(key, cr, "/status", json!({ "status": change })).await?.is_none() {
        return Ok(None);
    }
    engine.patience.forget(key);
    events::report_transition(engine, key, cr, &before, status).await;
    Ok(None)
}

/// Whether more is about to come by itself: work is under way and nothing has failed.
fn is_passing(status: &Value) -> bool {
    let holds = |type_: &str, value: &str| {
        status["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == type_ && condition["status"] == value)
    };
    holds("Reconciling", "True") && !holds("Ready", "False")
}
