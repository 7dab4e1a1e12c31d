//! What a gate lets through, as pure functions of a request. What it does not know it does not let through.

use std::collections::BTreeSet;

use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Map, Value, json};

use super::strict;
use crate::message::{HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, MODERN};
use crate::modern::decoded;

/// Messages that one body may hold, in revisions that know of that.
const MOST_MESSAGES: usize = 64;
/// What a client needs to call tools, and no more. Resources, prompts, completions and tasks are other things, and may be others'.
const BESIDE_TOOLS: [&str; 2] = ["ping", "logging/setLevel"];
/// What is answered by what the server has.
const TELLING: [&str; 3] = ["initialize", "server/discover", "tools/list"];
/// Members by which a message is judged. Some readers take upper and lower case for the same.
const JUDGED: [&str; 8] = ["jsonrpc", "id", "method", "params", "result", "error", "name", "uri"];

/// What is granted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    /// The grant, as `namespace/name`.
    pub(crate) grant: String,
    /// Methods of HTTP; none if all are.
    pub(crate) methods: Vec<Method>,
    /// Tools; none if it is not about tools.
    pub(crate) tools: BTreeSet<String>,
    /// The one path, if there is one.
    pub(crate) path: Option<String>,
}

/// Why a request is not let through, as it is answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// Code and id of a JSON-RPC error; none where no message was read.
    pub(super) rpc: Option<(i64, Value)>,
    pub(super) words: String,
}

impl Refusal {
    pub(super) fn plain(status: StatusCode, words: impl Into<String>) -> Self {
        Self { status, rpc: None, words: words.into() }
    }

    fn rpc(status: StatusCode, code: i64, id: &Value, words: impl Into<String>) -> Self {
        Self { status, rpc: Some((code, id.clone())), words: words.into() }
    }

    /// Its body.
    pub(super) fn body(&self, grant: &str) -> Value {
        let words = format!("{}: ServiceGrant {grant} says so", self.words);
        match &self.rpc {
            Some((code, id)) => json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": words } }),
            None => json!({ "error": words, "grant": grant }),
        }
    }
}

/// What becomes of the answer to a request that is let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is handed on as it is.
    Any,
    /// It may tell of tools and other things that are not granted.
    TellsWhatThereIs,
}

impl Rules {
    /// Whether bodies are read.
    pub(super) fn reads_bodies(&self) -> bool {
        !self.tools.is_empty()
    }

    /// The methods that are let through; none if all are.
    pub(super) fn allowed(&self) -> Vec<Method> {
        let of_transport = [Method::GET, Method::POST, Method::DELETE];
        match (self.reads_bodies(), self.methods.as_slice()) {
            (false, methods) => methods.to_vec(),
            (true, []) => of_transport.into(),
            (true, methods) => of_transport.into_iter().filter(|one| methods.contains(one)).collect(),
        }
    }

    /// Judges all of a request but its body.
    pub(super) fn judge_head(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let allowed = self.allowed();
        if *method == Method::CONNECT || (!allowed.contains(method) && (self.reads_bodies() || !allowed.is_empty())) {
            return Err(Refusal::plain(StatusCode::METHOD_NOT_ALLOWED, format!("method {method} is not granted")));
        }
        if headers.contains_key("upgrade") {
            return Err(Refusal::plain(StatusCode::BAD_REQUEST, "no other protocol is granted"));
        }
        if self.path.as_ref().is_some_and(|path| uri.path() != path) {
            return Err(Refusal::plain(StatusCode::NOT_FOUND, format!("path {} is not granted", uri.path())));
        }
        if self.reads_bodies() { judge_form(method, headers) } else { Ok(()) }
    }

    /// Judges the body of a POST.
    pub(super) fn judge_body(&self, headers: &HeaderMap, body: &[u8]) -> Result<Answer, Refusal> {
        let refuse = |words: String| Err(Refusal::rpc(StatusCode::BAD_REQUEST, INVALID_REQUEST, &Value::Null, words));
        let body = match strict::parse(body) {
            Ok(body) => body,
            Err(error) => return refuse(format!("the body is no JSON that everybody reads the same: {error}")),
        };
        let Value::Array(batch) = body else { return self.judge_message(&body, headers) };
        if batch.is_empty() || batch.len() > MOST_MESSAGES {
            return refuse(format!("a batch has 1 to {MOST_MESSAGES} messages"));
        }
        if headers.contains_key("mcp-method") || headers.contains_key("mcp-name") {
            return refuse("headers that name one message belong to one message".into());
        }
        let mut answer = Answer::Any;
        for message in &batch {
            match self.judge_message(message, headers) {
                Ok(Answer::Any) => {}
                Ok(Answer::TellsWhatThereIs) => answer = Answer::TellsWhatThereIs,
                // All of it or nothing.
                Err(refusal) => return refuse(format!("of the batch nothing is let through: {}", refusal.words)),
            }
        }
        Ok(answer)
    }

