//! Asks one URL for some time, by so many at once, and says how that went, as JSON on stdout.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};

use crate::ask::ask;

/// Asks one URL for some time.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What to ask.
    url: String,
    /// JSON to send; without it, the URL is fetched.
    #[arg(long, value_parser = json_text)]
    body: Option<Value>,
    /// How many at once.
    #[arg(long, default_value = "4")]
    at_once: u32,
    /// For how many seconds.
    #[arg(long, default_value = "10")]
    seconds: u64,
}

/// By name: clap would take the text for a JSON string.
fn json_text(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text)
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), String> {
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    let done = futures::future::join_all((0..arguments.at_once).map(|_| one(&arguments, end))).await;
    let (mut times, mut failures, mut last) = (Vec::new(), 0_u64, None);
    for (taken, failed, error) in done {
        times.extend(taken);
        failures += failed;
        last = error.or(last);
    }
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).map(|time| time.as_secs_f64() * 1000.0);
    println!(
        "{}",
        json!({ "answered": times.len(), "failed": failures, "p50Ms": at(50), "p99Ms": at(99), "lastError": last })
    );
    Ok(())
}

async fn one(arguments: &Arguments, end: Instant) -> (Vec<Duration>, u64, Option<String>) {
    let (mut times, mut failures, mut last) = (Vec::new(), 0, None);
    let method = if arguments.body.is_some() { Method::POST } else { Method::GET };
    while Instant::now() < end {
        let started = Instant::now();
        match ask(method.clone(), &arguments.url, &[], arguments.body.as_ref()).await {
            Ok((200..=299, _)) => times.push(started.elapsed()),
            Ok((status, _)) => (failures, last) = (failures + 1, Some(format!("HTTP {status}"))),
            Err(error) => (failures, last) = (failures + 1, Some(error)),
        }
        // A refused connection takes no time: others must have their turn.
        tokio::task::yield_now().await;
    }
    (times, failures, last)
}
