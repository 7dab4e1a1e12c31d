//! Requests at a steady rate while what is behind them changes: none fails. And how long a change takes to be served.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use kube::api::{DeleteParams, WatchEvent, WatchParams};
use serde_json::{Value, json};
use tenantry_e2e::{eventually, objects};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::scene::{Scene, route, to_shop};
use crate::program::Operator;
use crate::stage::SOON;

/// Changes of the backend that are timed.
const ROUNDS: usize = 40;

pub async fn nothing_fails_while_things_change(scene: &mut Scene) {
    for name in ["before", "after"] {
        scene.application("acme-dev", name, 2).await;
    }
    let called = |route_name: &str, name: &str| {
        let spec =
            json!({ "backend": { "applicationRef": { "name": name } }, "api": { "name": "STEADY", "version": "v1" } });
        route("acme-dev", route_name, spec)
    };
    let leads_to = |name: &str| called("steady", name);
    scene.apply(&leads_to("before")).await;
    scene.ready("acme-dev", "steady").await;
    scene.until("dev", "/api/v1/STEADY/", "answers", |answer| answer.status == 200).await;

    let (ended, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let load = {
        let (caller, ended, asked) = (scene.gateway("dev").caller(), ended.clone(), asked.clone());
        tokio::spawn(async move {
            let mut failed = Vec::new();
            let mut pace = interval(Duration::from_millis(5));
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while !ended.load(Ordering::Relaxed) || asked.load(Ordering::Relaxed) < 1000 {
                pace.tick().await;
                match caller.get("infra-proxy", "/api/v1/STEADY/").await {
                    Ok(answer) if answer.status == 200 => {}
                    Ok(answer) => failed.push(format!("{} {}", answer.status, answer.text())),
                    Err(error) => failed.push(error.to_string()),
                }
                asked.fetch_add(1, Ordering::Relaxed);
            }
            failed
        })
    };
    let (mut served, mut written) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let name = if round % 2 == 0 { "after" } else { "before" };
        let sees = written_for(scene, &format!("{name}-app")).await;
        let began = Instant::now();
        scene.apply(&leads_to(name)).await;
        scene
            .until("dev", "/api/v1/STEADY/", "leads there", |answer| {
                answer.backend().starts_with(&format!("acme-dev/{name}-app-"))
            })
            .await;
        served.push(began.elapsed());
        written.push(sees.await.expect("it runs").duration_since(began));
    }
    // Shares shift.
    for weight in [10, 50, 90] {
        let mut shared = leads_to("before");
        shared["spec"]["variants"] =
            json!([{ "name": "after", "weight": weight, "backend": { "applicationRef": { "name": "after" } } }]);
        scene.apply(&shared).await;
        scene.ready("acme-dev", "steady").await;
    }
    scene.apply(&leads_to("after")).await;
    scene.ready("acme-dev", "steady").await;
    // It is renamed and back, in both ways of deleting: in one, the server would take first what it consists of.
    for how in [DeleteParams::background(), DeleteParams::foreground()] {
        for (from, to) in [("steady", "renamed"), ("renamed", "steady")] {
            renamed(scene, from, &called(to, "after"), &how).await;
        }
    }
    // The operator dies and comes back.
    if let Some(operator) = scene.operator.take() {
        operator.kill();
    }
    scene.operator = Some(Operator::start(&scene.cluster).await);
    // What came while it was away is done.
    scene.apply(&to_shop("acme-dev", "later", "LATER")).await;
    scene.ready("acme-dev", "later").await;
    ended.store(true, Ordering::Relaxed);
    let failed = load.await.expect("it runs");
    assert!(
        failed.is_empty(),
        "{} of {} failed: {:?}",
        failed.len(),
        asked.load(Ordering::Relaxed),
        &failed[..failed.len().min(5)]
    );
    println!("{} requests, none failed", asked.load(Ordering::Relaxed));
    println!("a change of the backend was served after {} (Traefik waits up to 100 ms)", told(served));
    println!("and its HTTPRoute was written after {}: the operator's part", told(written));
}

/// The median and the last but one of these times, and both ends.
fn told(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1].as_secs_f64() * 1e3;
    format!(
        "{:.0} ms at p50 and {:.0} ms at p99 of {} ({:.0} to {:.0} ms)",
        at(50),
        at(99),
        times.len(),
        at(0),
        at(100)
    )
}

/// When the route's HTTPRoute is seen to lead to this Service, as a watch tells that is opened before anything changes.
async fn written_for(scene: &Scene, service: &str) -> JoinHandle<Instant> {
    let version = "gateway.networking.k8s.io/v1";
    let routes = objects::collection_of(&scene.client, version, "HTTPRoute", Some("acme-dev"));
    let now = routes.get("steady-route").await.expect("is there");
    let from = now.metadata.resource_version.expect("has one");
    let only = WatchParams::default().fields("metadata.name=steady-route");
    let events = routes.watch(&only, &from).await.expect("watches");
    let service = service.to_owned();
    tokio::spawn(async move {
        let mut events = pin!(events);
        while let Some(event) = events.next().await {
            if let WatchEvent::Modified(route) = event.expect("an event")
                && route.data["spec"]["rules"][0]["backendRefs"][0]["name"] == service.as_str()
            {
                return Instant::now();
            }
        }
        panic!("the watch has ended");
    })
}

/// The new one is there first, as whoever applies a folder does it; it waits, and the old one is deleted.
async fn renamed(scene: &Scene, from: &str, to: &Value, how: &DeleteParams) {
    scene.apply(to).await;
    let made = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": { "namespace": "acme-dev", "name": format!("{from}-route") },
    });
    let made = objects::collection(&scene.client, &made);
    eventually(SOON, "what it consists of would outlive it", async || {
        let found = made.get(&format!("{from}-route")).await.map_err(|error| error.to_string())?;
        if found.metadata.owner_references.is_none() { Ok(()) } else { Err("it is tied to it".to_owned()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    let old = route("acme-dev", from, json!({}));
    let routes = objects::collection(&scene.client, &old);
    routes.delete(from, how).await.expect("deleted");
    scene.ready("acme-dev", objects::name(to)).await;
    eventually(SOON, "the old one is gone, and all of it", async || {
        let left = (routes.get_opt(from).await, made.get_opt(&format!("{from}-route")).await);
        if matches!(left, (Ok(None), Ok(None))) { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}
