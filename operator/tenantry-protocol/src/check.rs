//! The shape of a check: one rule that an answer must keep. The tables are in `mcp/checks.rs` and `a2a/rules.rs`; the
//! reference pages are made from them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much it matters that a rule is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Level {
    /// Good to know.
    Info,
    /// A recommendation is not followed, or something is deprecated.
    Warning,
    /// Something that must be is not.
    Error,
}

impl Level {
    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Short and stable: statuses and scripts name it.
    pub code: &'static str,
    /// What a breach of it counts as.
    pub level: Level,
    /// What must be, in one sentence.
    pub requirement: &'static str,
    /// Where it is written down.
    pub source: &'static str,
    /// What is sent to find out; empty if other answers show it.
    pub sends: &'static str,
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Issue {
    /// How much it matters.
    pub level: Level,
    /// Which rule: `docs/reference` explains each.
    #[schemars(length(max = 8))]
    pub code: String,
    /// What must be.
    #[schemars(length(max = 512))]
    pub requirement: String,
    /// What is instead.
    #[schemars(length(max = 512))]
    pub message: String,
}

/// The longest text that is taken from a stranger's answer into a status.
const MAX_TEXT: usize = 200;

impl Rule {
    /// That it was broken, and how.
    pub fn broken(&self, message: impl Into<String>) -> Issue {
        Issue {
            level: self.level,
            code: self.code.into(),
            requirement: format!("{} ({})", self.requirement, self.source),
            message: shorten(&message.into(), 512),
        }
    }
}

/// A stranger's text, fit for a status: short, on one line, without control characters.
pub fn quote(text: &str) -> String {
    format!("{:?}", shorten(text, MAX_TEXT))
}

pub(crate) fn shorten(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most - '…'.len_utf8()).rev().find(|&end| text.is_char_boundary(end)).unwrap_or_default();
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_of_strangers_are_cut_between_letters() {
        let text = quote(&"ü".repeat(500));
        assert!(text.len() <= MAX_TEXT + 2 && text.ends_with("…\""), "{text}");
        assert_eq!(quote("a\nb"), "\"a\\nb\"");
    }
}
