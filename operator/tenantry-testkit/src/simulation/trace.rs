//! What is left of one simulation: all calls, all versions of all objects, and when things came to rest. It judges nothing.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tenantry_core::meta::{ESCROW, ESCROW_EPOCH};

use crate::server::{Change, Record, Verb};

/// Prefix of the operators' names.
pub const OPERATOR: &str = "tenantry-";

/// The record of one simulation.
#[derive(Debug)]
pub struct Trace {
    /// Every answered call.
    pub calls: Vec<Record>,
    /// Every version of every object.
    pub history: Vec<Change>,
    /// Every object at the end.
    pub objects: Vec<Arc<Value>>,
    /// Numbers of the first operator's calls between the prelude and rest: where faults of calls can strike.
    pub call_points: Range<u64>,
    /// Numbers of the events that its watches came to meanwhile: where faults of watches can strike.
    pub event_points: Range<u64>,
    /// How long after each step the last change came that followed from it.
    pub rests: Vec<Duration>,
    /// When the last minute began, in which nothing should be asked.
    pub quiet_from: Duration,
    /// Whether environments share a total.
    pub shares: bool,
    /// Whether users did something in the middle of the operators' work.
    pub races: bool,
    /// Why the simulation was ended early, if it was.
    pub runaway: Option<String>,
}

/// Whether a change is housekeeping that says nothing about tenants.
pub fn is_housekeeping(change: &Change) -> bool {
    matches!(change.resource.as_str(), "leases" | "events")
}

/// Whether one of our operators did it.
pub fn is_operators(agent: &str) -> bool {
    agent.starts_with(OPERATOR)
}

impl Trace {
    /// Writes that the operators sent, less lease and Events, and less those into namespaces that they may not write to
    /// or that are gone: refusals are bounded apart. The status of a view repeats its Tenant's and is not counted again.
    pub fn writes(&self) -> usize {
        self.calls.iter().filter(|record| is_counted_write(record) && !matches!(record.code, 403 | 404)).count()
    }

    /// How often each write was refused.
    pub fn refusals(&self) -> BTreeMap<String, usize> {
        let mut refusals = BTreeMap::new();
        for record in self.calls.iter().filter(|record| is_counted_write(record) && record.code >= 400) {
            *refusals.entry(format!("{} {}", record.call.verb, record.call.path)).or_default() += 1;
        }
        refusals
    }

    /// Requests of the operators in the quiet minute, but for lease, watches, the watchdog, and the one try a minute for a
    /// name that a stranger's object has.
    pub fn quiet_requests(&self) -> Vec<&Record> {
        let quiet =
            || self.calls.iter().filter(|record| record.at >= self.quiet_from && !is_allowed_when_quiet(record));
        let is_try = |record: &Record| match record.call.verb {
            Verb::Create => record.code == 409,
            // Of one name.
            Verb::List => !record.call.name.is_empty(),
            _ => false,
        };
        if quiet().count() <= 4 && quiet().all(is_try) { Vec::new() } else { quiet().collect() }
    }

    /// The request record as text, one line each: equal for equal seeds.
    pub fn transcript(&self) -> String {
        let mut text = String::new();
        for Record { index, at, call, code, mutated, fault, .. } in &self.calls {
            let line = format!(
                "{index} {at:?} {} {} {} {code} {mutated} {}\n",
                call.agent,
                call.verb,
                call.path,
                fault.unwrap_or("-")
            );
            text.push_str(&line);
        }
        text
    }

    /// The cluster at the end without what may differ between two runs, by `kind namespace/name`.
    pub fn end_state(&self) -> BTreeMap<String, Value> {
        self.objects
            .iter()
            .filter(|object| !matches!(object["kind"].as_str(), Some("Lease" | "Event" | "APIService")))
            .map(|object| {
                let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
                let name =
                    format!("{} {}/{}", object["kind"].as_str().unwrap_or_default(), text("namespace"), text("name"));
                (name, without_chance(object, self.shares))
            })
            .collect()
    }
}

fn is_counted_write(record: &Record) -> bool {
    is_operators(&record.call.agent)
        && record.call.verb.is_write()
        && !matches!(record.call.resource.as_str(), "leases" | "events")
        && !(record.call.resource == "tenantviews" && record.call.subresource == "status")
}

fn is_allowed_when_quiet(record: &Record) -> bool {
    let call = &record.call;
    !is_operators(&call.agent)
        || call.resource == "leases"
        || call.verb == Verb::Watch
        || (call.verb == Verb::List && call.resource == "namespaces")
}

/// Drops uids, versions and times. Epochs of a ledger are versions, too. Where a total is shared, what each has of it is chance:
/// that the plans are content with it is another oracle's to say.
fn without_chance(value: &Value, shares: bool) -> Value {
    const BY_CHANCE: [&str; 11] = [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "deletionTimestamp",
        "lastTransitionTime",
        "managedFields",
        "generation",
        "observedGeneration",
        "eventTime",
        "usedAt",
        ESCROW_EPOCH,
    ];
    const SHARED: [&str; 4] = ["assigned", "free", "hard", ESCROW];
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(key, _)| !(BY_CHANCE.contains(&key.as_str()) || shares && SHARED.contains(&key.as_str())))
                .map(|(key, value)| {
                    (key.clone(), if key == ESCROW { targets(value) } else { without_chance(value, shares) })
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(|item| without_chance(item, shares)).collect()),
        Value::String(text) => Value::String(without_uids(text)),
        other => other.clone(),
    }
}

/// What a ledger says quotas are to be. When it was seen that they are is chance.
fn targets(ledger: &Value) -> Value {
    let ledger: Value = ledger.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let entries = ledger["entries"].as_object().into_iter().flatten();
    entries
        .map(|(namespace, entry)| (namespace.clone(), entry["target"].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The in-memory server's uids are eight digits, a fixed middle, and twelve digits.
fn without_uids(text: &str) -> String {
    const MIDDLE: &str = "-0000-4000-8000-";
    let parts: Vec<&str> = text.split(MIDDLE).collect();
    let last = parts.len() - 1;
    let cut = |(index, part): (usize, &&str)| {
        let start = if index == 0 { 0 } else { part.len().min(12) };
        let end = if index == last { part.len() } else { part.len().saturating_sub(8).max(start) };
        part.get(start..end).unwrap_or_default().to_owned()
    };
    parts.iter().enumerate().map(cut).collect::<Vec<_>>().join("<uid>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_uids_inside_texts() {
        let text = "tenants//acme/00000001-0000-4000-8000-00000000002a, still";
        assert_eq!(without_uids(text), "tenants//acme/<uid>, still");
        assert_eq!(without_uids("plain"), "plain");
    }
}
