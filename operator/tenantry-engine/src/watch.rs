//! One watch per kind, each with its own pauses, so that a missing CRD or a lost permission stops only what needs it. A
//! watch fills the store and wakes whom that concerns; it never looks at what an event means.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::runtime::watcher::{self, Event, watcher};
use serde_json::Value;
use tenantry_core::meta;
use tenantry_core::resources::{Resource, Watch};
use tokio::time::{Instant, sleep};

use crate::calls::version_number;
use crate::engine::Engine;
use crate::error::chain;
use crate::store::key_of;

/// The server ends a watch after this long; load balancers drop silent ones at 240 s.
const WATCH_SECONDS: u32 = 200;
const FIRST_PAUSE: Duration = Duration::from_millis(800);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// kube's watcher keeps a version for ever that the server refuses at the start of a watch; after so many tries we start anew.
const REFUSED_STARTS: u32 = 3;

/// How a watch is doing.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// What it last failed with, until it brings something again.
    pub error: Option<String>,
    /// When it last brought anything.
    pub last_event: Option<Instant>,
}

/// What to do after an error.
enum After {
    /// Poll the same watch again: it goes on where it was.
    Continue,
    /// Start anew with a list: what it knows is worth nothing.
    Restart,
    /// The same, and nothing is known of the kind any more.
    Lose,
}

/// Watches one kind until the future is dropped; one that is watched on demand, whenever a plan lists it.
pub async fn run(engine: Arc<Engine>, resource: &'static Resource) {
    if resource.watch != Watch::OnDemand {
        return keep_watching(&engine, resource).await;
    }
    let mut demand = engine.readers().demand();
    while demand.wait_for(|wanted| wanted.contains(resource)).await.is_ok() {
        tokio::select! {
            () = keep_watching(&engine, resource) => {}
            _ = demand.wait_for(|wanted| !wanted.contains(resource)) => {}
        }
        engine.store_mut().forget(resource);
        engine.watches().insert(resource, Health::default());
    }
}

async fn keep_watching(engine: &Arc<Engine>, resource: &'static Resource) {
    let mut pause = FIRST_PAUSE;
    loop {
        let mut refused_starts = 0;
        let mut stream = std::pin::pin!(watcher(api(engine, resource), config(resource)));
        while let Some(next) = stream.next().await {
            let error = match next {
                Ok(event) => {
                    take(engine, resource, event);
                    refused_starts = 0;
                    pause = FIRST_PAUSE;
                    continue;
                }
                Err(error) => error,
            };
            let after = judge(&error, &mut refused_starts);
            report(engine, resource, &error);
            if matches!(after, After::Lose) {
                engine.store_mut().lost(resource);
                // Whoever waits for this kind is told that it will not come soon.
                engine.queue_all();
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            if !matches!(after, After::Continue) {
                break;
            }
        }
    }
}

fn api(engine: &Engine, resource: &'static Resource) -> Api<DynamicObject> {
    let address = ApiResource {
        group: resource.group.into(),
        version: resource.version.into(),
        api_version: resource.api_version(),
        kind: resource.kind.into(),
        plural: resource.plural.into(),
    };
    Api::all_with(engine.calls.watching(), &address)
}

fn config(resource: &Resource) -> watcher::Config {
    let config = watcher::Config::default().timeout(WATCH_SECONDS);
    match resource.watch {
        Watch::All | Watch::OnDemand => config,
        Watch::Managed => config.labels(&format!("{}={}", meta::MANAGED_BY, meta::MANAGER)),
    }
}

fn take(engine: &Engine, resource: &'static Resource, event: Event<DynamicObject>) {
    if let Some(health) = engine.watches().get_mut(resource) {
        *health = Health { error: None, last_event: Some(Instant::now()) };
    }
    match event {
        Event::Init => engine.store_mut().list_begins(resource),
        Event::InitApply(object) | Event::Apply(object) => {
            let object = plain(object);
            let change = engine.store_mut().observe(resource, &object);
            engine.wake(&key_of(resource, &object), &change);
        }
        Event::Delete(object) => {
            let object = plain(object);
            let key = key_of(resource, &object);
            let change = engine.store_mut().removed(&key, version_number(&object));
            engine.wake(&key, &change);
        }
        Event::InitDone => {
            let gone = engine.store_mut().list_ends(resource);
            for (key, change) in gone {
                engine.wake(&key, &change);
            }
            // Ignorance of this kind has ended, for those who looked in vain.
            engine.queue_all();
        }
    }
}

fn plain(object: DynamicObject) -> Value {
    let mut value = object.data;
    // Metadata is made of maps, lists and strings, which always convert.
    value["metadata"] = serde_json::to_value(object.metadata).unwrap_or_default();
    value
}

fn judge(error: &watcher::Error, refused_starts: &mut u32) -> After {
    let (watcher::Error::InitialListFailed(kube::Error::Api(status))
    | watcher::Error::WatchStartFailed(kube::Error::Api(status))) = error
    else {
        return After::Continue;
    };
    match status.code {
        401 | 403 | 404 => After::Lose,
        410 | 504 => {
            *refused_starts += 1;
            if *refused_starts >= REFUSED_STARTS { After::Restart } else { After::Continue }
        }
        _ => After::Continue,
    }
}

fn report(engine: &Engine, resource: &'static Resource, error: &watcher::Error) {
    let (category, text) = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => {
            // The server's own words; kube prints the whole status after them.
            let words = status.message.trim_end();
            match status.code {
                403 => ("forbidden", format!("{words}; give the operator its ClusterRole (tenantry install, or the chart)")),
                404 => ("not_served", "the API server does not know it; install the CRDs (tenantry crds | kubectl apply --server-side -f -)".to_owned()),
                410 | 504 => ("expired", words.to_owned()),
                code => ("server", format!("{code} {words}")),
            }
        }
        watcher::Error::WatchError(_) => ("server", chain(error)),
        _ => ("connection", chain(error)),
    };
    engine.metrics.watch_error(resource.kind, category);
    let mut watches = engine.watches();
    let Some(health) = watches.get_mut(resource) else { return };
    if health.error.as_ref() == Some(&text) {
        tracing::debug!(kind = resource.kind, category, "the watch still fails");
    } else {
        tracing::warn!(kind = resource.kind, category, error = %text, "the watch fails; what needs this kind waits");
    }
    health.error = Some(text);
}
