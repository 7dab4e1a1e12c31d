//! One request and what is wanted of its answer, on a connection of its own, within time and size. Judges nothing.

use std::time::Duration;

use http::header::{HOST, HeaderName, HeaderValue, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tenantry_protocol::events::{Reader, Until};
use tenantry_protocol::wire::{Answer, Ask, Body, Patience, Place, Trouble, Wire};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::connect::{Connection, Tls, connect};
use crate::prober::Options;

/// Largest head of an answer.
const MAX_HEAD: usize = 64 * 1024;

/// The requests of one verification.
pub(crate) struct Exchanges<'a> {
    url: &'a Uri,
    options: &'a Options,
    tls: Option<Tls>,
    deadline: Instant,
}

impl<'a> Exchanges<'a> {
    /// Time runs from now on.
    pub(crate) fn new(url: &'a Uri, options: &'a Options, tls: Option<Tls>) -> Self {
        Self { url, options, tls, deadline: Instant::now() + options.limits.time }
    }
}

impl Wire for Exchanges<'_> {
    async fn send(&mut self, ask: Ask) -> Result<Answer, Trouble> {
        let limits = &self.options.limits;
        let (deadline, patience) = match ask.patience {
            Patience::Whole => (self.deadline, limits.time),
            Patience::Moment => (self.deadline.min(Instant::now() + limits.moment), limits.moment),
        };
        let until = ask.until;
        let request = request(self.url, &self.options.headers, ask)?;
        let asked = async {
            let connection = connect(self.url, &self.options.bounds, self.tls.as_ref()).await?;
            match connection {
                Connection::Plain(stream) => head(stream, request).await,
                Connection::Tls(stream) => head(*stream, request).await,
            }
        };
        let (response, _connection) = match timeout_at(deadline, asked).await {
            Ok(answered) => answered?,
            Err(_) => return Err(Trouble::Silent { seconds: patience.as_secs() }),
        };
        let (head, incoming) = response.into_parts();
        let mut answer = Answer { status: head.status, headers: head.headers, body: Body::Unread };
        let is_stream = answer.content_type() == "text/event-stream";
        let reading = async {
            match until {
                Until::Head => Ok(Body::Unread),
                until if is_stream => events(incoming, until, limits.bytes).await,
                Until::FirstEvent => Ok(Body::Unread),
                Until::Response => whole(incoming, limits.bytes).await,
            }
        };
        answer.body = timeout_at(deadline, reading).await.unwrap_or_else(|_| Err(endless(patience)))?;
        Ok(answer)
    }
}

fn endless(patience: Duration) -> Trouble {
    Trouble::Unfinished(format!("it went on for {} s", patience.as_secs()))
}

fn request(url: &Uri, own: &HeaderMap, ask: Ask) -> Result<Request<Full<Bytes>>, Trouble> {
    let wrong = |error: http::Error| Trouble::Url(error.to_string());
    let path = match &ask.place {
        Place::Target => url.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")),
        Place::Path(path) => path.parse().map_err(|error: http::uri::InvalidUri| wrong(error.into()))?,
    };
    let body = Full::from(ask.body.unwrap_or_default());
    let mut request = Request::builder().method(ask.method).uri(Uri::from(path)).body(body).map_err(wrong)?;
    let headers = request.headers_mut();
    if ask.place == Place::Target {
        headers.clone_from(own);
    }
    let authority = url.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    headers.insert(HOST, HeaderValue::from_str(authority).map_err(|error| wrong(error.into()))?);
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("tenantry/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in ask.headers {
        let value = HeaderValue::from_str(&value).map_err(|error| wrong(error.into()))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(request)
}

/// Sends a request and reads the head of its answer. The connection lives as long as the second of the pair.
async fn head<S>(stream: S, request: Request<Full<Bytes>>) -> Result<(hyper::Response<Incoming>, JoinSet<()>), Trouble>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let handshake = http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| no_answer(&error))?;
    let mut connections = JoinSet::new();
    connections.spawn(async move {
        // What goes wrong there, the request and its body are told.
        let _ = connection.await;
    });
    let response = sender.send_request(request).await.map_err(|error| no_answer(&error))?;
    Ok((response, connections))
}

fn no_answer(error: &hyper::Error) -> Trouble {
    if error.is_parse() { Trouble::NotHttp(error.to_string()) } else { Trouble::Closed }
}

async fn events(mut incoming: Incoming, until: Until, limit: usize) -> Result<Body, Trouble> {
    let (mut reader, mut read) = (Reader::new(until), 0);
    while let Some(piece) = next(&mut incoming, &mut read, limit).await? {
        if reader.push(&piece) {
            break;
        }
    }
    Ok(Body::Events(reader.into_events()))
}

async fn whole(mut incoming: Incoming, limit: usize) -> Result<Body, Trouble> {
    if incoming.size_hint().lower() > limit as u64 {
        return Err(Trouble::TooLarge { limit });
    }
    let (mut bytes, mut read) = (Vec::new(), 0);
    while let Some(piece) = next(&mut incoming, &mut read, limit).await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(Body::Whole(bytes))
}

/// The next piece of a body, as long as all of them together keep within the limit.
async fn next(incoming: &mut Incoming, read: &mut usize, limit: usize) -> Result<Option<Bytes>, Trouble> {
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|_| Trouble::Unfinished("the connection was closed".into()))?;
        let Ok(piece) = frame.into_data() else { continue };
        *read += piece.len();
        if *read > limit {
            return Err(Trouble::TooLarge { limit });
        }
        return Ok(Some(piece));
    }
    Ok(None)
}
