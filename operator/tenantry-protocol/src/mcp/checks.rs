//! Every rule that an MCP server is held to, in one table: what is sent, what must come back, where that is written down.
//! The reference page is made from it. Nothing here calls a tool.

use http::Method;
use serde_json::{Value, json};

use super::context::Context;
use super::message::{
    Reply, bare, initialize, is_exact_about_origin, is_versioned, legacy, meta, modern, notification, post, reply,
};
use super::{LEGACY_REVISIONS, MODERN};
use crate::check::{Issue, Level, Rule, quote};
use crate::wire::{Answer, Ask, Body};

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

// --- bounds

pub(super) static SIZE: Check = seen("T1", Level::Error, OURS, "an answer has at most 1 MiB");
pub(super) static ENDS: Check = seen(
    "T2",
    Level::Error,
    OURS,
    "an answer that has begun ends, and a stream brings its response, within the time of the probe (10 s)",
);
pub(super) static HTTP: Check = seen("T3", Level::Error, OURS, "the answer is HTTP/1.1");
pub(super) static REDIRECT: Check =
    seen("T4", Level::Error, OURS, "the URL is the server's own: redirects are not followed, wherever they lead");

// --- both eras

pub(super) static CONTENT_TYPE: Check =
    seen("C1", Level::Error, HTTP_NEW, "a request is answered as application/json or as text/event-stream");
pub(super) static FORM: Check = seen(
    "C2",
    Level::Error,
    JSON_RPC,
    "a request is answered by one JSON-RPC 2.0 response in UTF-8, nested at most 64 deep, with a result or an error",
);
pub(super) static ID: Check = seen("C3", Level::Error, JSON_RPC, "a response has the id of its request");
pub(super) static PAGES: Check = seen(
    "C4",
    Level::Error,
    PAGINATION,
    "following nextCursor comes to an end: no cursor twice, at most 64 pages and 1,000 tools",
);
pub(super) static STABLE: Check = seen(
    "C5",
    Level::Error,
    TOOLS,
    "two tools/list in a row give the same tools: they do not depend on the connection",
);
pub(super) static TOOL_NAME: Check =
    seen("C6", Level::Warning, TOOLS, "a tool's name has 1 to 128 ASCII letters, digits, dots, dashes and underscores");
pub(super) static TOOL_UNIQUE: Check = seen("C7", Level::Error, TOOLS, "no two tools have the same name");
pub(super) static TOOL_SCHEMA: Check =
    seen("C8", Level::Error, TOOLS, "a tool's inputSchema is a JSON Schema of type object");
pub(super) static TOOL_HEADERS: Check = seen(
    "C9",
    Level::Error,
    HTTP_NEW,
    "x-mcp-header is an HTTP token, unique in its tool, on a string, integer or boolean that properties alone lead to",
);
pub(super) static TOOL_REFERENCE: Check = seen(
    "C12",
    Level::Warning,
    BASIC,
    "a tool's inputSchema refers to nothing outside of itself: clients do not fetch it",
);
pub(super) static OPENING: Check =
    seen("C10", Level::Error, VERSIONING, "server/discover, initialize, or a GET for HTTP+SSE is answered");
pub(super) static TOOL_ORDER: Check =
    seen("C11", Level::Warning, TOOLS, "two tools/list in a row give the tools in the same order");

// --- modern

pub(super) const MODERN_CHECKS: &[&Check] = &[
    &DISCOVERED,
    &SERVER_INFO,
    &RESULT_TYPE,
    &UNKNOWN_VERSION,
    &NO_META,
    &METHOD_MISMATCH,
    &NO_METHOD,
    &UNKNOWN_METHOD,
    &ORIGIN,
    &NO_GET,
    &NO_SESSION,
    &VERSION_MISMATCH,
    &CURSOR,
    &NAME_MISMATCH,
    &CACHE,
    &UNKNOWN_RESOURCE,
    &BATCH,
    &NOTIFICATION,
];

