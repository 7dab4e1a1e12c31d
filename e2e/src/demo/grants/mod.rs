//! A contract between two tenants, before the eyes: offered, taken by an agent's reference, revoked. What is open is read from the
//! network policies at both ends, which whoever carries traffic goes by; and where pods run, from what becomes of their packets.

mod packets;

use std::time::{Duration, Instant};

use kube::Client;
use serde_json::{Value, json};
use tenantry_e2e::objects;
use tokio::join;
use tokio::time::sleep;

use super::Show;
use super::gateways::{self, ours};
use super::prepare::Stage;
use crate::commands::CommandError;
use crate::terminal::duration;
use packets::Packets;

/// What the consumer's agent runs.
pub(crate) const CLERK: &str = "registry.example/payments/clerk:1.0";

/// What is called, of the examples.
const PROVIDER: (&str, &str) = ("support-bots-dev", "tickets");
/// The tenant and environment that may call it, and its namespace.
const CONSUMER: (&str, &str, &str) = ("payments", "dev", "payments-dev");
const WITHIN: Duration = Duration::from_secs(15);
/// Between two looks; also how exact the times are.
const PAUSE: Duration = Duration::from_millis(5);

/// Which ends are open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ends {
    /// Policies of the consumer that let out to the provider's namespace.
    out: Vec<String>,
    /// Policies of the provider that let in from the consumer's namespace.
    into: Vec<String>,
}

impl Ends {
    fn are_open(&self) -> bool {
        !self.out.is_empty() && !self.into.is_empty()
    }

    fn are_closed(&self) -> bool {
        self.out.is_empty() && self.into.is_empty()
    }
}

/// All of it.
pub(crate) async fn run(show: &mut Show, stage: &Stage) -> Result<(), CommandError> {
    show.terminal.heading("A contract between two tenants");
    objects::apply(&stage.client, &clerk(&json!([]))).await?;
    gateways::condition(&stage.client, &clerk(&json!([])), "Ready", "True").await?;
    show.terminal.line(&format!("{} runs Agent clerk, which refers to nobody else's tools", CONSUMER.2));
    let packets = Packets::find(show, stage).await?;
    packets.claim_stopped(show, "before anything is agreed").await;
    let grant = offer(show, stage, &packets).await?;
    take(show, stage, &packets, &grant).await?;
    revoke(show, stage, &packets, &grant).await
}

