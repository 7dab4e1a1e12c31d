//! Waiting for a condition with a deadline, instead of sleeping. It never panics: the caller says how much a miss matters.

use std::fmt::Display;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// The condition did not come true in time.
#[derive(Debug, thiserror::Error)]
#[error("waited {:.1} s in vain until {what} ({looks} looks); last seen: {last}", waited.as_secs_f64())]
pub struct NotInTime {
    /// What was waited for.
    pub what: String,
    /// For how long.
    pub waited: Duration,
    /// How often it was looked at.
    pub looks: u32,
    /// What the last look saw.
    pub last: String,
}

/// What one look at the world saw: the thing itself, or why it is not there yet.
pub trait Observation {
    /// The thing waited for.
    type Value;
    /// The thing, or what was seen instead.
    fn observed(self) -> Result<Self::Value, String>;
}

impl<T> Observation for Option<T> {
    type Value = T;
    fn observed(self) -> Result<T, String> {
        self.ok_or_else(|| "not yet".to_owned())
    }
}

impl<T, E: Display> Observation for Result<T, E> {
    type Value = T;
    fn observed(self) -> Result<T, String> {
        self.map_err(|error| error.to_string())
    }
}

/// Looks again and again, at growing intervals of at most a quarter of a second, until `look` sees the thing or `deadline` has
/// passed. `what` completes the sentence "waited until …". A look that hangs is cut off at the deadline.
///
/// `look` answers `Some(value)` or `Ok(value)` to end the wait; `None` or `Err(what it saw)` to go on.
pub async fn eventually<O: Observation>(
    deadline: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> O,
) -> Result<O::Value, NotInTime> {
    let started = Instant::now();
    let mut pause = SHORTEST_PAUSE;
    let mut looks = 0;
    let mut last = "nothing: the first look did not finish".to_owned();
    loop {
        let left = deadline.saturating_sub(started.elapsed());
        match timeout(left, look()).await.map(Observation::observed) {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(seen)) => {
                looks += 1;
                last = seen;
            }
            Err(_) => {}
        }
        if started.elapsed() + pause >= deadline {
            return Err(NotInTime { what: what.to_owned(), waited: started.elapsed(), looks, last });
        }
        sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, eventually};

    #[tokio::test]
    async fn ends_with_the_first_success() {
        let mut looks = 0;
        let value = eventually(Duration::from_secs(5), "three looks", async || {
            looks += 1;
            (looks == 3).then_some(looks)
        })
        .await;
        assert_eq!(value.expect("in time"), 3);
    }

    #[tokio::test]
    async fn says_what_it_saw_last() {
        let error = eventually(Duration::from_millis(30), "pigs fly", async || Err::<(), _>("pigs walk"))
            .await
            .expect_err("pigs do not fly");
        assert!(
            error.to_string().contains("until pigs fly") && error.to_string().ends_with("last seen: pigs walk"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn cuts_off_a_look_that_hangs() {
        let error = eventually(Duration::from_millis(30), "an answer", std::future::pending::<Option<()>>)
            .await
            .expect_err("never answers");
        assert_eq!(error.looks, 0);
    }
}
