//! An HTTP server that does what it is told, for tests: also what no HTTP library would let it do.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Uri;
use serde_json::Value;
use tenantry_probe::{Limits, Options};
use tenantry_protocol::address::Bounds;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One request.
#[derive(Debug, Clone)]
pub struct Heard {
    pub verb: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub text: String,
    pub body: Value,
}

impl Heard {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// JSON-RPC method.
    pub fn method(&self) -> &str {
        self.body["method"].as_str().unwrap_or_default()
    }
}

/// What the server does about it.
#[derive(Debug, Clone)]
pub enum Reaction {
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// These bytes, whatever they are.
    Raw(Vec<u8>),
    /// The first once, the second for as long as anybody listens.
    Forever(Vec<u8>, Vec<u8>),
    Close,
    Hang,
}

impl Reaction {
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", body.to_string())
    }

    pub fn text(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer { status, headers: vec![("content-type".into(), kind.into())], body: body.into() }
    }

    pub fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name.into(), value.into()));
        }
        self
    }

    /// The body, changed.
    pub fn edit(mut self, change: impl FnOnce(&mut Value)) -> Self {
        if let Self::Answer { body, .. } = &mut self {
            let mut value = serde_json::from_slice(body).expect("JSON");
            change(&mut value);
            *body = value.to_string().into_bytes();
        }
        self
    }
}

type Handler = dyn Fn(&Heard) -> Reaction + Send + Sync;

/// Runs until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    pub heard: Arc<Mutex<Vec<Heard>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub async fn start(handler: impl Fn(&Heard) -> Reaction + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (handler, record): (Arc<Handler>, _) = (Arc::new(handler), Arc::clone(&heard));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&handler), Arc::clone(&record)));
            }
        });
        Self { address, heard, task }
    }

    pub fn url(&self, path: &str) -> Uri {
        format!("http://{}{path}", self.address).parse().expect("a URL")
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().expect("not poisoned").clone()
    }
}

pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    handler: Arc<Handler>,
    record: Arc<Mutex<Vec<Heard>>>,
) {
    let Some(heard) = hear(&mut stream).await else { return };
    record.lock().expect("not poisoned").push(heard.clone());
    match handler(&heard) {
        Reaction::Close => {}
        Reaction::Hang => std::future::pending().await,
        Reaction::Raw(bytes) => drop(stream.write_all(&bytes).await),
        Reaction::Forever(head, piece) => {
            let mut is_heard = stream.write_all(&head).await.is_ok();
            while is_heard {
                is_heard = stream.write_all(&piece).await.is_ok();
                tokio::task::yield_now().await;
            }
        }
        Reaction::Answer { status, headers, body } => {
            let mut head = vec![format!("HTTP/1.1 {status} X"), format!("content-length: {}", body.len())];
            head.extend(headers.into_iter().map(|(name, value)| format!("{name}: {value}")));
            let _ = stream.write_all(format!("{}\r\n\r\n", head.join("\r\n")).as_bytes()).await;
            let _ = stream.write_all(&body).await;
        }
    }
    let _ = stream.shutdown().await;
}

async fn hear<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Heard> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (verb, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while bytes.len() < end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let text = String::from_utf8_lossy(&bytes[end + 4..]).into_owned();
    let body = serde_json::from_str(&text).unwrap_or_default();
    Some(Heard { verb, path, headers, text, body })
}

/// Options under which servers of tests can be asked, with time enough on a machine that compiles something else meanwhile.
pub fn options() -> Options {
    Options {
        bounds: Bounds { is_loopback_allowed: true, ..Bounds::default() },
        limits: Limits { time: Duration::from_mins(1), moment: Duration::from_secs(20), ..Limits::default() },
        ..Options::default()
    }
}

/// The same for servers that do not answer one of the questions.
pub fn impatient() -> Options {
    let limits = Limits { moment: Duration::from_secs(1), ..options().limits };
    Options { limits, ..options() }
}

/// The same for servers that answer none.
pub fn hasty() -> Options {
    let limits = Limits { time: Duration::from_secs(2), ..impatient().limits };
    Options { limits, ..options() }
}