/// The consumer's agent, with these tools.
fn clerk(tools: &Value) -> Value {
    let spec = json!({
        "image": CLERK, "a2a": { "enabled": false }, "tools": tools,
        "resources": { "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "memory": "64Mi" } },
    });
    ours("Agent", CONSUMER.2, "clerk", spec)
}

/// The provider alone agrees. Answers the contract.
async fn offer(show: &mut Show, stage: &Stage, packets: &Packets<'_>) -> Result<Value, CommandError> {
    let ((provider, tool), (tenant, environment, _)) = (PROVIDER, CONSUMER);
    let grant = ours(
        "ServiceGrant",
        provider,
        "tickets-for-payments",
        json!({
            "provider": { "mcpServerRef": { "name": tool } },
            "consumer": { "tenant": tenant, "environment": environment },
        }),
    );
    objects::apply(&stage.client, &grant).await?;
    let offered = gateways::condition(&stage.client, &grant, "Ready", "True").await?;
    let ends = look(&stage.client).await?;
    show.terminal.line(&format!("{provider} offers McpServer {tool} to {tenant}: {}", state(&offered)));
    tell(show, &ends);
    let passed = offered["status"]["state"] == "Offered" && ends.are_closed();
    show.checks.claim(&mut show.terminal, passed, "an offer alone opens nothing, at either end", &format!("{ends:?}"));
    packets.claim_stopped(show, "with an offer alone").await;
    Ok(grant)
}

/// The consumer agrees, too.
async fn take(show: &mut Show, stage: &Stage, packets: &Packets<'_>, grant: &Value) -> Result<(), CommandError> {
    let ((provider, tool), (.., consumer)) = (PROVIDER, CONSUMER);
    let agent = clerk(&json!([{ "mcpServerRef": { "name": tool, "namespace": provider }, "toolNames": ["search"] }]));
    objects::apply(&stage.client, &agent).await?;
    let since = Instant::now();
    let (policies, passed) = join!(until(&stage.client, since, Ends::are_open), packets.pass(since));
    let (took, ends) = policies?;
    show.terminal.line(&format!("{consumer} takes it: Agent clerk refers to it{}", after(took)));
    tell(show, &ends);
    let claim = "the way is open at both ends";
    show.checks.claim(&mut show.terminal, took.is_some(), claim, &format!("{ends:?}"));
    packets::claim_turned(show, passed, |time| format!("packets pass: its pod is answered {time} after that"));
    gateways::condition(&stage.client, &agent, "Ready", "True").await?;
    let active = active(&stage.client, grant).await?;
    packets.claim_use(show).await;
    show.terminal.line(&format!("the contract says: {}", state(&active)));
    let passed = active["status"]["consumers"] == json!([format!("Agent {consumer}/clerk")]);
    show.checks.claim(&mut show.terminal, passed, "and it names who makes use of it", &active["status"].to_string());
    Ok(())
}

/// The provider no longer agrees.
async fn revoke(show: &mut Show, stage: &Stage, packets: &Packets<'_>, grant: &Value) -> Result<(), CommandError> {
    objects::delete(&stage.client, grant).await?;
    let since = Instant::now();
    let (policies, stopped) = join!(until(&stage.client, since, Ends::are_closed), packets.stop(since));
    let (took, ends) = policies?;
    show.terminal.line(&format!("{} revokes it: the contract is deleted", PROVIDER.0));
    tell(show, &ends);
    let claim = format!("both ends are closed{}", after(took));
    show.checks.claim(&mut show.terminal, took.is_some(), &claim, &format!("{ends:?}"));
    packets::claim_turned(show, stopped, |time| {
        format!("packets are stopped, {time} after the deletion at the latest: a call has no answer")
    });
    let refused = gateways::condition(&stage.client, &clerk(&json!([])), "ResolvedRefs", "False").await?;
    let told = objects::condition(&refused, "ResolvedRefs").cloned().unwrap_or_default();
    show.terminal.note(&format!("    {}", told["message"].as_str().unwrap_or_default()));
    let passed = told["reason"] == "RefNotPermitted";
    show.checks.claim(&mut show.terminal, passed, "and the agent is told so: RefNotPermitted", &told.to_string());
    Ok(())
}

/// Waits until the contract says that it is made use of.
async fn active(client: &Client, grant: &Value) -> Result<Value, CommandError> {
    let api = objects::collection(client, grant);
    let found = tenantry_e2e::eventually(WITHIN, "the contract is Active", async || {
        let found = api.get(objects::name(grant)).await.map_err(|error| error.to_string())?;
        let found = serde_json::to_value(found).map_err(|error| error.to_string())?;
        if found["status"]["state"] == "Active" { Ok(found) } else { Err(found["status"].to_string()) }
    });
    Ok(found.await?)
}

async fn until(
    client: &Client,
    since: Instant,
    is_so: impl Fn(&Ends) -> bool,
) -> Result<(Option<Duration>, Ends), CommandError> {
    loop {
        let ends = look(client).await?;
        let elapsed = since.elapsed();
        if is_so(&ends) {
            return Ok((Some(elapsed), ends));
        }
        if elapsed > WITHIN {
            return Ok((None, ends));
        }
        sleep(PAUSE).await;
    }
}

/// Reads both ends.
async fn look(client: &Client) -> Result<Ends, CommandError> {
    let version = "networking.k8s.io/v1";
    let ((provider, _), (.., consumer)) = (PROVIDER, CONSUMER);
    let there = objects::list(client, version, "NetworkPolicy", Some(provider), "").await?;
    let here = objects::list(client, version, "NetworkPolicy", Some(consumer), "").await?;
    Ok(Ends { out: leading(&here, "egress", "to", provider), into: leading(&there, "ingress", "from", consumer) })
}

/// Policies with a rule that names this namespace.
fn leading(policies: &[Value], direction: &str, end: &str, namespace: &str) -> Vec<String> {
    let names_it = |peer: &Value| peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] == namespace;
    let leads = |policy: &&Value| {
        let rules = policy["spec"][direction].as_array().into_iter().flatten();
        rules.filter_map(|rule| rule[end].as_array()).flatten().any(names_it)
    };
    policies.iter().filter(leads).map(|policy| objects::name(policy).to_owned()).collect()
}

fn tell(show: &mut Show, ends: &Ends) {
    let ((provider, _), (.., consumer)) = (PROVIDER, CONSUMER);
    let told = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    show.terminal.note(&format!("    network policies of {consumer} that let out to {provider}: {}", told(&ends.out)));
    show.terminal
        .note(&format!("    network policies of {provider} that let in from {consumer}: {}", told(&ends.into)));
}

fn state(grant: &Value) -> String {
    let ready = objects::condition(grant, "Ready").cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    format!("{}, {}", text(&grant["status"]["state"]), text(&ready["message"]))
}

fn after(took: Option<Duration>) -> String {
    took.map_or_else(|| format!("; not within {} s", WITHIN.as_secs()), |took| format!(", after {}", duration(took)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::leading;

    #[test]
    fn a_policy_leads_to_the_namespace_that_a_peer_of_it_names() {
        let peer = json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "b" } } });
        let open = json!({ "metadata": { "name": "open" }, "spec": { "egress": [{ "to": [peer] }] } });
        let closed = json!({ "metadata": { "name": "closed" }, "spec": { "egress": [] } });
        assert_eq!(leading(&[open.clone(), closed], "egress", "to", "b"), ["open"]);
        assert!(leading(std::slice::from_ref(&open), "egress", "to", "c").is_empty());
        assert!(leading(&[open], "ingress", "from", "b").is_empty(), "the other direction");
    }
}
