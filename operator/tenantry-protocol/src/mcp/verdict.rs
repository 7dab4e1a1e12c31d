//! What verifying an MCP server comes to: the shape of `McpServer.status`. Says nothing of times.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tools::Tool;
use crate::challenge::Challenge;
use crate::check::Issue;
use crate::verdict::State;

/// Which way of opening a server understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Era {
    /// Without sessions: 2026-07-28 and later.
    Modern,
    /// `initialize`: 2025-11-25 and earlier.
    Legacy,
    /// Both.
    Dual,
    /// HTTP+SSE of 2024-11-05, deprecated.
    Sse,
}

impl Era {
    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Modern => "Modern",
            Self::Legacy => "Legacy",
            Self::Dual => "Dual",
            Self::Sse => "Sse",
        }
    }
}

/// Whether it asks for credentials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Auth {
    /// It answers without, or what we sent was good.
    #[default]
    None,
    /// It does.
    Required,
}

/// What a server calls itself. It is not to be relied on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerInfo {
    /// Its name.
    #[schemars(length(max = 200))]
    pub name: String,
    /// Its version.
    #[schemars(length(max = 200))]
    pub version: String,
}

/// Which rules it keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// The newest revision that it was held to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10))]
    pub revision: Option<String>,
    /// Rules that it breaks, worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub issues: Vec<Issue>,
    /// Codes of the checks that could not be made this time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 8)))]
    pub not_run: Vec<String>,
}

/// What verifying an MCP server comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// How it stands.
    pub state: State,
    /// The same in a sentence.
    #[schemars(length(max = 512))]
    pub message: String,
    /// What it calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_info: Option<ServerInfo>,
    /// Revisions that it says it speaks, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 32)))]
    pub protocol_versions: Vec<String>,
    /// Which way of opening it understands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub era: Option<Era>,
    /// Names of what it says it can do, such as `tools`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 64)))]
    pub capabilities: Vec<String>,
    /// Whether it asks for credentials.
    pub auth: Auth,
    /// What it says about them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    /// How many tools it has; absent if that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_count: Option<u32>,
    /// Its tools by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub tools: Vec<Tool>,
    /// SHA-256 over all its tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub tools_hash: Option<String>,
    /// Which rules it keeps.
    pub verification: Verification,
    /// Seconds that it asks us to wait before the next request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

impl Verdict {
    /// One that says no more than this.
    pub fn new(state: State, message: impl Into<String>) -> Self {
        Self {
            state,
            message: crate::check::shorten(&message.into(), 512),
            server_info: None,
            protocol_versions: Vec::new(),
            era: None,
            capabilities: Vec::new(),
            auth: Auth::None,
            challenge: None,
            tool_count: None,
            tools: Vec::new(),
            tools_hash: None,
            verification: Verification::default(),
            retry_after_seconds: None,
        }
    }

    /// For a status: no more than this many tools are named; `tool_count` and `tools_hash` stay those of all.
    pub fn with_at_most(mut self, tools: usize) -> Self {
        self.tools.truncate(tools);
        self
    }

    /// With what an earlier verdict found by the checks that could not be made this time, so that a slow moment changes no
    /// status. Only if it is still about the same server, in its name, version and era.
    pub fn remembering(mut self, earlier: &Self) -> Self {
        let is_same = (&self.server_info, self.era) == (&earlier.server_info, earlier.era);
        if self.state == State::Verified && is_same {
            let not_run = &self.verification.not_run;
            let kept = earlier.verification.issues.iter().filter(|issue| not_run.contains(&issue.code)).cloned();
            let kept: Vec<Issue> = kept.collect();
            self.verification.not_run.retain(|code| earlier.verification.not_run.contains(code));
            self.verification.issues.extend(kept);
            self.sort();
        }
        self
    }

    pub(super) fn sort(&mut self) {
        self.verification.issues.sort_by(|one, other| {
            (other.level, &one.code, &one.message).cmp(&(one.level, &other.code, &other.message))
        });
        self.verification.issues.truncate(64);
        self.verification.not_run.sort();
    }
}