pub(super) static DISCOVERED: Check = seen(
    "M1",
    Level::Error,
    DISCOVER,
    "server/discover names supportedVersions, with 2026-07-28 among them, and capabilities",
);
pub(super) static SERVER_INFO: Check =
    seen("M2", Level::Warning, BASIC, "a result's _meta has io.modelcontextprotocol/serverInfo with name and version");
pub(super) static RESULT_TYPE: Check = seen("M3", Level::Error, BASIC, "a result has a resultType");

static UNKNOWN_VERSION: Check = Check {
    rule: Rule {
        code: "M4",
        level: Level::Error,
        requirement: "an unknown protocol version is answered by HTTP 400 and error -32022 with data.supported",
        source: VERSIONING,
        sends: "server/discover of version 1900-01-01",
    },
    how: How::Exchange {
        when: always,
        ask: |_| {
            let params = json!({ "_meta": meta("1900-01-01") });
            post(&json!({ "jsonrpc": "2.0", "id": "tenantry-1", "method": "server/discover", "params": params }))
                .header("mcp-protocol-version", "1900-01-01")
                .header("mcp-method", "server/discover")
        },
        judge: |answer, _| {
            refused(answer, &[400], &[-32022])?;
            match reply(answer) {
                Ok(Reply::Error { data, .. }) if data["supported"].is_array() => Ok(()),
                _ => Err("the error has no data.supported".into()),
            }
        },
    },
};

static NO_META: Check = Check {
    rule: Rule {
        code: "M5",
        level: Level::Error,
        requirement: "a request whose _meta lacks protocolVersion and clientCapabilities is answered by HTTP 400 and error -32602",
        source: BASIC,
        sends: "server/discover with headers, and an empty _meta",
    },
    how: How::Exchange {
        when: always,
        ask: |_| {
            let params = json!({ "_meta": {} });
            post(&json!({ "jsonrpc": "2.0", "id": "tenantry-1", "method": "server/discover", "params": params }))
                .header("mcp-protocol-version", MODERN)
                .header("mcp-method", "server/discover")
        },
        // That header and body disagree is as true.
        judge: |answer, _| refused(answer, &[400], &[-32602, -32020]),
    },
};

static METHOD_MISMATCH: Check = Check {
    rule: Rule {
        code: "M6",
        level: Level::Error,
        requirement: "an Mcp-Method header that is not the body's method is answered by HTTP 400 and error -32020; gateways that allow methods by header depend on it",
        source: HTTP_NEW,
        sends: "server/discover under `Mcp-Method: ping`",
    },
    how: How::Exchange {
        when: always,
        ask: |_| modern("server/discover", json!({})).header("mcp-method", "ping"),
        judge: |answer, _| refused(answer, &[400], &[-32020]),
    },
};

static NO_METHOD: Check = Check {
    rule: Rule {
        code: "M7",
        level: Level::Error,
        requirement: "a request without an Mcp-Method header is answered by HTTP 400 and error -32020",
        source: HTTP_NEW,
        sends: "server/discover without the header",
    },
    how: How::Exchange {
        when: always,
        ask: |_| modern("server/discover", json!({})).without("mcp-method"),
        judge: |answer, _| refused(answer, &[400], &[-32020]),
    },
};

static UNKNOWN_METHOD: Check = Check {
    rule: Rule {
        code: "M8",
        level: Level::Error,
        requirement: "an unknown method is answered by HTTP 404 and error -32601",
        source: HTTP_NEW,
        sends: "the method tenantry/none",
    },
    how: How::Exchange {
        when: always,
        ask: |_| modern("tenantry/none", json!({})),
        judge: |answer, _| refused(answer, &[404], &[-32601]),
    },
};

