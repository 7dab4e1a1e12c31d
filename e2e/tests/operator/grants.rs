//! Contracts between tenants: one side alone opens nothing, both open just what is named at both ends, and it closes in the first look
//! that sees the end of it, whoever ends it.

use std::time::{Duration, Instant};

use kube::Client;
use serde_json::{Value, json};
use tenantry_core::resources::{MANAGED_DEPLOYMENT, NETWORK_POLICY, SERVICE, SERVICE_ACCOUNT};
use tenantry_e2e::{eventually, objects};

use crate::program::{Operator, SOON};
use crate::scene::{self, child, environment, onboard, stage};

/// By this machine's clock, which is the control plane's.
fn now() -> jiff::Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
    jiff::Timestamp::try_from(std::time::UNIX_EPOCH + since).expect("a time")
}

#[allow(clippy::needless_pass_by_value, reason = "parts of objects are written where they are handed over")]
fn ours(kind: &str, namespace: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": kind,
        "metadata": { "name": name, "namespace": namespace }, "spec": spec,
    })
}

fn offer(pair: &Pair, name: &str, further: &Value) -> Value {
    let mut spec = json!({ "provider": { "mcpServerRef": { "name": "tickets" } }, "consumer": { "tenant": pair.consumer, "environment": "dev" } });
    for (key, value) in further.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    ours("ServiceGrant", &pair.provider_namespace(), name, spec)
}

/// Two tenants: one has tools, the other an agent that names them.
struct Pair {
    client: Client,
    provider: String,
    consumer: String,
}

impl Pair {
    async fn onboard(client: Client, name: &str) -> Self {
        let pair = Self { client, provider: format!("{name}-p"), consumer: format!("{name}-c") };
        for tenant in [&pair.provider, &pair.consumer] {
            let spec =
                json!({ "className": scene::CLASS, "deletionPolicy": "Delete", "environments": [environment("dev")] });
            onboard(&pair.client, &scene::tenant(tenant, spec)).await;
        }
        let image = "registry.example/any:1";
        pair.apply(&ours(
            "McpServer",
            &pair.provider_namespace(),
            "tickets",
            json!({ "image": image, "verification": { "mode": "Off" } }),
        ))
        .await;
        let tools = json!([{ "mcpServerRef": { "name": "tickets", "namespace": pair.provider_namespace() } }]);
        pair.apply(&ours("Agent", &pair.consumer_namespace(), "helper", json!({ "image": image, "tools": tools })))
            .await;
        pair
    }

    fn provider_namespace(&self) -> String {
        format!("{}-dev", self.provider)
    }

    fn consumer_namespace(&self) -> String {
        format!("{}-dev", self.consumer)
    }

