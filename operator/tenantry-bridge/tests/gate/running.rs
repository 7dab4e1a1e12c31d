//! A gate that runs, before a service that tells what has come to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};

/// A request that has come to the service.
#[derive(Debug, Clone)]
pub struct Seen {
    pub line: String,
    pub headers: HeaderMap,
    pub body: String,
}

/// A service that answers every message, and lists two tools.
#[derive(Clone, Default)]
pub struct Service(Arc<Mutex<Vec<Seen>>>);

impl Service {
    pub async fn start() -> (Self, SocketAddr) {
        let service = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().fallback(answer).with_state(service.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (service, address)
    }

    /// What has come since it was last asked.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.0.lock().expect("a lock"))
    }
}

fn list(id: &Value) -> Value {
    let tools = json!([{ "name": "search", "inputSchema": { "type": "object" } }, { "name": "delete" }]);
    json!({ "jsonrpc": "2.0", "id": id, "result": { "tools": tools, "nextCursor": "two" } })
}

async fn answer(State(service): State<Service>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let body = String::from_utf8_lossy(&body).into_owned();
    let how = headers.get("x-answer").and_then(|how| how.to_str().ok()).unwrap_or_default().to_owned();
    service.0.lock().expect("a lock").push(Seen { line: format!("{method} {uri}"), headers, body: body.clone() });
    let message: Value = serde_json::from_str(&body).unwrap_or_default();
    let listed = list(&message["id"]);
    let events = |text: String| ([("content-type", "text/event-stream")], text).into_response();
    match how.as_str() {
        "packed" => ([("content-type", "application/json"), ("content-encoding", "gzip")], "x").into_response(),
        "text" => listed.to_string().into_response(),
        "huge" => ([("content-type", "application/json")], format!("\"{}\"", "x".repeat(70_000))).into_response(),
        "events" => events(format!("id: 1\ndata: {listed}\n\n")),
        "gone" => StatusCode::NOT_FOUND.into_response(),
        "slow" => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            StatusCode::OK.into_response()
        }
        // One event at once, and nothing more for long.
        "stream" => {
            let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
            tokio::spawn(async move {
                let _ = sender.send(Ok(Bytes::from(format!("data: {}\n\n", list(&json!(1)))))).await;
                tokio::time::sleep(Duration::from_mins(1)).await;
            });
            let body = axum::body::Body::new(Channel(receiver));
            ([("content-type", "text/event-stream")], body).into_response()
        }
        _ if method == Method::GET => events(format!("data: {listed}\n\n")),
        _ if message["method"] == "tools/list" => {
            ([("content-type", "application/json")], listed.to_string()).into_response()
        }
        _ => ([("content-type", "application/json")], json!({ "id": message["id"], "result": {} }).to_string())
            .into_response(),
    }
}

struct Channel(tokio::sync::mpsc::Receiver<Result<Bytes, std::io::Error>>);

impl http_body::Body for Channel {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
        self.0.poll_recv(context).map(|one| one.map(|bytes| bytes.map(http_body::Frame::data)))
    }
}

/// Ended when it is dropped.
pub struct Gate {
    process: Child,
    pub address: String,
    pub health: String,
}

/// What is answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub text: String,
}

impl Answer {
    pub fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl Gate {
    /// For the tool `search` at `/mcp`.
    pub fn of_tools(upstream: SocketAddr, further: &[&str]) -> Self {
        Self::start(upstream, &[&["--path=/mcp", "--tool=search", "--max-message=65536"], further].concat())
    }

    pub fn start(upstream: SocketAddr, options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenantry-bridge"));
        command.args(["gate", "--listen=127.0.0.1:0", "--health=127.0.0.1:0", "--grant=globex-dev/tickets"]);
        command.arg(format!("--upstream={upstream}")).args(options);
        let mut process = command.stderr(Stdio::piped()).stdin(Stdio::null()).spawn().expect("starts");
        let mut lines = BufReader::new(process.stderr.take().expect("piped")).lines();
        let first = lines.next().expect("says where it listens").expect("text");
        let (address, health) =
            first.strip_prefix("listening on ").and_then(|rest| rest.split_once(", healthy at ")).expect(&first);
        let (address, health) = (address.to_owned(), health.to_owned());
        std::thread::spawn(move || lines.count());
        Self { process, address, health }
    }

    /// Asks it to end, and waits until it has.
    pub fn end(mut self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("is there");
        assert!(self.process.wait().expect("ends").success());
    }

    /// A connection on which something was said.
    pub fn say(&self, text: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("connects");
        stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a socket");
        // It may have answered and closed before it has heard all.
        let _ = stream.write_all(text);
        stream
    }

    pub fn ask(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut head = vec![format!("{line} HTTP/1.1"), "host: gate".into(), "connection: close".into()];
        head.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
        if !body.is_empty() {
            head.push(format!("content-length: {}", body.len()));
        }
        read(self.say(format!("{}\r\n\r\n{body}", head.join("\r\n")).as_bytes()))
    }

    /// A message to the server.
    pub fn post(&self, headers: &[(&str, &str)], body: &str) -> Answer {
        self.ask("POST /mcp", &[&[("content-type", "application/json")], headers].concat(), body)
    }
}

/// All that is answered on a connection.
pub fn read(mut stream: TcpStream) -> Answer {
    let mut all = Vec::new();
    // What has come before a connection is broken off counts.
    let _ = stream.read_to_end(&mut all);
    let all = String::from_utf8_lossy(&all);
    let (head, body) = all.split_once("\r\n\r\n").unwrap_or((&all, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let text =
        if head.to_ascii_lowercase().contains("transfer-encoding: chunked") { unchunked(body) } else { body.into() };
    Answer { status, head: head.to_ascii_lowercase(), text }
}

fn unchunked(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap_or_default();
        text += &rest[..length.min(rest.len())];
        body = rest.get(length + 2..).unwrap_or_default();
    }
    text
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
