//! A model server of OpenAI's form that says what it is. It can be made to work hard, for autoscalers, and to take its time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::serve::{json, serve};

/// A model server of OpenAI's form.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where to listen; given more than once, at all of them.
    #[arg(long, default_value = "0.0.0.0:8080")]
    listen: Vec<SocketAddr>,
    /// Name of the model.
    #[arg(long, alias = "served-model-name", env = "MODEL_NAME", default_value = "model")]
    name: String,
    /// Where its weights are. Nothing is loaded: others that serve models are told so.
    #[arg(long)]
    model: Option<String>,
    /// Processor time of each completion in milliseconds.
    #[arg(long, env = "MODEL_WORK", default_value = "0")]
    work: u64,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), String> {
    if let Some(model) = &arguments.model {
        println!("serving as if {model} were loaded");
    }
    let listen = arguments.listen.clone();
    let router = Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/v1/models", get(models))
        .route("/v1/chat/completions", post(complete))
        .with_state(Arc::new(arguments));
    let mut servers: JoinSet<_> = listen.into_iter().map(|address| serve(address, router.clone())).collect();
    while let Some(ended) = servers.join_next().await {
        ended.map_err(|error| error.to_string())??;
    }
    Ok(())
}

async fn models(State(own): State<Arc<Arguments>>) -> Response {
    let model = json!({ "id": own.name, "object": "model", "created": 0, "owned_by": "test" });
    json(200, &json!({ "object": "list", "data": [model] }))
}

async fn complete(State(own): State<Arc<Arguments>>, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    if asked["model"] != own.name.as_str() {
        let message = format!("there is no model {}", asked["model"]);
        return json(404, &json!({ "error": { "message": message, "type": "invalid_request_error" } }));
    }
    let work = Duration::from_millis(own.work);
    // On a thread of its own, so that a busy model still answers its probes.
    let worked = tokio::task::spawn_blocking(move || {
        let started = Instant::now();
        let mut sum = 0_u64;
        while started.elapsed() < work {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
        }
    });
    if worked.await.is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let said = asked["messages"].as_array().and_then(|messages| messages.last());
    let said = said.and_then(|message| message["content"].as_str()).unwrap_or_default();
    let message = json!({ "role": "assistant", "content": format!("{}: {said}", own.name) });
    let usage = json!({ "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 });
    let answer = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": own.name, "usage": usage,
        "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
    });
    json(200, &answer)
}