    async fn apply(&self, object: &Value) {
        objects::apply(&self.client, object).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Whether the agent may leave for the tools, and whether these let it in.
    async fn ends(&self) -> (bool, bool) {
        let policy = async |namespace: &str, name: &str| child(&self.client, &NETWORK_POLICY, namespace, name).await;
        let leaves = policy(&self.consumer_namespace(), "helper-agent").await;
        let lets_in = policy(&self.provider_namespace(), "tickets-mcp").await;
        let names = |policy: Option<Value>, part: &str, namespace: &str| {
            policy.is_some_and(|policy| policy["spec"][part].to_string().contains(namespace))
        };
        (names(leaves, "egress", &self.provider_namespace()), names(lets_in, "ingress", &self.consumer_namespace()))
    }

    /// Waits until both ends are so.
    async fn until(&self, open: bool) {
        let what = if open { "both ends are open" } else { "both ends are closed" };
        eventually(SOON, what, async || match self.ends().await {
            ends if ends == (open, open) => Ok(()),
            ends => Err(format!("{ends:?}")),
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
    }

    async fn condition(&self, object: &Value, type_: &str, status: &str) -> Value {
        eventually(SOON, &format!("{} is {type_}={status}", objects::title(object)), async || {
            let found = objects::collection(&self.client, object).get(objects::name(object)).await;
            let found =
                serde_json::to_value(found.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
            let is = objects::condition(&found, type_).is_some_and(|one| one["status"] == status);
            if is { Ok(found) } else { Err(format!("{:#}", found["status"])) }
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_is_open_at_both_ends_or_at_none() {
    let cluster = stage().await;
    let pair = Pair::onboard(cluster.client().await.expect("client"), "grant").await;
    let agent = ours("Agent", &pair.consumer_namespace(), "helper", json!({}));
    let refused = pair.condition(&agent, "ResolvedRefs", "False").await;
    let told = objects::condition(&refused, "ResolvedRefs").expect("told");
    assert_eq!(told["reason"], "RefNotPermitted");
    assert!(told["message"].as_str().unwrap_or_default().contains("ServiceGrant"), "{told}");
    assert_eq!(pair.ends().await, (false, false), "a reference alone opens nothing");

    let grant = offer(&pair, "tickets", &json!({}));
    pair.apply(&grant).await;
    pair.until(true).await;
    let found = pair.condition(&grant, "Ready", "True").await;
    let user = format!("Agent {}/helper", pair.consumer_namespace());
    assert_eq!((&found["status"]["state"], &found["status"]["consumers"]), (&json!("Active"), &json!([user])));

    // An offer alone opens nothing either.
    objects::delete(&pair.client, &agent).await.expect("deleted");
    eventually(SOON, "the tools let nobody in", async || (!pair.ends().await.1).then_some(())).await.expect("in time");
    let alone = eventually(SOON, "it is only offered", async || {
        let found =
            objects::collection(&pair.client, &grant).get("tickets").await.map_err(|error| error.to_string())?;
        let found = serde_json::to_value(found).map_err(|error| error.to_string())?;
        if found["status"]["state"] == "Offered" { Ok(found) } else { Err(found["status"].to_string()) }
    });
    alone.await.unwrap_or_else(|late| panic!("{late}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_or_has_expired_is_closed_at_once() {
    let cluster = stage().await;
    let pair = Pair::onboard(cluster.client().await.expect("client"), "revoke").await;
    let mut times = Vec::new();
    for round in 0..20 {
        let grant = offer(&pair, &format!("tickets-{round}"), &json!({}));
        pair.apply(&grant).await;
        pair.until(true).await;
        let began = Instant::now();
        objects::delete(&pair.client, &grant).await.expect("deleted");
        pair.until(false).await;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    println!(
        "a contract that is deleted is closed at both ends after {:.0} ms in the middle and {:.0} ms at most of {} times",
        times[times.len() / 2].as_secs_f64() * 1e3,
        times[times.len() - 1].as_secs_f64() * 1e3,
        times.len()
    );

    // By itself, at its time.
    let end = now() + jiff::SignedDuration::from_secs(8);
    let end = jiff::Timestamp::from_second(end.as_second()).expect("a time");
    let grant = offer(&pair, "short", &json!({ "expiresAt": end }));
    pair.apply(&grant).await;
    pair.until(true).await;
    pair.until(false).await;
    let late = now().duration_since(end);
    println!("a contract that expired was closed at both ends {} ms after its time", late.as_millis());
    assert!(late >= jiff::SignedDuration::ZERO, "not before its time: {late}");
    let found = pair.condition(&grant, "Ready", "False").await;
    assert_eq!(found["status"]["state"], "Expired");

    // The consumer's quarantine closes both ends, too.
    let grant = offer(&pair, "lasting", &json!({}));
    pair.apply(&grant).await;
    pair.until(true).await;
    let mut tenant =
        json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant", "metadata": { "name": pair.consumer } });
    tenant["spec"] = json!({
        "className": scene::CLASS, "deletionPolicy": "Delete", "environments": [environment("dev")],
        "suspend": { "mode": "Quarantine", "reason": "a look around" },
    });
    pair.apply(&tenant).await;
    eventually(SOON, "the tools let nobody in", async || (!pair.ends().await.1).then_some(())).await.expect("in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acceptance_opens_a_namespace_to_what_was_offered() {
    let cluster = stage().await;
    let pair = Pair::onboard(cluster.client().await.expect("client"), "accept").await;
    let acceptance = ours(
        "ServiceGrant",
        &pair.consumer_namespace(),
        "theirs",
        json!({ "accept": { "namespace": pair.provider_namespace(), "name": "tickets" } }),
    );
    pair.apply(&acceptance).await;
    pair.condition(&acceptance, "ResolvedRefs", "False").await;
    let exists =
        async |namespace: &str, name: &str| child(&pair.client, &NETWORK_POLICY, namespace, name).await.is_some();
    assert!(!exists(&pair.consumer_namespace(), "theirs-grant").await, "nothing was offered");
    let grant = offer(&pair, "tickets", &json!({}));
    pair.apply(&grant).await;
    let found = pair.condition(&acceptance, "Ready", "True").await;
    let uri = format!("http://tickets-mcp.{}.svc:8080/mcp", pair.provider_namespace());
    let binding = &found["status"]["binding"];
    assert_eq!(binding["uri"], uri.as_str());
    let host = format!("tickets-mcp.{}.svc", pair.provider_namespace());
    assert_eq!((&binding["host"], &binding["port"]), (&json!(host), &json!(8080)));
    let both = eventually(SOON, "both ends are open", async || {
        (exists(&pair.consumer_namespace(), "theirs-grant").await
            && exists(&pair.provider_namespace(), "tickets-grant").await)
            .then_some(())
    });
    both.await.expect("in time");
    objects::delete(&pair.client, &acceptance).await.expect("deleted");
    let none = eventually(SOON, "both ends are closed", async || {
        (!exists(&pair.consumer_namespace(), "theirs-grant").await
            && !exists(&pair.provider_namespace(), "tickets-grant").await)
            .then_some(())
    });
    none.await.expect("in time");
}

/// A grant of tools leads through a gate, which is there while both sides agree and has the only ways at either end.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_of_tools_leads_to_its_gate_and_nowhere_else() {
    // Of its own, as there is one platform for all.
    let cluster = tenantry_e2e::Cluster::start(tenantry_e2e::Options::with_nodes(1)).await.expect("starts");
    scene::prepare(&cluster).await;
    let _operator = Operator::start(&cluster).await;
    let pair = Pair::onboard(cluster.client().await.expect("client"), "gate").await;
    let grant = offer(&pair, "some", &json!({ "tools": ["search"], "rateLimit": { "requests": 5 } }));
    pair.apply(&grant).await;
    let refused = pair.condition(&grant, "Accepted", "False").await;
    let told = objects::condition(&refused, "Accepted").expect("told");
    assert_eq!(told["reason"], "Unsupported", "no platform names a gate: {told}");

    let platform = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": { "name": "default" },
        "spec": { "stdioBridge": { "image": "registry.example/platform/tenantry-bridge:1.0.0" } },
    });
    pair.apply(&platform).await;
    let (provider, consumer) = (pair.provider_namespace(), pair.consumer_namespace());
    let all = [&MANAGED_DEPLOYMENT, &SERVICE, &SERVICE_ACCOUNT, &NETWORK_POLICY];
    let parts = async || {
        let mut there = Vec::new();
        for kind in all {
            there.push(child(&pair.client, kind, &provider, "some-gate").await.is_some());
        }
        there
    };
    let opening = eventually(SOON, "the gate is made", async || match parts().await {
        parts if parts == [true; 4] => Ok(()),
        parts => Err(format!("{parts:?}")),
    });
    opening.await.unwrap_or_else(|late| panic!("{late}"));
    let text = async |namespace: &str, name: &str, part: &str| {
        let policy = child(&pair.client, &NETWORK_POLICY, namespace, name).await.unwrap_or_default();
        policy["spec"][part].to_string()
    };
    let mark = |text: &str| {
        text.contains("\"tenantry.dev/kind\":\"ServiceGrant\"") && text.contains("\"tenantry.dev/name\":\"some\"")
    };
    let leaves = eventually(SOON, "the agent may leave for the gate", async || {
        let egress = text(&consumer, "helper-agent", "egress").await;
        if mark(&egress) { Ok(egress) } else { Err(egress) }
    });
    let leaves = leaves.await.unwrap_or_else(|late| panic!("{late}"));
    assert!(!leaves.contains("McpServer"), "and not for the server: {leaves}");
    assert!(!text(&provider, "tickets-mcp", "ingress").await.contains(&consumer), "the server lets only the gate in");
    assert!(mark(&text(&provider, "some-grant", "ingress").await));
    assert!(text(&provider, "some-gate", "ingress").await.contains(&consumer));
    let address = format!("http://some-gate.{provider}.svc:8080/mcp");
    let led = eventually(SOON, "the agent is led there", async || {
        let agent = child(&pair.client, &MANAGED_DEPLOYMENT, &consumer, "helper-agent").await.unwrap_or_default();
        let pod = agent["spec"]["template"].to_string();
        if pod.contains(&address) { Ok(()) } else { Err(pod) }
    });
    led.await.unwrap_or_else(|late| panic!("{late}"));
    let state = eventually(SOON, "its state is told", async || {
        let found = objects::collection(&pair.client, &grant).get("some").await.map_err(|error| error.to_string())?;
        let found = serde_json::to_value(found).map_err(|error| error.to_string())?;
        // Its pods are of a fake node, and available.
        if found["status"]["state"] == "Active" { Ok(()) } else { Err(found["status"].to_string()) }
    });
    state.await.unwrap_or_else(|late| panic!("{late}"));

    // Nobody comes through it any more.
    let agent = ours("Agent", &consumer, "helper", json!({}));
    objects::delete(&pair.client, &agent).await.expect("deleted");
    let gone = eventually(SOON, "the gate is gone", async || match parts().await {
        parts if parts == [false; 4] => Ok(()),
        parts => Err(format!("{parts:?}")),
    });
    gone.await.unwrap_or_else(|late| panic!("{late}"));
    assert!(
        child(&pair.client, &NETWORK_POLICY, &provider, "some-grant").await.is_none(),
        "and the hole in the server"
    );
}

/// A contract that ends while nobody looks is found to have ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_contract_that_ends_while_the_operator_is_down_is_closed_when_it_comes_back() {
    let cluster = tenantry_e2e::Cluster::start(tenantry_e2e::Options::with_nodes(1)).await.expect("starts");
    scene::prepare(&cluster).await;
    let operator = Operator::start(&cluster).await;
    let pair = Pair::onboard(cluster.client().await.expect("client"), "away").await;
    let end = now() + jiff::SignedDuration::from_secs(10);
    let end = jiff::Timestamp::from_second(end.as_second()).expect("a time");
    pair.apply(&offer(&pair, "short", &json!({ "expiresAt": end }))).await;
    pair.until(true).await;
    operator.kill();
    eventually(Duration::from_secs(30), "its time is over", async || (now() > end).then_some(()))
        .await
        .expect("in time");
    assert_eq!(pair.ends().await, (true, true), "nobody looks");
    let began = Instant::now();
    let operator = Operator::start(&cluster).await;
    pair.until(false).await;
    println!("closed {:.1} s after the operator was started again", began.elapsed().as_secs_f64());
    drop(operator);
}
