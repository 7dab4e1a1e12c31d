//! `tenantry-bridge gate`: stands between a service and the consumer of a grant that says more than who may call what. Who calls, it
//! does not ask: the network lets nobody else come here, and nobody but it to the service.

mod answer;
mod decide;
mod forward;
mod options;
mod rate;
mod strict;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use self::answer::{Events, leave_out};
use self::decide::{Answer, Refusal, Rules};
use self::forward::{AnyBody, Filtered, cleaned, send, streamed, whole};
pub(crate) use self::options::GateOptions;
use self::rate::Limit;

/// Bytes of a request's head.
const MOST_HEAD: usize = 64 * 1024;
/// Bodies that are held in memory at once, and that are taken to pieces at once. Further ones wait.
const HELD_AT_ONCE: usize = 64;
const READ_AT_ONCE: usize = 4;
/// What requests have that still run when the gate ends.
const GRACE: Duration = Duration::from_secs(2);

struct Gate {
    options: GateOptions,
    rules: Rules,
    limit: Option<Limit>,
    held: Semaphore,
    read: Semaphore,
}

/// Serves until it is asked to end.
pub(crate) async fn run(options: GateOptions, end: impl Future<Output = ()>) -> Result<(), String> {
    let bind = async |address| {
        TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))
    };
    let (listener, health) = (bind(options.listen).await?, bind(options.health).await?);
    let address = |listener: &TcpListener| {
        listener.local_addr().map_err(|error| format!("cannot tell where it listens: {error}"))
    };
    eprintln!("listening on {}, healthy at {}", address(&listener)?, address(&health)?);
    let healthy = axum::Router::new().route("/healthz", axum::routing::get(async || "ok\n"));
    let healthy = tokio::spawn(async move { axum::serve(health, healthy).await });
    let connections = Arc::new(Semaphore::new(options.max_connections()));
    let gate = Arc::new(Gate {
        rules: options.rules(),
        limit: options.limit(),
        held: Semaphore::new(HELD_AT_ONCE),
        read: Semaphore::new(READ_AT_ONCE),
        options,
    });
    let accepting = async {
        loop {
            let Ok(room) = Arc::clone(&connections).acquire_owned().await else { return };
            let Ok((stream, from)) = listener.accept().await else {
                // Out of files, most likely: some will be free again.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let gate = Arc::clone(&gate);
            tokio::spawn(async move {
                gate.serve(stream, from.ip()).await;
                drop(room);
            });
        }
    };
    tokio::select! {
        () = accepting => {}
        () = end => {}
    }
    let all = u32::try_from(gate.options.max_connections()).unwrap_or(u32::MAX);
    let _ = timeout(GRACE, connections.acquire_many(all)).await;
    healthy.abort();
    Ok(())
}

