//! A bridge that runs, and clients of both eras.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tenantry_probe::{Limits, Options, Prober};
use tenantry_protocol::address::Bounds;
use tenantry_protocol::mcp::Verdict;

use crate::fake::ROLE;

/// Ended when it is dropped.
pub struct Bridge {
    process: Child,
    pub address: String,
}

/// What is answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Value,
}

impl Answer {
    /// The first text of a tool's result.
    pub fn said(&self) -> String {
        self.body["result"]["content"][0]["text"].as_str().ok_or(self).expect("a text").to_owned()
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
    }
}

impl Bridge {
    /// Around the fake server.
    pub fn start(role: &str, options: &[&str]) -> Self {
        let program = std::env::current_exe().expect("a path");
        let server = [program.to_str().expect("text"), "--exact", "fake::serve_when_asked", "--nocapture"];
        Self::around(&server, options, role)
    }

    pub fn around(server: &[&str], options: &[&str], role: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenantry-bridge"));
        command.args(["--listen", "127.0.0.1:0"]).args(options).arg("--").args(server).env(ROLE, role);
        let mut process = command.stderr(Stdio::piped()).stdin(Stdio::null()).spawn().expect("starts");
        let mut lines = BufReader::new(process.stderr.take().expect("piped")).lines();
        let first = lines.next().expect("says where it listens").expect("text");
        let address = first.strip_prefix("listening on ").and_then(|rest| rest.strip_suffix("/mcp"));
        let address = address.ok_or(&first).expect("an address").to_owned();
        // Somebody has to read what servers say.
        std::thread::spawn(move || lines.count());
        Self { process, address }
    }

    /// Asks it to end, and waits until it has.
    pub fn end(mut self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("is there");
        assert!(self.process.wait().expect("ends").success());
    }

    pub fn ask(&self, verb: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).expect("connects");
        stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a socket");
        let mut head = vec![format!("{verb} {path} HTTP/1.1"), "host: x".into(), "connection: close".into()];
        head.push(format!("content-length: {}", body.len()));
        head.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
        stream.write_all(format!("{}\r\n\r\n{body}", head.join("\r\n")).as_bytes()).expect("sends");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("HTTP");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, head: head.to_owned(), body: serde_json::from_str(body).unwrap_or_default() }
    }

    /// A request of the era without sessions.
    pub fn modern(&self, method: &str, mut params: Value) -> Answer {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
        });
        let name = params["name"].as_str().unwrap_or_default().to_owned();
        let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", method), ("mcp-name", &name)];
        let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        self.ask("POST", "/mcp", &headers, &body.to_string())
    }

    /// Tells the fake server to do something, without a session.
    pub fn tell(&self, what: &str) -> Answer {
        self.modern("tools/call", json!({ "name": "do", "arguments": { "what": what } }))
    }

    /// Opens a session; the answer has its id.
    pub fn open(&self) -> Answer {
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
        self.ask("POST", "/mcp", &[], &body.to_string())
    }

    pub fn session(&self) -> String {
        let opened = self.open();
        opened.header("mcp-session-id").ok_or(opened).expect("a session")
    }

    /// The same in a session.
    pub fn tell_in(&self, session: &str, what: &str) -> Answer {
        let params = json!({ "name": "do", "arguments": { "what": what } });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let headers = [("mcp-session-id", session), ("mcp-protocol-version", "2025-11-25")];
        self.ask("POST", "/mcp", &headers, &body.to_string())
    }

    pub async fn verdict(&self) -> Verdict {
        let bounds = Bounds { is_loopback_allowed: true, ..Bounds::default() };
        let url = format!("http://{}/mcp", self.address).parse().expect("a URL");
        // A server that is started for a session may take its time on a busy machine.
        let limits = Limits { time: Duration::from_mins(2), moment: Duration::from_secs(30), ..Limits::default() };
        Prober::new(1).mcp(&url, &Options { bounds, limits, ..Options::default() }).await
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // It ends its children first.
        let pid = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.process.wait();
    }
}
