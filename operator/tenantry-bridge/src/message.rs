//! JSON-RPC messages as HTTP answers. Knows no server.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

/// The revision without sessions.
pub(crate) const MODERN: &str = "2026-07-28";
/// Revisions that are opened by `initialize`, newest first.
pub(crate) const LEGACY: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// Codes of JSON-RPC and MCP.
pub(crate) const INVALID_REQUEST: i64 = -32600;
pub(crate) const METHOD_NOT_FOUND: i64 = -32601;
pub(crate) const INVALID_PARAMS: i64 = -32602;
pub(crate) const INTERNAL: i64 = -32603;
pub(crate) const HEADER_MISMATCH: i64 = -32020;
pub(crate) const UNSUPPORTED_VERSION: i64 = -32022;

/// An error as a response has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RpcError {
    pub(crate) code: i64,
    pub(crate) message: String,
    pub(crate) data: Value,
}

impl RpcError {
    pub(crate) fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: Value::Null }
    }

    /// From a response's `error`.
    pub(crate) fn of(error: &Value) -> Self {
        Self {
            code: error["code"].as_i64().unwrap_or(INTERNAL),
            message: error["message"].as_str().unwrap_or_default().to_owned(),
            data: error["data"].clone(),
        }
    }
}

/// A response with a result.
pub(crate) fn result(id: &Value, result: &Value) -> Response {
    with_body(StatusCode::OK, &json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

/// A response with an error.
pub(crate) fn error(status: StatusCode, id: &Value, error: &RpcError) -> Response {
    let mut body = json!({ "code": error.code, "message": error.message });
    if !error.data.is_null() {
        body["data"] = error.data.clone();
    }
    with_body(status, &json!({ "jsonrpc": "2.0", "id": id, "error": body }))
}

fn with_body(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
