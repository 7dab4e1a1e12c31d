//! Agents' cards, and what may be where one should be.

use serde_json::{Value, json};
use tenantry_probe::{Options, Prober};
use tenantry_protocol::a2a::{Shape, Verdict};
use tenantry_protocol::verdict::State::{self, AuthRequired, ProbeBlocked, ProtocolError, RateLimited, Verified};

use crate::shared::{Heard, Reaction, Server, hasty, options};

fn sound() -> Value {
    json!({
        "name": "Researcher", "description": "Finds things.", "version": "1.2.0",
        "supportedInterfaces": [{"url": "https://agent.example/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        "capabilities": {}, "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
        "skills": [{"id": "find", "name": "Find", "description": "Finds.", "tags": ["search"]}],
    })
}

async fn verdict(
    options: &Options,
    path: &str,
    handler: impl Fn(&Heard) -> Reaction + Send + Sync + 'static,
) -> Verdict {
    let server = Server::start(handler).await;
    Prober::new(1).a2a(&server.url(path), options).await
}

#[tokio::test]
async fn a_card_is_found_at_its_place_at_its_old_place_and_where_it_is_said_to_be() {
    for (asked, served, codes) in [
        ("/", "/.well-known/agent-card.json", vec![]),
        ("/some/path", "/.well-known/agent-card.json", vec![]),
        ("/", "/.well-known/agent.json", vec!["K2"]),
        ("/agents/one/card.json", "/agents/one/card.json", vec![]),
    ] {
        let verdict = verdict(&options(), asked, move |heard| {
            if heard.path == served { Reaction::json(200, &sound()) } else { Reaction::status(404) }
        })
        .await;
        assert_eq!((verdict.state, verdict.message.as_str()), (Verified, "the card is sound"), "{asked} {served}");
        assert_eq!(verdict.issues.iter().map(|issue| issue.code.as_str()).collect::<Vec<_>>(), codes);
        assert_eq!(verdict.card.map(|card| (card.name, card.shape)), Some(("Researcher".into(), Shape::V1)));
    }
}

#[tokio::test]
async fn what_is_no_card_gets_its_exact_verdict() {
    let path = "/.well-known/agent-card.json";
    let mut wrong = sound();
    wrong["supportedInterfaces"][0]["url"] = Value::Null;
    wrong["skills"][0]["tags"] = json!("search");
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let cases: Vec<(Reaction, State, String, &[&str])> = vec![
        (Reaction::status(404), ProtocolError, format!("{path} was answered by HTTP 404"), &["K1"]),
        (Reaction::status(500), ProtocolError, format!("{path}: it was answered by HTTP 500"), &["K1"]),
        (
            Reaction::text(200, "text/html", "<html>"),
            ProtocolError,
            format!("{path}: the content type is \"text/html\" and not JSON"),
            &["K1"],
        ),
        (
            Reaction::text(200, "application/json", deep),
            ProtocolError,
            format!("{path}: the answer's JSON is nested more than 64 deep"),
            &["K1"],
        ),
        (Reaction::json(200, &json!([])), ProtocolError, "the card is wrong: it is not a JSON object".into(), &["K1"]),
        (
            Reaction::json(200, &wrong),
            ProtocolError,
            "the card is wrong: skills[0].tags is \"\\\"search\\\"\", and 1 more".into(),
            &["K12", "K6"],
        ),
        (
            Reaction::status(301).with("location", "http://169.254.169.254/"),
            ProtocolError,
            format!("{path}: HTTP 301 leads to \"http://169.254.169.254/\", which is not followed"),
            &["K4"],
        ),
        (
            Reaction::text(200, "application/json", vec![b' '; 2 << 20]),
            ProtocolError,
            format!("{path}: the answer is larger than 1048576 bytes"),
            &["K4"],
        ),
        (Reaction::status(401), AuthRequired, format!("{path}: answered HTTP 401, it asks for credentials"), &[]),
        (Reaction::status(429), RateLimited, format!("{path}: answered HTTP 429, it is asked too often"), &[]),
        (Reaction::Hang, ProbeBlocked, format!("{path}: no answer within 2 s"), &[]),
    ];
    for (reaction, state, message, codes) in cases {
        let verdict = verdict(&hasty(), "/", move |_| reaction.clone()).await;
        let found: Vec<&str> = verdict.issues.iter().map(|issue| issue.code.as_str()).collect();
        assert_eq!((verdict.state, verdict.message, found), (state, message, codes.to_vec()));
    }
}

#[tokio::test]
async fn a_card_that_leads_elsewhere_is_warned_of() {
    let options = Options { known_as: Some("https://research.acme.example/".parse().expect("a URL")), ..options() };
    let verdict = verdict(&options, "/", |_| Reaction::json(200, &sound())).await;
    assert_eq!((verdict.state, verdict.issues[0].code.as_str()), (Verified, "K15"));
}
