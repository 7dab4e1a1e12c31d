//! Which states of a status are about to pass by themselves, so that it need not be written for each of them (ADR 4). It decides nothing about
//! how long one waits for that: the engine does.

use serde_json::Value;

use crate::conditions::Reason;

/// How a status that differs from what is written now compares with what may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    /// It stays, as far as anybody knows: to be written at once.
    No,
    /// More is about to come. What is written now may be taken for what is so.
    Soon,
    /// More is about to come, and what is written now is visibly of an earlier spec, or nothing: nobody takes it for what is so.
    Unsaid,
}

/// What `after` is to whoever reads `before`. `incidental` are fields of the status that tell of other resources
/// ([`crate::kind::Kind::INCIDENTAL`]).
pub fn passing(before: &Value, after: &Value, incidental: &[&str]) -> Passing {
    let is_new = before["observedGeneration"] != after["observedGeneration"];
    let moves = match truth(after, "Ready") {
        // A failure is told at once, but for what mends when the rest of the same files is applied.
        Some("False") => return if is_new && only_waits_for_others(after) { Passing::Soon } else { Passing::No },
        Some("True") => false,
        _ => truth(after, "Reconciling") == Some("True") || reason(after, "Ready").is_some_and(Reason::passes),
    };
    if moves {
        return if is_new { Passing::Unsaid } else { Passing::Soon };
    }
    if is_new && incidental.iter().any(|field| has_unready(&after[*field])) {
        return Passing::Unsaid;
    }
    if !is_new && differs_only_in(incidental, before, after) { Passing::Soon } else { Passing::No }
}

fn conditions(status: &Value) -> impl Iterator<Item = &Value> {
    status["conditions"].as_array().into_iter().flatten()
}

fn truth<'a>(status: &'a Value, type_: &str) -> Option<&'a str> {
    conditions(status).find(|condition| condition["type"] == type_)?["status"].as_str()
}

fn reason(status: &Value, type_: &str) -> Option<Reason> {
    let condition = conditions(status).find(|condition| condition["type"] == type_)?;
    Reason::ALL.into_iter().find(|reason| condition["reason"] == reason.name())
}

/// Whether nothing is wrong but that others are not there yet.
fn only_waits_for_others(status: &Value) -> bool {
    let is_others = |condition: &Value| {
        [Reason::RefNotFound, Reason::NoEndpoints].iter().any(|one| condition["reason"] == one.name())
    };
    truth(status, "Stalled") != Some("True")
        && conditions(status).filter(|condition| condition["status"] == "False").all(is_others)
}

/// Whether any of those that are told of here is not ready.
fn has_unready(field: &Value) -> bool {
    field.as_array().into_iter().flatten().any(|entry| entry["ready"] == false)
}

fn differs_only_in(fields: &[&str], before: &Value, after: &Value) -> bool {
    let (Some(old), Some(new)) = (before.as_object(), after.as_object()) else { return false };
    old.keys().chain(new.keys()).all(|name| old.get(name) == new.get(name) || fields.contains(&name.as_str()))
}

#[cfg(test)]
mod tests;
