//! Answers whatever is asked with who it is and what it was asked, so that whoever asks through others sees whom they led to, and how.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::json;

use crate::serve::{json, serve};

/// Answers everything with who it is and what it was asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// Namespace of its pod.
    #[arg(long, env = "POD_NAMESPACE", default_value = "")]
    namespace: String,
    /// Name of its pod.
    #[arg(long, env = "POD_NAME", default_value = "")]
    pod: String,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), String> {
    let listen = arguments.listen;
    serve(listen, Router::new().fallback(answer).with_state(Arc::new(arguments))).await
}

/// In the words of what stands for pods that do not run (`tenantry_e2e::gateway::PodServer`).
async fn answer(State(own): State<Arc<Arguments>>, request: Request) -> Response {
    let host = request.headers().get("host").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let said = json!({
        "backend": format!("{}/{}", own.namespace, own.pod), "method": request.method().as_str(),
        "path": request.uri().path(), "query": request.uri().query().unwrap_or_default(), "host": host,
    });
    json(200, &said)
}
