//! The gate of a grant before a service that tells what has come to it, over real sockets; and before a real MCP server.

mod running;

use std::io::Read as _;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use tenantry_e2e::packages::python;
use tenantry_e2e::process::Process;
use tenantry_e2e::{eventually, skip};
use tenantry_probe::{Limits, Options, Prober};
use tenantry_protocol::address::Bounds;
use tenantry_protocol::check::Level;
use tenantry_protocol::mcp::Era;
use tenantry_protocol::verdict::State;

use crate::running::{Gate, Service, read};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"n":18446744073709551616}}}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
const SOON: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_granted_reaches_the_server_as_it_was_sent() {
    let (service, address) = Service::start().await;
    let gate = Gate::of_tools(address, &[]);
    let headers = [
        ("content-type", "application/json; charset=utf-8"),
        ("authorization", "Bearer x"),
        ("mcp-session-id", "s"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "search"),
        ("accept-encoding", "gzip"),
        ("x-mine", "1"),
        ("connection", "x-mine"),
        ("x-http-method-override", "DELETE"),
        ("x-original-url", "/admin"),
    ];
    let answer = gate.ask("POST /mcp?key=1", &headers, CALL);
    assert_eq!((answer.status, answer.body()["id"].clone()), (200, json!(1)), "{answer:?}");
    let [seen] = &service.seen()[..] else { unreachable!("one request") };
    assert_eq!((seen.line.as_str(), seen.body.as_str()), ("POST /mcp?key=1", CALL));
    let header = |name: &str| seen.headers.get(name).map(|value| value.to_str().expect("text").to_owned());
    assert_eq!(header("authorization").as_deref(), Some("Bearer x"));
    assert_eq!(header("mcp-session-id").as_deref(), Some("s"));
    assert_eq!(header("host"), Some(address.to_string()));
    assert_eq!(header("content-type").as_deref(), Some("application/json"));
    for name in ["accept-encoding", "x-mine", "x-http-method-override", "x-original-url"] {
        assert_eq!(header(name), None, "{name}");
    }
    assert_eq!(gate.ask("DELETE /mcp", &[("mcp-session-id", "s")], "").status, 200);
    assert_eq!(service.seen()[0].line, "DELETE /mcp");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_granted_never_reaches_it() {
    let (service, address) = Service::start().await;
    let gate = Gate::of_tools(address, &[]);
    let refused = gate.post(&[], &CALL.replace("search", "delete"));
    let message = "tool \"delete\" is not granted: ServiceGrant globex-dev/tickets says so";
    assert_eq!((refused.status, &refused.body()["error"]), (200, &json!({ "code": -32602, "message": message })));
    for (body, status) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"resources/list"}"#.to_owned(), 200),
        (CALL.replace(r#""search""#, r#""search","name":"delete""#), 400),
        (format!("[{LIST},{}]", CALL.replace("search", "delete")), 400),
        ("nonsense".to_owned(), 400),
        ("x".repeat(65537), 413),
    ] {
        assert_eq!(gate.post(&[], &body).status, status, "{body:.60}");
    }
    assert_eq!(gate.post(&[("mcp-name", "delete")], CALL).status, 400);
    assert_eq!(gate.post(&[("mcp-method", "ping")], CALL).status, 400);
    assert_eq!(gate.post(&[("content-encoding", "gzip")], CALL).status, 415);
    assert_eq!(gate.ask("POST /mcp", &[("content-type", "text/plain")], CALL).status, 415);
    assert_eq!(gate.ask("POST /admin", &[("content-type", "application/json")], CALL).status, 404);
    assert_eq!(gate.ask("GET /mcp", &[], "a body").status, 400);
    assert_eq!(gate.ask("CONNECT 10.0.0.1:80", &[], "").status, 405);
    assert_eq!(gate.ask("GET /mcp", &[("upgrade", "websocket"), ("connection", "upgrade")], "").status, 400);
    let put = gate.ask("PUT /mcp", &[("content-type", "application/json")], CALL);
    assert_eq!(put.status, 405);
    assert!(put.head.contains("allow: get, post, delete"), "{}", put.head);
    assert_eq!(put.body()["grant"], "globex-dev/tickets");
    // Two requests that a proxy and a server might tell apart differently.
    let smuggled = "POST /mcp HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nPOST /mcp HTTP/1.1\r\nhost: a\r\n\r\n";
    assert_eq!(read(gate.say(smuggled.as_bytes())).status, 400);
    let long = format!("GET /mcp HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(1_000_000));
    assert_eq!(read(gate.say(long.as_bytes())).status, 431);
    assert_eq!(service.seen().iter().map(|seen| &seen.line).collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_tells_of_tools_that_are_not_granted() {
    let (_service, address) = Service::start().await;
    let gate = Gate::of_tools(address, &[]);
    let shorter = json!({ "tools": [{ "name": "search", "inputSchema": { "type": "object" } }], "nextCursor": "two" });
    let listed = gate.post(&[], LIST);
    assert_eq!((listed.status, &listed.body()["result"]), (200, &shorter));
    let events = gate.post(&[("x-answer", "events")], LIST);
    let data = |text: &str| {
        serde_json::from_str::<serde_json::Value>(
            text.lines().find_map(|line| line.strip_prefix("data: ")).expect(text),
        )
    };
    assert_eq!(data(&events.text).expect("JSON")["result"], shorter);
    assert!(events.text.starts_with("id: 1\n"), "{}", events.text);
    // A stream that is taken up again may bring what another one was to bring.
    assert_eq!(data(&gate.ask("GET /mcp", &[("last-event-id", "0")], "").text).expect("JSON")["result"], shorter);
    for how in ["packed", "text", "huge"] {
        let answer = gate.post(&[("x-answer", how)], LIST);
        assert_eq!(answer.status, 502, "{how}");
        assert!(!answer.text.contains("\"delete\""), "{how} {answer:?}");
    }
    assert_eq!(gate.post(&[("x-answer", "gone")], LIST).status, 404, "that a session has gone, clients must hear");
    // What calls answer is nobody's to look at.
    assert_eq!(gate.post(&[("x-answer", "huge")], CALL).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_at_once_and_end_with_the_gate() {
    let (_service, address) = Service::start().await;
    let gate = Gate::of_tools(address, &[]);
    let mut stream = gate.say(b"GET /mcp HTTP/1.1\r\nhost: a\r\nx-answer: stream\r\n\r\n");
    let (mut heard, mut piece) = (String::new(), [0; 1024]);
    while !heard.contains("\n\n") || !heard.contains("data:") {
        let read = stream.read(&mut piece).expect("within a minute");
        assert!(read > 0, "{heard}");
        heard += &String::from_utf8_lossy(&piece[..read]);
    }
    assert!(heard.contains("search") && !heard.contains("delete"), "{heard}");
    let began = Instant::now();
    gate.end();
    assert!(began.elapsed() < Duration::from_secs(5), "a contract that has ended leaves no stream behind");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_and_rates_hold_for_any_service() {
    let (service, address) = Service::start().await;
    let gate = Gate::start(address, &["--method=GET", "--requests=2", "--per=3600"]);
    assert_eq!(gate.ask("GET /any/path?x=1", &[("accept-encoding", "gzip")], "").status, 200);
    let post = gate.ask("POST /any", &[], "x");
    assert_eq!(post.status, 405);
    assert!(post.head.contains("allow: get\r\n"), "{}", post.head);
    let late = gate.ask("GET /any", &[], "");
    assert_eq!(late.status, 429);
    let wait = late.head.lines().find_map(|line| line.strip_prefix("retry-after: ")).expect("told when").parse::<u64>();
    assert!((1790..=1800).contains(&wait.expect("seconds")), "{}", late.head);
    assert_eq!(service.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_not_read_are_bounded_too() {
    let (_service, address) = Service::start().await;
    let gate = Gate::start(address, &["--method=POST", "--max-body=2048"]);
    assert_eq!(gate.ask("POST /any", &[], &"x".repeat(2048)).status, 200);
    assert_eq!(gate.ask("POST /any", &[], &"x".repeat(4096)).status, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_harms_only_one_request() {
    let (_service, address) = Service::start().await;
    let gate = Gate::of_tools(address, &["--timeout=1", "--client-timeout=1"]);
    assert_eq!(gate.post(&[("x-answer", "slow")], CALL).status, 504);
    let begun =
        gate.say(b"POST /mcp HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{");
    assert_eq!(read(begun).status, 408);
    let began = Instant::now();
    read(gate.say(b"POST /mcp HT"));
    assert!(began.elapsed() < Duration::from_secs(30), "heads are not waited for");
    assert_eq!(gate.post(&[], CALL).status, 200);
    let nobody = Gate::of_tools("127.0.0.1:1".parse().expect("an address"), &[]);
    assert_eq!(nobody.post(&[], CALL).status, 502);
    let health = std::net::TcpStream::connect(&nobody.health).expect("connects");
    std::io::Write::write_all(&mut &health, b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .expect("asks");
    assert_eq!(read(health).status, 200, "its own health is not that of the service");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_server_keeps_the_rules_through_the_gate() {
    let python = match python("mcp", "2.3.0") {
        Ok(python) => python,
        Err(reason) => skip!("{reason}"),
    };
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let folder = tempfile::tempdir().expect("a folder");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../e2e/tests/real_servers/server.py");
    let mut command = Command::new(python);
    command.args(["-B", script, &free.port().to_string(), "Adds two numbers."]);
    let _server = Process::start("python", command, &folder.path().join("log")).expect("starts");
    let listens = eventually(SOON, "it listens", async || tokio::net::TcpStream::connect(free).await);
    listens.await.expect("listens");
    for (tools, listed) in [(["--tool=add", "--tool=none"], vec!["add"]), (["--tool=none", "--tool=other"], vec![])] {
        let gate = Gate::start(free, &[&["--path=/mcp"][..], &tools].concat());
        let bounds = Bounds { is_loopback_allowed: true, ..Bounds::default() };
        let url = format!("http://{}/mcp", gate.address).parse().expect("a URL");
        let limits = Limits { time: SOON, moment: SOON / 3, ..Limits::default() };
        let verdict = Prober::new(1).mcp(&url, &Options { bounds, limits, ..Options::default() }).await;
        assert_eq!((verdict.state, verdict.era), (State::Verified, Some(Era::Dual)), "{verdict:#?}");
        assert_eq!(verdict.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), listed);
        let errors: Vec<_> = verdict.verification.issues.iter().filter(|one| one.level == Level::Error).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} });
        let params = json!({ "name": "add", "arguments": { "a": 2, "b": 3 }, "_meta": meta });
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
        let headers = [
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "add"),
        ];
        let answer = gate.post(&headers, &call);
        let is_granted = !listed.is_empty();
        assert_eq!(answer.text.contains("\"5\"") || answer.text.contains("5.0"), is_granted, "{answer:?}");
        assert_eq!(answer.text.contains("not granted"), !is_granted, "{answer:?}");
    }
}
