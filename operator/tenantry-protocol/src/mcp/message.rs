//! JSON-RPC messages of MCP: those we send, and what a server's answers are taken for. Judges form, not meaning.

use http::Method;
use serde_json::{Value, json};

use super::checks::{self, Check};
use super::{LEGACY, MODERN};
use crate::check::quote;
use crate::events::Until;
use crate::json;
use crate::wire::{Answer, Ask, Body, Patience, Place};

/// How we introduce ourselves.
fn client() -> Value {
    json!({ "name": "tenantry", "version": env!("CARGO_PKG_VERSION") })
}

/// `_meta` of a modern request.
pub(super) fn meta(version: &str) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": client(),
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// A request without sessions, with the headers that belong to it.
pub(super) fn modern(method: &str, mut params: Value) -> Ask {
    params["_meta"] = meta(MODERN);
    let name = params["name"].as_str().or(params["uri"].as_str()).map(str::to_owned);
    let ask = post(&json!({ "jsonrpc": "2.0", "id": id(), "method": method, "params": params }))
        .header("mcp-protocol-version", MODERN)
        .header("mcp-method", method);
    match name {
        Some(name) => ask.header("mcp-name", name),
        None => ask,
    }
}

/// A request of the legacy era, before or in a session.
pub(super) fn legacy(method: &str, params: Option<Value>) -> Ask {
    let mut body = json!({ "jsonrpc": "2.0", "id": id(), "method": method });
    if let Some(params) = params {
        body["params"] = params;
    }
    post(&body)
}

/// `initialize` that asks for this revision.
pub(super) fn initialize(version: &str) -> Ask {
    legacy("initialize", Some(json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": client() })))
}

/// A message that wants no response.
pub(super) fn notification(method: &str, params: Option<Value>) -> Ask {
    let mut body = json!({ "jsonrpc": "2.0", "method": method });
    if let Some(params) = params {
        body["params"] = params;
    }
    post(&body)
}

/// Any body.
pub(super) fn post(body: &Value) -> Ask {
    Ask {
        method: Method::POST,
        place: Place::Target,
        headers: vec![
            ("content-type", "application/json".into()),
            ("accept", "application/json, text/event-stream".into()),
        ],
        body: Some(body.to_string()),
        until: Until::Response,
        patience: Patience::Whole,
    }
}

/// `GET` or `DELETE` of the endpoint; only the head of the answer counts.
pub(super) fn bare(method: Method) -> Ask {
    Ask { method, until: Until::Head, body: None, ..Ask::get(Place::Target) }.header("accept", "text/event-stream")
}

/// The id of every request of ours: each has a connection of its own.
fn id() -> Value {
    Value::from("tenantry-1")
}

/// What a response says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    Result(Value),
    Error { code: i64, message: String, data: Value },
}

impl Reply {
    /// As part of a sentence.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Result(_) => "a result".into(),
            Self::Error { code, message, .. } => format!("error {code} {}", quote(message)),
        }
    }

    /// The code, if it is an error.
    pub(super) fn code(&self) -> Option<i64> {
        match self {
            Self::Result(_) => None,
            Self::Error { code, .. } => Some(*code),
        }
    }
}

/// An answer that breaks the form: which rule, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form(pub(super) &'static Check);

/// A broken form.
pub(super) type Fault = (Form, String);

fn fault<T>(check: &'static Check, message: impl Into<String>) -> Result<T, Fault> {
    Err((Form(check), message.into()))
}

/// Reads an answer to a request as the one response it must be.
pub(super) fn reply(answer: &Answer) -> Result<Reply, Fault> {
    read(&response(answer)?)
}

fn response(answer: &Answer) -> Result<Value, Fault> {
    let parse = |bytes: &[u8]| json::parse(bytes).or_else(|wrong| fault(&checks::FORM, wrong.to_string()));
    let kind = answer.content_type();
    match &answer.body {
        Body::Whole(bytes) if kind == "application/json" => parse(bytes),
        Body::Whole(_) => fault(
            &checks::CONTENT_TYPE,
            if kind.is_empty() {
                "there is no content type".to_owned()
            } else {
                format!("the content type is {}", quote(&kind))
            },
        ),
        Body::Events(events) => {
            // Last, if any: reading stops with it.
            let Some(last) = events.last() else { return fault(&checks::FORM, "the stream ended without a response") };
            let message = parse(&last.data)?;
            if message.get("method").is_some() {
                return fault(&checks::FORM, "the stream ended without a response");
            }
            Ok(message)
        }
        Body::Unread => fault(&checks::FORM, "the answer was not read"),
    }
}

fn read(message: &Value) -> Result<Reply, Fault> {
    if message.is_array() {
        return fault(&checks::FORM, "the answer is a batch: one request gets one response");
    }
    if message["jsonrpc"] != "2.0" {
        return fault(&checks::FORM, "the answer is not JSON-RPC 2.0");
    }
    let error = &message["error"];
    match (message.get("result"), error.is_object()) {
        (Some(_), true) => fault(&checks::FORM, "the response has a result and an error"),
        (None, false) => fault(&checks::FORM, "the response has neither result nor error"),
        (Some(result), false) => {
            if message["id"] != id() {
                return fault(
                    &checks::ID,
                    format!("the id is {} where {} was asked", quote(&message["id"].to_string()), id()),
                );
            }
            if !result.is_object() {
                return fault(&checks::FORM, "the result is not an object");
            }
            Ok(Reply::Result(result.clone()))
        }
        (None, true) => {
            // Absent or null where the request could not be read.
            if !(message["id"].is_null() || message["id"] == id()) {
                return fault(
                    &checks::ID,
                    format!("the id is {} where {} was asked", quote(&message["id"].to_string()), id()),
                );
            }
            let Some(code) = error["code"].as_i64() else { return fault(&checks::FORM, "the error has no code") };
            let message = error["message"].as_str().unwrap_or_default().to_owned();
            Ok(Reply::Error { code, message, data: error["data"].clone() })
        }
    }
}

/// Version header of a request in a session.
pub(super) const fn is_versioned(version: &str) -> bool {
    // ISO dates of equal length; 2025-06-18 brought the header.
    !matches!(version.as_bytes(), b"2024-11-05" | b"2025-03-26")
}

/// Whether a legacy revision asks for exactly 403 when an Origin is wrong.
pub(super) fn is_exact_about_origin(version: &str) -> bool {
    version == LEGACY
}
