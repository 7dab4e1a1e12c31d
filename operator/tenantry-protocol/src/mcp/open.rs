//! How a server is opened: which era it understands, and what it says of itself. Judges one answer at a time.

use serde_json::{Value, json};

use super::checks::{self, Check};
use super::message::{Reply, bare, initialize, modern, reply};
use super::{LEGACY, MODERN};
use crate::check::quote;
use crate::events::Until;
use crate::verdict::{Standing, standing};
use crate::wire::{Answer, Ask, Body, Trouble};

/// What an opening came to.
#[derive(Debug)]
pub(super) enum Opened {
    /// It understands, and says this; with its session, if it gave one.
    Hello(Value, Option<String>),
    /// It does not do this. In words.
    Declined(String),
    /// It answered in a form that is none.
    Fault(&'static Check, String),
    /// The answer's status says that there is nothing to be learnt now.
    Ends(Box<Answer>),
    /// No answer.
    Trouble(Trouble),
}

/// The first question.
pub(super) fn discover() -> Ask {
    // A server that never answers what it does not know may still know `initialize`.
    modern("server/discover", json!({})).briefly()
}

/// The second.
pub(super) fn handshake() -> Ask {
    initialize(LEGACY)
}

/// The last.
pub(super) fn stream() -> Ask {
    Ask { until: Until::FirstEvent, ..bare(http::Method::GET) }.briefly()
}

pub(super) fn discovered(answer: Result<Answer, Trouble>) -> Opened {
    opened("server/discover", answer, |result| {
        if result["supportedVersions"].is_array() { Ok(()) } else { Err("the result has no supportedVersions") }
    })
}

pub(super) fn initialized(answer: Result<Answer, Trouble>) -> Opened {
    opened("initialize", answer, |result| {
        if result["protocolVersion"].is_string() { Ok(()) } else { Err("the result has no protocolVersion") }
    })
}

pub(super) fn streamed(answer: Result<Answer, Trouble>) -> Opened {
    let answer = match answer {
        Ok(answer) => answer,
        Err(trouble) => return Opened::Trouble(trouble),
    };
    if let Standing::Ends(..) = standing("GET", &answer) {
        return Opened::Ends(Box::new(answer));
    }
    match &answer.body {
        Body::Events(events) if events.first().is_some_and(|event| event.name == "endpoint") => {
            Opened::Hello(Value::Null, None)
        }
        Body::Events(_) => Opened::Declined("a stream without an endpoint".into()),
        _ => Opened::Declined(format!("HTTP {}", answer.status.as_u16())),
    }
}

fn opened(
    asked: &'static str,
    answer: Result<Answer, Trouble>,
    is_hello: impl Fn(&Value) -> Result<(), &'static str>,
) -> Opened {
    let answer = match answer {
        Ok(answer) => answer,
        Err(trouble) => return Opened::Trouble(trouble),
    };
    if let Standing::Ends(..) = standing(asked, &answer) {
        return Opened::Ends(Box::new(answer));
    }
    let status = answer.status.as_u16();
    if answer.status.is_redirection() {
        let place = quote(answer.header("location").unwrap_or_default());
        return Opened::Fault(
            &checks::REDIRECT,
            format!("{asked}: HTTP {status} leads to {place}, which is not followed"),
        );
    }
    match reply(&answer) {
        Ok(Reply::Result(result)) => match is_hello(&result) {
            Ok(()) => Opened::Hello(result, answer.header("mcp-session-id").map(str::to_owned)),
            Err(wrong) => Opened::Fault(&checks::OPENING, format!("{asked}: {wrong}")),
        },
        Ok(error) => Opened::Declined(format!("HTTP {status} and {}{}", error.words(), other_versions(&error))),
        // A page that says so in HTML says so.
        Err(_) if !answer.status.is_success() => Opened::Declined(format!("HTTP {status}")),
        Err((form, message)) => Opened::Fault(form.0, format!("{asked}: {message}")),
    }
}

/// A server of another time says which revisions it knows.
fn other_versions(error: &Reply) -> String {
    match error {
        Reply::Error { code: -32022, data, .. } if data["supported"].is_array() => {
            format!(", it speaks {} and not {MODERN}", quote(&data["supported"].to_string()))
        }
        _ => String::new(),
    }
}
