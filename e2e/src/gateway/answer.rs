//! What a pod answers: what it was asked, and who it is. Headers of the request make it answer otherwise; they are the only way, as paths
//! and queries are what gateways change.
//!
//! | header | |
//! |---|---|
//! | `x-answer-status: 503` | that status |
//! | `x-answer-refuse: KEY/2` | 503 to the first two requests with this key |
//! | `x-answer-hold: yes` | no answer, ever |
//! | `x-answer-header: NAME=VALUE` | one more header in the answer |

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use super::caller::framed;
use super::pods::Shared;
use super::websocket;

type Body = BoxBody<Bytes, Infallible>;

/// Never fails: what cannot be answered is answered 500, with the reason.
pub(super) async fn answer(
    request: Request<Incoming>,
    called: SocketAddr,
    is_secure: bool,
    shared: Arc<Shared>,
) -> Result<Response<Body>, Infallible> {
    let name = shared.name_of(called.ip()).await;
    let made = make(request, called, is_secure, &name, &shared).await;
    Ok(made.unwrap_or_else(|error| {
        let mut response = Response::new(Full::from(error.to_string()).boxed());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    }))
}

async fn make(
    mut request: Request<Incoming>,
    called: SocketAddr,
    is_secure: bool,
    name: &str,
    shared: &Shared,
) -> Result<Response<Body>, http::Error> {
    let mut seen = json!({
        "backend": name, "address": called.to_string(), "secure": is_secure,
        "method": request.method().as_str(), "path": request.uri().path(),
        "query": request.uri().query().unwrap_or_default(), "host": host(&request),
        "headers": listed(request.headers()), "version": version(request.version()),
    });
    if websocket::is_opening(request.headers()) {
        shared.note(seen);
        return echo(&mut request, name);
    }
    let (head, body) = request.into_parts();
    // What breaks off has said what it has said.
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let is_rpc = is(&head.headers, CONTENT_TYPE.as_str(), "application/grpc");
    let message = if is_rpc { body.get(5..).unwrap_or_default() } else { &body };
    seen["body"] = String::from_utf8_lossy(message).into();
    shared.note(seen.clone());

    let told = |header: &str| head.headers.get(header).and_then(|value| value.to_str().ok());
    if told("x-answer-hold").is_some() {
        std::future::pending::<()>().await;
    }
    if let Some((key, times)) = told("x-answer-refuse").and_then(|told| told.split_once('/'))
        && shared.refuses(key, times.parse().unwrap_or_default())
    {
        return Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).body(text(&seen));
    }
    if is_rpc {
        return rpc(&seen);
    }
    if is(&head.headers, ACCEPT.as_str(), "text/event-stream") {
        return events(name);
    }
    let mut response = Response::builder().status(told("x-answer-status").unwrap_or("200"));
    if let Some((name, value)) = told("x-answer-header").and_then(|told| told.split_once('=')) {
        response = response.header(name, value);
    }
    response.header(CONTENT_TYPE, "application/json").body(text(&seen))
}

fn text(seen: &Value) -> Body {
    Full::from(seen.to_string()).boxed()
}

/// Answers every text with itself and the name of the pod.
fn echo(request: &mut Request<Incoming>, name: &str) -> Result<Response<Body>, http::Error> {
    let response = websocket::opened(request.headers())?;
    let (upgrade, name) = (hyper::upgrade::on(request), name.to_owned());
    // Ends with the connection.
    tokio::spawn(async move {
        let Ok(stream) = upgrade.await else { return };
        let mut stream = TokioIo::new(stream);
        while let Ok(text) = websocket::hear(&mut stream).await {
            if websocket::reply(&mut stream, &format!("{name}: {text}")).await.is_err() {
                return;
            }
        }
    });
    Ok(response.map(|()| Full::default().boxed()))
}

/// One event, and then nothing, for as long as somebody listens.
fn events(name: &str) -> Result<Response<Body>, http::Error> {
    let event = Frame::data(Bytes::from(format!("data: {name}\n\n")));
    let all = stream::iter([Ok(event)]).chain(stream::pending());
    Response::builder().header(CONTENT_TYPE, "text/event-stream").body(BodyExt::boxed(StreamBody::new(all)))
}

/// A unary answer of gRPC. Its message is JSON, which is nobody's business on the way.
fn rpc(seen: &Value) -> Result<Response<Body>, http::Error> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let message = Full::from(framed(seen.to_string().as_bytes()));
    let body = message.with_trailers(async { Some(Ok(trailers)) }).boxed();
    Response::builder().header(CONTENT_TYPE, "application/grpc").body(body)
}

fn is(headers: &HeaderMap, name: &str, start: &str) -> bool {
    headers.get(name).is_some_and(|value| value.as_bytes().starts_with(start.as_bytes()))
}

/// Of HTTP/2, or of HTTP/1.1.
fn host(request: &Request<Incoming>) -> String {
    let header = request.headers().get("host").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    request.uri().authority().map(ToString::to_string).or(header).unwrap_or_default()
}

/// By name; several of one name are one list, separated by commas.
fn listed(headers: &HeaderMap) -> BTreeMap<String, String> {
    let values = |name| {
        let all = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        all.collect::<Vec<_>>().join(", ")
    };
    headers.keys().map(|name| (name.as_str().to_owned(), values(name))).collect()
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_11 => "1.1",
        _ => "1.0",
    }
}
