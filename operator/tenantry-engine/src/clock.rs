//! The only place where Tenantry reads the time, so that a simulation can put its own time there.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Where `now` comes from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// Tokio's clock, which tests can pause, counted from a fixed moment.
    Simulated {
        /// The moment at which the simulation began.
        base: Timestamp,
        /// Tokio's reading at that moment.
        started: Instant,
        /// How many seconds it has been set forward since.
        set: Arc<AtomicI64>,
    },
}

impl Clock {
    /// A clock that follows tokio's (pausable) time, beginning at `base`.
    pub fn simulated(base: Timestamp) -> Self {
        Self::Simulated { base, started: Instant::now(), set: Arc::default() }
    }

    /// Sets a simulated clock forward, or back; whoever has a copy of it sees that. The machine's is not ours to set.
    pub fn set(&self, by: SignedDuration) {
        if let Self::Simulated { set, .. } = self {
            set.fetch_add(by.as_secs(), Ordering::Relaxed);
        }
    }

    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "this is the place the rule points to")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Simulated { base, started, set } => {
                let elapsed = SignedDuration::try_from(started.elapsed()).unwrap_or(SignedDuration::MAX);
                let elapsed = elapsed.saturating_add(SignedDuration::from_secs(set.load(Ordering::Relaxed)));
                base.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// How long from now until `when`; zero if that has passed.
    pub fn until(&self, when: Timestamp) -> Duration {
        Duration::try_from(when.duration_since(self.now())).unwrap_or(Duration::ZERO)
    }
}
