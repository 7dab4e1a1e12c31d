//! Writes a status when it says something new, and not before it has something to say: a state that is about to pass is
//! held back for a moment, so that a tenant that is ready in half a second costs one status write, not four (ADR 4).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tenantry_core::kind::Registration;
use tenantry_core::object::ObjectKey;
use tenantry_core::passing::{Passing, passing};
use tokio::time::Instant;

use crate::engine::Engine;
use crate::error::Error;
use crate::{events, merge};

/// How long a passing state is held back.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much longer for each other resource that is waiting, where nothing of the newest spec is said: those whose turn has not come at other
/// controllers would all cost a write that says so, just while these have most to do.
const PATIENCE_FOR_EACH_OTHER: Duration = Duration::from_millis(200);

/// How long at most.
const MOST_PATIENCE: Duration = Duration::from_secs(30);

/// Passing states that were not written.
#[derive(Default)]
pub struct Patience {
    held: Mutex<HashMap<ObjectKey, Held>>,
}

/// One of them: since when, of what sort it is, and for how long at most.
struct Held {
    since: Instant,
    passing: Passing,
    most: Duration,
}

impl Patience {
    /// How much longer to wait with a passing state; `None` if it has been long enough. What passes in another way begins anew.
    fn remaining(&self, key: &ObjectKey, passing: Passing) -> Option<Duration> {
        let mut all = self.lock();
        let others = u32::try_from(all.len()).unwrap_or(u32::MAX).saturating_sub(u32::from(all.contains_key(key)));
        let most = match passing {
            Passing::No => Duration::ZERO,
            Passing::Soon => PATIENCE,
            Passing::Unsaid => (PATIENCE + PATIENCE_FOR_EACH_OTHER.saturating_mul(others)).min(MOST_PATIENCE),
        };
        let now = Instant::now();
        let held = all.entry(key.clone()).or_insert(Held { since: now, passing, most });
        if held.passing != passing {
            *held = Held { since: now, passing, most };
        }
        // The last ones of many wait as long as the first.
        held.most = held.most.max(most);
        held.most.checked_sub(now - held.since).filter(|left| !left.is_zero())
    }

    /// Starts over.
    pub fn forget(&self, key: &ObjectKey) {
        self.lock().remove(key);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ObjectKey, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes `status` if it differs from what the resource says now. Returns when to come again if it was held back: after
/// a look that `wrote` something always, because the events of that are about to come, however long others had their turn before.
pub async fn write(
    engine: &Engine,
    kind: &Registration,
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
    let passing = passing(&before, status, kind.incidental);
    if passing != Passing::No {
        if wrote {
            engine.patience.forget(key);
        }
        if let Some(left) = engine.patience.remaining(key, passing) {
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

#[cfg(test)]
mod tests {
    use tenantry_core::resources::AGENT;

    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey::namespaced(&AGENT, "acme-dev", name)
    }

    #[tokio::test(start_paused = true)]
    async fn a_state_that_lasts_is_told_after_two_seconds() {
        let patience = Patience::default();
        for passing in [Passing::Soon, Passing::Unsaid] {
            assert_eq!(patience.remaining(&key("a"), passing), Some(PATIENCE));
            tokio::time::advance(Duration::from_millis(1500)).await;
            assert_eq!(patience.remaining(&key("a"), passing), Some(Duration::from_millis(500)));
            tokio::time::advance(Duration::from_millis(500)).await;
            assert_eq!(patience.remaining(&key("a"), passing), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_many_wait_a_new_spec_is_given_longer_and_nothing_else_is() {
        let patience = Patience::default();
        for index in 0..100 {
            patience.remaining(&key(&index.to_string()), Passing::Unsaid);
        }
        assert_eq!(patience.remaining(&key("new"), Passing::Unsaid), Some(Duration::from_secs(22)));
        assert_eq!(patience.remaining(&key("told"), Passing::Soon), Some(PATIENCE));
        for index in 100..2000 {
            patience.remaining(&key(&index.to_string()), Passing::Unsaid);
        }
        assert_eq!(patience.remaining(&key("new"), Passing::Unsaid), Some(MOST_PATIENCE));
        // The others are told: it waits as long as they could have, and no longer.
        for index in 0..2000 {
            patience.forget(&key(&index.to_string()));
        }
        tokio::time::advance(MOST_PATIENCE / 2).await;
        assert_eq!(patience.remaining(&key("new"), Passing::Unsaid), Some(MOST_PATIENCE / 2));
        tokio::time::advance(MOST_PATIENCE / 2).await;
        assert_eq!(patience.remaining(&key("new"), Passing::Unsaid), None);
        // Who comes now is alone again, but for these two.
        assert_eq!(patience.remaining(&key("later"), Passing::Unsaid), Some(PATIENCE + 2 * PATIENCE_FOR_EACH_OTHER));
    }
}
