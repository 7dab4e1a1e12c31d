//! An agent that reads its bindings and uses all of them when it is asked: each model, each MCP server, each peer. Tells what
//! each answered, and which did not.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use http::Method;
use serde_json::{Value, json};

use crate::ask::ask;
use crate::serve::{json, serve};

/// An agent that uses all that it is bound to.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// Its bindings; read anew each time.
    #[arg(long, default_value = "/etc/tenantry/bindings.json")]
    bindings: PathBuf,
    /// Its name.
    #[arg(long, env = "AGENT_NAME", default_value = "agent")]
    name: String,
    /// URL that its card names.
    #[arg(long, env = "AGENT_URL", default_value = "http://localhost:8080/")]
    url: String,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), String> {
    let listen = arguments.listen;
    let router = Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/.well-known/agent-card.json", get(card))
        .route("/ask", get(answer))
        .route("/", post(message))
        .with_state(Arc::new(arguments));
    serve(listen, router).await
}

async fn card(State(own): State<Arc<Arguments>>) -> Response {
    json(
        200,
        &json!({
            "name": own.name, "description": "Uses all that it is bound to.", "version": env!("CARGO_PKG_VERSION"),
            "supportedInterfaces": [{ "url": own.url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0" }],
            "capabilities": {}, "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
            "skills": [{ "id": "ask", "name": "Ask", "description": "Asks everybody.", "tags": ["test"] }],
        }),
    )
}

/// A2A: what is said is asked.
async fn message(State(own): State<Arc<Arguments>>, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let id = &body["id"];
    if body["method"] != "SendMessage" {
        let error = json!({ "code": -32601, "message": "there is only SendMessage" });
        return json(200, &json!({ "jsonrpc": "2.0", "id": id, "error": error }));
    }
    // Not its peers, which may ask it in turn.
    let text = everything(&own, false).await.to_string();
    let message = json!({ "messageId": "answer", "role": "ROLE_AGENT", "parts": [{ "text": text }] });
    json(200, &json!({ "jsonrpc": "2.0", "id": id, "result": { "message": message } }))
}

async fn answer(State(own): State<Arc<Arguments>>) -> Response {
    json(200, &everything(&own, true).await)
}

async fn everything(own: &Arguments, with_peers: bool) -> Value {
    let read = std::fs::read(&own.bindings).map_err(|error| error.to_string());
    let bindings = read.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).map_err(|error| error.to_string()));
    let bindings = match bindings {
        Ok(bindings) => bindings,
        Err(error) => return json!({ "error": format!("reading {}: {error}", own.bindings.display()) }),
    };
    let (mut models, mut tools, mut peers) = (json!({}), json!({}), json!({}));
    for model in list(&bindings["models"]) {
        models[name(model)] = shown(chat(model).await);
    }
    for tool in list(&bindings["tools"]) {
        tools[name(tool)] = shown(call(tool).await);
    }
    for peer in list(&bindings["peers"]).filter(|_| with_peers) {
        peers[name(peer)] = shown(say(peer).await);
    }
    json!({ "agent": own.name, "models": models, "tools": tools, "peers": peers })
}

fn list(entries: &Value) -> impl Iterator<Item = &Value> {
    entries.as_array().into_iter().flatten()
}

fn name(entry: &Value) -> &str {
    entry["name"].as_str().unwrap_or_default()
}

fn url(entry: &Value) -> &str {
    entry["url"].as_str().unwrap_or_default().trim_end_matches('/')
}

fn shown(answer: Result<Value, String>) -> Value {
    answer.map_or_else(|error| json!({ "error": error }), |answer| json!({ "answer": answer }))
}

async fn chat(model: &Value) -> Result<Value, String> {
    let base = url(model);
    let base = if base.ends_with("/v1") { base.to_owned() } else { format!("{base}/v1") };
    let body = json!({ "model": model["model"], "messages": [{ "role": "user", "content": "Who are you?" }] });
    let answer = ask(Method::POST, &format!("{base}/chat/completions"), &[], Some(&body)).await?;
    found(&answer, "/choices/0/message/content")
}

/// The first tool that it may call, without arguments.
async fn call(tool: &Value) -> Result<Value, String> {
    let name = tool["toolNames"][0].as_str().unwrap_or("whoami");
    let params = json!({ "name": name, "arguments": {}, "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "agent", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    } });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let headers = [
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", name),
    ];
    let answer = ask(Method::POST, url(tool), &headers, Some(&body)).await?;
    found(&answer, "/result/content/0/text")
}

async fn say(peer: &Value) -> Result<Value, String> {
    let message = json!({ "messageId": "1", "role": "ROLE_USER", "parts": [{ "text": "Who are you?" }] });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": { "message": message } });
    let answer = ask(Method::POST, &format!("{}/", url(peer)), &[], Some(&body)).await?;
    found(&answer, "/result/message/parts/0/text")
}

fn found((status, body): &(u16, Value), pointer: &str) -> Result<Value, String> {
    match body.pointer(pointer) {
        Some(value) if *status == 200 => Ok(value.clone()),
        _ => Err(format!("it was answered by HTTP {status}: {body}")),
    }
}
