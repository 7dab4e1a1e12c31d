//! The HTTP side: what every request must be before either era looks at it.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

use crate::message::{INVALID_REQUEST, LEGACY, MODERN, RpcError, error};
use crate::options::Options;
use crate::pool::Pool;
use crate::{legacy, modern};

pub(crate) fn router(pool: Arc<Pool>, options: &Options) -> Router {
    Router::new().route(&options.path, any(endpoint)).route("/healthz", get(health)).with_state(pool)
}

/// Whether the server can be started and opened.
async fn health(State(pool): State<Arc<Pool>>) -> Response {
    match pool.shared().await {
        Ok(_) => StatusCode::OK.into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

/// A header's text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

async fn endpoint(State(pool): State<Arc<Pool>>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    // Browsers are let in by name only: any page could ask otherwise.
    if let Some(origin) = head.headers.get("origin") {
        let is_allowed = pool.options.origins.iter().any(|allowed| origin == allowed.as_str());
        if !is_allowed {
            return StatusCode::FORBIDDEN.into_response();
        }
    }
    match head.method {
        Method::POST => {}
        Method::DELETE => return legacy::delete(&pool, &head.headers),
        // The server's messages of its own are not forwarded, so there is no stream for them.
        _ => return (StatusCode::METHOD_NOT_ALLOWED, [("allow", "POST, DELETE")]).into_response(),
    }
    let Ok(bytes) = to_bytes(body, pool.options.max_message()).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let refused = |words: &str| error(StatusCode::BAD_REQUEST, &Value::Null, &RpcError::new(INVALID_REQUEST, words));
    let Ok(message) = serde_json::from_slice::<Value>(&bytes) else { return refused("the body is not JSON") };
    if message["jsonrpc"] != "2.0" || !message["method"].is_string() {
        return refused("the body must be a single JSON-RPC request or notification");
    }
    if !matches!(message.get("id"), None | Some(Value::String(_) | Value::Number(_))) {
        return refused("the id must be a string or a number");
    }
    match text(&head.headers, "mcp-protocol-version") {
        _ if message["method"] == "initialize" => legacy::initialize(&pool, &message).await,
        Some(version) if LEGACY.contains(&version) => legacy::message(&pool, &head.headers, message).await,
        None if !message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"].is_string() => {
            legacy::message(&pool, &head.headers, message).await
        }
        version => modern::message(&pool, &head.headers, version == Some(MODERN), message).await,
    }
}
