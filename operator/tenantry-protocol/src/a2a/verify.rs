//! Fetches a card through a [`Wire`] and judges it. Asks for the card alone.

use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::card::{Card, judge};
use super::rules;
use crate::challenge::{self, Challenge};
use crate::check::{Issue, Level, Rule, quote, shorten};
use crate::json;
use crate::verdict::{Standing, State, retry_after, standing, troubled};
use crate::wire::{Answer, Ask, Body, Place, Wire};

const CARD: &str = "/.well-known/agent-card.json";
const OLD_CARD: &str = "/.well-known/agent.json";

/// What verifying an agent's card comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// How it stands.
    pub state: State,
    /// The same in a sentence.
    #[schemars(length(max = 512))]
    pub message: String,
    /// What the card says, also if it breaks rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<Card>,
    /// Rules that it breaks, worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub issues: Vec<Issue>,
    /// What it says about credentials, if it asks for some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    /// Seconds that it asks us to wait before the next request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

impl Verdict {
    /// One that says no more than this.
    pub fn new(state: State, message: impl Into<String>) -> Self {
        let message = shorten(&message.into(), 512);
        Self { state, message, card: None, issues: Vec::new(), challenge: None, retry_after_seconds: None }
    }

    fn broken(rule: &Rule, message: String) -> Self {
        let issue = rule.broken(message.clone());
        Self { issues: vec![issue], ..Self::new(State::ProtocolError, message) }
    }
}

/// Verifies the card of the agent at `target`: at its well-known place, or at `target` itself if that is a file's URL.
/// `known_as` is the URL that callers have, if one is known.
pub async fn verify(wire: &mut impl Wire, target: &Uri, known_as: Option<&Uri>) -> Verdict {
    if has_json_extension(target.path()) {
        return match fetch(wire, target.path()).await {
            Fetched::Card(card) => judged(&card, known_as, None),
            Fetched::Absent(message) => Verdict::broken(&rules::SERVED, message),
            Fetched::Ends(verdict) => *verdict,
        };
    }
    let message = match fetch(wire, CARD).await {
        Fetched::Card(card) => return judged(&card, known_as, None),
        Fetched::Ends(verdict) => return *verdict,
        Fetched::Absent(message) => message,
    };
    match fetch(wire, OLD_CARD).await {
        Fetched::Card(card) => judged(&card, known_as, Some(rules::OLD_PLACE.broken(message))),
        _ => Verdict::broken(&rules::SERVED, message),
    }
}

fn has_json_extension(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("json"))
}

enum Fetched {
    Card(serde_json::Value),
    Absent(String),
    Ends(Box<Verdict>),
}

async fn fetch(wire: &mut impl Wire, path: &str) -> Fetched {
    let ends = |verdict| Fetched::Ends(Box::new(verdict));
    let answer = match wire.send(Ask::get(Place::Path(path.to_owned()))).await {
        Ok(answer) => answer,
        Err(trouble) => {
            let (state, message) = troubled(path, &trouble);
            return ends(match state {
                State::ProtocolError => Verdict::broken(&rules::BOUNDS, message),
                state => Verdict::new(state, message),
            });
        }
    };
    if let Standing::Ends(state, message) = standing(path, &answer) {
        let challenge = answer.header("www-authenticate").map(challenge::parse);
        let retry_after_seconds = if state.is_healthy() { None } else { retry_after(&answer) };
        return ends(Verdict { challenge, retry_after_seconds, ..Verdict::new(state, message) });
    }
    let status = answer.status.as_u16();
    if answer.status.is_redirection() {
        let place = quote(answer.header("location").unwrap_or_default());
        let message = format!("{path}: HTTP {status} leads to {place}, which is not followed");
        return ends(Verdict::broken(&rules::BOUNDS, message));
    }
    if matches!(status, 404 | 405 | 410) {
        return Fetched::Absent(format!("{path} was answered by HTTP {status}"));
    }
    match read(&answer) {
        Ok(card) => Fetched::Card(card),
        Err(message) => ends(Verdict::broken(&rules::SERVED, format!("{path}: {message}"))),
    }
}

fn read(answer: &Answer) -> Result<serde_json::Value, String> {
    let status = answer.status.as_u16();
    if status != 200 {
        return Err(format!("it was answered by HTTP {status}"));
    }
    let kind = answer.content_type();
    if kind != "application/json" && !kind.ends_with("+json") {
        return Err(format!("the content type is {} and not JSON", quote(&kind)));
    }
    match &answer.body {
        Body::Whole(bytes) => json::parse(bytes).map_err(|wrong| wrong.to_string()),
        _ => Err("it is a stream".into()),
    }
}

fn judged(card: &serde_json::Value, known_as: Option<&Uri>, old_place: Option<Issue>) -> Verdict {
    let (card, mut issues) = judge(card, known_as);
    issues.extend(old_place);
    issues.sort_by(|one, other| (other.level, &one.code).cmp(&(one.level, &other.code)));
    let errors = issues.iter().filter(|issue| issue.level == Level::Error).count();
    let verdict = match issues.first().filter(|issue| issue.level == Level::Error) {
        // The first is named; the others stand beside it.
        Some(first) if errors > 1 => {
            Verdict::new(State::ProtocolError, format!("the card is wrong: {}, and {} more", first.message, errors - 1))
        }
        Some(first) => Verdict::new(State::ProtocolError, format!("the card is wrong: {}", first.message)),
        None => Verdict::new(State::Verified, "the card is sound"),
    };
    Verdict { card, issues, ..verdict }
}
