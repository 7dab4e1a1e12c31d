//! `/healthz`, `/readyz` and `/metrics`. Ready means reconciling: every watch it needs has synced and the queue moves.
//! `/readyz` names what it waits for.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tenantry_core::resources::Resource;
use tokio::net::TcpListener;

use crate::engine::Engine;
use crate::queue::Lane;

/// An edit that waits longer than this means that nobody works on the queue.
const STUCK: Duration = Duration::from_mins(1);

/// Serves until the future is dropped.
pub async fn serve(engine: Arc<Engine>, listener: TcpListener) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(engine);
    axum::serve(listener, routes).await
}

/// What keeps this process from reconciling, one line each; empty when it does.
pub fn waits(engine: &Engine) -> Vec<String> {
    let store = engine.store();
    let mut waits: Vec<String> = engine
        .watches()
        .iter()
        .filter(|(resource, health)| {
            !store.is_synced(resource) && (is_always_watched(resource) || health.error.is_some())
        })
        .map(|(resource, health)| {
            let why = health.error.as_deref().unwrap_or("not listed yet");
            format!("{}: {why}", resource.plural)
        })
        .collect();
    let (waiting, oldest) = engine.queue.depth(Lane::Edit);
    if engine.leadership.holds() && oldest > STUCK {
        waits.push(format!("the queue does not move: {waiting} edits wait, the oldest for {} s", oldest.as_secs()));
    }
    waits
}

/// Whether readiness waits for it; what is watched on demand is waited for by whoever demands it.
fn is_always_watched(resource: &Resource) -> bool {
    !resource.watch.is_on_demand()
}

async fn readyz(State(engine): State<Arc<Engine>>) -> (StatusCode, String) {
    let waits = waits(&engine);
    if !waits.is_empty() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for:\n{}\n", waits.join("\n")));
    }
    let text = if engine.leadership.holds() {
        "reconciling\n".to_owned()
    } else {
        format!("standing by; the leader is {:?}\n", engine.leadership.holder())
    };
    (StatusCode::OK, text)
}

async fn metrics(State(engine): State<Arc<Engine>>) -> (StatusCode, String) {
    for lane in [Lane::Edit, Lane::Backlog] {
        let (depth, oldest) = engine.queue.depth(lane);
        engine.metrics.queue(lane.name(), depth, oldest);
    }
    {
        let store = engine.store();
        let watches = engine.watches();
        for (resource, health) in watches.iter().filter(|(resource, _)| is_always_watched(resource)) {
            let age = health.last_event.map(|at| at.elapsed()).unwrap_or_default();
            engine.metrics.watch(resource.kind, store.is_synced(resource), age);
        }
    }
    match engine.metrics.render() {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}
