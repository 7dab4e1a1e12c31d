//! Requests without sessions (2026-07-28): headers that must agree with the body, and results that say what they are. They are
//! served by the one shared child, whatever revision it speaks.

use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::child::{Opened, is_unknown_method};
use crate::legacy::failed;
use crate::message::{
    HEADER_MISMATCH, INVALID_PARAMS, METHOD_NOT_FOUND, MODERN, RpcError, UNSUPPORTED_VERSION, error, result,
};
use crate::pool::Pool;
use crate::serve::text;

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// Methods that only servers of the other era have.
const GONE: [&str; 2] = ["initialize", "ping"];

pub(crate) async fn message(pool: &Pool, headers: &HeaderMap, is_version_known: bool, mut message: Value) -> Response {
    let id = message.get("id").cloned();
    let method = message["method"].as_str().unwrap_or_default().to_owned();
    let shown = id.clone().unwrap_or_default();
    if let Err(refusal) = agree(headers, is_version_known, &method, &message) {
        return error(StatusCode::BAD_REQUEST, &shown, &refusal);
    }
    // This revision has no notifications from clients over HTTP that a server would have to hear of.
    let Some(id) = id else { return StatusCode::ACCEPTED.into_response() };
    if GONE.contains(&method.as_str()) {
        return unknown(&id, &method);
    }
    let opened = match pool.shared().await {
        Ok(opened) => opened,
        Err(failure) => return failed(&id, &failure),
    };
    if method == "server/discover" {
        return result(&id, &discover(&opened));
    }
    let params = message.get_mut("params").map(Value::take).map(without_protocol);
    match opened.request(&method, params).await {
        Ok(Ok(answer)) => result(&id, &complete(&opened, &method, answer)),
        Ok(Err(refusal)) if is_unknown_method(&refusal) => unknown(&id, &method),
        Ok(Err(refusal)) => error(StatusCode::OK, &id, &renewed(&method, refusal)),
        Err(failure) => failed(&id, &failure),
    }
}

fn unknown(id: &Value, method: &str) -> Response {
    error(StatusCode::NOT_FOUND, id, &RpcError::new(METHOD_NOT_FOUND, format!("there is no method {method}")))
}

/// What headers say must be what the body says: gateways go by the one, servers by the other.
fn agree(headers: &HeaderMap, is_version_known: bool, method: &str, message: &Value) -> Result<(), RpcError> {
    let mismatch = |words: String| Err(RpcError::new(HEADER_MISMATCH, words));
    let meta = &message["params"]["_meta"];
    let Some(version) = meta[VERSION].as_str() else {
        return Err(RpcError::new(INVALID_PARAMS, format!("params._meta lacks {VERSION}")));
    };
    match text(headers, "mcp-protocol-version") {
        Some(header) if header == version => {}
        Some(header) => return mismatch(format!("MCP-Protocol-Version is {header:?} and the body's {version:?}")),
        None => return mismatch("MCP-Protocol-Version is missing".into()),
    }
    if !is_version_known {
        let mut refusal = RpcError::new(UNSUPPORTED_VERSION, "unsupported protocol version");
        refusal.data = json!({ "supported": [MODERN], "requested": version });
        return Err(refusal);
    }
    if !meta[CAPABILITIES].is_object() {
        return Err(RpcError::new(INVALID_PARAMS, format!("params._meta lacks {CAPABILITIES}")));
    }
    match text(headers, "mcp-method") {
        Some(header) if header == method => {}
        Some(header) => return mismatch(format!("Mcp-Method is {header:?} and the body's {method:?}")),
        None => return mismatch("Mcp-Method is missing".into()),
    }
    let named = match method {
        "tools/call" | "prompts/get" => &message["params"]["name"],
        "resources/read" => &message["params"]["uri"],
        _ => return Ok(()),
    };
    let Some(named) = named.as_str() else {
        return Err(RpcError::new(INVALID_PARAMS, "what is asked for has no name"));
    };
    match text(headers, "mcp-name").map(decoded) {
        Some(Some(header)) if header == named => Ok(()),
        Some(Some(header)) => mismatch(format!("Mcp-Name is {header:?} and the body's {named:?}")),
        Some(None) => mismatch("Mcp-Name is not well encoded".into()),
        None => mismatch("Mcp-Name is missing".into()),
    }
}