    fn judge_message(&self, message: &Value, headers: &HeaderMap) -> Result<Answer, Refusal> {
        let id = message.get("id").unwrap_or(&Value::Null);
        let broken = |words: String| Err(Refusal::rpc(StatusCode::BAD_REQUEST, INVALID_REQUEST, id, words));
        let Some(members) = message.as_object() else { return broken("the body is no message".into()) };
        let params = members.get("params").and_then(Value::as_object);
        if let Some(name) = [Some(members), params].into_iter().flatten().find_map(ambiguous) {
            return broken(format!("{name:?} is not written as the protocol has it"));
        }
        if !matches!(members.get("id"), None | Some(Value::String(_) | Value::Number(_))) {
            return broken("the id must be a string or a number".into());
        }
        let is_response = members.contains_key("result") || members.contains_key("error");
        let method = match members.get("method") {
            Some(Value::String(method)) if !is_response => method,
            None if is_response => {
                agree(headers, "mcp-method", None, id)?;
                return Ok(Answer::Any);
            }
            _ => return broken("the body is neither a request nor a response".into()),
        };
        agree(headers, "mcp-method", Some(method), id)?;
        let named = params.and_then(|params| params.get(if method == "resources/read" { "uri" } else { "name" }));
        agree(headers, "mcp-name", named.and_then(Value::as_str), id)?;
        match method.as_str() {
            "tools/call" => {
                let Some(tool) = named.and_then(Value::as_str) else {
                    return Err(Self::refusal(headers, members, INVALID_PARAMS, "the tool has no name".into()));
                };
                if self.tools.contains(tool) {
                    return Ok(Answer::Any);
                }
                Err(Self::refusal(headers, members, INVALID_PARAMS, format!("tool {tool:?} is not granted")))
            }
            method if TELLING.contains(&method) => Ok(Answer::TellsWhatThereIs),
            "subscriptions/listen" if is_about_tools(params) => Ok(Answer::Any),
            method if BESIDE_TOOLS.contains(&method) || method.starts_with("notifications/") => Ok(Answer::Any),
            method => {
                let text = format!("method {method:?} is not granted, which is for tools alone");
                Err(Self::refusal(headers, members, METHOD_NOT_FOUND, text))
            }
        }
    }

    /// As a server would answer that has no such thing: clients go on after that.
    fn refusal(headers: &HeaderMap, message: &Map<String, Value>, code: i64, words: String) -> Refusal {
        let is_modern = headers.get("mcp-protocol-version").is_some_and(|version| version == MODERN);
        let status = match (message.get("id"), is_modern) {
            // Nobody waits for an answer, so that the status must say it.
            (None, _) => StatusCode::FORBIDDEN,
            // Where there are sessions this would say that the session has gone.
            (Some(_), true) if code == METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
            (Some(_), _) => StatusCode::OK,
        };
        Refusal::rpc(status, code, message.get("id").unwrap_or(&Value::Null), words)
    }
}

/// What the headers say of a body that is to be read.
fn judge_form(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    let names =
        ["mcp-method", "mcp-name", "mcp-protocol-version", "content-type", "content-encoding", "mcp-session-id"];
    if let Some(name) = names.iter().find(|name| headers.get_all(**name).iter().count() > 1) {
        return Err(Refusal::plain(StatusCode::BAD_REQUEST, format!("header {name} is there twice")));
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?").trim().to_ascii_lowercase());
    if text("content-encoding").is_some_and(|encoding| encoding != "identity") {
        return Err(Refusal::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bodies must be sent as they are"));
    }
    if *method != Method::POST {
        return Ok(());
    }
    let media = text("content-type").unwrap_or_default();
    let mut parts = media.split(';').map(str::trim);
    let is_json = parts.next() == Some("application/json")
        && parts.all(|part| ["", "charset=utf-8", "charset=\"utf-8\""].contains(&part));
    if is_json {
        return Ok(());
    }
    Err(Refusal::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/json in UTF-8"))
}

/// A member that some readers take for one by which the message is judged.
fn ambiguous(members: &Map<String, Value>) -> Option<&str> {
    // Upper case first: `ſ` and the sign for kelvin are `s` and `k` to some.
    let folded = |name: &str| name.to_uppercase().to_lowercase();
    members.keys().map(String::as_str).find(|name| !JUDGED.contains(name) && JUDGED.contains(&folded(name).as_str()))
}

/// What a header says must be what the body says. What it does not say, the server may demand.
fn agree(headers: &HeaderMap, name: &str, said: Option<&str>, id: &Value) -> Result<(), Refusal> {
    let Some(header) = headers.get(name) else { return Ok(()) };
    let header =
        header.to_str().ok().and_then(|text| if name == "mcp-name" { decoded(text) } else { Some(text.into()) });
    if header.is_some() && header.as_deref() == said {
        return Ok(());
    }
    let words = format!("header {name} says {header:?} and the body {said:?}");
    Err(Refusal::rpc(StatusCode::BAD_REQUEST, HEADER_MISMATCH, id, words))
}

/// Whether somebody only wants to hear of changes to the list of tools.
fn is_about_tools(params: Option<&Map<String, Value>>) -> bool {
    let wanted = params.and_then(|params| params.get("notifications")).and_then(Value::as_object);
    wanted.is_some_and(|wanted| wanted.keys().all(|name| name == "toolsListChanged"))
}

#[cfg(test)]
mod tests;
