//! What the demo has claimed and whether it was true. It prints nothing by itself.

use serde::Serialize;

use crate::commands::CommandError;
use crate::terminal::{Terminal, count};

/// All claims so far.
#[derive(Default)]
pub(crate) struct Checks {
    all: Vec<Check>,
}

/// One claim.
#[derive(Clone, Serialize)]
pub(crate) struct Check {
    /// What was claimed.
    name: String,
    /// Whether it was true.
    passed: bool,
    /// What was seen, when it was not.
    #[serde(skip_serializing_if = "String::is_empty")]
    seen: String,
}

impl Checks {
    /// Notes and shows a claim; `seen` is shown only when it was not true.
    pub(crate) fn claim(&mut self, terminal: &mut Terminal, passed: bool, name: &str, seen: &str) {
        if passed {
            terminal.done(name, None);
        } else {
            terminal.failed(&format!("{name}: {seen}"));
        }
        self.note(passed, name, seen);
    }

    /// Notes a claim that was shown in another way.
    pub(crate) fn note(&mut self, passed: bool, name: &str, seen: &str) {
        let seen = if passed { String::new() } else { seen.to_owned() };
        self.all.push(Check { name: name.to_owned(), passed, seen });
    }

    /// All claims.
    pub(crate) fn all(&self) -> &[Check] {
        &self.all
    }

    /// In one line.
    pub(crate) fn summary(&self) -> String {
        match self.failures() {
            0 => format!("All {} passed.", count(self.all.len(), "check")),
            failures => format!("{failures} of {} FAILED.", count(self.all.len(), "check")),
        }
    }

    /// An error if one failed.
    pub(crate) fn verdict(&self) -> Result<(), CommandError> {
        match self.failures() {
            0 => Ok(()),
            failures => Err(format!("{} of the demo failed; they are marked ✘ above", count(failures, "check")).into()),
        }
    }

    fn failures(&self) -> usize {
        self.all.iter().filter(|check| !check.passed).count()
    }
}
