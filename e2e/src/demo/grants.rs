//! A contract between two tenants, before the eyes: offered, taken by an agent's reference, revoked. What is open is read from the
//! network policies at both ends, which whoever carries traffic goes by.

use std::time::{Duration, Instant};

use kube::Client;
use serde_json::{Value, json};
use tenantry_e2e::objects;
use tokio::time::sleep;

use super::Show;
use super::gateways::{self, ours};
use super::prepare::Stage;
use crate::commands::CommandError;
use crate::terminal::duration;

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
    let client = &stage.client;
    let ((provider, tool), (tenant, environment, consumer)) = (PROVIDER, CONSUMER);
    show.terminal.heading("A contract between two tenants");
    let grant = ours(
        "ServiceGrant",
        provider,
        "tickets-for-payments",
        json!({
            "provider": { "mcpServerRef": { "name": tool } },
            "consumer": { "tenant": tenant, "environment": environment },
        }),
    );
    objects::apply(client, &grant).await?;
    let offered = gateways::condition(client, &grant, "Ready", "True").await?;
    let ends = look(client).await?;
    show.terminal.line(&format!("{provider} offers McpServer {tool} to {tenant}: {}", state(&offered)));
    tell(show, &ends);
    let passed = offered["status"]["state"] == "Offered" && ends.are_closed();
    show.checks.claim(&mut show.terminal, passed, "an offer alone opens nothing, at either end", &format!("{ends:?}"));

    let agent = ours(
        "Agent",
        consumer,
        "clerk",
        json!({
            "image": "registry.example/payments/clerk:1.0", "a2a": { "enabled": false },
            "tools": [{ "mcpServerRef": { "name": tool, "namespace": provider } }],
            "resources": { "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "memory": "64Mi" } },
        }),
    );
    objects::apply(client, &agent).await?;
    let (took, ends) = until(client, Instant::now(), Ends::are_open).await?;
    show.terminal.line(&format!("{consumer} takes it: Agent clerk refers to it{}", after(took)));
    tell(show, &ends);
    let claim = "the way is open at both ends";
    show.checks.claim(&mut show.terminal, took.is_some(), claim, &format!("{ends:?}"));
    gateways::condition(client, &agent, "Ready", "True").await?;
    let active = active(client, &grant).await?;
    show.terminal.line(&format!("the contract says: {}", state(&active)));
    let passed = active["status"]["consumers"] == json!([format!("Agent {consumer}/clerk")]);
    show.checks.claim(&mut show.terminal, passed, "and it names who makes use of it", &active["status"].to_string());

    objects::delete(client, &grant).await?;
    let (took, ends) = until(client, Instant::now(), Ends::are_closed).await?;
    show.terminal.line(&format!("{provider} revokes it: the contract is deleted"));
    tell(show, &ends);
    let claim = format!("both ends are closed{}", after(took));
    show.checks.claim(&mut show.terminal, took.is_some(), &claim, &format!("{ends:?}"));
    let refused = gateways::condition(client, &agent, "ResolvedRefs", "False").await?;
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
