//! One watch per kind, each with its own pauses, so that a missing CRD or a lost permission stops only what needs it. A
//! watch fills the store and wakes whom that concerns; it never looks at what an event means.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::api::{Api, ApiResource, DynamicObject, PartialObjectMeta};
use kube::core::DynamicResourceScope;
use kube::runtime::watcher::{self, Event, watcher};
use serde::Serialize;
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

/// Watches one kind all over the cluster, until the future is dropped; one that is watched on demand, whenever a plan lists it.
pub async fn run(engine: Arc<Engine>, resource: &'static Resource) {
    let open = || watcher(api::<DynamicObject>(&engine, resource, ""), config(resource));
    if !resource.watch.is_on_demand() {
        return follow(&engine, resource, "", open).await;
    }
    loop {
        until_listed(&engine, resource, true).await;
        tokio::select! {
            biased; // Equal seeds give equal traces.
            () = follow(&engine, resource, "", open) => {}
            () = until_listed(&engine, resource, false) => {}
        }
        engine.store_mut().forget(resource);
        engine.watches().insert(resource, Health::default());
    }
}

/// Until some plan lists the kind, or none does.
async fn until_listed(engine: &Engine, resource: &Resource, listed: bool) {
    let demand = engine.readers().demand();
    loop {
        let changed = demand.notified();
        if engine.readers().is_listed(resource) == listed {
            return;
        }
        changed.await;
    }
}

/// Watches the metadata of one kind in one namespace, until the future is dropped.
pub async fn run_in(engine: Arc<Engine>, resource: &'static Resource, namespace: String) {
    let open = || watcher(api::<PartialObjectMeta<DynamicObject>>(&engine, resource, &namespace), config(resource));
    follow(&engine, resource, &namespace, open).await;
}

async fn follow<K, S>(engine: &Engine, resource: &'static Resource, namespace: &str, open: impl Fn() -> S)
where
    K: Serialize,
    S: Stream<Item = Result<Event<K>, watcher::Error>>,
{
    let mut pause = FIRST_PAUSE;
    let (mut told, mut lost) = (None, false);
    loop {
        let mut refused_starts = 0;
        let mut stream = std::pin::pin!(open());
        while let Some(next) = stream.next().await {
            let error = match next {
                Ok(event) => {
                    take(engine, resource, namespace, event);
                    refused_starts = 0;
                    pause = FIRST_PAUSE;
                    (told, lost) = (None, false);
                    continue;
                }
                Err(error) => error,
            };
            let after = judge(&error, &mut refused_starts);
            report(engine, resource, namespace, &error, &mut told);
            if matches!(after, After::Lose) && !lost {
                lost = true;
                engine.store_mut().lost(resource, namespace);
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

fn api<K>(engine: &Engine, resource: &'static Resource, namespace: &str) -> Api<K>
where
    K: kube::Resource<DynamicType = ApiResource, Scope = DynamicResourceScope>,
{
    let address = ApiResource {
        group: resource.group.into(),
        version: resource.version.into(),
        api_version: resource.api_version(),
        kind: resource.kind.into(),
        plural: resource.plural.into(),
    };
    if namespace.is_empty() {
        Api::all_with(engine.calls.watching(), &address)
    } else {
        Api::namespaced_with(engine.calls.watching(), namespace, &address)
    }
}

fn config(resource: &Resource) -> watcher::Config {
    let config = watcher::Config::default().timeout(WATCH_SECONDS);
    match resource.watch {
        Watch::All | Watch::OnDemand | Watch::Asked | Watch::Blind => config,
        Watch::Managed | Watch::WhereServed => config.labels(&format!("{}={}", meta::MANAGED_BY, meta::MANAGER)),
        Watch::LabelledOnDemand(label) => config.labels(label),
    }
}

fn take(engine: &Engine, resource: &'static Resource, namespace: &str, event: Event<impl Serialize>) {
    if let Some(health) = engine.watches().get_mut(resource) {
        *health = Health { error: None, last_event: Some(Instant::now()) };
    }
    match event {
        Event::Init => engine.store_mut().list_begins(resource, namespace),
        Event::InitApply(object) | Event::Apply(object) => {
            let object = plain(&object);
            let change = engine.store_mut().observe(resource, &object);
            engine.wake(&key_of(resource, &object), &change);
        }
        Event::Delete(object) => {
            let object = plain(&object);
            let key = key_of(resource, &object);
            let change = engine.store_mut().removed(&key, version_number(&object));
            engine.wake(&key, &change);
        }
        Event::InitDone => {
            let gone = engine.store_mut().list_ends(resource, namespace);
            for (key, change) in gone {
                engine.wake(&key, &change);
            }
            // Ignorance of this kind has ended, for those who looked in vain.
            if resource.watch.is_on_demand() {
                engine.queue_those_who_list(resource);
            } else {
                engine.queue_all();
            }
        }
    }
}

fn plain(object: &impl Serialize) -> Value {
    // Objects are made of maps, lists and strings, which always convert.
    let mut value = serde_json::to_value(object).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        // Some events name them and some do not.
        fields.retain(|field, _| !matches!(field.as_str(), "apiVersion" | "kind"));
    }
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

fn report(
    engine: &Engine,
    resource: &'static Resource,
    namespace: &str,
    error: &watcher::Error,
    told: &mut Option<String>,
) {
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
    if told.as_ref() == Some(&text) {
        tracing::debug!(kind = resource.kind, namespace, category, "the watch still fails");
    } else {
        tracing::warn!(kind = resource.kind, namespace, category, error = %text, "the watch fails; what needs this kind waits");
    }
    if let Some(health) = engine.watches().get_mut(resource) {
        health.error = Some(text.clone());
    }
    *told = Some(text);
}
