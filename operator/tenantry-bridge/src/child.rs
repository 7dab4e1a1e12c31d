//! One running stdio server: messages by lines, responses by id, one reader. Ends it with all that it has started.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use crate::kept::lock;
use crate::message::{INTERNAL, LEGACY, METHOD_NOT_FOUND, MODERN, RpcError};
use crate::options::Options;

/// Requests that a child has at once; further ones wait.
const AT_ONCE: usize = 64;
/// What it has to end by itself before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// Why a child does not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildError {
    #[error("cannot start {command}: {source}")]
    Start { command: String, source: std::io::Error },
    #[error("the server has ended")]
    Ended,
    #[error("the server did not respond within {0} s")]
    Silent(u64),
    #[error("the server cannot be opened: {0}")]
    NotOpened(String),
}

impl ChildError {
    /// As a response's error.
    pub(crate) fn rpc(&self) -> RpcError {
        RpcError::new(INTERNAL, self.to_string())
    }
}

type Waiting = HashMap<u64, oneshot::Sender<Result<Value, RpcError>>>;

/// A running server. Dropping it ends it.
pub(crate) struct Child {
    /// Lines that are to be written. With this gone, its input ends.
    lines: mpsc::Sender<String>,
    shared: Arc<Shared>,
    turns: Semaphore,
    next: AtomicU64,
    patience: Duration,
}

struct Shared {
    /// None when it has ended.
    waiting: Mutex<Option<Waiting>>,
    /// Somebody wants it to end.
    closing: Notify,
    /// It is gone, with all that it has started.
    ended: Notify,
}

/// A child that has said who it is.
pub(crate) struct Opened {
    pub(crate) child: Child,
    /// Result of `initialize`; of a server that knows only newer revisions, the same made of `server/discover`.
    pub(crate) hello: Value,
    /// Whether it must be told the revision with each request.
    is_modern: bool,
}

impl Opened {
    /// Starts the server and opens it, asking for this revision.
    pub(crate) async fn start(options: &Options, version: &str, client: &Value) -> Result<Self, ChildError> {
        let child = Child::start(options)?;
        // No capabilities: the bridge has no way to bring a server's requests to a client.
        let params = json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": client });
        let refusal = match child.request("initialize", Some(params)).await? {
            Ok(hello) => {
                child.notify(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await?;
                return Ok(Self { child, hello, is_modern: false });
            }
            Err(refusal) => refusal,
        };
        match child.request("server/discover", Some(json!({ "_meta": meta() }))).await? {
            Ok(found) => {
                let info = &found["_meta"]["io.modelcontextprotocol/serverInfo"];
                let info = if info.is_object() { info } else { &found["serverInfo"] };
                let mut hello = json!({
                    "protocolVersion": LEGACY[0], "capabilities": found["capabilities"], "serverInfo": info,
                });
                if found["instructions"].is_string() {
                    hello["instructions"] = found["instructions"].clone();
                }
                Ok(Self { child, hello, is_modern: true })
            }
            Err(_) => Err(ChildError::NotOpened(refusal.message)),
        }
    }

    /// Asks it something.
    pub(crate) async fn request(
        &self,
        method: &str,
        params: Option<Value>,
    ) -> Result<Result<Value, RpcError>, ChildError> {
        let mut params = params;
        if self.is_modern {
            let params = params.get_or_insert_with(|| json!({}));
            if params.is_object() {
                params["_meta"] = merged(&params["_meta"]);
            }
        }
        self.child.request(method, params).await
    }
}

fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientInfo": { "name": "tenantry-bridge", "version": env!("CARGO_PKG_VERSION") },
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// What a client sent along, and what must be there.
fn merged(given: &Value) -> Value {
    let mut all = meta();
    for (key, value) in given.as_object().into_iter().flatten() {
        if all.get(key).is_none() {
            all[key] = value.clone();
        }
    }
    all
}

impl Child {
    fn start(options: &Options) -> Result<Self, ChildError> {
        let (program, arguments) = options.command.split_first().ok_or(ChildError::Ended)?;
        let failed = |source| ChildError::Start { command: program.clone(), source };
        let mut process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What it says there belongs in the pod's log.
            .stderr(Stdio::inherit())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (Some(stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(ChildError::Ended);
        };
        let group = process.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let waiting = Mutex::new(Some(Waiting::new()));
        let shared = Arc::new(Shared { waiting, closing: Notify::new(), ended: Notify::new() });
        let (lines, to_write) = mpsc::channel(AT_ONCE);
        tokio::spawn(write(stdin, to_write));
        let (inner, most, refusals) = (Arc::clone(&shared), options.max_message(), lines.downgrade());
        tokio::spawn(async move {
            tokio::select! {
                () = read(stdout, &inner, most, &refusals) => {}
                () = inner.closing.notified() => {}
            }
            // Nobody waits for what does not come any more.
            lock(&inner.waiting).take();
            finish(&mut process, group).await;
            inner.ended.notify_one();
        });
        Ok(Self { lines, shared, turns: Semaphore::new(AT_ONCE), next: AtomicU64::new(1), patience: options.timeout() })
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&self) -> bool {
        lock(&self.shared.waiting).is_some()
    }

    /// Sends a request and waits for the response to it.
    async fn request(&self, method: &str, params: Option<Value>) -> Result<Result<Value, RpcError>, ChildError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut message = json!({ "jsonrpc": "2.0", "id": id, "method": method });
        if let Some(params) = params {
            message["params"] = params;
        }
        let asked = async {
            let _turn = self.turns.acquire().await.map_err(|_| ChildError::Ended)?;
            let (sender, receiver) = oneshot::channel();
            lock(&self.shared.waiting).as_mut().ok_or(ChildError::Ended)?.insert(id, sender);
            // However this ends, also when the client has gone.
            let _forgotten = Forget { id, shared: &self.shared };
            self.notify(&message).await?;
            receiver.await.map_err(|_| ChildError::Ended)
        };
        if let Ok(answered) = timeout(self.patience, asked).await {
            return answered;
        }
        let cancelled = json!({ "requestId": id, "reason": "it took too long" });
        let message = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled });
        // It may hang in reading, too.
        let _ = timeout(GRACE, self.notify(&message)).await;
        Err(ChildError::Silent(self.patience.as_secs()))
    }

    /// Sends a message that is not answered.
    pub(crate) async fn notify(&self, message: &Value) -> Result<(), ChildError> {
        self.lines.send(format!("{message}\n")).await.map_err(|_| ChildError::Ended)
    }

    /// Ends it and waits until it is gone.
    pub(crate) async fn end(&self) {
        self.shared.closing.notify_one();
        let _ = timeout(GRACE * 2, self.shared.ended.notified()).await;
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.shared.closing.notify_one();
    }
}

