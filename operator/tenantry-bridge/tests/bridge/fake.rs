//! A stdio MCP server that does what its clients tell it, also what it should not. It is this test program itself, started again:
//! what the test harness prints besides is chatter to the bridge.

use std::io::{BufRead as _, Write as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Set for the process that is to be the server; `modern` for one that knows no `initialize`.
pub const ROLE: &str = "TENANTRY_FAKE_SERVER";

/// Not a test: the server, when it is started as one.
#[test]
fn serve_when_asked() {
    let Some(role) = std::env::var_os(ROLE) else { return };
    let is_modern = role == "modern";
    let (mut children, mut answered) = (Vec::new(), Value::Null);
    for line in std::io::stdin().lock().lines() {
        let Ok(message) = serde_json::from_str::<Value>(&line.expect("text")) else { continue };
        if message.get("method").is_none() {
            answered = message;
            continue;
        }
        let Some(id) = message.get("id") else { continue };
        let (method, params) = (message["method"].as_str().unwrap_or_default(), &message["params"]);
        let answer = match method {
            "initialize" if !is_modern => Ok(json!({
                "protocolVersion": params["protocolVersion"], "capabilities": { "tools": {}, "resources": {} },
                "serverInfo": { "name": "fake", "version": "1" },
            })),
            "server/discover" if is_modern => Ok(json!({
                "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} }, "resultType": "complete",
                "_meta": { "io.modelcontextprotocol/serverInfo": { "name": "fake", "version": "1" } },
            })),
            _ if is_modern && params["_meta"]["io.modelcontextprotocol/protocolVersion"].is_null() => Err(-32602),
            "ping" => Ok(json!({})),
            "tools/list" if params["cursor"].is_string() => Err(-32602),
            "tools/list" => Ok(json!({ "tools": [{ "name": "do", "inputSchema": { "type": "object" } }] })),
            "resources/read" => Err(-32002),
            "tools/call" => match params["arguments"]["what"].as_str().unwrap_or_default() {
                "hang" => continue,
                "end" => return,
                "huge" => Ok(said(&"x".repeat(1 << 20))),
                how @ ("start" | "start stubborn") => {
                    let script =
                        if how == "start" { "exec sleep 1000" } else { "trap '' TERM; while :; do sleep 1; done" };
                    let child = Command::new("sh").args(["-c", script]).stdin(Stdio::null()).spawn().expect("starts");
                    let id = child.id().to_string();
                    children.push(child);
                    Ok(said(&id))
                }
                "ask" => {
                    tell(&json!({ "jsonrpc": "2.0", "id": "mine", "method": "sampling/createMessage", "params": {} }));
                    Ok(said("asked"))
                }
                "answered" => Ok(said(&answered.to_string())),
                _ => Ok(said(&std::process::id().to_string())),
            },
            _ => Err(-32601),
        };
        tell(&match answer {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err(code) => json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": "no" } }),
        });
    }
}

fn said(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }] })
}

fn tell(message: &Value) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{message}").and_then(|()| out.flush()).expect("somebody listens");
}
