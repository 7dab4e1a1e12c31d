//! Rules of 2025-11-25 and earlier, each with the exchange that shows whether it is kept.

use http::Method;
use serde_json::json;

use super::{
    Check, FOREIGN, HTTP_OLD, How, LIFECYCLE, PAGINATION, always, in_session, is_refused, refused, seen, status,
};
use crate::check::{Level, Rule, quote};
use crate::mcp::message::{Reply, bare, initialize, is_exact_about_origin, is_versioned, legacy, post, reply};

pub(in crate::mcp) const LEGACY_CHECKS: &[&Check] = &[
    &INITIALIZED,
    &OTHER_VERSION,
    &INITIALIZED_NOTICE,
    &SESSION_ID,
    &OLD_VERSION_HEADER,
    &OLD_ORIGIN,
    &OLD_GET,
    &PING,
    &NEEDS_SESSION,
    &OLD_BATCH,
    &OLD_CURSOR,
    // Last: it looks for the session that has been closed.
    &ENDED_SESSION,
];

pub(in crate::mcp) static INITIALIZED: Check = seen(
    "L1",
    Level::Error,
    LIFECYCLE,
    "initialize is answered with a protocolVersion that was published, capabilities, and serverInfo with name and version",
);

static OTHER_VERSION: Check = Check {
    rule: Rule {
        code: "L2",
        level: Level::Error,
        requirement: "initialize that asks for an unknown version is answered with one that the server supports, and not by an error",
        source: LIFECYCLE,
        sends: "initialize of version 1900-01-01",
    },
    how: How::Exchange {
        when: always,
        ask: |_| initialize("1900-01-01"),
        judge: |answer, _| match reply(answer) {
            Ok(Reply::Result(result)) => match result["protocolVersion"].as_str() {
                Some(version) if version != "1900-01-01" => Ok(()),
                _ => Err("it claims to speak version 1900-01-01".into()),
            },
            Ok(error) => Err(format!("it was answered by {}", error.words())),
            Err((_, message)) => Err(format!("it was answered by HTTP {}: {message}", answer.status.as_u16())),
        },
    },
};

pub(in crate::mcp) static INITIALIZED_NOTICE: Check = Check {
    rule: Rule {
        code: "L3",
        level: Level::Error,
        requirement: "a notification is answered by HTTP 202 without a body",
        source: HTTP_OLD,
        sends: "notifications/initialized",
    },
    how: How::Seen,
};
pub(in crate::mcp) static SESSION_ID: Check =
    seen("L4", Level::Error, HTTP_OLD, "an Mcp-Session-Id has visible ASCII characters only");

pub(in crate::mcp) static ENDED_SESSION: Check = Check {
    rule: Rule {
        code: "L5",
        level: Level::Error,
        requirement: "after DELETE, which is answered by HTTP 2xx or 405, a request in an ended session is answered by HTTP 404",
        source: HTTP_OLD,
        sends: "DELETE, then ping in the same session",
    },
    how: How::Seen,
};

static OLD_VERSION_HEADER: Check = Check {
    rule: Rule {
        code: "L6",
        level: Level::Error,
        requirement: "an MCP-Protocol-Version header of an unknown version is answered by HTTP 400",
        source: HTTP_OLD,
        sends: "ping under `MCP-Protocol-Version: 1900-01-01`",
    },
    how: How::Exchange {
        when: |context| is_versioned(&context.version),
        ask: |context| in_session(context, legacy("ping", None)).header("mcp-protocol-version", "1900-01-01"),
        judge: |answer, _| status(answer, &[400]),
    },
};

static OLD_ORIGIN: Check = Check {
    rule: Rule {
        code: "L7",
        level: Level::Error,
        requirement: "a request with a foreign Origin is refused, from 2025-11-25 on by HTTP 403, so that no web page can reach the server through a browser",
        source: HTTP_OLD,
        sends: "ping under `Origin: http://tenantry.invalid`",
    },
    how: How::Exchange {
        when: always,
        ask: |context| in_session(context, legacy("ping", None)).header("origin", FOREIGN),
        judge: |answer, context| {
            if is_exact_about_origin(&context.version) { status(answer, &[403]) } else { is_refused(answer) }
        },
    },
};

static OLD_GET: Check = Check {
    rule: Rule {
        code: "L8",
        level: Level::Error,
        requirement: "GET is answered by an event stream or by HTTP 405",
        source: HTTP_OLD,
        sends: "GET in the session",
    },
    how: How::Exchange {
        when: always,
        ask: |context| in_session(context, bare(Method::GET)),
        judge: |answer, _| match answer.status.as_u16() {
            405 => Ok(()),
            200 if answer.content_type() == "text/event-stream" => Ok(()),
            code => Err(format!("it was answered by HTTP {code} as {}", quote(&answer.content_type()))),
        },
    },
};

static PING: Check = Check {
    rule: Rule {
        code: "L9",
        level: Level::Error,
        requirement: "ping is answered by a result",
        source: "MCP 2025-11-25, Ping",
        sends: "ping",
    },
    how: How::Exchange {
        when: always,
        ask: |context| in_session(context, legacy("ping", None)),
        judge: |answer, _| match reply(answer) {
            Ok(Reply::Result(_)) => Ok(()),
            Ok(error) => Err(format!("it was answered by {}", error.words())),
            Err((_, message)) => Err(format!("it was answered by HTTP {}: {message}", answer.status.as_u16())),
        },
    },
};

static NEEDS_SESSION: Check = Check {
    rule: Rule {
        code: "L10",
        level: Level::Warning,
        requirement: "where there are sessions, a request without one is answered by HTTP 400",
        source: HTTP_OLD,
        sends: "ping without its Mcp-Session-Id",
    },
    how: How::Exchange {
        when: |context| context.session.is_some(),
        ask: |context| in_session(context, legacy("ping", None)).without("mcp-session-id"),
        judge: |answer, _| status(answer, &[400]),
    },
};

static OLD_BATCH: Check = Check {
    rule: Rule {
        code: "L11",
        level: Level::Info,
        requirement: "a batch is refused: the body is a single message, from 2025-06-18 on",
        source: HTTP_OLD,
        sends: "a list with one ping",
    },
    how: How::Exchange {
        when: |context| is_versioned(&context.version),
        ask: |context| in_session(context, post(&json!([{ "jsonrpc": "2.0", "id": "tenantry-1", "method": "ping" }]))),
        judge: |answer, _| is_refused(answer),
    },
};

static OLD_CURSOR: Check = Check {
    rule: Rule {
        code: "L12",
        level: Level::Info,
        requirement: "an invalid cursor is answered by error -32602",
        source: PAGINATION,
        sends: "tools/list with the cursor tenantry-none",
    },
    how: How::Exchange {
        when: |context| context.offers("tools"),
        ask: |context| in_session(context, legacy("tools/list", Some(json!({ "cursor": "tenantry-none" })))),
        judge: |answer, _| refused(answer, &[200, 400], &[-32602]),
    },
};
