//! Rules of HTTP+SSE, which is deprecated, and of servers that ask for credentials.

use serde_json::json;

use super::{AUTHORIZATION, Check, How, always, seen, status};
use crate::check::{Level, Rule};
use crate::mcp::message::modern;

pub(in crate::mcp) static SSE_ONLY: Check = seen(
    "S1",
    Level::Warning,
    "MCP 2026-07-28, Deprecated features",
    "HTTP+SSE is deprecated since 2025-03-26: serve Streamable HTTP. Tools are not looked at over it",
);

pub(in crate::mcp) static METADATA: Check = seen(
    "A1",
    Level::Warning,
    AUTHORIZATION,
    "HTTP 401 comes with a WWW-Authenticate that names resource_metadata, or /.well-known/oauth-protected-resource is there",
);
pub(in crate::mcp) static METADATA_FORM: Check = seen(
    "A2",
    Level::Error,
    "RFC 9728",
    "protected resource metadata names its resource, a URL, and at least one of authorization_servers",
);
pub(in crate::mcp) static AS_HTTPS: Check =
    seen("A3", Level::Error, AUTHORIZATION, "authorization servers are reached by HTTPS, but on loopback");
pub(in crate::mcp) static GARBAGE_TOKEN: Check = Check {
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
