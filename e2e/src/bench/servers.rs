//! MCP servers without number at one place, for the operator to ask: a resolver that knows all their names, and one HTTP server that tells by
//! the Host header which of them is asked. They keep the rules of the protocol. Only inside `netns`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Who knows the names; local as all of the network is.
pub(crate) const NAMES: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 200, 0, 53));
/// Where all servers are.
const SERVERS: Ipv4Addr = Ipv4Addr::new(10, 200, 1, 1);
const PORT: u16 = 8080;
const REVISION: &str = "2026-07-28";

/// All servers. They end when this is dropped.
pub(crate) struct Servers {
    state: Arc<Mutex<BTreeMap<String, Server>>>,
    _tasks: JoinSet<()>,
}

/// What is known of one of them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Server {
    /// How many tools it has beyond the first.
    pub(crate) further_tools: usize,
    /// Requests so far.
    pub(crate) requests: usize,
    /// When it answered last.
    pub(crate) answered: Option<Instant>,
}

impl Servers {
    /// Has both listen.
    pub(crate) async fn start() -> std::io::Result<Self> {
        let state = Arc::<Mutex<BTreeMap<String, Server>>>::default();
        let names = UdpSocket::bind(SocketAddr::new(NAMES, 53)).await?;
        let listener = TcpListener::bind(SocketAddr::from((SERVERS, PORT))).await?;
        let router = Router::new().fallback(answer).with_state(state.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(resolve(names));
        tasks.spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { state, _tasks: tasks })
    }

    /// One tool more at this server, whose name is that of its Service and namespace: `tools-mcp.team-dev`. Answers how many there are then.
    pub(crate) fn add_tool(&self, name: &str) -> usize {
        let mut state = lock(&self.state);
        let server = state.entry(name.to_owned()).or_default();
        server.further_tools += 1;
        1 + server.further_tools
    }

    /// All that have been asked.
    pub(crate) fn seen(&self) -> BTreeMap<String, Server> {
        lock(&self.state).clone()
    }
}

fn lock(state: &Mutex<BTreeMap<String, Server>>) -> MutexGuard<'_, BTreeMap<String, Server>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(
    State(state): State<Arc<Mutex<BTreeMap<String, Server>>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.split(".svc").next().unwrap_or_default().to_owned();
    let further = lock(&state).get(&name).map_or(0, |server| server.further_tools);
    let response = speak(&headers, &body, further);
    let mut state = lock(&state);
    let server = state.entry(name).or_default();
    server.requests += 1;
    server.answered = Some(Instant::now());
    response
}

fn speak(headers: &HeaderMap, body: &Bytes, further_tools: usize) -> Response {
    if headers.contains_key(ORIGIN) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    let id = &message["id"];
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let version = message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"].as_str();
    let fault = match () {
        () if !message["method"].is_string() => Some((-32600, "not a single request or notification")),
        () if version.is_none() => Some((-32602, "no protocol version in _meta")),
        () if header("mcp-protocol-version") != version => Some((-32020, "MCP-Protocol-Version is not the body's")),
        () if version != Some(REVISION) => Some((-32022, "unsupported protocol version")),
        () if header("mcp-method") != message["method"].as_str() => Some((-32020, "Mcp-Method is not the body's")),
        () => None,
    };
    if let Some((code, words)) = fault {
        return error(StatusCode::BAD_REQUEST, id, code, words);
    }
    if id.is_null() {
        return StatusCode::ACCEPTED.into_response();
    }
    match message["method"].as_str().unwrap_or_default() {
        "server/discover" => result(id, json!({ "supportedVersions": [REVISION], "capabilities": { "tools": {} } })),
        "tools/list" if message["params"]["cursor"].is_string() => error(StatusCode::OK, id, -32602, "no such cursor"),
        "tools/list" => {
            let tool = |number: usize| {
                let schema = json!({ "type": "object", "properties": {} });
                json!({ "name": format!("tool-{number}"), "description": "Says who was asked.", "inputSchema": schema })
            };
            result(id, json!({ "tools": (0..=further_tools).map(tool).collect::<Vec<_>>() }))
        }
        _ => error(StatusCode::NOT_FOUND, id, -32601, "no such method"),
    }
}

fn result(id: &Value, mut result: Value) -> Response {
    result["resultType"] = "complete".into();
    result["ttlMs"] = 0.into();
    result["cacheScope"] = "public".into();
    result["_meta"] = json!({ "io.modelcontextprotocol/serverInfo": { "name": "bench", "version": "1.0.0" } });
    answer_json(StatusCode::OK, &json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

fn error(status: StatusCode, id: &Value, code: i64, message: &str) -> Response {
    let mut error = json!({ "code": code, "message": message });
    if code == -32022 {
        error["data"] = json!({ "supported": [REVISION] });
    }
    answer_json(status, &json!({ "jsonrpc": "2.0", "id": id, "error": error }))
}

fn answer_json(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// Answers every question for an IPv4 address with that of the servers, and every other with nothing.
async fn resolve(socket: UdpSocket) {
    let mut buffer = [0; 512];
    loop {
        let Ok((length, asker)) = socket.recv_from(&mut buffer).await else { return };
        if let Some(answer) = resolved(&buffer[..length]) {
            // Whoever asks asks again.
            let _ = socket.send_to(&answer, asker).await;
        }
    }
}

/// RFC 1035, as little of it as resolvers need.
fn resolved(query: &[u8]) -> Option<Vec<u8>> {
    const HEADER: usize = 12;
    let mut end = HEADER;
    while *query.get(end)? != 0 {
        end += 1 + usize::from(*query.get(end)?);
    }
    let question = query.get(HEADER..end + 5)?;
    let asks_for_ipv4 = question.get(question.len() - 4..question.len() - 2)? == [0, 1];
    let mut answer = query.get(..2)?.to_vec();
    // A response without error, authoritative; one question; one answer, or none.
    answer.extend([0x84, 0x00, 0, 1, 0, u8::from(asks_for_ipv4), 0, 0, 0, 0]);
    answer.extend(question);
    if asks_for_ipv4 {
        // The name that was asked for, IPv4, Internet, 5 s, four bytes.
        answer.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4]);
        answer.extend(SERVERS.octets());
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::{SERVERS, resolved};

    #[test]
    fn names_have_one_address() {
        let head = [7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        let query = |kind: u8| [&head[..], &[1, b'a', 3, b's', b'v', b'c', 0, 0, kind, 0, 1]].concat();
        let answer = resolved(&query(1)).expect("an answer");
        assert_eq!((&answer[..2], answer[7]), (&[7, 9][..], 1));
        assert_eq!(answer[answer.len() - 4..], SERVERS.octets());
        // Nothing for IPv6, which is an answer as well.
        assert_eq!(resolved(&query(28)).expect("an answer")[7], 0);
        assert_eq!(resolved(&head), None);
    }
}
