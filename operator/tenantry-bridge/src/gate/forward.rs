//! A request on its way to the service, and the answer on its way back. One connection for each request: no answer can be taken for
//! another's.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::header::{CONNECTION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer::Events;
use super::decide::Refusal;

/// For a service that is not there, nobody waits long.
const TO_CONNECT: Duration = Duration::from_secs(5);

/// Headers that are about one connection, and no part of the request.
const OF_CONNECTION: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Headers by which some servers take a request for another one than was judged.
const CHANGES_REQUEST: [&str; 6] =
    ["x-http-method", "x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url", "expect"];

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(super) type AnyBody = UnsyncBoxBody<Bytes, BoxError>;

pub(super) fn whole(bytes: impl Into<Bytes>) -> AnyBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

fn strip_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in OF_CONNECTION {
        headers.remove(name);
    }
}

/// What of the head goes on to the service.
pub(super) fn cleaned(mut headers: HeaderMap, upstream: &str, reads_bodies: bool) -> HeaderMap {
    strip_connection(&mut headers);
    for name in CHANGES_REQUEST {
        headers.remove(name);
    }
    // Said anew of the body that is sent.
    headers.remove("content-length");
    headers.remove(HOST);
    if let Ok(host) = HeaderValue::from_str(upstream) {
        headers.insert(HOST, host);
    }
    if reads_bodies {
        // What is packed cannot be read.
        headers.remove("accept-encoding");
        if headers.contains_key("content-type") {
            // Some readers know encodings in which the same bytes say something else.
            headers.insert("content-type", HeaderValue::from_static("application/json"));
        }
        headers.remove("content-encoding");
    }
    headers
}

/// Sends a request, and waits until the answer begins.
pub(super) async fn send(
    upstream: &str,
    request: Request<AnyBody>,
    patience: Duration,
) -> Result<Response<Incoming>, Refusal> {
    let unreachable = |words: String| Refusal::plain(StatusCode::BAD_GATEWAY, words);
    let stream = match timeout(TO_CONNECT, TcpStream::connect(upstream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(unreachable(format!("the service cannot be reached ({error})"))),
        Err(_) => return Err(unreachable("the service cannot be reached (it takes too long)".into())),
    };
    let _ = stream.set_nodelay(true);
    let failed = |error: hyper::Error| {
        if is_too_large(&error) {
            return Refusal::plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than may be");
        }
        unreachable(format!("the service does not answer ({error})"))
    };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    // It ends with the request or its answer, whichever is dropped last.
    tokio::spawn(connection);
    let mut response = match timeout(patience, sender.send_request(request)).await {
        Ok(response) => response.map_err(failed)?,
        Err(_) => return Err(Refusal::plain(StatusCode::GATEWAY_TIMEOUT, "the service has not answered in time")),
    };
    if response.status().is_informational() {
        return Err(Refusal::plain(StatusCode::BAD_GATEWAY, "the service wants to speak another protocol"));
    }
    strip_connection(response.headers_mut());
    Ok(response)
}

fn is_too_large(error: &hyper::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = cause.source();
    }
    false
}

/// A body that is handed on as it comes.
pub(super) fn streamed(body: Incoming, most: Option<usize>) -> AnyBody {
    match most {
        Some(most) => Limited::new(body, most).boxed_unsync(),
        None => body.map_err(BoxError::from).boxed_unsync(),
    }
}

/// A stream of events that goes through a filter.
pub(super) struct Filtered {
    inner: Incoming,
    events: Events,
    has_ended: bool,
}

impl Filtered {
    pub(super) fn new(inner: Incoming, events: Events) -> Self {
        Self { inner, events, has_ended: false }
    }
}

impl Body for Filtered {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if self.has_ended {
                return Poll::Ready(None);
            }
            let out = match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                None => {
                    self.has_ended = true;
                    self.events.finish()
                }
                Some(Err(error)) => {
                    self.has_ended = true;
                    return Poll::Ready(Some(Err(error.into())));
                }
                Some(Ok(frame)) => match frame.into_data().map(|data| self.events.push(&data)) {
                    Ok(Ok(out)) => out,
                    Ok(Err(_)) => {
                        self.has_ended = true;
                        return Poll::Ready(Some(Err("an event is larger than may be".into())));
                    }
                    // Trailers say nothing in a stream of events.
                    Err(_) => Vec::new(),
                },
            };
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(out.into()))));
            }
        }
    }
}