static ORIGIN: Check = Check {
    rule: Rule {
        code: "M9",
        level: Level::Error,
        requirement: "a request with a foreign Origin is answered by HTTP 403, so that no web page can reach the server through a browser",
        source: HTTP_NEW,
        sends: "server/discover under `Origin: http://tenantry.invalid`",
    },
    how: How::Exchange {
        when: always,
        ask: |_| modern("server/discover", json!({})).header("origin", FOREIGN),
        judge: |answer, _| status(answer, &[403]),
    },
};

static NO_GET: Check = Check {
    rule: Rule {
        code: "M10",
        level: Level::Warning,
        requirement: "GET is answered by HTTP 405 where the legacy era is not spoken",
        source: HTTP_NEW,
        sends: "GET",
    },
    how: How::Exchange {
        when: |context| !context.is_dual,
        ask: |_| bare(Method::GET).header("mcp-protocol-version", MODERN),
        judge: |answer, _| status(answer, &[405]),
    },
};

pub(super) static NO_SESSION: Check = Check {
    rule: Rule {
        code: "M11",
        level: Level::Warning,
        requirement: "an Mcp-Session-Id is ignored, and none is given",
        source: HTTP_NEW,
        sends: "server/discover under `Mcp-Session-Id: tenantry-none`",
    },
    how: How::Exchange {
        when: always,
        ask: |_| modern("server/discover", json!({})).header("mcp-session-id", "tenantry-none"),
        judge: |answer, _| {
            status(answer, &[200])?;
            match answer.header("mcp-session-id") {
                None => Ok(()),
                Some(session) => Err(format!("the answer has the Mcp-Session-Id {}", quote(session))),
            }
        },
    },
};

static VERSION_MISMATCH: Check = Check {
    rule: Rule {
        code: "M12",
        level: Level::Error,
        requirement: "an MCP-Protocol-Version header that is not the body's version is answered by HTTP 400 and error -32020",
        source: HTTP_NEW,
        sends: "server/discover of version 1900-01-01 under `MCP-Protocol-Version: 2026-07-28`",
    },
    how: How::Exchange {
        when: always,
        ask: |_| {
            let params = json!({ "_meta": meta("1900-01-01") });
            post(&json!({ "jsonrpc": "2.0", "id": "tenantry-1", "method": "server/discover", "params": params }))
                .header("mcp-protocol-version", MODERN)
                .header("mcp-method", "server/discover")
        },
        judge: |answer, _| refused(answer, &[400], &[-32020]),
    },
};

static CURSOR: Check = Check {
    rule: Rule {
        code: "M13",
        level: Level::Info,
        requirement: "an invalid cursor is answered by error -32602",
        source: PAGINATION,
        sends: "tools/list with the cursor tenantry-none",
    },
    how: How::Exchange {
        when: |context| context.offers("tools"),
        ask: |_| modern("tools/list", json!({ "cursor": "tenantry-none" })),
        judge: |answer, _| refused(answer, &[200, 400], &[-32602]),
    },
};

static NAME_MISMATCH: Check = Check {
    rule: Rule {
        code: "M14",
        level: Level::Error,
        requirement: "an Mcp-Name header that is not the body's name is answered by HTTP 400 and error -32020; gateways that allow single tools by header depend on it",
        source: HTTP_NEW,
        sends: "resources/read or prompts/get of something that is not there, under another Mcp-Name. It is looked at where resources or prompts are offered, as tools are never called",
    },
    how: How::Exchange {
        when: |context| context.offers("resources") || context.offers("prompts"),
        ask: |context| {
            let ask = if context.offers("resources") {
                modern("resources/read", json!({ "uri": NOTHING }))
            } else {
                modern("prompts/get", json!({ "name": NOTHING }))
            };
            ask.header("mcp-name", "tenantry:other")
        },
        judge: |answer, _| refused(answer, &[400], &[-32020]),
    },
};

pub(super) static CACHE: Check = seen(
    "M15",
    Level::Error,
    CACHING,
    "server/discover and every page of tools/list have a ttlMs of 0 or more and a cacheScope that is public or private, the same on all pages",
);

