//! Every rule that an MCP server is held to, in one table: what is sent, what must come back, where that is written down.
//! The rules themselves are in `checks/`, by era. The reference page is made from them. Nothing here calls a tool.

mod both;
mod bounds;
mod elsewhere;
mod legacy;
mod modern;

use serde_json::Value;

use super::context::Context;
use super::message::{is_versioned, reply};
use super::{LEGACY_REVISIONS, MODERN};
use crate::check::{Issue, Level, Rule};
use crate::wire::{Answer, Ask, Body};

pub(super) use both::{
    CONTENT_TYPE, FORM, ID, OPENING, PAGES, STABLE, TOOL_HEADERS, TOOL_NAME, TOOL_ORDER, TOOL_REFERENCE, TOOL_SCHEMA,
    TOOL_UNIQUE,
};
pub(super) use bounds::{ENDS, HTTP, REDIRECT, SIZE};
pub(super) use elsewhere::{AS_HTTPS, GARBAGE_TOKEN, METADATA, METADATA_FORM, SSE_ONLY};
pub(super) use legacy::{ENDED_SESSION, INITIALIZED, INITIALIZED_NOTICE, LEGACY_CHECKS, SESSION_ID};
pub(super) use modern::{CACHE, DISCOVERED, MODERN_CHECKS, NO_SESSION, RESULT_TYPE, SERVER_INFO};

/// One rule and how it is looked at.
#[derive(Debug)]
pub struct Check {
    /// What must be.
    pub rule: Rule,
    /// How that is found out.
    how: How,
}

/// How a rule is looked at.
#[derive(Debug)]
enum How {
    /// Other answers show it.
    Seen,
    /// By an exchange of its own.
    Exchange {
        when: fn(&Context) -> bool,
        ask: fn(&Context) -> Ask,
        judge: fn(&Answer, &Context) -> Result<(), String>,
    },
}

impl Check {
    /// That it was broken, and how.
    pub(super) fn broken(&self, message: impl Into<String>) -> Issue {
        self.rule.broken(message)
    }

    /// The request to send; none if other answers show it, or if it does not apply to this server.
    pub(super) fn ask(&self, context: &Context) -> Option<Ask> {
        match self.how {
            How::Exchange { when, ask, .. } if when(context) => Some(ask(context).briefly()),
            _ => None,
        }
    }

    /// What of the answer is wrong.
    pub(super) fn judge(&self, answer: &Answer, context: &Context) -> Result<(), String> {
        match self.how {
            How::Seen => Ok(()),
            How::Exchange { judge, .. } => judge(answer, context),
        }
    }
}

/// Rules that belong together.
#[derive(Debug)]
pub struct Group {
    /// For people.
    pub title: &'static str,
    /// For whom they are.
    pub about: &'static str,
    /// In the order of the page, and of the requests.
    pub checks: &'static [&'static Check],
}

/// All of them.
pub static GROUPS: [Group; 6] = [
    Group {
        title: "Bounds of the prober",
        about: "They hold for every answer. A breach ends the verification as `ProtocolError`.",
        checks: &[&SIZE, &ENDS, &HTTP, &REDIRECT],
    },
    Group {
        title: "Both eras",
        about: "A breach of C1 to C5 and C10 ends the verification as `ProtocolError`, if there is no sound answer without it.",
        checks: &[
            &CONTENT_TYPE,
            &FORM,
            &ID,
            &PAGES,
            &STABLE,
            &TOOL_NAME,
            &TOOL_UNIQUE,
            &TOOL_SCHEMA,
            &TOOL_HEADERS,
            &OPENING,
            &TOOL_ORDER,
            &TOOL_REFERENCE,
        ],
    },
    Group { title: "Modern: 2026-07-28", about: "For servers that answer `server/discover`.", checks: MODERN_CHECKS },
    Group {
        title: "Legacy: 2025-11-25 and earlier",
        about: "For servers that answer `initialize`. The session that was opened for it is closed at the end.",
        checks: LEGACY_CHECKS,
    },
    Group { title: "HTTP+SSE: 2024-11-05", about: "For servers that answer nothing else.", checks: &[&SSE_ONLY] },
    Group {
        title: "Authorization",
        about: "For servers that ask for credentials by HTTP 401. Metadata is fetched from the server's own host only, and never with credentials.",
        checks: &[&METADATA, &METADATA_FORM, &AS_HTTPS, &GARBAGE_TOKEN],
    },
];

const OURS: &str = "Tenantry";
const JSON_RPC: &str = "JSON-RPC 2.0; MCP, Messages";
const HTTP_NEW: &str = "MCP 2026-07-28, Streamable HTTP";
const BASIC: &str = "MCP 2026-07-28, Basic";
const VERSIONING: &str = "MCP 2026-07-28, Versioning";
const DISCOVER: &str = "MCP 2026-07-28, Discovery";
const CACHING: &str = "MCP 2026-07-28, Caching";
const RESOURCES: &str = "MCP 2026-07-28, Resources";
const TOOLS: &str = "MCP, Tools";
const PAGINATION: &str = "MCP, Pagination";
const LIFECYCLE: &str = "MCP 2025-11-25, Lifecycle";
const HTTP_OLD: &str = "MCP 2025-11-25, Transports";
const AUTHORIZATION: &str = "MCP, Authorization";

const fn seen(code: &'static str, level: Level, source: &'static str, requirement: &'static str) -> Check {
    Check { rule: Rule { code, level, requirement, source, sends: "" }, how: How::Seen }
}

const FOREIGN: &str = "http://tenantry.invalid";
const NOTHING: &str = "tenantry:none";

fn always(_: &Context) -> bool {
    true
}

/// A legacy request as it must be after `initialize`.
pub(super) fn in_session(context: &Context, ask: Ask) -> Ask {
    let ask =
        if is_versioned(&context.version) { ask.header("mcp-protocol-version", context.version.clone()) } else { ask };
    match &context.session {
        Some(session) => ask.header("mcp-session-id", session.clone()),
        None => ask,
    }
}

fn status(answer: &Answer, wanted: &[u16]) -> Result<(), String> {
    let code = answer.status.as_u16();
    if wanted.contains(&code) { Ok(()) } else { Err(format!("it was answered by HTTP {code}")) }
}

fn is_refused(answer: &Answer) -> Result<(), String> {
    let is_error = reply(answer).is_ok_and(|reply| reply.code().is_some());
    if answer.status.is_client_error() || is_error { Ok(()) } else { status(answer, &[]) }
}

/// HTTP 202 without a body.
pub(super) fn accepted(answer: &Answer) -> Result<(), String> {
    let is_empty = match &answer.body {
        Body::Whole(bytes) => bytes.is_empty(),
        Body::Events(events) => events.is_empty(),
        Body::Unread => true,
    };
    status(answer, &[202])?;
    if is_empty { Ok(()) } else { Err("it was answered by HTTP 202 with a body".into()) }
}

fn refused(answer: &Answer, statuses: &[u16], codes: &[i64]) -> Result<(), String> {
    let status = answer.status.as_u16();
    match reply(answer) {
        Ok(reply) if statuses.contains(&status) && reply.code().is_some_and(|code| codes.contains(&code)) => Ok(()),
        Ok(reply) => Err(format!("it was answered by HTTP {status} and {}", reply.words())),
        Err((_, message)) => Err(format!("it was answered by HTTP {status}: {message}")),
    }
}

/// Whether this is a revision that was published.
pub(super) fn is_published(version: &Value) -> bool {
    version.as_str().is_some_and(|version| version == MODERN || LEGACY_REVISIONS.contains(&version))
}
