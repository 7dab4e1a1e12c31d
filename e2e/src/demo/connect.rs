//! Part three: an agent with a model and an MCP server, and a front end that calls it. It shows what is connected to what, from the
//! resources and the network policies, and what is not. Fake nodes make pods Ready; nothing runs in them. On a real node, `reach.rs`
//! has the pods say it, too.

use std::time::{Duration, Instant};

use kube::Client;
use serde_json::Value;
use tenantry_e2e::objects::{self, ObjectError};
use tokio::time::sleep;

use super::prepare::Stage;
use super::{Show, on_node, reach};
use crate::commands::CommandError;
use crate::terminal::{count, duration};

const SETTLED_WITHIN: Duration = Duration::from_mins(1);
/// Where containers have to start.
const RUNNING_WITHIN: Duration = Duration::from_mins(3);
/// What has pods. Routes and contracts need a gateway and another tenant: `routes.rs`, `grants.rs`.
const WORKLOADS: [&str; 4] = ["Agent", "Application", "McpServer", "ModelDeployment"];
const PAUSE: Duration = Duration::from_millis(100);

/// Applies the examples that live in environments, waits, and shows the tables.
pub(crate) async fn run(show: &mut Show, stage: &Stage) -> Result<(), CommandError> {
    let is_workload = |one: &&Value| WORKLOADS.iter().any(|kind| one["kind"] == *kind);
    let given: Vec<&Value> = stage.examples.iter().filter(is_workload).collect();
    if given.is_empty() {
        return Ok(());
    }
    show.terminal.heading("Agents, tools and models");
    let is_real = stage.node.is_some();
    let limit = if is_real { RUNNING_WITHIN } else { SETTLED_WITHIN };
    if is_real {
        for secret in on_node::secrets(&given) {
            objects::apply(&stage.client, &secret).await?;
        }
    }
    let started = Instant::now();
    for example in &given {
        objects::apply(&stage.client, example).await?;
    }
    show.terminal.line(&format!("applied {} from examples/", count(given.len(), "workload")));
    let workloads = loop {
        let workloads = read(&stage.client, &given).await?;
        if workloads.iter().all(|one| is_settled(one, is_real)) || started.elapsed() > limit {
            break workloads;
        }
        show.terminal.progress("waiting for pods");
        sleep(PAUSE).await;
    };
    let took = started.elapsed();
    let rows: Vec<Vec<String>> = workloads.iter().map(row).collect();
    show.terminal.table(&["KIND", "NAME", "NAMESPACE", "READY", "REASON", "CALLED AT"], &rows);
    for workload in &workloads {
        let claim = format!("{} runs, and its status says no more than is so", objects::title(workload));
        show.checks.claim(
            &mut show.terminal,
            is_settled(workload, is_real),
            &claim,
            &workload["status"]["conditions"].to_string(),
        );
    }
    show.terminal.line(&format!("after {}: what is connected to what", duration(took)));
    let mut ways = 0;
    for workload in &workloads {
        ways += show_ways(show, &stage.client, workload).await?;
    }
    let claim = format!("{} open, each at both ends, and nothing of them leads to another tenant", count(ways, "way"));
    show.checks.claim(&mut show.terminal, ways > 0, &claim, "none");
    if is_real {
        reach::run(show, stage, &workloads).await?;
    }
    Ok(())
}

async fn read(client: &Client, given: &[&Value]) -> Result<Vec<Value>, ObjectError> {
    let mut found = Vec::new();
    for workload in given {
        let kind = workload["kind"].as_str().unwrap_or_default();
        let namespace = workload["metadata"]["namespace"].as_str();
        let all = objects::list(client, "tenantry.dev/v1alpha1", kind, namespace, "").await?;
        found.extend(all.into_iter().filter(|one| objects::name(one) == objects::name(workload)).map(|mut one| {
            one["kind"] = kind.into();
            one
        }));
    }
    Ok(found)
}

/// Ready for its present spec; or as ready as can be known on nodes that run nothing: available, and without an answer by its
/// protocol; or elsewhere, where the tenant opens no way.
fn is_settled(workload: &Value, is_real: bool) -> bool {
    let says = |type_: &str, status: &str| {
        objects::condition(workload, type_)
            .filter(|one| one["status"] == status && one["observedGeneration"] == workload["metadata"]["generation"])
    };
    let is_silent = says("Verified", "Unknown").is_some_and(|one| one["reason"] == "ProbeBlocked");
    let is_elsewhere = !workload["spec"]["remote"].is_null() && says("Verified", "Unknown").is_some();
    says("Ready", "True").is_some() || is_elsewhere || (!is_real && is_silent && says("Available", "True").is_some())
}

fn row(workload: &Value) -> Vec<String> {
    let ready = objects::condition(workload, "Ready").cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    vec![
        text(&workload["kind"]),
        text(&workload["metadata"]["name"]),
        text(&workload["metadata"]["namespace"]),
        text(&ready["status"]),
        text(&ready["reason"]),
        text(&workload["status"]["url"]),
    ]
}

/// Tells the ways out of a workload, and answers how many there are.
async fn show_ways(show: &mut Show, client: &Client, workload: &Value) -> Result<usize, CommandError> {
    let kind = workload["kind"].as_str().unwrap_or_default();
    let (name, namespace) = (objects::name(workload), workload["metadata"]["namespace"].as_str());
    let labels = format!("tenantry.dev/kind={kind},tenantry.dev/name={name}");
    let policies = objects::list(client, "networking.k8s.io/v1", "NetworkPolicy", namespace, &labels).await?;
    let mut number = 0;
    for rule in policies.iter().filter_map(|policy| policy["spec"]["egress"].as_array()).flatten() {
        for peer in rule["to"].as_array().into_iter().flatten() {
            let to = &peer["podSelector"]["matchLabels"];
            let text = |key: &str| to[key].as_str().unwrap_or_default();
            let (kind_to, name_to) = (text("tenantry.dev/kind"), text("tenantry.dev/name"));
            let port = &rule["ports"][0]["port"];
            show.terminal.line(&format!("{kind} {name} -> {kind_to} {name_to}, port {port}"));
            number += 1;
        }
    }
    Ok(number)
}
