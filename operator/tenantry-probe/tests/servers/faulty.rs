//! Servers that do what they should not, each with the exact verdict it must get, and in the time that was given.

use serde_json::{Value, json};
use tenantry_probe::{Options, Prober};
use tenantry_protocol::mcp::{Auth, Era, Verdict};
use tenantry_protocol::verdict::State::{self, ProbeBlocked, ProtocolError, RateLimited, Unavailable, Verified};
use tokio::time::Instant;

use crate::shared::{Heard, Reaction, Server, hasty, impatient, options};
use crate::sound::{Sound, Speaks, result, tool};

async fn verdict(options: &Options, handler: impl Fn(&Heard) -> Reaction + Send + Sync + 'static) -> Verdict {
    let server = Server::start(handler).await;
    let started = Instant::now();
    let verdict = Prober::new(1).mcp(&server.url("/mcp"), options).await;
    let most = options.limits.time * 2;
    assert!(started.elapsed() < most, "it took {:?}", started.elapsed());
    verdict
}

/// State, message and codes of what an unsound server is found to be.
async fn found(
    options: &Options,
    handler: impl Fn(&Heard) -> Reaction + Send + Sync + 'static,
) -> (State, String, Vec<String>) {
    let verdict = verdict(options, handler).await;
    let codes = verdict.verification.issues.iter().map(|issue| issue.code.clone()).collect();
    (verdict.state, verdict.message, codes)
}

fn expected(state: State, message: &str, codes: &[&str]) -> (State, String, Vec<String>) {
    (state, message.to_owned(), codes.iter().map(|&code| code.to_owned()).collect())
}

/// Sound but for one method.
fn but(
    method: &'static str,
    reaction: impl Fn(&Heard) -> Reaction + Send + Sync + 'static,
) -> impl Fn(&Heard) -> Reaction + Send + Sync + 'static {
    let sound = Sound::new(Speaks::Modern);
    move |heard| if heard.method() == method { reaction(heard) } else { sound.react(heard) }
}

fn body(bytes: impl Into<Vec<u8>>) -> Reaction {
    Reaction::text(200, "application/json", bytes)
}

#[tokio::test]
async fn one_that_hangs_is_blocked() {
    let hangs = found(&hasty(), |_| Reaction::Hang).await;
    assert_eq!(hangs, expected(ProbeBlocked, "initialize: no answer within 2 s", &[]));
    let closes = found(&hasty(), |_| Reaction::Close).await;
    assert_eq!(closes, expected(ProbeBlocked, "initialize: the connection was closed without an answer", &[]));
}

#[tokio::test]
async fn one_that_hangs_only_on_what_it_does_not_know_is_asked_on() {
    let sound = Sound::new(Speaks::Legacy);
    let verdict =
        verdict(
            &impatient(),
            move |heard| {
                if heard.method() == "server/discover" { Reaction::Hang } else { sound.react(heard) }
            },
        )
        .await;
    assert_eq!((verdict.state, verdict.era), (Verified, Some(Era::Legacy)), "{verdict:#?}");
}

#[tokio::test]
async fn a_check_that_is_not_answered_is_not_run_and_is_remembered() {
    let handler = |sound: Sound, is_slow: bool| {
        move |heard: &Heard| match heard.header("origin") {
            Some(_) if is_slow => Reaction::Hang,
            Some(_) => Reaction::status(200),
            None => sound.react(heard),
        }
    };
    let before = verdict(&impatient(), handler(Sound::new(Speaks::Modern), false)).await;
    let slow = verdict(&impatient(), handler(Sound::new(Speaks::Modern), true)).await;
    assert_eq!(slow.verification.issues, []);
    assert!(slow.verification.not_run.contains(&"M9".to_owned()), "{:?}", slow.verification.not_run);
    assert_eq!(slow.remembering(&before).verification.issues, before.verification.issues);
    assert_eq!(before.verification.issues[0].code, "M9");
}

