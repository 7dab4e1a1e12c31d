//! Somebody unconcerned: writes to a namespace of no tenant all the while, and counts what fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kube::Client;
use serde_json::json;
use tenantry_e2e::objects;
use tokio::task::JoinHandle;

/// What has become of the writes so far.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    done: AtomicU32,
    failed: AtomicU32,
}

impl Tally {
    /// How many were done.
    pub fn done(&self) -> u32 {
        self.0.done.load(Ordering::Relaxed)
    }

    /// The same words for every number of writes but none.
    pub fn words(&self) -> String {
        match (self.done(), self.0.failed.load(Ordering::Relaxed)) {
            (0, _) => "no write was done".to_owned(),
            (_, 0) => "every write was done".to_owned(),
            (done, failed) => format!("{failed} writes failed, {done} were done"),
        }
    }
}

/// Writes until it is aborted.
pub fn start(client: Client, namespace: String) -> (Tally, JoinHandle<()>) {
    let tally = Tally::default();
    let counts = tally.0.clone();
    let task = tokio::spawn(async move {
        for number in 0_u64.. {
            let object = json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "unconcerned", "namespace": namespace },
                "data": { "number": number.to_string() },
            });
            let counter = if objects::apply(&client, &object).await.is_ok() { &counts.done } else { &counts.failed };
            counter.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    (tally, task)
}
