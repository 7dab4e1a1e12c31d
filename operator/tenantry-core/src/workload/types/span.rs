//! Spans of time as users write them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A span of time such as `30s`, `10m` or `1h30m`, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    seconds: i32,
}

/// A text that is no span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no span of time such as 30s, 10m or 1h30m")]
pub struct NotASpan(String);

impl Span {
    /// So many seconds.
    pub const fn of_seconds(seconds: i32) -> Self {
        Self { seconds }
    }

    /// In seconds.
    pub const fn seconds(self) -> i32 {
        self.seconds
    }
}

impl std::str::FromStr for Span {
    type Err = NotASpan;

    fn from_str(text: &str) -> Result<Self, NotASpan> {
        let wrong = || NotASpan(text.to_owned());
        let is_of_parts = text.bytes().all(|byte| byte.is_ascii_digit() || b"hms".contains(&byte));
        let parsed: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
        let seconds = i32::try_from(parsed.as_secs()).map_err(|_| wrong())?;
        if is_of_parts { Ok(Self { seconds }) } else { Err(wrong()) }
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (hours, minutes, seconds) = (self.seconds / 3600, self.seconds / 60 % 60, self.seconds % 60);
        if hours > 0 {
            write!(out, "{hours}h")?;
        }
        if minutes > 0 {
            write!(out, "{minutes}m")?;
        }
        if seconds > 0 || self.seconds == 0 {
            write!(out, "{seconds}s")?;
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 16,
            // No larger than what a number of seconds can be.
            "pattern": "^([0-9]{1,4}h)?([0-9]{1,5}m)?([0-9]{1,7}s)?$",
            "minLength": 2,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Span;

    #[test]
    fn what_is_written_is_what_is_read() {
        for (text, seconds) in [("30s", 30), ("10m", 600), ("1h30m", 5400), ("0s", 0), ("1h1s", 3601)] {
            let span: Span = text.parse().expect("a span");
            assert_eq!((span.seconds(), span.to_string().as_str()), (seconds, text));
        }
        assert_eq!("90m".parse::<Span>().map(|span| span.to_string()).as_deref(), Ok("1h30m"));
        for text in ["", "10", "-5s", "1d", "1.5s", "ten", "PT5S", "99999999999999h"] {
            assert!(text.parse::<Span>().is_err(), "{text:?}");
        }
    }
}
