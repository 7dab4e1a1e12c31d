//! What verification comes to, for every protocol. Says nothing of times, so that the same state is the same text.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::{Answer, Trouble};

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum State {
    /// It speaks its protocol.
    Verified,
    /// It asks for credentials that we have not: healthy, as far as can be seen.
    AuthRequired,
    /// It says that it is asked too often (HTTP 429). Says nothing about how it is.
    RateLimited,
    /// It says that it cannot answer now (HTTP 502, 503, 504). Says nothing about how it speaks.
    Unavailable,
    /// Nobody answered, or nobody may be asked there.
    ProbeBlocked,
    /// It answered, and wrongly.
    ProtocolError,
}

impl State {
    /// As a condition's reason.
    pub fn word(self) -> &'static str {
        match self {
            Self::Verified => "Verified",
            Self::AuthRequired => "AuthRequired",
            Self::RateLimited => "RateLimited",
            Self::Unavailable => "Unavailable",
            Self::ProbeBlocked => "ProbeBlocked",
            Self::ProtocolError => "ProtocolError",
        }
    }

    /// Whether all that could be seen is well.
    pub fn is_healthy(self) -> bool {
        matches!(self, Self::Verified | Self::AuthRequired)
    }
}

/// What every protocol's answers say by their status alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Go on and read it.
    Readable,
    /// It ends here, as `State`, for this reason.
    Ends(State, String),
}

pub(crate) fn standing(asked: &str, answer: &Answer) -> Standing {
    let code = answer.status.as_u16();
    match code {
        401 | 403 => {
            Standing::Ends(State::AuthRequired, format!("{asked}: answered HTTP {code}, it asks for credentials"))
        }
        429 => Standing::Ends(State::RateLimited, format!("{asked}: answered HTTP 429, it is asked too often")),
        502..=504 => Standing::Ends(State::Unavailable, format!("{asked}: answered HTTP {code}, it cannot answer now")),
        _ => Standing::Readable,
    }
}

pub(crate) fn troubled(asked: &str, trouble: &Trouble) -> (State, String) {
    let state = if trouble.is_block() { State::ProbeBlocked } else { State::ProtocolError };
    (state, format!("{asked}: {trouble}"))
}

/// Seconds that it asks us to wait; at most a day.
pub(crate) fn retry_after(answer: &Answer) -> Option<u32> {
    answer.header("retry-after").and_then(|value| value.trim().parse().ok()).map(|seconds: u32| seconds.min(86_400))
}
