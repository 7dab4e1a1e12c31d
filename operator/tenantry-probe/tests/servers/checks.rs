//! Each check on a server that breaks this one rule and no other: the check must find it, and nothing else may be found.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tenantry_probe::Prober;
use tenantry_protocol::mcp::checks::GROUPS;
use tenantry_protocol::mcp::{Era, Verdict};
use tenantry_protocol::verdict::State;

use crate::shared::{Heard, Reaction, Server, options};
use crate::sound::{MODERN, Sound, Speaks, error, result, tool};

/// A server that is sound but for what `twist` does with some requests.
struct Case {
    code: &'static str,
    speaks: Speaks,
    state: State,
    twist: Twist,
}

type Twist = fn(&Heard, &Sound, usize) -> Option<Reaction>;

const fn case(code: &'static str, speaks: Speaks, twist: Twist) -> Case {
    Case { code, speaks, state: State::Verified, twist }
}

const fn ends(code: &'static str, speaks: Speaks, twist: Twist) -> Case {
    Case { code, speaks, state: State::ProtocolError, twist }
}

use Speaks::{Both, Legacy, Modern};

fn is(heard: &Heard, method: &str) -> bool {
    heard.method() == method
}

fn version(heard: &Heard) -> Option<&str> {
    heard.body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"].as_str()
}

/// A modern request as it should be.
fn is_plain(heard: &Heard) -> bool {
    version(heard) == Some(MODERN)
        && heard.header("mcp-protocol-version") == Some(MODERN)
        && heard.header("mcp-method") == Some(heard.method())
        && ["origin", "mcp-session-id"].iter().all(|name| heard.header(name).is_none())
}

/// `server/discover` answered as if nothing were wrong with it.
fn hello(heard: &Heard, sound: &Sound) -> Reaction {
    let mut mended = heard.clone();
    mended.headers.remove("origin");
    for (name, value) in [("mcp-protocol-version", MODERN), ("mcp-method", "server/discover")] {
        mended.headers.insert(name.into(), value.into());
    }
    mended.body["params"]["_meta"] = json!({ "io.modelcontextprotocol/protocolVersion": MODERN });
    sound.react(&mended)
}

fn pong(heard: &Heard) -> Reaction {
    result(&heard.body["id"], &json!({}))
}

fn edited(heard: &Heard, sound: &Sound, method: &str, change: fn(&mut Value)) -> Option<Reaction> {
    // Once only: what ends a session would not end it twice.
    if !is(heard, method) {
        return None;
    }
    let reaction = sound.react(heard);
    let is_result =
        matches!(&reaction, Reaction::Answer { body, .. } if String::from_utf8_lossy(body).contains("\"result\""));
    Some(if is_result { reaction.edit(change) } else { reaction })
}

fn with_tools(heard: &Heard, tools: Vec<Value>) -> Option<Reaction> {
    is(heard, "tools/list").then(|| Sound::with_tools(Modern, tools).react(heard))
}

