//! Somebody who asks a gateway: each question over a connection of its own, to the gateway's address whatever the host's name, and never
//! following a redirect.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::{HOST, HeaderMap};
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::secure::{self, SecureError};
use super::websocket;

/// Longer than any answer may take; a test that expects none gives a limit of its own.
const LIMIT: Duration = Duration::from_secs(20);

/// No answer came.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody listens, or the connection broke.
    #[error("connecting to {address}: {source}")]
    Connect {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// HTTP failed on the way.
    #[error("asking {address}: {source}")]
    Http {
        /// Where.
        address: SocketAddr,
        /// What hyper said.
        source: hyper::Error,
    },
    /// Host, path or header cannot be sent.
    #[error("no such request can be made: {0}")]
    Request(#[from] http::Error),
    /// Nothing came in time.
    #[error("{address} gave no answer in {:.1} s", limit.as_secs_f64())]
    Silent {
        /// Where.
        address: SocketAddr,
        /// For how long was waited.
        limit: Duration,
    },
    /// An answer came, but not one that can be gone on with.
    #[error("{0}")]
    Unexpected(String),
}

/// One answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its trailers, if it has some.
    pub trailers: Option<HeaderMap>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Which pod of a [`super::PodServer`] answered; empty when none did.
    pub fn backend(&self) -> String {
        self.json()["backend"].as_str().unwrap_or_default().to_owned()
    }
}

/// Answer of a unary call over gRPC.
#[derive(Clone, Debug)]
pub struct Rpc {
    /// The HTTP answer.
    pub answer: Answer,
    /// `grpc-status`, from trailers or headers.
    pub status: Option<i32>,
    /// The message, without its frame.
    pub message: Vec<u8>,
}

