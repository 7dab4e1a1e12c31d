//! One HTTP request, of JSON for JSON, without TLS. Every failure says what was asked of whom.

use std::time::Duration;

use http::{Method, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);
const MOST: usize = 1 << 20;

/// Status and JSON (null if it is none) of what is answered.
pub(crate) async fn ask(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> Result<(u16, Value), String> {
    let failed = |what: &str| format!("{method} {url}: {what}");
    let answered = timeout(PATIENCE, exchange(&method, url, headers, body)).await;
    answered.map_err(|_| failed("no answer in time"))?.map_err(|error| failed(&error))
}

async fn exchange(
    method: &Method,
    url: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> Result<(u16, Value), String> {
    let url: Uri = url.parse().map_err(|error| format!("{error}"))?;
    let host = url.host().ok_or("no host in it")?;
    let port = url.port_u16().unwrap_or(80);
    let stream = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
    let driver = tokio::spawn(connection);
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder().method(method).uri(path).header("host", format!("{host}:{port}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let body = body.map(ToString::to_string).unwrap_or_default();
    let request = request.body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let bytes = Limited::new(response.into_body(), MOST).collect().await.map_err(|error| error.to_string())?;
    driver.abort();
    Ok((status, serde_json::from_slice(&bytes.to_bytes()).unwrap_or_default()))
}
