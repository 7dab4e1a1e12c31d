//! The only place where Tenantry reads the time, so that a simulation can put its own time there.

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
    },
}

impl Clock {
    /// A clock that follows tokio's (pausable) time, beginning at `base`.
    pub fn simulated(base: Timestamp) -> Self {
        Self::Simulated { base, started: Instant::now() }
    }

    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "this is the place the rule points to")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Simulated { base, started } => {
                let elapsed = SignedDuration::try_from(started.elapsed()).unwrap_or(SignedDuration::MAX);
                base.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// How long from now until `when`; zero if that has passed.
    pub fn until(&self, when: Timestamp) -> Duration {
        Duration::try_from(when.duration_since(self.now())).unwrap_or(Duration::ZERO)
    }
}
