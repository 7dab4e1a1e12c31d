//! A contract on a real node: what becomes of calls that the consumer's pod makes to the provider's server. Each has a connection of its
//! own, and a deadline; one that is not answered in time has been stopped on its way. Where no pods run there is nothing to show.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tenantry_e2e::node::pods::{self, PATIENCE, ask_within};
use tenantry_e2e::{eventually, objects};

use super::{CONSUMER, PROVIDER, clerk};
use crate::commands::CommandError;
use crate::demo::Show;
use crate::demo::called::{self, ANSWERED_WITHIN, Called};
use crate::demo::gateways::{self, ours};
use crate::demo::prepare::Stage;
use crate::terminal::duration;

/// An agent that may always call the server, and shows that it answers.
const BESIDE: &str = "helper";
/// For calls that end before their pod does: it is replaced when it loses what it was told of the server.
const BRIEF: Duration = Duration::from_secs(1);

/// Calls from pod to pod, if there are any.
pub(super) struct Packets<'a>(Option<Line<'a>>);

/// When calls began to be answered, or ceased to be; or what was seen instead. Nothing where no calls are made.
pub(super) type Turned = Option<Result<Duration, String>>;

/// Who calls whom.
struct Line<'a> {
    stage: &'a Stage,
    /// The server's name, as everybody has it.
    url: String,
    /// A pod beside the server.
    beside: Value,
}

impl<'a> Packets<'a> {
    /// Once server and clerk are there.
    pub(super) async fn find(show: &mut Show, stage: &'a Stage) -> Result<Self, CommandError> {
        if stage.node.is_none() {
            return Ok(Self(None));
        }
        let (namespace, name) = PROVIDER;
        let server = ours("McpServer", namespace, name, Value::Null);
        let server = gateways::condition(&stage.client, &server, "Ready", "True").await?;
        let Called { ways: [.., url], .. } = called::find(stage, &server).await?;
        show.terminal.note(&format!("    its pod calls {url}, each time for {}", duration(PATIENCE)));
        let beside = called::pod(stage, &ours("Agent", namespace, BESIDE, Value::Null)).await?;
        Ok(Self(Some(Line { stage, url, beside })))
    }

    /// Claims that the clerk gets no answer, though somebody beside the server does.
    pub(super) async fn claim_stopped(&self, show: &mut Show, when: &str) {
        let Some(line) = &self.0 else { return };
        let seen = line.differs().await;
        let claim = format!("{when} its pod has no answer in time, a pod beside the server has");
        show.checks.claim(&mut show.terminal, seen.is_ok(), &claim, &seen.err().unwrap_or_default());
    }

    /// How long after `since` the first call was answered.
    pub(super) async fn pass(&self, since: Instant) -> Turned {
        let line = self.0.as_ref()?;
        let passed = eventually(ANSWERED_WITHIN, "a call is answered", async || {
            let said = line.call(&line.url, PATIENCE).await?;
            if said["status"] == 200 { Ok(since.elapsed()) } else { Err(said.to_string()) }
        });
        Some(passed.await.map_err(|late| late.to_string()))
    }

    /// How long after `since` the first call was made that had no answer, at most: it had waited for all of its patience when it ended. That it
    /// was not for being brief is seen by one more.
    pub(super) async fn stop(&self, since: Instant) -> Turned {
        let line = self.0.as_ref()?;
        let stopped = eventually(ANSWERED_WITHIN, "a call is not answered", async || {
            let said = line.call(&line.url, BRIEF).await?;
            if is_stopped(&said) { Ok(since.elapsed().saturating_sub(BRIEF)) } else { Err(said.to_string()) }
        });
        let stopped = stopped.await.map_err(|late| late.to_string());
        Some(match stopped {
            Ok(time) => line.differs().await.map(|()| time),
            Err(late) => Err(late),
        })
    }

    /// Claims that the clerk makes use of the server: by the binding that it was given, and by the protocol. The pod that has the binding is
    /// then its only one, so that no later call goes to one that is about to end.
    pub(super) async fn claim_use(&self, show: &mut Show) {
        let Some(line) = &self.0 else { return };
        let told = eventually(ANSWERED_WITHIN, "the clerk uses what it is bound to", async || {
            let all = called::pods(line.stage, &clerk(&json!([]))).await.map_err(|error| error.to_string())?;
            let [pod] = all.as_slice() else { return Err("its pods are being replaced".to_owned()) };
            let said = line.call_from(pod, "http://localhost:8080/ask", PATIENCE).await?;
            let answer = said["body"]["tools"][PROVIDER.1]["answer"].as_str();
            answer.map(str::to_owned).ok_or_else(|| said.to_string())
        });
        let told = told.await.map_err(|late| late.to_string());
        let answer = told.as_deref().unwrap_or_default();
        let claim = format!("Agent clerk calls MCP server {} of {}: {answer}", PROVIDER.1, PROVIDER.0);
        show.checks.claim(&mut show.terminal, told.is_ok(), &claim, &told.err().unwrap_or_default());
    }
}

impl Line<'_> {
    /// What the clerk's pod is answered, once. It may have been replaced since the last time.
    async fn call(&self, url: &str, patience: Duration) -> Result<Value, String> {
        let pod = called::pod(self.stage, &clerk(&json!([]))).await.map_err(|error| error.to_string())?;
        self.call_from(&pod, url, patience).await
    }

    async fn call_from(&self, pod: &Value, url: &str, patience: Duration) -> Result<Value, String> {
        ask_within(&self.stage.cluster, (CONSUMER.2, objects::name(pod)), url, patience).await
    }

    /// A single call of each: whoever waits until there is no answer once has seen less.
    async fn differs(&self) -> Result<(), String> {
        let near = (PROVIDER.0, objects::name(&self.beside));
        let answered = pods::reaches(&self.stage.cluster, near, &self.url, ANSWERED_WITHIN).await;
        answered.map_err(|late| late.to_string())?;
        let said = self.call(&self.url, PATIENCE).await?;
        if is_stopped(&said) { Ok(()) } else { Err(said.to_string()) }
    }
}

/// An unknown name, or a connection that is refused, is another fault.
fn is_stopped(said: &Value) -> bool {
    said["error"] == "no answer in time"
}

/// Claims that calls came to be answered, or ceased to be; `told` says it with the time that it took.
pub(super) fn claim_turned(show: &mut Show, turned: Turned, told: impl FnOnce(&str) -> String) {
    let Some(turned) = turned else { return };
    let claim = told(&turned.as_ref().map_or_else(|_| "some time".to_owned(), |time| duration(*time)));
    show.checks.claim(&mut show.terminal, turned.is_ok(), &claim, &turned.err().unwrap_or_default());
}