impl Gate {
    async fn serve(self: Arc<Self>, stream: TcpStream, client: IpAddr) {
        let _ = stream.set_nodelay(true);
        let patience = self.options.client_timeout();
        let answer = service_fn(move |request| {
            let gate = Arc::clone(&self);
            async move { Ok::<_, Infallible>(gate.answer(request, client).await) }
        });
        // Whoever breaks off is nobody's concern.
        let _ = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience)
            .max_buf_size(MOST_HEAD)
            .serve_connection(TokioIo::new(stream), answer)
            .await;
    }

    async fn answer(&self, request: Request<Incoming>, client: IpAddr) -> Response<AnyBody> {
        if let Some(Err(wait)) = self.limit.as_ref().map(|limit| limit.take(client, Instant::now())) {
            let mut response =
                self.refuse(&Refusal::plain(StatusCode::TOO_MANY_REQUESTS, "more requests than are granted"));
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            return response;
        }
        match self.pass(request).await {
            Ok(response) => response,
            Err(refusal) => self.refuse(&refusal),
        }
    }

    fn refuse(&self, refusal: &Refusal) -> Response<AnyBody> {
        let mut response = Response::new(whole(refusal.body(&self.rules.grant).to_string()));
        *response.status_mut() = refusal.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if refusal.status == StatusCode::METHOD_NOT_ALLOWED {
            let allowed: Vec<&str> = self.rules.methods.iter().map(Method::as_str).collect();
            let allowed = if allowed.is_empty() { "GET, POST, DELETE".to_owned() } else { allowed.join(", ") };
            if let Ok(allowed) = HeaderValue::from_str(&allowed) {
                headers.insert(ALLOW, allowed);
            }
        }
        response
    }

    async fn pass(&self, request: Request<Incoming>) -> Result<Response<AnyBody>, Refusal> {
        let (head, body) = request.into_parts();
        self.rules.judge_head(&head.method, &head.uri, &head.headers)?;
        let upstream = self.options.upstream.as_str();
        let (body, answer) = if !self.rules.reads_bodies() {
            (streamed(body, Some(self.options.max_body())), Answer::Any)
        } else if head.method == Method::POST {
            self.read(&head.headers, body).await?
        } else if body.is_end_stream() {
            // A stream may bring again what another one was to bring.
            (whole(""), if head.method == Method::GET { Answer::TellsWhatThereIs } else { Answer::Any })
        } else {
            return Err(Refusal::plain(StatusCode::BAD_REQUEST, "such a request has no body"));
        };
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let uri = path.parse::<Uri>().map_err(|_| Refusal::plain(StatusCode::BAD_REQUEST, "the path is none"))?;
        let mut onward = Request::new(body);
        *onward.method_mut() = head.method;
        *onward.uri_mut() = uri;
        *onward.headers_mut() = cleaned(head.headers, upstream, self.rules.reads_bodies());
        let response = send(upstream, onward, self.options.timeout()).await?;
        match answer {
            Answer::Any => {
                let (head, body) = response.into_parts();
                Ok(Response::from_parts(head, streamed(body, None)))
            }
            Answer::TellsWhatThereIs => self.filter(response).await,
        }
    }

    async fn read(&self, headers: &HeaderMap, body: Incoming) -> Result<(AnyBody, Answer), Refusal> {
        let bytes = self.whole(body, "the body").await?;
        let _turn = self.read.acquire().await.map_err(|_| closing())?;
        let answer = self.rules.judge_body(headers, &bytes)?;
        Ok((whole(bytes), answer))
    }

    /// All of a body, which may not be too large nor take too long.
    async fn whole(&self, body: Incoming, what: &str) -> Result<hyper::body::Bytes, Refusal> {
        let _room = self.held.acquire().await.map_err(|_| closing())?;
        match timeout(self.options.client_timeout(), Limited::new(body, self.options.max_message()).collect()).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                let text = format!("{what} is larger than {} bytes", self.options.max_message());
                Err(Refusal::plain(StatusCode::PAYLOAD_TOO_LARGE, text))
            }
            Ok(Err(error)) => Err(Refusal::plain(StatusCode::BAD_REQUEST, format!("{what} is not whole ({error})"))),
            Err(_) => Err(Refusal::plain(StatusCode::REQUEST_TIMEOUT, format!("{what} takes too long"))),
        }
    }

    /// Leaves out of an answer what is not granted.
    async fn filter(&self, response: Response<Incoming>) -> Result<Response<AnyBody>, Refusal> {
        let unreadable = |words: &str| Err(Refusal::plain(StatusCode::BAD_GATEWAY, words));
        let (mut head, body) = response.into_parts();
        let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media = text("content-type").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !["", "identity"].contains(&text("content-encoding")) {
            return unreadable("the answer is packed and cannot be read");
        }
        match media.as_str() {
            "text/event-stream" => {
                head.headers.remove("content-length");
                let events = Events::new(self.rules.tools.clone(), self.options.max_message());
                Ok(Response::from_parts(head, Filtered::new(body, events).boxed_unsync()))
            }
            "application/json" => {
                let bytes = self
                    .whole(body, "the answer")
                    .await
                    .map_err(|refusal| Refusal { status: StatusCode::BAD_GATEWAY, ..refusal })?;
                let _turn = self.read.acquire().await.map_err(|_| closing())?;
                let Ok(mut message) = serde_json::from_slice(&bytes) else {
                    return unreadable("the answer is no JSON");
                };
                head.headers.remove("content-length");
                let changed = leave_out(&self.rules.tools, &mut message);
                let bytes = if changed { message.to_string().into() } else { bytes };
                Ok(Response::from_parts(head, whole(bytes)))
            }
            _ if head.status.is_success() && !body.is_end_stream() => {
                unreadable("the answer is neither JSON nor a stream of events")
            }
            _ => Ok(Response::from_parts(head, streamed(body, None))),
        }
    }
}

fn closing() -> Refusal {
    Refusal::plain(StatusCode::SERVICE_UNAVAILABLE, "the gate is closing")
}