static UNKNOWN_RESOURCE: Check = Check {
    rule: Rule {
        code: "M16",
        level: Level::Error,
        requirement: "reading a resource that is not there is answered by error -32602",
        source: RESOURCES,
        sends: "resources/read of tenantry:none, where resources are offered",
    },
    how: How::Exchange {
        when: |context| context.offers("resources"),
        ask: |_| modern("resources/read", json!({ "uri": NOTHING })),
        judge: |answer, _| refused(answer, &[200, 400, 404], &[-32602]),
    },
};

static BATCH: Check = Check {
    rule: Rule {
        code: "M17",
        level: Level::Warning,
        requirement: "a batch is refused: the body is a single message",
        source: HTTP_NEW,
        sends: "a list with one server/discover",
    },
    how: How::Exchange {
        when: always,
        ask: |_| {
            let message = json!({ "jsonrpc": "2.0", "id": "tenantry-1", "method": "server/discover", "params": { "_meta": meta(MODERN) } });
            post(&json!([message])).header("mcp-protocol-version", MODERN).header("mcp-method", "server/discover")
        },
        judge: |answer, _| is_refused(answer),
    },
};

static NOTIFICATION: Check = Check {
    rule: Rule {
        code: "M18",
        level: Level::Error,
        requirement: "a notification is answered by HTTP 202 without a body, or by an HTTP error",
        source: HTTP_NEW,
        sends: "the notification notifications/tenantry",
    },
    how: How::Exchange {
        when: always,
        ask: |_| {
            notification("notifications/tenantry", Some(json!({ "_meta": meta(MODERN) })))
                .header("mcp-protocol-version", MODERN)
                .header("mcp-method", "notifications/tenantry")
        },
        judge: |answer, _| if answer.status.is_client_error() { Ok(()) } else { accepted(answer) },
    },
};

// --- legacy

pub(super) const LEGACY_CHECKS: &[&Check] = &[
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

pub(super) static INITIALIZED: Check = seen(
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

pub(super) static INITIALIZED_NOTICE: Check = Check {
    rule: Rule {
        code: "L3",
        level: Level::Error,
        requirement: "a notification is answered by HTTP 202 without a body",
        source: HTTP_OLD,
        sends: "notifications/initialized",
    },
    how: How::Seen,
};
pub(super) static SESSION_ID: Check =
    seen("L4", Level::Error, HTTP_OLD, "an Mcp-Session-Id has visible ASCII characters only");

pub(super) static ENDED_SESSION: Check = Check {
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

// --- SSE, authorization

pub(super) static SSE_ONLY: Check = seen(
    "S1",
    Level::Warning,
    "MCP 2026-07-28, Deprecated features",
    "HTTP+SSE is deprecated since 2025-03-26: serve Streamable HTTP. Tools are not looked at over it",
);

pub(super) static METADATA: Check = seen(
    "A1",
    Level::Warning,
    AUTHORIZATION,
    "HTTP 401 comes with a WWW-Authenticate that names resource_metadata, or /.well-known/oauth-protected-resource is there",
);
pub(super) static METADATA_FORM: Check = seen(
    "A2",
    Level::Error,
    "RFC 9728",
    "protected resource metadata names its resource, a URL, and at least one of authorization_servers",
);
pub(super) static AS_HTTPS: Check =
    seen("A3", Level::Error, AUTHORIZATION, "authorization servers are reached by HTTPS, but on loopback");
pub(super) static GARBAGE_TOKEN: Check = Check {
    rule: Rule {
        code: "A4",
        level: Level::Error,
        requirement: "a token that nobody gave out is answered by HTTP 401",
        source: AUTHORIZATION,
        sends: "server/discover under `Authorization: Bearer tenantry-none`",
    },
    how: How::Exchange {
        when: always,
        ask: |_| modern("server/discover", json!({})).header("authorization", "Bearer tenantry-none"),
        judge: |answer, _| status(answer, &[401]),
    },
};

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