/// A header's value, which may be `=?base64?…?=`.
pub(crate) fn decoded(header: &str) -> Option<String> {
    match header.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        None => Some(header.to_owned()),
        Some(encoded) => String::from_utf8(STANDARD.decode(encoded).ok()?).ok(),
    }
}

/// Without what only the bridge must know.
fn without_protocol(mut params: Value) -> Value {
    let Some(meta) = params["_meta"].as_object_mut() else { return params };
    meta.retain(|key, _| !key.starts_with("io.modelcontextprotocol/"));
    let is_empty = meta.is_empty();
    if let (true, Some(fields)) = (is_empty, params.as_object_mut()) {
        fields.remove("_meta");
    }
    params
}

fn discover(opened: &Opened) -> Value {
    let hello = &opened.hello;
    let mut found = json!({ "supportedVersions": [MODERN], "capabilities": capabilities(&hello["capabilities"]) });
    if hello["instructions"].is_string() {
        found["instructions"] = hello["instructions"].clone();
    }
    complete(opened, "server/discover", found)
}

/// What the server offers, less what it would have to say unasked: there is no stream for it.
fn capabilities(given: &Value) -> Value {
    let mut offered = json!({});
    for (name, value) in given.as_object().into_iter().flatten() {
        if matches!(name.as_str(), "tools" | "resources" | "prompts" | "completions") && value.is_object() {
            offered[name] = json!({});
        }
    }
    offered
}

/// With what every result of this revision has.
fn complete(opened: &Opened, method: &str, mut answer: Value) -> Value {
    if !answer.is_object() {
        answer = json!({});
    }
    if !answer["resultType"].is_string() {
        answer["resultType"] = "complete".into();
    }
    let is_cacheable = method == "server/discover" || method == "resources/read" || method.ends_with("/list");
    if is_cacheable && answer["ttlMs"].is_null() {
        // Nothing is known of how long it holds, nor for whom.
        answer["ttlMs"] = 0.into();
        answer["cacheScope"] = "private".into();
    }
    if !answer["_meta"].is_object() {
        answer["_meta"] = json!({});
    }
    answer["_meta"]["io.modelcontextprotocol/serverInfo"] = opened.hello["serverInfo"].clone();
    answer
}

/// Codes that this revision has given up.
fn renewed(method: &str, mut refusal: RpcError) -> RpcError {
    if method == "resources/read" && refusal.code == -32002 {
        refusal.code = INVALID_PARAMS;
    }
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_they_are_meant() {
        for (header, name) in [
            ("search", Some("search")),
            ("=?base64?SGVsbG8sIOS4lueVjA==?=", Some("Hello, 世界")),
            ("=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", Some("=?base64?literal?=")),
            ("=?base64?***?=", None),
            ("=?base64?SGVsbG8?=", None),
            ("=?base64?/w==?=", None),
        ] {
            assert_eq!(decoded(header).as_deref(), name, "{header}");
        }
    }

    #[test]
    fn a_headers_word_is_not_taken_for_the_bodys() {
        let body =
            json!({"method": "tools/call", "params": {"name": "delete", "_meta": {VERSION: MODERN, CAPABILITIES: {}}}});
        let code = |headers: &[(&'static str, &str)]| {
            let mut all = HeaderMap::new();
            for (name, value) in headers {
                all.insert(*name, value.parse().expect("a value"));
            }
            agree(&all, true, "tools/call", &body).err().map(|refusal| refusal.code)
        };
        let sound = [("mcp-protocol-version", MODERN), ("mcp-method", "tools/call"), ("mcp-name", "delete")];
        assert_eq!(code(&sound), None);
        for place in 0..sound.len() {
            let mut wrong = sound;
            wrong[place].1 = "search";
            assert_eq!(code(&wrong), Some(HEADER_MISMATCH), "{wrong:?}");
            let missing: Vec<_> =
                sound.iter().enumerate().filter(|(at, _)| *at != place).map(|(_, pair)| *pair).collect();
            assert_eq!(code(&missing), Some(HEADER_MISMATCH), "{missing:?}");
        }
    }
}
