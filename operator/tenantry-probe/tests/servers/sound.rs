//! An MCP server that keeps every rule, in one era or in both. Faulty ones are this one with one thing changed.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::shared::{Heard, Reaction};

pub const MODERN: &str = "2026-07-28";
const LEGACY: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// Which eras it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    Modern,
    Legacy,
    Both,
}

pub struct Sound {
    speaks: Speaks,
    tools: Vec<Value>,
    sessions: Mutex<(u32, BTreeSet<String>)>,
}

pub fn tool(name: &str) -> Value {
    json!({"name": name, "description": "Does.", "inputSchema": {"type": "object", "properties": {"a": {"type": "string"}}}})
}

impl Sound {
    pub fn new(speaks: Speaks) -> Self {
        Self::with_tools(speaks, ["one", "two", "three"].map(tool).to_vec())
    }

    pub fn with_tools(speaks: Speaks, tools: Vec<Value>) -> Self {
        Self { speaks, tools, sessions: Mutex::default() }
    }

    pub fn react(&self, heard: &Heard) -> Reaction {
        let is_modern =
            heard.header("mcp-protocol-version") == Some(MODERN) || heard.body["params"]["_meta"].is_object();
        match heard.verb.as_str() {
            _ if heard.header("origin").is_some() => Reaction::status(403),
            "DELETE" if self.speaks != Speaks::Modern => self.end(heard),
            "GET" | "DELETE" => Reaction::status(405),
            _ if heard.body.is_array() => error(400, -32600, &Value::Null),
            _ if heard.method() == "initialize" && self.speaks != Speaks::Modern => self.initialize(heard),
            _ if is_modern && self.speaks != Speaks::Legacy => self.modern(heard),
            _ if self.speaks == Speaks::Modern => error(400, -32020, &heard.body["id"]),
            _ => self.legacy(heard),
        }
    }

    fn modern(&self, heard: &Heard) -> Reaction {
        let (id, params) = (&heard.body["id"], &heard.body["params"]);
        let version = params["_meta"]["io.modelcontextprotocol/protocolVersion"].as_str();
        let name = params["name"].as_str().or(params["uri"].as_str());
        match heard.method() {
            _ if version.is_none() => error(400, -32602, id),
            _ if version != heard.header("mcp-protocol-version") => error(400, -32020, id),
            _ if version != Some(MODERN) => {
                error(400, -32022, id).edit(|body| body["error"]["data"] = json!({ "supported": [MODERN] }))
            }
            method if heard.header("mcp-method") != Some(method) => error(400, -32020, id),
            "resources/read" if heard.header("mcp-name") != name => error(400, -32020, id),
            _ if id.is_null() => Reaction::status(202),
            "server/discover" => result(id, &Self::hello(json!({ "supportedVersions": [MODERN] }))),
            "tools/list" => self.list(heard, json!({})),
            "resources/read" => error(400, -32602, id),
            _ => error(404, -32601, id),
        }
    }

    fn hello(mut hello: Value) -> Value {
        hello["capabilities"] = json!({ "tools": {}, "resources": {} });
        hello["resultType"] = "complete".into();
        hello["ttlMs"] = 0.into();
        hello["cacheScope"] = "private".into();
        hello["_meta"] = json!({ "io.modelcontextprotocol/serverInfo": { "name": "sound", "version": "1" } });
        hello
    }

    /// Two pages.
    fn list(&self, heard: &Heard, mut more: Value) -> Reaction {
        let (id, cursor) = (&heard.body["id"], heard.body["params"]["cursor"].as_str());
        let half = self.tools.len().min(2);
        let (tools, next) = match cursor {
            None => (&self.tools[..half], json!("second")),
            Some("second") => (&self.tools[half..], Value::Null),
            Some(_) => return error(200, -32602, id),
        };
        more["tools"] = json!(tools);
        more["resultType"] = "complete".into();
        more["ttlMs"] = 1000.into();
        more["cacheScope"] = "public".into();
        if !next.is_null() {
            more["nextCursor"] = next;
        }
        result(id, &more)
    }

    fn initialize(&self, heard: &Heard) -> Reaction {
        let asked = heard.body["params"]["protocolVersion"].as_str().unwrap_or_default();
        let version = if LEGACY.contains(&asked) { asked } else { LEGACY[0] };
        let mut sessions = self.sessions.lock().expect("not poisoned");
        sessions.0 += 1;
        let session = format!("session-{}", sessions.0);
        sessions.1.insert(session.clone());
        let hello = json!({
            "protocolVersion": version, "capabilities": { "tools": {} }, "serverInfo": { "name": "sound", "version": "1" },
        });
        result(&heard.body["id"], &hello).with("mcp-session-id", &session)
    }

    fn end(&self, heard: &Heard) -> Reaction {
        let session = heard.header("mcp-session-id").unwrap_or_default();
        let was_there = self.sessions.lock().expect("not poisoned").1.remove(session);
        Reaction::status(if was_there { 200 } else { 404 })
    }

    /// Sessions that nobody has ended.
    pub fn open_sessions(&self) -> usize {
        self.sessions.lock().expect("not poisoned").1.len()
    }

    fn legacy(&self, heard: &Heard) -> Reaction {
        let id = &heard.body["id"];
        let Some(session) = heard.header("mcp-session-id") else { return error(400, -32000, id) };
        let is_open = self.sessions.lock().expect("not poisoned").1.contains(session);
        let is_version_known = heard.header("mcp-protocol-version").is_none_or(|version| LEGACY.contains(&version));
        match heard.method() {
            _ if !is_open => error(404, -32001, id),
            _ if !is_version_known => error(400, -32000, id),
            _ if id.is_null() => Reaction::status(202),
            "ping" => result(id, &json!({})),
            "tools/list" => self.list(heard, json!({})),
            _ => error(200, -32601, id),
        }
    }
}

pub fn result(id: &Value, result: &Value) -> Reaction {
    Reaction::json(200, &json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

pub fn error(status: u16, code: i64, id: &Value) -> Reaction {
    Reaction::json(status, &json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": "no" } }))
}
