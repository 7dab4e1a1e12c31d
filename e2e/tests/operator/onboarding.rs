//! A platform team's first minutes: the examples become tenants, kubectl tells the story, and then there is silence.

use std::time::Duration;

use serde_json::{Value, json};
use tenantry_core::kinds::KINDS;
use tenantry_e2e::audit::{Audit, Request};
use tenantry_e2e::operator::USER;
use tenantry_e2e::{Cluster, Options, eventually, objects};

use crate::program::{Operator, SOON};
use crate::scene::{self, onboard, ready, stage, versions};

const QUIET: Duration = Duration::from_secs(10);

/// Requests that a quiet operator has no reason to make.
fn noise(requests: &[Request]) -> Vec<String> {
    requests.iter().filter(|request| !request.is_upkeep()).map(Request::to_string).collect()
}

/// The examples as users get them, in order.
fn examples() -> Vec<Value> {
    KINDS.iter().flat_map(|kind| (kind.examples)()).map(|example| example.cr).collect()
}

#[tokio::test]
async fn examples_become_tenants_and_then_there_is_silence() {
    let cluster = Cluster::start(Options::with_nodes(2).with_audit_log()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    let log = cluster.audit_log().expect("asked for");
    scene::prepare(&cluster).await;
    let operator = Operator::start(&cluster).await;

    // What lives in environments comes when they are there.
    let (workloads, examples): (Vec<Value>, Vec<Value>) =
        examples().into_iter().partition(|example| !example["metadata"]["namespace"].is_null());
    for example in &examples {
        objects::apply(&client, example).await.expect("applied");
    }
    let mut rich = crate::exact::rich_tenants();
    for tenant in &rich {
        objects::apply(&client, tenant).await.expect("applied");
    }
    let tenants: Vec<Value> =
        examples.into_iter().chain(rich.drain(..)).filter(|example| example["kind"] == "Tenant").collect();
    assert!(tenants.len() > 3, "the examples have tenants");
    for tenant in &tenants {
        let name = objects::name(tenant);
        ready(&client, name).await;
        let children = scene::children(&client, name).await;
        let environments = tenant["spec"]["environments"].as_array().map_or(0, Vec::len);
        let namespaces = children.values().filter(|child| child["kind"] == "Namespace").count();
        assert_eq!(namespaces, environments + 1, "{name}: a home and its environments");
    }
    story(&cluster, &tenants).await;
    for workload in &workloads {
        objects::apply(&client, workload).await.expect("applied");
    }
    for workload in &workloads {
        // There is no gateway here.
        if workload["kind"] == "ServiceRoute" {
            crate::workloads::is(&client, workload, "Programmed", "False", "ProviderMissing").await;
            continue;
        }
        if workload["kind"] == "ServiceGrant" {
            crate::workloads::is(&client, workload, "Ready", "True", "").await;
            continue;
        }
        if workload["spec"]["remote"].is_null() {
            crate::workloads::is(&client, workload, "Available", "True", "").await;
        }
        // None of them says that it is ready before somebody has spoken its protocol.
        let status = if workload["kind"] == "McpServer" { "Unknown" } else { "True" };
        crate::workloads::is(&client, workload, "Ready", status, "").await;
        if !workload["spec"]["scaling"]["maxReplicas"].is_null() {
            // The autoscaler's first words.
            crate::workloads::is(&client, workload, "ScalingReady", "False", "Failed").await;
        }
    }

    scene::told_all(&log).await;
    // Nothing happens any more: nothing is asked, nothing written, nothing changes.
    let before = everything(&cluster, &tenants).await;
    let mut audit = Audit::from_now(&log).expect("readable");
    scene::stays(QUIET, async || {
        let noise = noise(&audit.requests_of(USER).expect("readable"));
        if noise.is_empty() { Ok(()) } else { Err(noise.join("\n")) }
    })
    .await;
    assert!(!audit.take_requests_of(USER).expect("readable").is_empty(), "the lease is renewed, and the log shows it");
    assert_eq!(everything(&cluster, &tenants).await, before);
    for tenant in &tenants {
        let found = ready(&client, objects::name(tenant)).await;
        assert_eq!(found["metadata"]["generation"], 1, "nobody writes a user's spec: {found}");
    }

    // A new process finds all in place: it looks at every tenant, and writes nothing.
    operator.kill();
    let operator = Operator::start(&cluster).await;
    eventually(SOON, "every tenant has been looked at", async || {
        let looks = operator.metric("tenantry_reconcile_duration_seconds_count", "Tenant").await;
        (looks >= f64::from(u32::try_from(tenants.len()).expect("few"))).then_some(())
    })
    .await
    .expect("in time");
    scene::stays(Duration::from_secs(3), async || {
        let requests = audit.requests_of(USER).expect("readable");
        let writes: Vec<Request> = requests.into_iter().filter(Request::is_write).collect();
        let writes = noise(&writes);
        if writes.is_empty() { Ok(()) } else { Err(writes.join("\n")) }
    })
    .await;
    assert_eq!(everything(&cluster, &tenants).await, before);
}

/// Everything of these tenants, with its resourceVersion.
async fn everything(cluster: &Cluster, tenants: &[Value]) -> Vec<String> {
    let client = cluster.client().await.expect("client");
    let mut seen = Vec::new();
    for tenant in tenants {
        let name = objects::name(tenant);
        let found = scene::get(&client, "tenantry.dev/v1alpha1", "Tenant", None, name).await.expect("exists");
        seen.push(format!("{name} {}", found["metadata"]["resourceVersion"]));
        let children = scene::children(&client, name).await;
        seen.extend(versions(&children).into_iter().map(|(title, version)| format!("{title} {version}")));
    }
    seen
}

/// `kubectl get tenants` says what there is and how it is doing.
async fn story(cluster: &Cluster, tenants: &[Value]) {
    let table = cluster.kubectl(&["get", "tenants"]).await.expect("answers");
    let mut lines = table.lines();
    let columns: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
    assert_eq!(columns, ["NAME", "CLASS", "ENVIRONMENTS", "READY", "REASON", "AGE"], "{table}");
    for tenant in tenants {
        let name = objects::name(tenant);
        let line = lines.clone().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_default();
        let cells: Vec<&str> = line.split_whitespace().collect();
        let count = tenant["spec"]["environments"].as_array().map_or(0, Vec::len);
        let class = tenant["spec"]["className"].as_str().unwrap_or_default();
        assert_eq!(cells[..5], [name, class, &format!("{count}/{count}"), "True", "Succeeded"], "{table}");
    }
    for short in ["tnt", "tenantry"] {
        assert!(cluster.kubectl(&["get", short]).await.expect("answers").contains(objects::name(&tenants[0])));
    }
}

#[tokio::test]
async fn a_tenant_is_what_its_spec_says() {
    let client = stage().await.client().await.expect("client");
    let tenant = scene::tenant(
        "plausible",
        json!({
            "environments": [
                scene::environment("dev"),
                { "name": "prod", "stage": "Production", "podSecurity": "Baseline" },
            ],
            "members": [scene::member("admins", "Admin", "plausible-admins")],
            "metadata": { "labels": { "cost-centre": "4711" }, "annotations": { "example.com/note": "a note" } },
        }),
    );
    let found = onboard(&client, &tenant).await;
    let environments = found["status"]["environments"].as_array().expect("a list");
    assert_eq!(environments.len(), 2);
    let children = scene::children(&client, "plausible").await;
    for environment in environments {
        let namespace = &children[&format!("Namespace {}", environment["namespace"].as_str().expect("text"))];
        assert_eq!(environment["uid"], namespace["metadata"]["uid"]);
        assert_eq!((&environment["ready"], &environment["members"]), (&json!(true), &json!(1)), "{environment}");
    }
    assert_eq!(found["status"]["home"]["namespace"], "plausible");
    let labels = |namespace: &str| children[&format!("Namespace {namespace}")]["metadata"]["labels"].clone();
    for (namespace, environment, stage, level) in
        [("plausible-dev", "dev", "development", "restricted"), ("plausible-prod", "prod", "production", "baseline")]
    {
        let labels = labels(namespace);
        for (key, value) in [
            ("tenantry.dev/tenant", "plausible"),
            ("tenantry.dev/environment", environment),
            ("tenantry.dev/stage", stage),
            ("pod-security.kubernetes.io/enforce", level),
            ("pod-security.kubernetes.io/warn", level),
            ("pod-security.kubernetes.io/audit", level),
            ("cost-centre", "4711"),
        ] {
            assert_eq!(labels[key], value, "{namespace} {key}");
        }
    }
    assert_eq!(labels("plausible")["tenantry.dev/environment"], "home");
    // Configuration only.
    let home = children
        .values()
        .find(|child| child["kind"] == "ResourceQuota" && child["metadata"]["namespace"] == "plausible");
    assert_eq!(home.expect("the home namespace has a quota")["spec"]["hard"]["pods"], "0");
    for child in children.values() {
        assert!(child["metadata"]["ownerReferences"].is_null(), "a lost CRD must take nothing with it: {child}");
    }
}

#[tokio::test]
async fn kubectl_explains_every_field() {
    let cluster = stage().await;
    let text = cluster.kubectl(&["get", "--raw", "/openapi/v3/apis/tenantry.dev/v1alpha1"]).await.expect("answers");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let mut fields = 0;
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        if name.starts_with("dev.tenantry.") && !name.ends_with("List") {
            for section in ["spec", "status"] {
                fields += described(&schema["properties"][section], &format!("{name}.{section}"));
            }
        }
    }
    assert!(fields > 100, "{fields} fields were looked at");
    let explained = cluster.kubectl(&["explain", "tenant.spec"]).await.expect("answers");
    for field in ["className", "members", "environments", "quota", "network", "deletionPolicy", "-required-"] {
        assert!(explained.contains(field), "{explained}");
    }
    let explained = cluster.kubectl(&["explain", "tenant.spec.members.until"]).await.expect("answers");
    assert!(explained.contains("RFC 3339"), "{explained}");
}

/// Checks that a schema and everything in it is described; answers how many fields that were.
fn described(schema: &Value, path: &str) -> usize {
    let text = schema["description"].as_str().unwrap_or_default();
    assert!(text.len() > 5 && text.ends_with(['.', '…']), "{path} is not described: {text:?}");
    let fields = [&schema["properties"], &schema["items"]["properties"]];
    let inner = fields.into_iter().filter_map(Value::as_object).flatten();
    1 + inner.map(|(name, field)| described(field, &format!("{path}.{name}"))).sum::<usize>()
}
