//! Which pod template a Deployment gets: the wanted one, or, after a rollout that failed, that of the last revision that was
//! available. What is remembered for it stands in an annotation of the Deployment and is written together with the template that it
//! is about, so a crash, a restart or a stale view finds both or neither. It never looks at pods or `ReplicaSets`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::availability::{self, Trouble};
use super::pods::CACHE;
use super::types::{OnFailure, Rollout};
use crate::check;
use crate::conditions::{Truth, truncate};

/// The most bytes of a template that are kept: all annotations of an object together may have 256 KiB.
const LARGEST: usize = 128 * 1024;

/// The most bytes of the words that are kept of a failure.
const LONGEST: usize = 512;

/// What a Deployment is to run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    /// The template.
    pub(super) template: Value,
    /// What is remembered beside it.
    pub(super) note: Option<String>,
    /// What became of a rollout that failed.
    pub(super) setback: Option<Setback>,
}

/// What became of a rollout that failed, where it was to be rolled back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Setback {
    /// What was available before runs again.
    RolledBack {
        /// Number of the revision that failed.
        number: String,
        /// Its Deployment's words.
        why: String,
    },
    /// It stands as it is, for this reason.
    Stands(&'static str),
}

/// What is remembered. Revisions go by a hash of the template that was wanted, which tells them apart also where somebody alters
/// what the server stores.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Note {
    /// The revision that runs.
    revision: String,
    /// Whether it was seen available.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    available: bool,
    /// The last one that was; only while another is rolled out, or has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Before>,
    /// The one that is wanted and has failed: `before` runs instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<Failed>,
    /// Words of a failure that was told already when this one began, and so is not its own.
    #[serde(skip_serializing_if = "String::is_empty")]
    stale: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Before {
    revision: String,
    template: Value,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Failed {
    revision: String,
    number: String,
    why: String,
}

/// Chooses between what is wanted and what there was, by what is seen of the Deployment; and tells what one of its pods says.
pub(super) fn choose(wanted: Value, rollout: &Rollout, seen: Option<&Value>, trouble: Option<&Trouble>) -> Choice {
    if rollout.on_failure != OnFailure::Rollback {
        return Choice { template: wanted, note: None, setback: None };
    }
    let revision = format!("{:016x}", xxh3_64(wanted.to_string().as_bytes()));
    let noted = seen.and_then(|facts| Some((facts, read(facts)?)));
    let Some((facts, noted)) = noted else {
        // Nothing is known of what ran before it was asked to remember.
        return stay(wanted, &Note { revision, ..Note::default() });
    };
    match (&noted.failed, &noted.before) {
        // Until something else is wanted.
        (Some(failed), Some(before)) if failed.revision == revision => {
            let setback = Setback::RolledBack { number: failed.number.clone(), why: failed.why.clone() };
            Choice { template: before.template.clone(), setback: Some(setback), ..stay(Value::Null, &noted) }
        }
        _ if noted.revision == revision => go_on(wanted, noted, facts, trouble),
        _ => stay(wanted, &begin(revision, noted, facts)),
    }
}

fn stay(template: Value, note: &Note) -> Choice {
    // Texts and JSON always convert.
    Choice { template, note: serde_json::to_string(note).ok(), setback: None }
}

fn read(facts: &Value) -> Option<Note> {
    serde_json::from_str(facts["rollout"].as_str()?).ok()
}

/// Something else is wanted than what runs.
fn begin(revision: String, noted: Note, facts: &Value) -> Note {
    let before = if noted.failed.is_none() && is_available(&noted, facts) {
        let before = Before { revision: noted.revision, template: facts["template"].clone() };
        // What is too large is not remembered; nor is what must never be written, whoever made it so.
        Some(before)
            .filter(|before| before.template.to_string().len() <= LARGEST && check::is_restricted(&before.template))
    } else {
        noted.before
    };
    let stale = late(facts).unwrap_or_default();
    match before {
        // Back by hand to what was available.
        Some(before) if before.revision == revision => Note { revision, available: true, ..Note::default() },
        before => Note { revision, before, stale, ..Note::default() },
    }
}

/// What is wanted was written already.
fn go_on(wanted: Value, noted: Note, facts: &Value, trouble: Option<&Trouble>) -> Choice {
    if is_available(&noted, facts) {
        return stay(wanted, &Note { revision: noted.revision, available: true, ..Note::default() });
    }
    let Some(words) = failure(facts, &noted.stale) else { return stay(wanted, &noted) };
    let stands = |reason, noted| Choice { setback: Some(Setback::Stands(reason)), ..stay(wanted.clone(), &noted) };
    let Some(before) = noted.before.clone() else {
        return stands("no revision before it was seen available while rollout.onFailure was Rollback", noted);
    };
    // Its Service and its callers go by the spec.
    if ports(&before.template) != ports(&wanted) {
        return stands("the one before it listens on other ports than the spec says", noted);
    }
    // What it had kept is gone.
    if cache(&before.template) != cache(&wanted) {
        return stands("the one before it has another cache than the spec says", noted);
    }
    let why = match trouble {
        Some(Trouble { reason, message }) => format!("{words} {reason}: {message}"),
        None => words.clone(),
    };
    let number = facts["revision"].as_str().unwrap_or_default().to_owned();
    let failed = Failed { revision: noted.revision, number: number.clone(), why: why.clone() };
    let note = Note {
        revision: before.revision.clone(),
        available: true,
        before: Some(before.clone()),
        failed: Some(failed),
        stale: words,
    };
    Choice { setback: Some(Setback::RolledBack { number, why }), ..stay(before.template, &note) }
}

fn is_available(noted: &Note, facts: &Value) -> bool {
    noted.available || availability::judge(facts).0 == Truth::True
}

/// The words of the Deployment if its deadline has passed without success, for its present template. One that goes back to an earlier
/// `ReplicaSet` keeps telling the last failure until that makes progress: those are the `stale` words.
fn failure(facts: &Value, stale: &str) -> Option<String> {
    let current = facts["status"]["observedGeneration"].as_i64() >= facts["generation"].as_i64();
    late(facts).filter(|words| current && words != stale)
}

fn late(facts: &Value) -> Option<String> {
    let mut conditions = facts["conditions"].as_array()?.iter();
    let late = conditions.find(|one| one["type"] == "Progressing" && one["reason"] == "ProgressDeadlineExceeded")?;
    let mut words = late["message"].as_str().unwrap_or_default().to_owned();
    truncate(&mut words, LONGEST);
    (late["status"] == "False").then_some(words)
}

/// The server leaves out an empty list.
fn ports(template: &Value) -> &[Value] {
    template["spec"]["containers"][0]["ports"].as_array().map_or(&[], Vec::as_slice)
}

fn cache(template: &Value) -> Option<&Value> {
    let mut volumes = template["spec"]["volumes"].as_array()?.iter();
    volumes.find(|volume| volume["name"] == CACHE).map(|volume| &volume["persistentVolumeClaim"])
}

#[cfg(test)]
mod tests;
