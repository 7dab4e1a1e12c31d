//! Requests of revisions that open a session by `initialize`.

use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::child::{ChildError, Opened};
use crate::message::{INTERNAL, INVALID_REQUEST, LEGACY, RpcError, error, result};
use crate::pool::{NoSession, Pool};
use crate::serve::text;

const SESSION: &str = "mcp-session-id";

pub(crate) async fn initialize(pool: &Pool, message: &Value) -> Response {
    let Some(id) = message.get("id") else { return refused(&Value::Null, "initialize is a request and needs an id") };
    let asked = message["params"]["protocolVersion"].as_str().unwrap_or_default();
    let version = if LEGACY.contains(&asked) { asked } else { LEGACY[0] };
    if !pool.has_own_sessions() {
        return match pool.shared().await {
            Ok(opened) => result(id, &opened.hello),
            Err(failure) => failed(id, &failure),
        };
    }
    let client = match &message["params"]["clientInfo"] {
        Value::Null => json!({ "name": "unknown", "version": "0" }),
        given => given.clone(),
    };
    match pool.open(version, &client).await {
        Ok((session, opened)) => {
            let mut response = result(id, &opened.opened.hello);
            if let Ok(session) = session.parse() {
                response.headers_mut().insert(SESSION, session);
            }
            response
        }
        Err(NoSession::Full) => {
            let busy = RpcError::new(INTERNAL, "there are as many sessions as there may be");
            let mut response = error(StatusCode::SERVICE_UNAVAILABLE, id, &busy);
            response.headers_mut().insert("retry-after", http::HeaderValue::from_static("10"));
            response
        }
        Err(NoSession::NoId) => failed(id, &ChildError::Ended),
        Err(NoSession::Child(failure)) => failed(id, &failure),
    }
}

pub(crate) async fn message(pool: &Pool, headers: &HeaderMap, message: Value) -> Response {
    let id = message.get("id").cloned();
    if !pool.has_own_sessions() {
        return match pool.shared().await {
            Ok(opened) => pass(&opened, id, message).await,
            Err(failure) => failed(&id.unwrap_or_default(), &failure),
        };
    }
    let shown = id.clone().unwrap_or_default();
    let Some(session) = text(headers, SESSION) else {
        return refused(&shown, "the Mcp-Session-Id is missing: open a session by initialize");
    };
    let Some(session) = pool.session(session) else {
        let gone = RpcError::new(INVALID_REQUEST, "there is no such session: open one by initialize");
        return error(StatusCode::NOT_FOUND, &shown, &gone);
    };
    pass(&session.opened, id, message).await
}

pub(crate) fn delete(pool: &Pool, headers: &HeaderMap) -> Response {
    let status = match text(headers, SESSION) {
        _ if !pool.has_own_sessions() => StatusCode::METHOD_NOT_ALLOWED,
        None => StatusCode::METHOD_NOT_ALLOWED,
        Some(session) if pool.close(session) => StatusCode::NO_CONTENT,
        Some(_) => StatusCode::NOT_FOUND,
    };
    status.into_response()
}

async fn pass(opened: &Opened, id: Option<Value>, mut message: Value) -> Response {
    let method = message["method"].as_str().unwrap_or_default().to_owned();
    let Some(id) = id else {
        // The bridge has said that itself, and ids of requests are its own.
        if !matches!(method.as_str(), "notifications/initialized" | "notifications/cancelled")
            && opened.child.notify(&message).await.is_err()
        {
            return StatusCode::BAD_GATEWAY.into_response();
        }
        return StatusCode::ACCEPTED.into_response();
    };
    let params = message.get_mut("params").map(Value::take);
    match opened.request(&method, params).await {
        Ok(Ok(answer)) => result(&id, &answer),
        Ok(Err(refusal)) => error(StatusCode::OK, &id, &refusal),
        Err(failure) => failed(&id, &failure),
    }
}

fn refused(id: &Value, words: &str) -> Response {
    error(StatusCode::BAD_REQUEST, id, &RpcError::new(INVALID_REQUEST, words))
}

pub(crate) fn failed(id: &Value, failure: &ChildError) -> Response {
    let status = match failure {
        ChildError::Silent(_) => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    error(status, id, &failure.rpc())
}