/// Asks one address.
#[derive(Clone)]
pub struct Caller {
    address: SocketAddr,
    source: Option<IpAddr>,
    limit: Duration,
    tls: Option<Arc<rustls::ClientConfig>>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Caller {
    /// In the clear.
    pub fn http(address: SocketAddr) -> Self {
        Self { address, source: None, limit: LIMIT, tls: None }
    }

    /// Over TLS, with the host as server name, trusting this authority (PEM) alone.
    pub fn https(address: SocketAddr, authority: &str) -> Result<Self, SecureError> {
        Ok(Self { tls: Some(secure::trusting(authority)?), ..Self::http(address) })
    }

    /// From this address, as a gateway sees its clients; any of 10.200.0.0/16.
    #[must_use]
    pub fn from(self, source: IpAddr) -> Self {
        Self { source: Some(source), ..self }
    }

    /// Waits no longer than this.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// GET without further headers.
    pub async fn get(&self, host: &str, path: &str) -> Result<Answer, CallError> {
        self.request(Method::GET, host, path, &[]).await
    }

    /// A request without a body. `path` may have a query.
    pub async fn request(
        &self,
        method: Method,
        host: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, CallError> {
        self.send(method, host, path, headers, "").await
    }

    /// A request with a body.
    pub async fn send(
        &self,
        method: Method,
        host: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, CallError> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned())))?;
        self.in_time(async {
            let response = self.http1(host, request).await?;
            self.whole(response).await
        })
        .await
    }

    /// The certificate (DER) that is shown for this host, once it is trusted.
    pub async fn certificate(&self, host: &str) -> Result<Vec<u8>, CallError> {
        let none = || CallError::Unexpected(format!("no certificate is shown for {host}"));
        let tls = self.tls.as_ref().ok_or_else(none)?;
        self.in_time(async {
            let stream = self.secured(tls, host, self.reach().await?).await?;
            let (_, session) = stream.get_ref();
            session.peer_certificates().and_then(|chain| chain.first()).map(|one| one.to_vec()).ok_or_else(none)
        })
        .await
    }

    /// The first event of a stream, which stays open meanwhile: a gateway that collects answers delivers none.
    pub async fn first_event(&self, host: &str, path: &str) -> Result<String, CallError> {
        let request = Request::get(path).header(HOST, host).header("accept", "text/event-stream");
        let request = request.body(Full::default())?;
        self.in_time(async {
            let mut response = self.http1(host, request).await?;
            let mut text = String::new();
            while let Some(frame) = response.body_mut().frame().await {
                let frame = frame.map_err(|source| self.failed(source))?;
                text.push_str(&String::from_utf8_lossy(frame.data_ref().map_or(&[], |data| data)));
                if let Some((event, _)) = text.split_once("\n\n") {
                    return Ok(event.trim_start_matches("data: ").to_owned());
                }
            }
            Err(CallError::Unexpected(format!("{} and an end before the first event: {text}", response.status())))
        })
        .await
    }

    /// Opens a WebSocket, says something, and answers what comes back.
    pub async fn websocket(&self, host: &str, path: &str, text: &str) -> Result<String, CallError> {
        let request = websocket::opening(path, host)?;
        self.in_time(async {
            let response = self.http1(host, request).await?;
            if response.status() != 101 {
                let answer = self.whole(response).await?;
                return Err(CallError::Unexpected(format!("no WebSocket but {}: {}", answer.status, answer.text())));
            }
            let stream = hyper::upgrade::on(response).await.map_err(|source| self.failed(source))?;
            let mut stream = TokioIo::new(stream);
            let broken = |source| CallError::Connect { address: self.address, source };
            websocket::say(&mut stream, text).await.map_err(broken)?;
            websocket::hear(&mut stream).await.map_err(broken)
        })
        .await
    }

    /// A unary call over gRPC: HTTP/2 from the first byte. `method` is `package.Service/Method`; the message is sent as it is.
    pub async fn grpc(
        &self,
        host: &str,
        method: &str,
        headers: &[(&str, &str)],
        message: &[u8],
    ) -> Result<Rpc, CallError> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let mut request = Request::post(format!("{scheme}://{host}/{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(framed(message))))?;
        self.in_time(async {
            let io = TokioIo::new(self.connect(host).await?);
            let (mut sender, connection) =
                http2::handshake(TokioExecutor::new(), io).await.map_err(|source| self.failed(source))?;
            // Ends with the sender.
            tokio::spawn(connection);
            let response = sender.send_request(request).await.map_err(|source| self.failed(source))?;
            let answer = self.whole(response).await?;
            let told = answer.trailers.as_ref().and_then(|all| all.get("grpc-status"));
            let told = told.or_else(|| answer.headers.get("grpc-status"));
            let status = told.and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
            let message = answer.body.get(5..).unwrap_or_default().to_vec();
            Ok(Rpc { answer, status, message })
        })
        .await
    }

    async fn http1(&self, host: &str, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, CallError> {
        let io = TokioIo::new(self.connect(host).await?);
        let (mut sender, connection) = http1::handshake(io).await.map_err(|source| self.failed(source))?;
        // Ends with the answer, or with the WebSocket.
        tokio::spawn(connection.with_upgrades());
        sender.send_request(request).await.map_err(|source| self.failed(source))
    }

    async fn connect(&self, host: &str) -> Result<Box<dyn Stream>, CallError> {
        let stream = self.reach().await?;
        match &self.tls {
            None => Ok(Box::new(stream)),
            Some(tls) => Ok(Box::new(self.secured(tls, host, stream).await?)),
        }
    }

    async fn reach(&self) -> Result<TcpStream, CallError> {
        let failed = |source| CallError::Connect { address: self.address, source };
        let socket = if self.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(failed)?;
        if let Some(source) = self.source {
            socket.bind(SocketAddr::new(source, 0)).map_err(failed)?;
        }
        socket.connect(self.address).await.map_err(failed)
    }

    async fn secured(
        &self,
        tls: &Arc<rustls::ClientConfig>,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, CallError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| CallError::Unexpected(format!("{host:?} is no server name: {error}")))?;
        let failed = |source| CallError::Connect { address: self.address, source };
        TlsConnector::from(tls.clone()).connect(name, stream).await.map_err(failed)
    }

    async fn whole(&self, response: Response<Incoming>) -> Result<Answer, CallError> {
        let (head, body) = response.into_parts();
        let collected = body.collect().await.map_err(|source| self.failed(source))?;
        let trailers = collected.trailers().cloned();
        let body = collected.to_bytes().to_vec();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, trailers, body })
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
        let silent = |_| CallError::Silent { address: self.address, limit: self.limit };
        timeout(self.limit, call).await.map_err(silent)?
    }

    fn failed(&self, source: hyper::Error) -> CallError {
        CallError::Http { address: self.address, source }
    }
}

/// A message as gRPC sends it: not compressed, its length before it.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0], length.to_be_bytes().as_slice(), message].concat()
}