const CASES: &[Case] = &[
    // Bounds.
    ends("T1", Modern, |heard, _, _| {
        is(heard, "server/discover").then(|| Reaction::text(200, "application/json", vec![b' '; 10 << 20]))
    }),
    ends("T2", Modern, |heard, _, _| {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{".to_vec();
        is(heard, "server/discover").then_some(Reaction::Raw(head))
    }),
    ends("T3", Modern, |_, _, _| Some(Reaction::Raw(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()))),
    ends("T4", Modern, |_, _, _| {
        Some(Reaction::status(307).with("location", "http://169.254.169.254/latest/meta-data"))
    }),
    // Both eras.
    ends("C1", Modern, |heard, _, _| {
        is(heard, "server/discover").then(|| Reaction::text(200, "text/html", "<html>Welcome</html>"))
    }),
    ends("C2", Modern, |heard, _, _| {
        is(heard, "server/discover")
            .then(|| Reaction::text(200, "application/json", b"{\"jsonrpc\": \"\xff\"}".to_vec()))
    }),
    ends("C3", Modern, |heard, sound, _| edited(heard, sound, "server/discover", |body| body["id"] = json!(99))),
    ends("C4", Modern, |heard, sound, _| {
        edited(heard, sound, "tools/list", |body| body["result"]["nextCursor"] = json!("second"))
    }),
    ends("C5", Modern, |heard, _, count| with_tools(heard, vec![tool(&format!("tool-{count}"))])),
    case("C6", Modern, |heard, _, _| with_tools(heard, vec![tool("a b")])),
    case("C7", Modern, |heard, _, _| with_tools(heard, vec![tool("a"), tool("a")])),
    case("C8", Modern, |heard, _, _| with_tools(heard, vec![json!({"name": "a", "inputSchema": {"type": "string"}})])),
    case("C9", Modern, |heard, _, _| {
        let properties = json!({"a": {"type": "number", "x-mcp-header": "A"}});
        with_tools(heard, vec![json!({"name": "a", "inputSchema": {"type": "object", "properties": properties}})])
    }),
    ends("C10", Modern, |_, _, _| Some(Reaction::status(404))),
    case("C11", Modern, |heard, _, count| {
        let turned = if count > 0 { vec![tool("b"), tool("a")] } else { vec![tool("a"), tool("b")] };
        // In one page, so that the requests are counted by lists.
        is(heard, "tools/list").then(|| {
            let one = Sound::with_tools(Modern, turned).react(heard);
            if heard.body["params"]["cursor"].is_null() {
                one.edit(|body| drop(body["result"].as_object_mut().expect("an object").remove("nextCursor")))
            } else {
                one
            }
        })
    }),
    case("C12", Modern, |heard, _, _| {
        let properties = json!({"a": {"$ref": "https://elsewhere.example/schema"}});
        with_tools(heard, vec![json!({"name": "a", "inputSchema": {"type": "object", "properties": properties}})])
    }),
    // Modern.
    case("M1", Modern, |heard, sound, _| {
        edited(heard, sound, "server/discover", |body| body["result"]["supportedVersions"] = json!(["2027-01-01"]))
    }),
    case("M2", Modern, |heard, sound, _| {
        edited(heard, sound, "server/discover", |body| body["result"]["_meta"] = json!({}))
    }),
    case("M3", Modern, |heard, sound, _| {
        edited(heard, sound, "tools/list", |body| body["result"]["resultType"] = Value::Null)
    }),
    case("M4", Modern, |heard, sound, _| {
        let is_it = heard.header("mcp-protocol-version") == Some("1900-01-01");
        is_it.then(|| hello(heard, sound))
    }),
    case("M5", Modern, |heard, sound, _| {
        (is(heard, "server/discover") && version(heard).is_none()).then(|| hello(heard, sound))
    }),
    case("M6", Modern, |heard, sound, _| {
        let is_other =
            heard.body.is_object() && heard.header("mcp-method").is_some_and(|method| method != heard.method());
        is_other.then(|| hello(heard, sound))
    }),
    case("M7", Modern, |heard, sound, _| {
        let is_it = is(heard, "server/discover") && heard.header("mcp-method").is_none();
        is_it.then(|| hello(heard, sound))
    }),
    case("M8", Modern, |heard, _, _| is(heard, "tenantry/none").then(|| error(200, -32601, &heard.body["id"]))),
    case("M9", Modern, |heard, sound, _| heard.header("origin").map(|_| hello(heard, sound))),
    case("M10", Modern, |heard, _, _| (heard.verb == "GET").then(|| Reaction::text(200, "text/html", "hello"))),
    case("M11", Modern, |heard, sound, _| {
        heard.header("mcp-session-id").map(|session| sound.react(heard).with("mcp-session-id", session))
    }),
    case("M12", Modern, |heard, sound, _| {
        let is_it = heard.header("mcp-protocol-version") == Some(MODERN) && version(heard) == Some("1900-01-01");
        is_it.then(|| hello(heard, sound))
    }),
    case("M13", Modern, |heard, sound, _| {
        (heard.body["params"]["cursor"] == "tenantry-none").then(|| {
            let mut first = heard.clone();
            first.body["params"]["cursor"] = Value::Null;
            sound.react(&first)
        })
    }),
    case("M14", Modern, |heard, _, _| {
        let is_it = is(heard, "resources/read") && heard.header("mcp-name") == Some("tenantry:other");
        is_it.then(|| error(400, -32602, &heard.body["id"]))
    }),
    case("M15", Modern, |heard, sound, _| {
        edited(heard, sound, "tools/list", |body| body["result"]["ttlMs"] = json!(-1))
    }),
    case("M16", Modern, |heard, _, _| {
        let is_it = is(heard, "resources/read") && heard.header("mcp-name") == Some("tenantry:none");
        is_it.then(|| result(&heard.body["id"], &json!({"contents": [], "resultType": "complete"})))
    }),
    case("M17", Modern, |heard, _, _| heard.body.is_array().then(|| Reaction::json(200, &json!([])))),
    case("M18", Modern, |heard, _, _| {
        is(heard, "notifications/tenantry").then(|| Reaction::json(200, &json!({"jsonrpc": "2.0"})))
    }),
    // Legacy.
    case("L1", Legacy, |heard, sound, _| {
        edited(heard, sound, "initialize", |body| body["result"]["serverInfo"] = Value::Null)
    }),
    case("L2", Legacy, |heard, _, _| {
        let is_it = heard.body["params"]["protocolVersion"] == "1900-01-01";
        is_it.then(|| error(200, -32602, &heard.body["id"]))
    }),
    case("L3", Legacy, |heard, _, _| is(heard, "notifications/initialized").then(|| Reaction::status(200))),
    case("L4", Legacy, |heard, sound, _| {
        // The same session under another name.
        if is(heard, "initialize") {
            let mut reaction = sound.react(heard);
            if let Reaction::Answer { headers, .. } = &mut reaction {
                headers
                    .iter_mut()
                    .filter(|(name, _)| name == "mcp-session-id")
                    .for_each(|(_, id)| *id = id.replace('-', " "));
            }
            return Some(reaction);
        }
        let mut renamed = heard.clone();
        renamed.headers.get_mut("mcp-session-id").map(|id| *id = id.replace(' ', "-"))?;
        Some(sound.react(&renamed))
    }),
    case("L5", Legacy, |heard, _, _| (heard.verb == "DELETE").then(|| Reaction::status(200))),
    case("L6", Legacy, |heard, _, _| (heard.header("mcp-protocol-version") == Some("1900-01-01")).then(|| pong(heard))),
    case("L7", Legacy, |heard, _, _| heard.header("origin").map(|_| pong(heard))),
    case("L8", Legacy, |heard, _, _| (heard.verb == "GET").then(|| Reaction::text(200, "text/html", "hello"))),
    case("L9", Legacy, |heard, sound, _| {
        let is_plain = is(heard, "ping") && matches!(sound.react(heard), Reaction::Answer { status: 200, .. });
        is_plain.then(|| error(200, -32601, &heard.body["id"]))
    }),
    case("L10", Legacy, |heard, _, _| {
        (is(heard, "ping") && heard.header("mcp-session-id").is_none()).then(|| pong(heard))
    }),
    case("L11", Legacy, |heard, _, _| heard.body.is_array().then(|| Reaction::json(200, &json!([])))),
    case("L12", Legacy, |heard, sound, _| {
        (heard.body["params"]["cursor"] == "tenantry-none").then(|| {
            let mut first = heard.clone();
            first.body["params"]["cursor"] = Value::Null;
            sound.react(&first)
        })
    }),
    // HTTP+SSE.
    case("S1", Legacy, |heard, _, _| {
        Some(match heard.verb.as_str() {
            "GET" => Reaction::Forever(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nevent: endpoint\ndata: /messages?session=1\n\n".to_vec(),
                b": still here\n\n".to_vec(),
            ),
            _ => Reaction::status(405),
        })
    }),
    // Authorization.
    Case {
        code: "A1",
        speaks: Both,
        state: State::AuthRequired,
        twist: |heard, _, _| Some(Reaction::status(if heard.path.starts_with("/.well-known") { 404 } else { 401 })),
    },
    Case {
        code: "A2",
        speaks: Both,
        state: State::AuthRequired,
        twist: |heard, _, _| {
            Some(protected(heard, &json!({"resource": "https://mcp.example/mcp", "authorization_servers": []})))
        },
    },
    Case {
        code: "A3",
        speaks: Both,
        state: State::AuthRequired,
        twist: |heard, _, _| {
            Some(protected(
                heard,
                &json!({"resource": "https://mcp.example/mcp", "authorization_servers": ["http://login.example"]}),
            ))
        },
    },
    Case {
        code: "A4",
        speaks: Both,
        state: State::AuthRequired,
        twist: |heard, sound, _| {
            Some(match heard.header("authorization") {
                Some(_) => sound.react(heard),
                None => protected(heard, &metadata()),
            })
        },
    },
];

fn metadata() -> Value {
    json!({"resource": "https://mcp.example/mcp", "authorization_servers": ["https://login.example"]})
}

fn protected(heard: &Heard, metadata: &Value) -> Reaction {
    match heard.path.as_str() {
        "/.well-known/oauth-protected-resource/mcp" => Reaction::json(200, metadata),
        _ => Reaction::status(401).with("www-authenticate", "Bearer realm=\"x\""),
    }
}

async fn verdict(speaks: Speaks, twist: Twist) -> (Verdict, Arc<Sound>) {
    let sound = Arc::new(Sound::new(speaks));
    let (inner, lists) = (Arc::clone(&sound), AtomicUsize::new(0));
    let server = Server::start(move |heard| {
        let count = lists.load(Ordering::SeqCst);
        if heard.method() == "tools/list" {
            lists.fetch_add(1, Ordering::SeqCst);
        }
        twist(heard, &inner, count).unwrap_or_else(|| inner.react(heard))
    })
    .await;
    let prober = Prober::new(1);
    let verdict = prober.mcp(&server.url("/mcp"), &options()).await;
    let calls = server.heard().iter().filter(|heard| heard.text.contains("tools/call")).count();
    assert_eq!(calls, 0, "a tool was called");
    (verdict, sound)
}

#[tokio::test]
async fn a_sound_server_of_any_era_breaks_no_rule() {
    for (speaks, era, versions) in [
        (Modern, Era::Modern, vec![MODERN]),
        (Legacy, Era::Legacy, vec!["2025-11-25"]),
        (Both, Era::Dual, vec![MODERN, "2025-11-25"]),
    ] {
        let (verdict, sound) = verdict(speaks, |_, _, _| None).await;
        assert_eq!((verdict.state, verdict.era), (State::Verified, Some(era)), "{verdict:#?}");
        assert_eq!(verdict.verification.issues, [], "{speaks:?}");
        assert_eq!(verdict.verification.not_run, [""; 0]);
        assert_eq!(verdict.protocol_versions, versions);
        let names: Vec<&str> = verdict.tools.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!((verdict.tool_count, names), (Some(3), vec!["one", "three", "two"]));
        assert_eq!(sound.open_sessions(), 0, "every session that was opened is ended");
    }
}

#[tokio::test]
async fn every_check_finds_its_fault_and_nothing_else() {
    let mut wrong = Vec::new();
    for case in CASES {
        let (verdict, _) = verdict(case.speaks, case.twist).await;
        let found: BTreeSet<&str> = verdict.verification.issues.iter().map(|issue| issue.code.as_str()).collect();
        let is_all_run = verdict.verification.not_run.is_empty();
        if verdict.state != case.state || found != BTreeSet::from([case.code]) || !is_all_run {
            wrong.push(format!("{}: {found:?} {:?} {:#?}", case.code, verdict.state, verdict.verification));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_check_has_a_server_that_breaks_it() {
    let all: BTreeSet<&str> = GROUPS.iter().flat_map(|group| group.checks).map(|check| check.rule.code).collect();
    let tested: BTreeSet<&str> = CASES.iter().map(|case| case.code).collect();
    assert_eq!(tested, all);
}

#[tokio::test]
async fn the_same_server_gives_the_same_verdict() {
    let server = {
        let sound = Sound::new(Both);
        Server::start(move |heard| sound.react(heard)).await
    };
    let prober = Prober::new(1);
    let first = prober.mcp(&server.url("/mcp"), &options()).await;
    assert_eq!(prober.mcp(&server.url("/mcp"), &options()).await, first);
    let plain = server.heard().iter().filter(|heard| is_plain(heard)).count();
    assert!(plain > 4, "{plain}");
}
