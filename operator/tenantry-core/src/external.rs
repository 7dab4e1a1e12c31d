//! What a plan asks of the world outside the API server, and what the answers say. A question is data: whoever runs the plan has it
//! asked, again and again, and puts the answers into the next [`crate::world::World`]. Nothing here asks anybody.

use std::fmt;
use std::time::Duration;

use tenantry_protocol::opening::Opening;
use tenantry_protocol::verdict::State;
use tenantry_protocol::{a2a, mcp};

use crate::object::ObjectKey;

/// Something to ask, again and again while it is in the plan. Another question is asked at once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// Whose plan asks; whoever that is, is woken by an answer that says something new.
    pub asker: ObjectKey,
    /// Which state of what is asked: with another state it is another question, though all else is the same.
    pub state: String,
    /// How it is asked.
    pub protocol: Protocol,
    /// Whom.
    pub url: String,
    /// Where the URL may lead.
    pub reach: Reach,
    /// How long an answer counts.
    pub interval: Duration,
}

/// How somebody is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// As an MCP server: who it is, what tools it has, which rules it keeps. No tool is called.
    Mcp,
    /// As an A2A agent, for its card.
    A2a,
}

/// Where a URL may lead. Nobody is ever asked at link-local addresses, on the asker's own machine, or in the API server's place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// To a Service that we have made: the URL is ours.
    Service,
    /// To what these open, and nowhere else: the URL is a tenant's, whose pods may go no further.
    Openings(Vec<Opening>),
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To [`Protocol::Mcp`].
    Mcp(mcp::Verdict),
    /// To [`Protocol::A2a`].
    A2a(a2a::Verdict),
}

impl Answer {
    /// How whoever was asked stands.
    pub fn state(&self) -> State {
        match self {
            Self::Mcp(verdict) => verdict.state,
            Self::A2a(verdict) => verdict.state,
        }
    }

    /// Whether it says something about whoever was asked, as opposed to that nobody could be asked, or not now.
    pub fn tells(&self) -> bool {
        matches!(self.state(), State::Verified | State::AuthRequired | State::ProtocolError)
    }

    /// How long it asks us to leave it alone, at least.
    pub fn patience(&self) -> Duration {
        let seconds = match self {
            Self::Mcp(verdict) => verdict.retry_after_seconds,
            Self::A2a(verdict) => verdict.retry_after_seconds,
        };
        Duration::from_secs(seconds.unwrap_or_default().into())
    }

    /// What is known after this answer and the one before it: checks that could not be made this time keep what they found, and
    /// how long somebody asks to be left alone is nothing to know.
    #[must_use]
    pub fn after(self, earlier: Option<&Self>) -> Self {
        match (self, earlier) {
            (Self::Mcp(verdict), Some(Self::Mcp(earlier))) => Self::Mcp(verdict.remembering(earlier)),
            (answer, _) => answer,
        }
        .without_patience()
    }

    fn without_patience(mut self) -> Self {
        match &mut self {
            Self::Mcp(verdict) => verdict.retry_after_seconds = None,
            Self::A2a(verdict) => verdict.retry_after_seconds = None,
        }
        self
    }
}

impl Protocol {
    /// For people, and as a label.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mcp => "mcp",
            Self::A2a => "a2a",
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} at {} every {} s", self.protocol.word(), self.url, self.interval.as_secs())
    }
}
