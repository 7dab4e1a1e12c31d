//! Time as the API server stamps it: a fixed base plus tokio's clock, so that paused time moves it. It never reads the wall clock.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Where every simulated history begins: 2026-01-01T00:00:00Z.
const BASE_SECONDS: i64 = 1_767_225_600;

/// The API server's clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that shows the base time now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Time since the server was started.
    pub fn elapsed(self) -> std::time::Duration {
        self.start.elapsed()
    }

    /// The present, with the full precision of the clock.
    pub fn now(self) -> Timestamp {
        let base = Timestamp::from_second(BASE_SECONDS).unwrap_or(Timestamp::UNIX_EPOCH);
        let elapsed = SignedDuration::try_from(self.elapsed()).unwrap_or(SignedDuration::ZERO);
        base.checked_add(elapsed).unwrap_or(base)
    }

    /// The present as `metav1.Time` prints it: RFC 3339, whole seconds.
    pub fn stamp(self) -> String {
        self.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn moves_with_paused_time() {
        let clock = Clock::start();
        assert_eq!(clock.stamp(), "2026-01-01T00:00:00Z");
        tokio::time::advance(std::time::Duration::from_secs(61)).await;
        assert_eq!(clock.stamp(), "2026-01-01T00:01:01Z");
    }
}
