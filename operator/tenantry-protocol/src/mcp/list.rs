//! `tools/list`, page by page, to an end that is never far. Keeps of each tool its name and hash alone.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::checks::{self, Check, in_session};
use super::context::Context;
use super::message::{self, Reply, reply};
use super::tools::Tool;
use super::{MODERN, schema};
use crate::check::{Issue, quote};
use crate::verdict::{Standing, State, standing};
use crate::wire::{Answer, Ask, Patience, Trouble, Wire};

/// Bounds of a list.
const MAX_PAGES: usize = 64;
const MAX_TOOLS: usize = 1000;

/// A whole list.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// In the server's order.
    pub(super) tools: Vec<Tool>,
    /// What is wrong with it, and can be lived with.
    pub(super) issues: Vec<Issue>,
}

/// Why there is no list.
#[derive(Debug)]
pub(super) enum NoList {
    /// A rule is broken without which there is none.
    Broken(&'static Check, String),
    /// Nobody answered, or not to us.
    Ends(State, String),
    /// No time, or no way.
    Trouble(Trouble),
}

/// Follows the list to its end.
pub(super) async fn list(wire: &mut impl Wire, context: &Context, patience: Patience) -> Result<Listing, NoList> {
    let mut listing = Listing::default();
    let (mut cursor, mut seen, mut scope): (Option<String>, BTreeSet<String>, Option<Value>) = Default::default();
    for page in 1..=MAX_PAGES {
        let ask = Ask { patience, ..request(context, cursor.as_deref()) };
        let answer = wire.send(ask).await.map_err(NoList::Trouble)?;
        let result = result(page, &answer)?;
        if context.version == MODERN {
            listing.issues.extend(result_issues("tools/list", &result));
            let first = scope.get_or_insert_with(|| result["cacheScope"].clone());
            if *first != result["cacheScope"] {
                listing.issues.push(checks::CACHE.broken(format!("tools/list: page {page} has another cacheScope")));
            }
        }
        let Some(tools) = result["tools"].as_array() else {
            return Err(NoList::Broken(&checks::FORM, format!("tools/list: page {page} has no list of tools")));
        };
        if listing.tools.len() + tools.len() > MAX_TOOLS {
            return Err(NoList::Broken(&checks::PAGES, format!("tools/list: there are more than {MAX_TOOLS} tools")));
        }
        for tool in tools {
            listing.issues.extend(schema::faults(tool, context.version == MODERN));
            listing.tools.push(Tool::from_listed(tool));
        }
        match &result["nextCursor"] {
            Value::Null => {
                listing.issues.extend(twins(&listing.tools));
                listing.issues.sort();
                listing.issues.dedup();
                return Ok(listing);
            }
            Value::String(next) => {
                if !seen.insert(next.clone()) {
                    let message = format!("tools/list: page {page} leads back to a cursor that was followed before");
                    return Err(NoList::Broken(&checks::PAGES, message));
                }
                cursor = Some(next.clone());
            }
            other => {
                let message = format!("tools/list: nextCursor is {} and no text", quote(&other.to_string()));
                return Err(NoList::Broken(&checks::PAGES, message));
            }
        }
    }
    Err(NoList::Broken(&checks::PAGES, format!("tools/list: there are more than {MAX_PAGES} pages")))
}

fn request(context: &Context, cursor: Option<&str>) -> Ask {
    let params = cursor.map(|cursor| json!({ "cursor": cursor }));
    if context.version == MODERN {
        message::modern("tools/list", params.unwrap_or_else(|| json!({})))
    } else {
        in_session(context, message::legacy("tools/list", params))
    }
}

fn result(page: usize, answer: &Answer) -> Result<Value, NoList> {
    if let Standing::Ends(state, message) = standing("tools/list", answer) {
        return Err(NoList::Ends(state, message));
    }
    match reply(answer) {
        Ok(Reply::Result(result)) => Ok(result),
        Ok(error) => {
            let message = format!("tools/list: tools are offered, but page {page} was answered by {}", error.words());
            Err(NoList::Broken(&checks::FORM, message))
        }
        Err((form, message)) => Err(NoList::Broken(form.0, format!("tools/list: page {page}: {message}"))),
    }
}

/// What every modern result must have, and one that may be cached.
pub(super) fn result_issues(method: &str, result: &Value) -> Vec<Issue> {
    let mut issues = Vec::new();
    if !result["resultType"].is_string() {
        issues.push(checks::RESULT_TYPE.broken(format!("{method}: the result has no resultType")));
    }
    if result["ttlMs"].as_f64().is_none_or(|time| time < 0.0) {
        issues.push(checks::CACHE.broken(format!("{method}: ttlMs is {}", quote(&result["ttlMs"].to_string()))));
    }
    if !matches!(result["cacheScope"].as_str(), Some("public" | "private")) {
        let scope = quote(&result["cacheScope"].to_string());
        issues.push(checks::CACHE.broken(format!("{method}: cacheScope is {scope}")));
    }
    issues
}

fn twins(tools: &[Tool]) -> Vec<Issue> {
    let mut names = BTreeSet::new();
    let twice: BTreeSet<&str> =
        tools.iter().map(|tool| tool.name.as_str()).filter(|name| !names.insert(*name)).collect();
    twice.into_iter().map(|name| checks::TOOL_UNIQUE.broken(format!("{} is there twice", quote(name)))).collect()
}
