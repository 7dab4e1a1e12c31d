//! MCP servers that are spoken with. No pod here runs one, so the server is one elsewhere, on this machine, which the operator of
//! these tests may ask; no tenant can allow that.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tenantry_e2e::objects;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::scene::{onboard, plain_tenant, stage};
use crate::workloads::{is, workload};

/// What the server does with whoever asks.
#[derive(Clone)]
pub enum Mood {
    /// Lets nobody in.
    AsksForCredentials,
    /// Answers, and not as the protocol says.
    TalksNonsense,
    /// Has these tools.
    Offers(Vec<&'static str>),
}

/// A server of the protocol's last revision with `initialize`.
pub struct Server {
    /// Where it is.
    pub url: String,
    mood: Arc<Mutex<Mood>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Starts one.
    pub async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
        let mood = Arc::new(Mutex::new(mood));
        let shared = mood.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mood = shared.lock().expect("whole").clone();
                tokio::spawn(async move {
                    // Whoever asks may go away in between.
                    let _ = answer(stream, mood).await;
                });
            }
        });
        Self { url, mood, task }
    }

    fn is_now(&self, mood: Mood) {
        *self.mood.lock().expect("whole") = mood;
    }
}

/// A tenant that opens a way out, without which nobody is asked.
pub fn open_tenant(name: &str) -> Value {
    let mut tenant = plain_tenant(name);
    tenant["spec"]["network"] =
        json!({ "egress": [{ "name": "weather", "to": { "cidr": "203.0.113.0/24" }, "ports": [{ "port": 443 }] }] });
    tenant
}

async fn answer(mut stream: TcpStream, mood: Mood) -> std::io::Result<()> {
    let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
    let body = loop {
        let read = stream.read(&mut buffer).await?;
        text.extend_from_slice(&buffer[..read]);
        let head = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = head.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            if body.len() >= length.unwrap_or(0) {
                break body.to_owned();
            }
        }
        if read == 0 {
            return Ok(());
        }
    };
    let (status, body) = reply(&serde_json::from_str(&body).unwrap_or_default(), &mood);
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await
}

fn reply(asked: &Value, mood: &Mood) -> (u16, String) {
    let tools = match mood {
        Mood::AsksForCredentials => return (401, String::new()),
        Mood::TalksNonsense => return (200, "nonsense".to_owned()),
        Mood::Offers(tools) => tools,
    };
    let result = |result: Value| (200, json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result }).to_string());
    match asked["method"].as_str() {
        Some("initialize") => result(json!({
            "protocolVersion": "2025-11-25", "capabilities": { "tools": {} },
            "serverInfo": { "name": "weather", "version": "1.0.0" },
        })),
        Some("tools/list") => {
            let tool = |name: &&str| json!({ "name": name, "description": name, "inputSchema": { "type": "object" } });
            result(json!({ "tools": tools.iter().map(tool).collect::<Vec<_>>() }))
        }
        Some("ping") => result(json!({})),
        Some(method) if method.starts_with("notifications/") => (202, String::new()),
        Some(_) => {
            let error = json!({ "code": -32601, "message": "unknown" });
            (200, json!({ "jsonrpc": "2.0", "id": asked["id"], "error": error }).to_string())
        }
        None => (400, String::new()),
    }
}

#[tokio::test]
async fn an_mcp_server_is_what_its_status_says_and_pinned_tools_do_not_change_unseen() {
    let client = stage().await.client().await.expect("client");
    onboard(&client, &open_tenant("spoken")).await;
    let server = Server::start(Mood::AsksForCredentials).await;
    let verification = json!({ "mode": "Enforce", "interval": "10s" });
    let spec = json!({ "remote": { "url": server.url }, "verification": verification });
    let mut weather = workload("McpServer", "spoken-dev", "weather", &spec);
    objects::apply(&client, &weather).await.expect("applied");
    let found = is(&client, &weather, "Verified", "True", "AuthRequired").await;
    assert_eq!(found["status"]["auth"], "Required");

    // It lets us in, and has what is asked of it.
    server.is_now(Mood::Offers(vec!["forecast"]));
    weather["spec"]["verification"] =
        json!({ "mode": "Enforce", "interval": "10s", "requiredTools": ["forecast"], "pinTools": true });
    objects::apply(&client, &weather).await.expect("applied");
    let found = is(&client, &weather, "Verified", "True", "Succeeded").await;
    is(&client, &weather, "Ready", "True", "").await;
    let status = &found["status"];
    assert_eq!(status["serverInfo"], json!({ "name": "weather", "version": "1.0.0" }));
    assert_eq!(
        (&status["era"], &status["auth"], &status["toolCount"], &status["tools"][0]["name"]),
        (&json!("Legacy"), &json!("None"), &json!(1), &json!("forecast"))
    );
    assert_eq!(status["pinned"]["toolsHash"], status["toolsHash"]);

    // One tool more, which nobody has approved; then somebody does.
    server.is_now(Mood::Offers(vec!["forecast", "send-mail"]));
    let found = is(&client, &weather, "Verified", "False", "ToolsChanged").await;
    is(&client, &weather, "Ready", "False", "ToolsChanged").await;
    let message = objects::condition(&found, "Verified").expect("there")["message"].to_string();
    let hash = found["status"]["toolsHash"].as_str().expect("a hash");
    assert!(message.contains("added: send-mail") && message.contains(hash), "{message}");
    weather["spec"]["verification"]["approvedToolsHash"] = hash.into();
    objects::apply(&client, &weather).await.expect("applied");
    is(&client, &weather, "Verified", "True", "Succeeded").await;

    // One that is required is gone.
    server.is_now(Mood::Offers(vec!["send-mail"]));
    is(&client, &weather, "Verified", "False", "MissingTools").await;
    server.is_now(Mood::TalksNonsense);
    is(&client, &weather, "Verified", "False", "ProtocolError").await;
    // Nobody there says nothing about the server; what it was last seen to be stays told.
    server.task.abort();
    let found = is(&client, &weather, "Verified", "Unknown", "ProbeBlocked").await;
    assert_eq!(found["status"]["pinned"]["toolsHash"], hash);
}

#[tokio::test]
async fn nobody_is_asked_where_the_tenant_opens_nothing() {
    let client = stage().await.client().await.expect("client");
    onboard(&client, &plain_tenant("walled")).await;
    let server = Server::start(Mood::AsksForCredentials).await;
    let weather = workload("McpServer", "walled-dev", "weather", &json!({ "remote": { "url": server.url } }));
    objects::apply(&client, &weather).await.expect("applied");
    is(&client, &weather, "Verified", "Unknown", "NotProbed").await;
    is(&client, &weather, "Ready", "Unknown", "NotProbed").await;
    // And where it opens something else, no further than that: a name that leads into the cluster is no way around.
    onboard(&client, &open_tenant("walled")).await;
    let inside = workload("McpServer", "walled-dev", "inside", &json!({ "remote": { "url": "http://10.96.0.1/mcp" } }));
    objects::apply(&client, &inside).await.expect("applied");
    let found = is(&client, &inside, "Verified", "Unknown", "ProbeBlocked").await;
    let message = objects::condition(&found, "Verified").expect("there")["message"].to_string();
    assert!(message.contains("no egress of the Tenant opens"), "{message}");
}
