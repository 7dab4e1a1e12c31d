//! Runs checks, and tells how they went: a matrix for people, JSON for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::ready;
use std::pin::pin;

use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use crate::check::{self, Check, Kind, Outcome};
use crate::stage::Stage;

/// Names the JSON file; `cargo xtask e2e isolation` sets it.
pub const FILE: &str = "TENANTRY_ISOLATION_JSON";
/// Requests under way at a time.
const AT_ONCE: usize = 16;

/// One check and its control.
pub async fn one(stage: &Stage, check: &Check) -> Outcome {
    let control = match &check.control {
        Some(control) => Some(control.request.send(&stage.clients[&control.client], &stage.admin).await),
        None => None,
    };
    let actual = check.request.send(&stage.clients[&check.who.client], &stage.admin).await;
    let expected = check.control.as_ref().map(|control| &control.expected);
    let is_controlled = expected.zip(control.as_ref()).is_none_or(|(expected, answer)| expected.fits(answer));
    Outcome { passed: check.expected.fits(&actual) && is_controlled, actual, control }
}

/// All of them, in order.
pub async fn all(stage: &Stage, checks: &[Check]) -> Vec<Outcome> {
    stream::iter(checks).map(|check| one(stage, check)).buffered(AT_ONCE).collect().await
}

/// The first of them that fits; what comes later is not asked.
pub async fn first(stage: &Stage, checks: &[Check], fits: impl Fn(&Check, &Outcome) -> bool) -> Option<Check> {
    let outcomes = stream::iter(checks).map(async |check| (check, one(stage, check).await)).buffered(AT_ONCE);
    let mut found = pin!(outcomes.filter(|(check, outcome)| ready(fits(check, outcome))));
    found.next().await.map(|(check, _)| check.clone())
}

/// What went wrong with a check, for people.
pub fn fault(check: &Check, outcome: &Outcome) -> String {
    let mut text = format!(
        "{} as {}: {}\n    asked: {}\n    wanted: {}\n    got: {}",
        check.family,
        check.who.subject.user,
        check.name,
        check.request.text(),
        check.expected.text(),
        check::text(&outcome.actual),
    );
    if let Some((control, answer)) = check.control.as_ref().zip(outcome.control.as_ref()) {
        let _ = write!(
            text,
            "\n    control: {}\n    wanted: {}\n    got: {}",
            control.request.text(),
            control.expected.text(),
            check::text(answer)
        );
    }
    text
}

/// The runs by name: with the operator and without.
pub type Runs = Vec<(&'static str, Vec<Outcome>)>;

/// Families × identities × runs, each cell `passed/total`.
pub fn matrix(checks: &[Check], runs: &Runs) -> String {
    let mut cells: BTreeMap<(&str, Kind, &str), (usize, usize)> = BTreeMap::new();
    let mut families: Vec<&str> = Vec::new();
    for (run, outcomes) in runs {
        for (check, outcome) in checks.iter().zip(outcomes) {
            if !families.contains(&check.family) {
                families.push(check.family);
            }
            let cell = cells.entry((check.family, check.who.kind, run)).or_default();
            cell.0 += usize::from(outcome.passed);
            cell.1 += 1;
        }
    }
    let mut text = format!("{:26}", "family");
    for kind in Kind::ALL {
        for (run, _) in runs {
            let _ = write!(text, "{:>21}", format!("{} {run}", kind.word()));
        }
    }
    for family in families {
        let _ = write!(text, "\n{family:26}");
        for kind in Kind::ALL {
            for (run, _) in runs {
                let cell =
                    cells.get(&(family, kind, run)).map_or_else(String::new, |(passed, all)| format!("{passed}/{all}"));
                let _ = write!(text, "{cell:>21}");
            }
        }
    }
    text
}

/// Everything that was asked and answered.
pub fn report(checks: &[Check], runs: &Runs, left_out: &[String]) -> Value {
    let entries = runs.iter().flat_map(|(run, outcomes)| {
        checks.iter().zip(outcomes).map(move |(check, outcome)| check::entry(check, outcome, run))
    });
    let entries: Vec<Value> = entries.collect();
    let passed = entries.iter().filter(|entry| entry["passed"] == true).count();
    json!({ "checks": checks.len(), "answers": entries.len(), "passed": passed, "leftOut": left_out, "results": entries })
}