#[tokio::test]
async fn streams_without_end_are_cut() {
    let head = |kind: &str| format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n\r\n").into_bytes();
    let too_large = expected(ProtocolError, "server/discover: the answer is larger than 1048576 bytes", &["T1"]);
    let (json, events) = (head("application/json"), head("text/event-stream"));
    let stream = found(&options(), move |_| Reaction::Forever(json.clone(), vec![b' '; 4096])).await;
    assert_eq!(stream, too_large);
    let notice = b"data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\n".repeat(50);
    let stream = found(&options(), move |_| Reaction::Forever(events.clone(), notice.clone())).await;
    assert_eq!(stream, too_large);
    // Never enough to be too much, never an end.
    let stalled = [head("text/event-stream"), b": wait\n\n".to_vec()].concat();
    let length = "content-length: 9999\r\ncontent-type";
    let stalled = String::from_utf8(stalled).expect("text").replace("content-type", length);
    let stream = found(&hasty(), move |_| Reaction::Forever(stalled.clone().into_bytes(), Vec::new())).await;
    assert_eq!(stream, expected(ProtocolError, "server/discover: the answer did not end: it went on for 1 s", &["T2"]));
}

#[tokio::test]
async fn answers_in_no_form_are_told_apart() {
    let deep =
        format!("{{\"jsonrpc\":\"2.0\",\"id\":\"tenantry-1\",\"result\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    let cases: Vec<(Reaction, &str, &str)> = vec![
        (body(vec![b' '; 10 << 20]), "T1", "the answer is larger than 1048576 bytes"),
        (body(b"{\"a\": \"\xc3\x28\"}".to_vec()), "C2", "the answer is not UTF-8: byte 7 is wrong"),
        (body(deep), "C2", "the answer's JSON is nested more than 64 deep"),
        (body("{\"jsonrpc\":"), "C2", "the answer is not JSON: line 1, column 11"),
        (body(""), "C2", "the answer is empty"),
        (Reaction::text(200, "text/html; charset=utf-8", "<html>"), "C1", "the content type is \"text/html\""),
        (Reaction::status(200), "C1", "there is no content type"),
        (
            body("[{\"jsonrpc\":\"2.0\",\"id\":\"tenantry-1\",\"result\":{}}]"),
            "C2",
            "the answer is a batch: one request gets one response",
        ),
        (body("{\"id\":\"tenantry-1\",\"result\":{}}"), "C2", "the answer is not JSON-RPC 2.0"),
        (body("{\"jsonrpc\":\"2.0\",\"id\":\"tenantry-1\"}"), "C2", "the response has neither result nor error"),
        (body("{\"jsonrpc\":\"2.0\",\"id\":\"tenantry-1\",\"result\":7}"), "C2", "the result is not an object"),
        (body("{\"jsonrpc\":\"2.0\",\"id\":\"tenantry-1\",\"error\":{}}"), "C2", "the error has no code"),
        (body("{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}"), "C3", "the id is \"7\" where \"tenantry-1\" was asked"),
        (Reaction::text(200, "text/event-stream", ": nothing\n\n"), "C2", "the stream ended without a response"),
        (
            Reaction::text(200, "text/event-stream", "data: \u{7f}{\n\n"),
            "C2",
            "the answer is not JSON: line 1, column 1",
        ),
    ];
    for (reaction, code, message) in cases {
        let kind = format!("{reaction:?}").chars().take(120).collect::<String>();
        let verdict = found(&options(), move |_| reaction.clone()).await;
        assert_eq!(verdict, expected(ProtocolError, &format!("server/discover: {message}"), &[code]), "{kind}");
    }
    let garbage = found(&options(), |_| Reaction::Raw(b"SSH-2.0-OpenSSH_9.9\r\n\r\n".to_vec())).await;
    assert_eq!((garbage.0, garbage.2), (ProtocolError, vec!["T3".to_owned()]), "{}", garbage.1);
    let long_head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
    let long_head = found(&options(), move |_| Reaction::Raw(long_head.clone().into_bytes())).await;
    assert_eq!((long_head.0, long_head.2), (ProtocolError, vec!["T3".to_owned()]), "{}", long_head.1);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let server = Server::start(|heard| match heard.path.as_str() {
        "/mcp" => Reaction::status(302).with("location", "http://169.254.169.254/latest/meta-data"),
        _ => Reaction::status(200),
    })
    .await;
    let verdict = Prober::new(1).mcp(&server.url("/mcp"), &options()).await;
    let message =
        "server/discover: HTTP 302 leads to \"http://169.254.169.254/latest/meta-data\", which is not followed";
    assert_eq!((verdict.state, verdict.message.as_str()), (ProtocolError, message));
    assert_eq!(server.heard().len(), 1, "nothing else was asked");
}

