//! The bridge around servers that do as they are told, also what they should not, and around a real one.

mod fake;
mod running;

use std::time::Duration;

use rustix::process::{Pid, test_kill_process};
use serde_json::json;
use tenantry_e2e::packages::npm;
use tenantry_e2e::{eventually, skip};
use tenantry_protocol::check::Level;
use tenantry_protocol::mcp::{Era, Verdict};
use tenantry_protocol::verdict::State;

use crate::running::Bridge;

const SOON: Duration = Duration::from_secs(30);

fn codes(verdict: &Verdict) -> Vec<&str> {
    let issues = verdict.verification.issues.iter().filter(|issue| issue.level > Level::Info);
    issues.map(|issue| issue.code.as_str()).collect()
}

async fn is_gone(pid: &str) {
    let id = pid.parse().ok().and_then(Pid::from_raw).expect("a process id");
    let gone = eventually(SOON, "the process is gone", async || {
        // Nobody has waited yet for one that is a zombie: it runs no more.
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        (test_kill_process(id).is_err() || stat.contains(") Z ")).then_some(()).ok_or(stat)
    });
    gone.await.expect("gone");
}

#[tokio::test]
async fn any_server_is_served_in_both_eras_by_the_rules() {
    for (role, sessions) in [("legacy", "own"), ("legacy", "shared"), ("modern", "own"), ("modern", "shared")] {
        let bridge = Bridge::start(role, &["--sessions", sessions]);
        let verdict = bridge.verdict().await;
        assert_eq!((verdict.state, verdict.era), (State::Verified, Some(Era::Dual)), "{role} {sessions} {verdict:#?}");
        assert_eq!(verdict.tools.len(), 1);
        assert_eq!(codes(&verdict), [""; 0], "{role} {sessions} {verdict:#?}");
        assert_eq!(verdict.verification.not_run, [""; 0]);
    }
}

#[tokio::test]
async fn server_everything_becomes_a_service() {
    let folder = match npm("@modelcontextprotocol/server-everything", "2026.8.31") {
        Ok(folder) => folder,
        Err(reason) => skip!("{reason}"),
    };
    let script = folder.join("dist/index.js");
    let bridge = Bridge::around(&["node", script.to_str().expect("text"), "stdio"], &[], "");
    assert_eq!(bridge.ask("GET", "/healthz", &[], "").status, 200);
    let verdict = bridge.verdict().await;
    assert_eq!((verdict.state, verdict.era), (State::Verified, Some(Era::Dual)), "{verdict:#?}");
    assert_eq!((verdict.tool_count, codes(&verdict)), (Some(13), vec![]), "{verdict:#?}");
    let sum = bridge.modern("tools/call", json!({ "name": "get-sum", "arguments": { "a": 2, "b": 3 } }));
    assert!(sum.said().contains('5'), "{sum:?}");
}

#[tokio::test]
async fn sessions_have_children_of_their_own_unless_they_share() {
    let own = Bridge::start("legacy", &[]);
    let (first, second) = (own.session(), own.session());
    let (one, other) = (own.tell_in(&first, "").said(), own.tell_in(&second, "").said());
    assert_ne!(one, other);
    assert_ne!(own.tell("").said(), one, "those without a session have another");
    assert_eq!(own.tell("").said(), own.tell("").said());

    let shared = Bridge::start("legacy", &["--sessions", "shared"]);
    assert_eq!(shared.open().header("mcp-session-id"), None);
    assert_eq!(shared.tell_in("any", "").said(), shared.tell("").said());
}

#[tokio::test]
async fn nothing_outlives_its_session_and_nothing_the_bridge() {
    let bridge = Bridge::start("legacy", &[]);
    let session = bridge.session();
    let (server, started) = (bridge.tell_in(&session, "").said(), bridge.tell_in(&session, "start").said());
    let delete = bridge.ask("DELETE", "/mcp", &[("mcp-session-id", &session)], "");
    assert_eq!(delete.status, 204);
    is_gone(&server).await;
    is_gone(&started).await;
    assert_eq!(bridge.tell_in(&session, "").status, 404);

    let session = bridge.session();
    let mut all = vec![bridge.tell("").said(), bridge.tell("start stubborn").said()];
    all.extend([bridge.tell_in(&session, "").said(), bridge.tell_in(&session, "start").said()]);
    bridge.end();
    for pid in all {
        is_gone(&pid).await;
    }
}

