//! How many requests are let through: buckets that fill again over time. Time is an argument.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::kept::lock;

/// Addresses that are counted at once. Whoever can reach a gate is the consumer, so that there are few.
const MOST_CLIENTS: usize = 4096;

/// So many requests in so much time, and so many at once.
#[derive(Debug)]
pub(super) struct Limit {
    requests: f64,
    span: Duration,
    by_client: bool,
    buckets: Mutex<HashMap<Option<IpAddr>, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Limit {
    pub(super) fn new(requests: u32, span: Duration, by_client: bool) -> Self {
        Self { requests: requests.into(), span, by_client, buckets: Mutex::default() }
    }

    /// Takes one request of this client; or says when there is one again.
    pub(super) fn take(&self, client: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut buckets = lock(&self.buckets);
        let whose = self.by_client.then_some(client);
        if buckets.len() >= MOST_CLIENTS && !buckets.contains_key(&whose) {
            // One that is full again is as good as none.
            buckets.retain(|_, bucket| bucket.at + self.span > now);
            if buckets.len() >= MOST_CLIENTS {
                return Err(self.span);
            }
        }
        let bucket = buckets.entry(whose).or_insert(Bucket { left: self.requests, at: now });
        let gone = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.left = (bucket.left + gone * self.requests / self.span.as_secs_f64()).min(self.requests);
        bucket.at = now;
        if bucket.left < 1.0 {
            let wait = (1.0 - bucket.left) * self.span.as_secs_f64() / self.requests;
            return Err(Duration::from_secs_f64(wait));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    const ONE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn all_are_counted_together_unless_clients_are() {
        let now = Instant::now();
        let (together, apart) =
            (Limit::new(1, Duration::from_mins(1), false), Limit::new(1, Duration::from_mins(1), true));
        assert_eq!((together.take(ONE, now), together.take(OTHER, now)), (Ok(()), Err(Duration::from_mins(1))));
        assert_eq!((apart.take(ONE, now), apart.take(OTHER, now)), (Ok(()), Ok(())));
        apart.take(ONE, now).expect_err("its own is used up");
        for address in 0..u32::try_from(2 * MOST_CLIENTS).expect("small") {
            let _ = apart.take(Ipv4Addr::from_bits(address).into(), now);
        }
        assert_eq!(lock(&apart.buckets).len(), MOST_CLIENTS);
    }

    proptest! {
        /// Whenever they come, no more are let through than there may be; and who waits as told is.
        #[test]
        fn no_more_than_granted(requests in 1_u32..50, span in 1_u64..4000, pauses in prop::collection::vec(0_u64..500, 1..200)) {
            let limit = Limit::new(requests, Duration::from_secs(span), false);
            let (start, mut now, mut passed) = (Instant::now(), Instant::now(), 0_u32);
            for pause in pauses {
                now += Duration::from_millis(pause);
                match limit.take(ONE, now) {
                    Ok(()) => passed += 1,
                    Err(wait) => {
                        now += wait + Duration::from_millis(1);
                        prop_assert_eq!(limit.take(ONE, now), Ok(()));
                        passed += 1;
                    }
                }
            }
            let elapsed = (now - start).as_secs_f64();
            let most = f64::from(requests) * (1.0 + elapsed / Duration::from_secs(span).as_secs_f64()) + 1e-3;
            prop_assert!(f64::from(passed) <= most, "{passed} of {most}");
        }
    }
}
