//! What a server that asks for credentials says about where they come from. Sends no credentials but a made-up token.

use http::Uri;
use serde_json::Value;

use super::checks;
use crate::challenge::{self, Challenge};
use crate::check::{Issue, quote};
use crate::json;
use crate::wire::{Answer, Ask, Body, Place, Wire};

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What it says, and what is wrong with that.
pub(super) async fn look(wire: &mut impl Wire, target: &Uri, refusal: &Answer) -> (Challenge, Vec<Issue>, Vec<String>) {
    let challenge = refusal.header("www-authenticate").map(challenge::parse).unwrap_or_default();
    let (mut issues, mut not_run) = (Vec::new(), Vec::new());
    // 403 is not for those who come without a token.
    if refusal.status.as_u16() != 401 {
        return (challenge, issues, not_run);
    }
    match metadata(wire, target, &challenge).await {
        Found::Metadata(metadata) => issues.extend(judge(&metadata)),
        Found::Elsewhere => not_run.extend(["A2".to_owned(), "A3".to_owned()]),
        Found::Wrong(message) => issues.push(checks::METADATA_FORM.broken(message)),
        Found::Nothing => issues.push(checks::METADATA.broken("neither is there")),
    }
    let garbage = checks::GARBAGE_TOKEN.ask(&super::context::Context {
        hello: Value::Null,
        version: super::MODERN.into(),
        session: None,
        is_dual: false,
    });
    if let Some(ask) = garbage {
        match wire.send(ask).await {
            Ok(answer) if answer.status.as_u16() == 401 => {}
            Ok(answer) => {
                issues
                    .push(checks::GARBAGE_TOKEN.broken(format!("it was answered by HTTP {}", answer.status.as_u16())));
            }
            Err(_) => not_run.push("A4".to_owned()),
        }
    }
    (challenge, issues, not_run)
}

enum Found {
    Metadata(Value),
    /// On a host that only the server names: not asked.
    Elsewhere,
    Wrong(String),
    Nothing,
}

async fn metadata(wire: &mut impl Wire, target: &Uri, challenge: &Challenge) -> Found {
    if let Some(place) = &challenge.resource_metadata {
        let Ok(place) = place.parse::<Uri>() else {
            return Found::Wrong(format!("resource_metadata is {} and no URL", quote(place)));
        };
        let is_here = place.authority() == target.authority() && place.scheme() == target.scheme();
        return match (is_here, fetch(wire, path_of(&place)).await) {
            (false, _) => Found::Elsewhere,
            (true, Ok(metadata)) => Found::Metadata(metadata),
            (true, Err(message)) => Found::Wrong(message),
        };
    }
    let below = target.path().trim_end_matches('/');
    for path in [format!("{WELL_KNOWN}{below}"), WELL_KNOWN.to_owned()] {
        if let Ok(metadata) = fetch(wire, path).await {
            return Found::Metadata(metadata);
        }
    }
    Found::Nothing
}

fn path_of(place: &Uri) -> String {
    place.path_and_query().map_or_else(|| "/".into(), ToString::to_string)
}

async fn fetch(wire: &mut impl Wire, path: String) -> Result<Value, String> {
    let shown = quote(&path);
    let answer = wire.send(Ask::get(Place::Path(path)).briefly()).await;
    let answer = answer.map_err(|trouble| format!("{shown}: {trouble}"))?;
    if answer.status.as_u16() != 200 {
        return Err(format!("{shown} was answered by HTTP {}", answer.status.as_u16()));
    }
    match &answer.body {
        Body::Whole(bytes) => json::parse(bytes).map_err(|wrong| format!("{shown}: {wrong}")),
        _ => Err(format!("{shown} is a stream")),
    }
}

fn judge(metadata: &Value) -> Vec<Issue> {
    let mut issues = Vec::new();
    let is_url = |text: &str| {
        text.parse::<Uri>().is_ok_and(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some())
    };
    if !metadata["resource"].as_str().is_some_and(is_url) {
        issues.push(checks::METADATA_FORM.broken(format!("resource is {}", quote(&metadata["resource"].to_string()))));
    }
    let servers: Vec<&str> =
        metadata["authorization_servers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if servers.is_empty() {
        issues.push(checks::METADATA_FORM.broken("there are no authorization_servers"));
    }
    for server in servers {
        let url = server.parse::<Uri>().ok();
        let host = url.as_ref().and_then(Uri::host).unwrap_or_default();
        let is_loopback = host == "localhost" || host.starts_with("127.") || host == "[::1]";
        if !is_loopback && url.as_ref().and_then(Uri::scheme_str) != Some("https") {
            issues.push(checks::AS_HTTPS.broken(format!("{} is not", quote(server))));
        }
    }
    issues.truncate(8);
    issues
}
