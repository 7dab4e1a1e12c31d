//! What the operators of a simulation find outside: servers that have the tools which the story gives them, and answer after a
//! moment. Nothing is sent anywhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tenantry_core::external::{Answer, Protocol, Question};
use tenantry_engine::{Asking, Outside};
use tokio::time::sleep;

/// How long an answer takes.
const THINKING: Duration = Duration::from_millis(50);

/// All servers. Whoever has a clone sees the same ones.
#[derive(Clone, Default)]
pub struct Servers {
    /// URL -> names of tools. Who is not here has none.
    tools: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
}

impl Servers {
    /// From now on the server at this URL has these tools.
    pub fn offer(&self, url: &str, tools: &[&str]) {
        let tools = tools.iter().map(|&name| name.to_owned()).collect();
        self.tools.lock().unwrap_or_else(PoisonError::into_inner).insert(url.to_owned(), tools);
    }

    /// The hash of tools as these servers' verdicts have it: whatever it is, it must look like one.
    pub fn hash(tools: &[impl AsRef<str>]) -> String {
        let names: Vec<&str> = tools.iter().map(AsRef::as_ref).collect();
        let digits = names.join(",").bytes().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"));
        format!("{digits:0<64.64}")
    }

    fn answer(&self, question: &Question) -> Answer {
        match question.protocol {
            Protocol::Mcp => {
                let tools = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
                let tools = tools.get(&question.url).cloned().unwrap_or_default();
                made(
                    Answer::Mcp,
                    &json!({
                        "state": "Verified", "message": format!("{} tools", tools.len()), "auth": "None", "era": "Modern",
                        "serverInfo": { "name": "simulated", "version": "1" }, "protocolVersions": ["2026-07-28"],
                        "toolCount": tools.len(), "toolsHash": Self::hash(&tools),
                        "tools": tools.iter().map(|name| json!({ "name": name, "schemaHash": Self::hash(&[name]) })).collect::<Vec<_>>(),
                        "verification": { "revision": "2026-07-28" },
                    }),
                )
            }
            Protocol::A2a => made(
                Answer::A2a,
                &json!({
                    "state": "Verified", "message": "the card is sound",
                    "card": { "shape": "1.0", "name": "simulated", "version": "1", "url": question.url, "isSigned": false, "hash": "1" },
                }),
            ),
        }
    }
}

/// An answer from its text.
fn made<V: serde::de::DeserializeOwned>(answer: impl FnOnce(V) -> Answer, verdict: &serde_json::Value) -> Answer {
    answer(serde_json::from_value(verdict.clone()).expect("what is written above is a verdict"))
}

impl Outside for Servers {
    fn ask(&self, question: Question) -> Asking {
        let servers = self.clone();
        Box::pin(async move {
            sleep(THINKING).await;
            servers.answer(&question)
        })
    }
}