#[tokio::test]
async fn there_are_no_more_sessions_than_there_may_be() {
    let bridge = Bridge::start("legacy", &["--max-sessions", "2"]);
    let first = bridge.session();
    let second = bridge.session();
    let full = bridge.open();
    assert_eq!((full.status, full.header("retry-after").as_deref()), (503, Some("10")));
    bridge.ask("DELETE", "/mcp", &[("mcp-session-id", &first)], "");
    bridge.session();
    assert_eq!(bridge.open().status, 503);
    // A child that ends by itself makes room, too.
    bridge.tell_in(&second, "end");
    let room = eventually(SOON, "there is room", async || bridge.open().header("mcp-session-id"));
    room.await.expect("room");
}

#[tokio::test]
async fn sessions_that_nobody_uses_end() {
    let bridge = Bridge::start("legacy", &["--idle", "1"]);
    let session = bridge.session();
    let server = bridge.tell_in(&session, "").said();
    is_gone(&server).await;
    assert_eq!(bridge.tell_in(&session, "").status, 404);
}

#[tokio::test]
async fn a_server_that_hangs_ends_or_says_too_much_harms_one_request() {
    let bridge = Bridge::start("legacy", &["--timeout", "2", "--max-message", "65536"]);
    let before = bridge.tell("").said();
    assert_eq!(bridge.tell("hang").status, 504);
    assert_eq!(bridge.tell("").said(), before, "it still serves others");
    for harm in ["end", "huge"] {
        let pid = bridge.tell("").said();
        assert_eq!(bridge.tell(harm).status, 502, "{harm}");
        is_gone(&pid).await;
        assert_ne!(bridge.tell("").said(), pid, "a new one serves");
    }
    let session = bridge.session();
    assert_eq!(bridge.tell_in(&session, "end").status, 502);
    assert_eq!(bridge.tell_in(&session, "").status, 404, "its session has ended with it");
}

#[tokio::test]
async fn a_servers_own_requests_are_refused_and_do_not_block_it() {
    let bridge = Bridge::start("legacy", &[]);
    assert_eq!(bridge.tell("ask").said(), "asked");
    let refusal = eventually(SOON, "it has been told", async || {
        let said = bridge.tell("answered").said();
        (said != "null").then_some(said)
    });
    let refusal = refusal.await.expect("told");
    assert!(refusal.contains("-32601") && refusal.contains("\"mine\""), "{refusal}");
}

#[tokio::test]
async fn browsers_are_let_in_by_name_only() {
    let bridge = Bridge::start("legacy", &["--allow-origin", "https://inspector.example"]);
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "nothing" }).to_string();
    let status = |origin: &str| bridge.ask("POST", "/mcp", &[("origin", origin)], &body).status;
    assert_eq!((status("https://evil.example"), status("https://inspector.example")), (403, 400));
}

#[tokio::test]
async fn what_is_too_large_or_no_message_is_refused() {
    let bridge = Bridge::start("legacy", &["--max-message", "65536"]);
    assert_eq!(bridge.ask("POST", "/mcp", &[], &"x".repeat(65537)).status, 413);
    for body in ["", "[]", "{}", "{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":null}", "nonsense"] {
        assert_eq!(bridge.ask("POST", "/mcp", &[], body).status, 400, "{body}");
    }
    assert_eq!(bridge.ask("GET", "/mcp", &[], "").status, 405);
    assert_eq!(bridge.ask("GET", "/elsewhere", &[], "").status, 404);
}

#[tokio::test]
async fn health_is_that_of_the_server() {
    assert_eq!(Bridge::start("legacy", &[]).ask("GET", "/healthz", &[], "").status, 200);
    let missing = Bridge::around(&["/nonexistent/server"], &[], "");
    assert_eq!(missing.ask("GET", "/healthz", &[], "").status, 503);
    let failed = missing.open();
    assert_eq!(failed.status, 502);
    let message = failed.body["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.starts_with("cannot start /nonexistent/server: "), "{message}");
    // One that ends at once is as good as none.
    assert_eq!(Bridge::around(&["true"], &[], "").ask("GET", "/healthz", &[], "").status, 503);
}

#[test]
fn it_copies_itself_to_where_a_server_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("tenantry-bridge");
    let run = |program: &std::path::Path, arguments: &[&str]| {
        std::process::Command::new(program).args(arguments).output().expect("runs")
    };
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_tenantry-bridge"));
    let file = copy.to_str().expect("text");
    assert!(run(program, &["--install", file]).status.success());
    assert!(run(&copy, &["--version"]).status.success(), "the copy runs");
    let nowhere = run(program, &["--install", "/nowhere/bridge"]);
    assert!(!nowhere.status.success());
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("cannot copy itself to /nowhere/bridge"));
    assert!(!run(program, &["--install", file, "--", "server"]).status.success(), "one or the other");
}
