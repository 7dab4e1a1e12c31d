//! An MCP server of the era without sessions, with tools that say who was asked. Keeps the rules that the verifier looks at.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::serve::{json, serve};

const REVISION: &str = "2026-07-28";

/// An MCP server whose tools say who was asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where to listen; the endpoint is /mcp.
    #[arg(long, default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// Its name.
    #[arg(long, env = "SERVER_NAME", default_value = "mcp-server")]
    name: String,
    /// Its tools.
    #[arg(long, env = "SERVER_TOOLS", value_delimiter = ',', default_value = "whoami")]
    tools: Vec<String>,
    /// What is said of each tool.
    #[arg(long, env = "SERVER_DESCRIPTION", default_value = "Says who was asked.")]
    description: String,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), String> {
    let listen = arguments.listen;
    let router =
        Router::new().route("/healthz", get(async || "ok")).route("/mcp", post(answer)).with_state(Arc::new(arguments));
    serve(listen, router).await
}

async fn answer(State(own): State<Arc<Arguments>>, headers: HeaderMap, body: Bytes) -> Response {
    if headers.contains_key("origin") {
        return StatusCode::FORBIDDEN.into_response();
    }
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (id, method) = (&message["id"], message["method"].as_str().unwrap_or_default());
    match fault(&headers, &message) {
        Some((code, words)) => error(StatusCode::BAD_REQUEST, id, code, words),
        None if id.is_null() => StatusCode::ACCEPTED.into_response(),
        None => reply(&own, id, method, &message["params"]),
    }
}

fn fault(headers: &HeaderMap, message: &Value) -> Option<(i64, &'static str)> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let meta = &message["params"]["_meta"];
    let version = meta["io.modelcontextprotocol/protocolVersion"].as_str();
    let named = message["params"]["name"].as_str();
    match () {
        () if !message["method"].is_string() => Some((-32600, "not a single request or notification")),
        () if version.is_none() => Some((-32602, "no protocol version in _meta")),
        () if header("mcp-protocol-version") != version => Some((-32020, "MCP-Protocol-Version is not the body's")),
        () if version != Some(REVISION) => Some((-32022, "unsupported protocol version")),
        () if header("mcp-method") != message["method"].as_str() => Some((-32020, "Mcp-Method is not the body's")),
        () if message["method"] == "tools/call" && header("mcp-name") != named => {
            Some((-32020, "Mcp-Name is not the body's"))
        }
        () => None,
    }
}

fn reply(own: &Arguments, id: &Value, method: &str, params: &Value) -> Response {
    match method {
        "server/discover" => {
            result(own, id, json!({ "supportedVersions": [REVISION], "capabilities": { "tools": {} } }))
        }
        "tools/list" if params["cursor"].is_string() => error(StatusCode::OK, id, -32602, "no such cursor"),
        "tools/list" => {
            let schema = json!({ "type": "object", "properties": {} });
            let tools = own
                .tools
                .iter()
                .map(|name| json!({ "name": name, "description": own.description, "inputSchema": schema }));
            result(own, id, json!({ "tools": tools.collect::<Vec<_>>() }))
        }
        "tools/call" => match own.tools.iter().find(|name| params["name"] == name.as_str()) {
            None => error(StatusCode::OK, id, -32602, "no such tool"),
            Some(name) => {
                let text = format!("{} of {}", name, own.name);
                result(own, id, json!({ "content": [{ "type": "text", "text": text }], "isError": false }))
            }
        },
        _ => error(StatusCode::NOT_FOUND, id, -32601, "no such method"),
    }
}

fn result(own: &Arguments, id: &Value, mut result: Value) -> Response {
    result["resultType"] = "complete".into();
    result["ttlMs"] = 0.into();
    result["cacheScope"] = "public".into();
    let info = json!({ "name": own.name, "version": env!("CARGO_PKG_VERSION") });
    result["_meta"] = json!({ "io.modelcontextprotocol/serverInfo": info });
    json(200, &json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

fn error(status: StatusCode, id: &Value, code: i64, message: &str) -> Response {
    let mut error = json!({ "code": code, "message": message });
    if code == -32022 {
        error["data"] = json!({ "supported": [REVISION] });
    }
    json(status.as_u16(), &json!({ "jsonrpc": "2.0", "id": id, "error": error }))
}
