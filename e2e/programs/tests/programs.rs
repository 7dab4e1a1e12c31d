//! The programs together, as they meet in pods: an agent that uses its bindings, and the verifier's word on each.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tenantry_probe::{Options, Prober};
use tenantry_protocol::address::Bounds;
use tenantry_protocol::mcp::Era;
use tenantry_protocol::verdict::State;

/// Ended when it is dropped.
struct Program {
    process: Child,
    address: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_programs"));
        command.args(arguments).args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stdin(Stdio::null());
        let mut process = command.spawn().expect("starts");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let first = lines.next().expect("says where it listens").expect("text");
        let address = first.strip_prefix("listening on ").ok_or(&first).expect("an address").to_owned();
        Self { process, address }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn get(&self, path: &str) -> Value {
        let mut stream = TcpStream::connect(&self.address).expect("connects");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sends");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("HTTP");
        serde_json::from_str(body).expect("JSON")
    }
}

fn options() -> Options {
    Options { bounds: Bounds { is_loopback_allowed: true, ..Bounds::default() }, ..Options::default() }
}

#[test]
fn an_agent_uses_all_that_it_is_bound_to_and_tells_what_does_not_answer() {
    let model = Program::start(&["model", "--name", "tiny"]);
    let server = Program::start(&["mcp-server", "--name", "search", "--tools", "find,fetch"]);
    let folder = tempfile::tempdir().expect("a folder");
    let bindings = folder.path().join("bindings.json");
    let agent = Program::start(&["agent", "--name", "one", "--bindings", bindings.to_str().expect("text")]);
    assert!(agent.get("/ask")["error"].as_str().is_some_and(|error| error.starts_with("reading ")));

    let peer = Program::start(&["agent", "--name", "two", "--bindings", bindings.to_str().expect("text")]);
    let bound = json!({
        "models": [
            { "name": "chat", "url": model.url("/v1"), "model": "tiny" },
            { "name": "other", "url": model.url(""), "model": "large" },
        ],
        "tools": [
            { "name": "search", "url": server.url("/mcp"), "toolNames": ["fetch"], "requireApproval": [] },
            { "name": "gone", "url": "http://127.0.0.1:1/mcp", "toolNames": [], "requireApproval": [] },
        ],
        "peers": [{ "name": "two", "url": peer.url("/") }],
    });
    std::fs::write(&bindings, bound.to_string()).expect("writes");
    let told = agent.get("/ask");
    assert_eq!(told["models"]["chat"]["answer"], "tiny: Who are you?", "{told}");
    assert!(told["models"]["other"]["error"].as_str().is_some_and(|error| error.contains("HTTP 404")), "{told}");
    assert_eq!(told["tools"]["search"]["answer"], "fetch of search", "{told}");
    assert!(told["tools"]["gone"]["error"].as_str().is_some_and(|error| error.contains("refused")), "{told}");
    assert!(told["peers"]["two"]["answer"].as_str().is_some_and(|answer| answer.contains("fetch of search")), "{told}");
    assert_eq!(model.get("/v1/models")["data"][0]["id"], "tiny");
}

#[tokio::test]
async fn the_verifier_has_nothing_to_say_about_them() {
    let server = Program::start(&["mcp-server"]);
    let verdict = Prober::new(1).mcp(&server.url("/mcp").parse().expect("a URL"), &options()).await;
    assert_eq!((verdict.state, verdict.era), (State::Verified, Some(Era::Modern)), "{verdict:#?}");
    assert_eq!((verdict.verification.issues, verdict.verification.not_run), (vec![], vec![]));

    let agent = Program::start(&["agent", "--url", "http://agent.example/"]);
    let known_as = Some("http://agent.example/".parse().expect("a URL"));
    let options = Options { known_as, ..options() };
    let verdict = Prober::new(1).a2a(&agent.url("/").parse().expect("a URL"), &options).await;
    assert_eq!((verdict.state, verdict.issues), (State::Verified, vec![]));
}

#[test]
fn whoever_asks_once_is_told_of_an_answer_and_of_none() {
    let model = Program::start(&["model", "--name", "tiny"]);
    let ask = |url: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_programs")).args(["ask", url]).output().expect("runs");
        serde_json::from_slice::<Value>(&output.stdout).expect("JSON")
    };
    assert_eq!(ask(&model.url("/v1/models"))["body"]["data"][0]["id"], "tiny");
    assert_eq!(ask(&model.url("/nowhere"))["status"], 404);
    assert!(ask("http://127.0.0.1:1/")["error"].as_str().is_some_and(|error| error.contains("refused")));
}

#[test]
fn an_echo_says_who_it_is_and_what_it_was_asked() {
    let echo = Program::start(&["echo", "--namespace", "acme-dev", "--pod", "shop-1"]);
    let said = echo.get("/orders/7?by=name");
    let told = json!({
        "backend": "acme-dev/shop-1", "method": "GET", "path": "/orders/7", "query": "by=name", "host": "x",
    });
    assert_eq!(said, told);
}

#[test]
fn load_is_counted() {
    let model = Program::start(&["model", "--work", "1"]);
    let body = json!({ "model": "model", "messages": [] }).to_string();
    let load = |path: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_programs"));
        command.args(["load", &model.url(path), "--seconds", "1", "--at-once", "2", "--body", &body]);
        let output = command.output().expect("runs");
        serde_json::from_slice::<Value>(&output.stdout).expect("JSON")
    };
    let sound = load("/v1/chat/completions");
    assert!(sound["answered"].as_u64() > Some(0) && sound["failed"] == 0, "{sound}");
    let wrong = load("/nowhere");
    assert!(wrong["answered"] == 0 && wrong["lastError"] == "HTTP 404", "{wrong}");
}
