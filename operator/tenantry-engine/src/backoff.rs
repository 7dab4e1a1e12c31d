//! Growing pauses after failures, one series per key: 5 ms, doubling up to 25 seconds, spread by up to a fifth.

use std::collections::HashMap;
use std::time::Duration;

use tenantry_core::object::ObjectKey;

const FIRST: Duration = Duration::from_millis(5);
/// So that all is well half a minute after an outage, however long that was.
const LONGEST: Duration = Duration::from_secs(25);

/// The failures of each key since its last success.
pub struct Backoff {
    failures: HashMap<ObjectKey, u32>,
    random: fastrand::Rng,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Backoff {
    /// Spreads the pauses by this seed.
    pub fn new(seed: u64) -> Self {
        Self { failures: HashMap::new(), random: fastrand::Rng::with_seed(seed) }
    }

    /// The pause after one more failure.
    pub fn next(&mut self, key: &ObjectKey) -> Duration {
        let failures = self.failures.entry(key.clone()).or_default();
        let pause = pause_after(*failures);
        *failures = failures.saturating_add(1);
        pause.mul_f64(0.8 + 0.2 * self.random.f64())
    }

    /// Whether the key has failed since its last success.
    pub fn is_pausing(&self, key: &ObjectKey) -> bool {
        self.failures.contains_key(key)
    }

    /// The key succeeded.
    pub fn reset(&mut self, key: &ObjectKey) {
        self.failures.remove(key);
    }
}

/// The pause before spreading.
pub fn pause_after(failures: u32) -> Duration {
    FIRST.saturating_mul(1 << failures.min(20)).min(LONGEST)
}