#[tokio::test]
async fn one_that_asks_for_credentials_is_healthy() {
    let metadata = json!({"resource": "https://mcp.example/mcp", "authorization_servers": ["https://login.example"]});
    let server = Server::start(move |heard| {
        if heard.path == "/meta" {
            return Reaction::json(200, &metadata);
        }
        let host = heard.header("host").unwrap_or_default();
        let challenge = format!("Bearer error=\"invalid_token\", resource_metadata=\"http://{host}/meta\"");
        Reaction::status(401).with("www-authenticate", &challenge)
    })
    .await;
    let mut options = options();
    options.headers.insert("x-tenant", "acme".parse().expect("a value"));
    let verdict = Prober::new(1).mcp(&server.url("/mcp"), &options).await;
    assert_eq!((verdict.state, verdict.auth), (State::AuthRequired, Auth::Required));
    assert_eq!(verdict.message, "server/discover: answered HTTP 401, it asks for credentials");
    let challenge = verdict.challenge.expect("a challenge");
    assert_eq!(challenge.resource_metadata, Some(format!("http://{}/meta", server.address)));
    assert_eq!(verdict.verification.issues, []);
    // What the caller sends along goes to the URL it gave, and to no other.
    let sent = |path: &str| server.heard().iter().any(|heard| heard.path == path && heard.header("x-tenant").is_some());
    assert_eq!((sent("/mcp"), sent("/meta")), (true, false));

    let forbids = found(&options, |_| Reaction::status(403)).await;
    assert_eq!(
        forbids,
        expected(State::AuthRequired, "server/discover: answered HTTP 403, it asks for credentials", &[])
    );
}

#[tokio::test]
async fn metadata_on_another_host_is_not_fetched() {
    let other = Server::start(|_| Reaction::status(200)).await;
    let challenge = format!("Bearer resource_metadata=\"{}\"", other.url("/meta"));
    let verdict = verdict(&options(), move |_| Reaction::status(401).with("www-authenticate", &challenge)).await;
    assert_eq!(verdict.verification.not_run, ["A2", "A3"]);
    assert!(other.heard().is_empty());
}

#[tokio::test]
async fn one_that_is_busy_is_neither_well_nor_wrong() {
    let limited = verdict(&options(), |_| Reaction::status(429).with("retry-after", "30")).await;
    assert_eq!((limited.state, limited.retry_after_seconds), (RateLimited, Some(30)));
    assert_eq!(limited.message, "server/discover: answered HTTP 429, it is asked too often");
    for status in [502, 503, 504] {
        let down = found(&options(), move |_| Reaction::status(status)).await;
        let message = format!("server/discover: answered HTTP {status}, it cannot answer now");
        assert_eq!(down, expected(Unavailable, &message, &[]));
    }
    // Also when it has had enough later on, and nothing is said about rules that were not seen.
    let sound = Sound::new(Speaks::Modern);
    let tired = verdict(&options(), move |heard| match heard.method() {
        "server/discover" | "tools/list" | "initialize" if heard.headers.len() <= 8 => sound.react(heard),
        _ => Reaction::status(429),
    })
    .await;
    assert_eq!((tired.state, tired.tool_count), (Verified, Some(3)), "{tired:#?}");
    assert!(tired.verification.issues.iter().all(|issue| issue.code != "M8"), "{tired:#?}");
    assert!(tired.verification.not_run.contains(&"M8".to_owned()));
    let listless = found(&options(), but("tools/list", |_| Reaction::status(429))).await;
    assert_eq!(listless, expected(RateLimited, "tools/list: answered HTTP 429, it is asked too often", &[]));
}

