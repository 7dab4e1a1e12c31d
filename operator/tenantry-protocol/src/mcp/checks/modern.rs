//! Rules of 2026-07-28, each with the exchange that shows whether it is kept.

use http::Method;
use serde_json::json;

use super::{
    BASIC, CACHING, Check, DISCOVER, FOREIGN, HTTP_NEW, How, NOTHING, PAGINATION, RESOURCES, VERSIONING, accepted,
    always, is_refused, refused, seen, status,
};
use crate::check::{Level, Rule, quote};
use crate::mcp::MODERN;
use crate::mcp::message::{Reply, bare, meta, modern, notification, post, reply};

pub(in crate::mcp) const MODERN_CHECKS: &[&Check] = &[
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

pub(in crate::mcp) static DISCOVERED: Check = seen(
    "M1",
    Level::Error,
    DISCOVER,
    "server/discover names supportedVersions, with 2026-07-28 among them, and capabilities",
);
pub(in crate::mcp) static SERVER_INFO: Check =
    seen("M2", Level::Warning, BASIC, "a result's _meta has io.modelcontextprotocol/serverInfo with name and version");
pub(in crate::mcp) static RESULT_TYPE: Check = seen("M3", Level::Error, BASIC, "a result has a resultType");

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

pub(in crate::mcp) static NO_SESSION: Check = Check {
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

pub(in crate::mcp) static CACHE: Check = seen(
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
