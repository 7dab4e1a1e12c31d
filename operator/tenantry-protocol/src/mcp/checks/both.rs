//! Rules of both eras. Other answers show whether they are kept.

use super::{BASIC, Check, HTTP_NEW, JSON_RPC, PAGINATION, TOOLS, VERSIONING, seen};
use crate::check::Level;

pub(in crate::mcp) static CONTENT_TYPE: Check =
    seen("C1", Level::Error, HTTP_NEW, "a request is answered as application/json or as text/event-stream");
pub(in crate::mcp) static FORM: Check = seen(
    "C2",
    Level::Error,
    JSON_RPC,
    "a request is answered by one JSON-RPC 2.0 response in UTF-8, nested at most 64 deep, with a result or an error",
);
pub(in crate::mcp) static ID: Check = seen("C3", Level::Error, JSON_RPC, "a response has the id of its request");
pub(in crate::mcp) static PAGES: Check = seen(
    "C4",
    Level::Error,
    PAGINATION,
    "following nextCursor comes to an end: no cursor twice, at most 64 pages and 1,000 tools",
);
pub(in crate::mcp) static STABLE: Check = seen(
    "C5",
    Level::Error,
    TOOLS,
    "two tools/list in a row give the same tools: they do not depend on the connection",
);
pub(in crate::mcp) static TOOL_NAME: Check =
    seen("C6", Level::Warning, TOOLS, "a tool's name has 1 to 128 ASCII letters, digits, dots, dashes and underscores");
pub(in crate::mcp) static TOOL_UNIQUE: Check = seen("C7", Level::Error, TOOLS, "no two tools have the same name");
pub(in crate::mcp) static TOOL_SCHEMA: Check =
    seen("C8", Level::Error, TOOLS, "a tool's inputSchema is a JSON Schema of type object");
pub(in crate::mcp) static TOOL_HEADERS: Check = seen(
    "C9",
    Level::Error,
    HTTP_NEW,
    "x-mcp-header is an HTTP token, unique in its tool, on a string, integer or boolean that properties alone lead to",
);
pub(in crate::mcp) static TOOL_REFERENCE: Check = seen(
    "C12",
    Level::Warning,
    BASIC,
    "a tool's inputSchema refers to nothing outside of itself: clients do not fetch it",
);
pub(in crate::mcp) static OPENING: Check =
    seen("C10", Level::Error, VERSIONING, "server/discover, initialize, or a GET for HTTP+SSE is answered");
pub(in crate::mcp) static TOOL_ORDER: Check =
    seen("C11", Level::Warning, TOOLS, "two tools/list in a row give the tools in the same order");