#[tokio::test]
async fn lists_without_end_are_left() {
    let page = |heard: &Heard, tools: Vec<Value>, next: Value| {
        let more =
            json!({"tools": tools, "nextCursor": next, "resultType": "complete", "ttlMs": 0, "cacheScope": "public"});
        result(&heard.body["id"], &more)
    };
    let circle = found(&options(), but("tools/list", move |heard| page(heard, vec![tool("a")], json!("again")))).await;
    let message = "tools/list: page 2 leads back to a cursor that was followed before";
    assert_eq!(circle, expected(ProtocolError, message, &["C4"]));

    let counting = move |heard: &Heard| {
        let last: u32 = heard.body["params"]["cursor"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
        page(heard, vec![], json!((last + 1).to_string()))
    };
    let endless = found(&options(), but("tools/list", counting)).await;
    assert_eq!(endless, expected(ProtocolError, "tools/list: there are more than 64 pages", &["C4"]));

    let many = (0..1001).map(|number| tool(&number.to_string())).collect::<Vec<_>>();
    let many = found(&options(), but("tools/list", move |heard| page(heard, many.clone(), Value::Null))).await;
    assert_eq!(many, expected(ProtocolError, "tools/list: there are more than 1000 tools", &["C4"]));

    let typed = found(&options(), but("tools/list", move |heard| page(heard, vec![], json!(7)))).await;
    assert_eq!(typed, expected(ProtocolError, "tools/list: nextCursor is \"7\" and no text", &["C4"]));
}

#[tokio::test]
async fn tools_that_change_with_each_call_are_none() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let changing = move |heard: &Heard| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let mut tool = tool("search");
        tool["description"] = format!("Searches, for the time {number}.").into();
        let page = json!({"tools": [tool], "resultType": "complete", "ttlMs": 0, "cacheScope": "public"});
        result(&heard.body["id"], &page)
    };
    let verdict = verdict(&options(), but("tools/list", changing)).await;
    let message = "tools/list: two in a row gave different tools";
    assert_eq!((verdict.state, verdict.message.as_str()), (ProtocolError, message));
    assert_eq!(
        (verdict.tools, verdict.tools_hash),
        (vec![], None),
        "a status that changes with each look helps nobody"
    );
}

#[tokio::test]
async fn tools_that_are_offered_and_not_given_are_an_error() {
    let refuses = but("tools/list", |heard| crate::sound::error(200, -32603, &heard.body["id"]));
    let message = "tools/list: tools are offered, but page 1 was answered by error -32603 \"no\"";
    assert_eq!(found(&options(), refuses).await, expected(ProtocolError, message, &["C2"]));
    let shapeless = but("tools/list", |heard| {
        result(&heard.body["id"], &json!({"tools": {}, "resultType": "complete", "ttlMs": 0, "cacheScope": "public"}))
    });
    assert_eq!(
        found(&options(), shapeless).await,
        expected(ProtocolError, "tools/list: page 1 has no list of tools", &["C2"])
    );
}

#[tokio::test]
async fn one_that_speaks_of_another_time_says_so() {
    let future = |heard: &Heard| {
        let refusal = crate::sound::error(400, -32022, &heard.body["id"]);
        refusal.edit(|body| body["error"]["data"] = json!({"supported": ["2031-01-01"]}))
    };
    let (state, message, codes) = found(&options(), future).await;
    assert_eq!((state, codes), (ProtocolError, vec!["C10".to_owned()]));
    assert!(message.contains("it speaks \"[\\\"2031-01-01\\\"]\" and not 2026-07-28"), "{message}");
}

#[tokio::test]
async fn a_stream_may_say_other_things_before_its_response() {
    let sound = Sound::new(Speaks::Both);
    let talkative = move |heard: &Heard| match sound.react(heard) {
        Reaction::Answer { status: 200, mut headers, body } if heard.verb == "POST" && !body.is_empty() => {
            headers.retain(|(name, _)| name != "content-type");
            headers.push(("content-type".into(), "text/event-stream; charset=utf-8".into()));
            let text = String::from_utf8(body).expect("text");
            let notice = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}";
            let body = format!(": hello\r\n\r\ndata: {notice}\r\n\r\nevent: message\r\ndata: {text}\r\n\r\n");
            Reaction::Answer { status: 200, headers, body: body.into_bytes() }
        }
        other => other,
    };
    let verdict = verdict(&options(), talkative).await;
    assert_eq!((verdict.state, verdict.era, verdict.tool_count), (Verified, Some(Era::Dual), Some(3)), "{verdict:#?}");
    assert_eq!(verdict.verification.issues, []);
}