/// Writes what is to be written, until nobody writes any more or nobody reads.
async fn write(mut stdin: ChildStdin, mut lines: mpsc::Receiver<String>) {
    while let Some(line) = lines.recv().await {
        if stdin.write_all(line.as_bytes()).await.is_err() || stdin.flush().await.is_err() {
            return;
        }
    }
}

/// Takes a request out of those that wait.
struct Forget<'a> {
    id: u64,
    shared: &'a Shared,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        if let Some(waiting) = lock(&self.shared.waiting).as_mut() {
            waiting.remove(&self.id);
        }
    }
}

/// Reads until the server ends, or breaks the rules.
async fn read(stdout: ChildStdout, shared: &Shared, most: usize, refusals: &mpsc::WeakSender<String>) {
    let mut lines = BufReader::new(stdout);
    let mut line = Vec::new();
    loop {
        line.clear();
        let bound = u64::try_from(most).unwrap_or(u64::MAX);
        match (&mut lines).take(bound).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(read) if read >= most && line.last() != Some(&b'\n') => {
                eprintln!("the server sent a message of more than {most} bytes and is ended");
                return;
            }
            Ok(_) => {}
        }
        // What is no message is a server's chatter.
        let Ok(message) = serde_json::from_slice::<Value>(&line) else { continue };
        if message.get("method").is_none() {
            take(&message, shared);
        } else if let (Some(id), Some(lines)) = (message.get("id"), refusals.upgrade()) {
            // It was told that its client can do nothing.
            let error = json!({ "code": METHOD_NOT_FOUND, "message": "there is nobody to ask behind this bridge" });
            let refusal = json!({ "jsonrpc": "2.0", "id": id, "error": error });
            // One that does not read what it asked for must not stop us from reading.
            let _ = lines.try_send(format!("{refusal}\n"));
        }
    }
}

fn take(message: &Value, shared: &Shared) {
    let Some(id) = message["id"].as_u64() else { return };
    let Some(sender) = lock(&shared.waiting).as_mut().and_then(|waiting| waiting.remove(&id)) else { return };
    let answer = match (message.get("result"), message.get("error")) {
        (Some(result), None) => Ok(result.clone()),
        (_, Some(error)) => Err(RpcError::of(error)),
        (None, None) => Err(RpcError::new(INTERNAL, "the server's response has neither result nor error")),
    };
    // The client may have gone.
    let _ = sender.send(answer);
}

/// Asks it to end, kills it if it does not, and whatever it has started.
async fn finish(process: &mut tokio::process::Child, group: Option<Pid>) {
    signal(group, Signal::TERM);
    if timeout(GRACE, process.wait()).await.is_err() {
        signal(group, Signal::KILL);
        let _ = process.wait().await;
    }
    signal(group, Signal::KILL);
}

fn signal(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        // Gone already is as well.
        let _ = kill_process_group(group, signal);
    }
}

/// What a method that the server does not know is answered with.
pub(crate) fn is_unknown_method(error: &RpcError) -> bool {
    error.code == METHOD_NOT_FOUND
}
