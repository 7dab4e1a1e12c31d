//! Many workloads of all four kinds: what the operator asks of the server for each, how long they take, and what it needs when
//! they are there; then as many MCP servers that are asked by their protocol. Pods run on fake nodes, so nothing here is about what runs in
//! them. All of it runs in a network of its own, where MCP servers have addresses; where that cannot be made, none are asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use kube::Client;
use serde::Serialize;
use serde_json::{Value, json};
use tenantry_e2e::netns::{self, Entered};
use tenantry_e2e::{eventually, objects, operator, toolchain, usage};
use tokio::time::Instant;

use super::probes::{self, Probes};
use super::report;
use super::rest::{self, Rest};
use super::servers::{NAMES, Servers};
use super::tenants;
use super::world::World;
use super::{QUIET, load};
use crate::commands::CommandError;
use crate::terminal::Terminal;

const SERIES: &str = "bw00";
const PER_TENANT: usize = 10;
/// A node takes 110 pods at most, as kubelets do.
const PODS_PER_NODE: usize = 100;
const IN_FLIGHT: usize = 32;
const WITHIN: Duration = Duration::from_mins(8);
const KINDS: [&str; 4] = ["ModelDeployment", "McpServer", "Agent", "Application"];
/// Kinds of what they consist of.
const PARTS: [(&str, &str); 6] = [
    ("apps/v1", "Deployment"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("policy/v1", "PodDisruptionBudget"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
];

/// Everything.
#[derive(Serialize)]
struct Report {
    command: String,
    machine: String,
    kubernetes: String,
    load_before: String,
    load_after: String,
    tenants: usize,
    workloads: usize,
    children: usize,
    /// Submitted at once -> the last one is seen Ready.
    wall_seconds: f64,
    /// Of the operator, lease and watches aside.
    requests: usize,
    failed_requests: usize,
    by_kind: BTreeMap<String, usize>,
    /// Requests / (children + one status write for each workload).
    calls_over_bound: f64,
    operator_cpu_seconds: f64,
    resident_mib: f64,
    restart: Rest,
    /// Absent where this machine lets nobody have a network of its own.
    probes: Option<Probes>,
}

/// Measures with so many workloads.
pub(super) async fn run(workloads: usize, json: Option<&Path>) -> Result<(), CommandError> {
    let mut terminal = Terminal::stdout();
    if !netns::is_inside() {
        // In there nothing can be fetched.
        tokio::task::spawn_blocking(|| (operator::build(true), toolchain::control_plane())).await?.0?;
    }
    match tokio::task::spawn_blocking(|| netns::enter_program(NAMES)).await? {
        Entered::Inside => {}
        Entered::Passed => return Ok(()),
        Entered::Failed(words) => return Err(words.into()),
        Entered::Impossible(reason) => terminal.note(&format!("SKIPPED: no MCP server is asked: {reason}")),
    }
    terminal.heading("Tenantry benchmark: workloads");
    let (machine, load_before) = (usage::machine(), usage::load());
    terminal.note(&format!("{machine}; load {load_before}"));
    let world = World::prepare(&mut terminal, (workloads * 3).div_ceil(PODS_PER_NODE)).await?;
    let client = &world.client;
    objects::apply(client, &tenants::class()).await?;
    let (running, _) = world.start_operator().await?;
    let count = workloads.div_ceil(PER_TENANT);
    terminal.progress(&format!("onboarding {count} tenants"));
    onboard(client, count).await?;
    world.settle().await?;

    terminal.progress(&format!("creating {workloads} workloads"));
    let all: Vec<Value> = (0..count).flat_map(team).take(workloads).collect();
    let (audit, cpu, started) = (world.audit()?, usage::cpu_time(running.id()), Instant::now());
    let calls = all.iter().map(|one| async { objects::create(client, one).await.map(drop) });
    futures::stream::iter(calls).buffer_unordered(IN_FLIGHT).try_collect::<Vec<()>>().await?;
    all_ready(client, &all).await?;
    let wall = started.elapsed();
    world.settle().await?;
    let cpu = usage::cpu_time(running.id()).saturating_sub(cpu);
    let requests: Vec<_> =
        audit.requests_of(operator::USER)?.into_iter().filter(|request| !request.is_upkeep()).collect();
    let mut by_kind: BTreeMap<String, usize> = BTreeMap::new();
    for request in &requests {
        *by_kind.entry(format!("{} {}", request.verb, request.resource)).or_default() += 1;
    }
    let children = children(client).await?;
    let resident = usage::resident_kib(running.id()).0;
    world.stop_operator(running).await?;
    let bound = children + workloads;
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let over = requests.len() as f64 / bound as f64;
    terminal.done(
        &format!(
            "{workloads} workloads, {children} children: Ready after {:.1} s, {} requests, {over:.3} of the bound",
            wall.as_secs_f64(),
            requests.len()
        ),
        None,
    );
    terminal.progress("restarting, then a minute of quiet");
    let restart = rest::measure(&world, QUIET).await?;
    terminal.done(
        &format!(
            "restart: {} writes; {} requests in {} s of quiet; {:.0} MiB",
            restart.writes, restart.quiet_requests, restart.quiet_seconds, restart.resident_mib
        ),
        None,
    );
    let probes = if netns::is_inside() {
        terminal.progress(&format!("asking {workloads} MCP servers"));
        let servers = Servers::start().await?;
        let (running, _) = world.start_operator().await?;
        let namespaces: Vec<String> = (0..count).map(namespace).collect();
        let probes = probes::measure(&world, &running, &servers, &namespaces, workloads).await?;
        terminal.done(&probes.line(), None);
        world.stop_operator(running).await?;
        Some(probes)
    } else {
        None
    };
    let report = Report {
        command: format!("cargo xtask bench --workloads {workloads}"),
        machine,
        kubernetes: world.kubernetes.clone(),
        load_before,
        load_after: usage::load(),
        tenants: count,
        workloads,
        children,
        wall_seconds: wall.as_secs_f64(),
        failed_requests: requests.iter().filter(|request| request.code >= 400).count(),
        requests: requests.len(),
        by_kind,
        calls_over_bound: over,
        operator_cpu_seconds: cpu.as_secs_f64(),
        resident_mib: super::latency::mebibytes(resident),
        restart,
        probes,
    };
    report::write(&report, json, &mut terminal)?;
    world.cluster.stop().await?;
    Ok(())
}

/// Tenants of one environment.
async fn onboard(client: &Client, count: usize) -> Result<(), CommandError> {
    let tenant = |index: usize| {
        let mut tenant = tenants::tenant(SERIES, index);
        tenant["spec"]["environments"] = json!([{ "name": "dev" }]);
        tenant
    };
    let calls = (0..count).map(|index| async move { objects::create(client, &tenant(index)).await.map(drop) });
    futures::stream::iter(calls).buffer_unordered(IN_FLIGHT).try_collect::<Vec<()>>().await?;
    let names: BTreeSet<String> = (0..count).map(|index| tenants::name(SERIES, index)).collect();
    load::all_ready(client, SERIES, names).await
}

/// Where a tenant's workloads are.
fn namespace(tenant: usize) -> String {
    format!("{}-dev", tenants::name(SERIES, tenant))
}

/// Ten workloads of one tenant: two models, two MCP servers, three agents that use them, three applications that use those.
fn team(tenant: usize) -> Vec<Value> {
    let namespace = namespace(tenant);
    let one = |kind: &str, name: String, mut spec: Value| {
        spec["resources"] = json!({ "requests": { "cpu": "1m", "memory": "1Mi" } });
        let metadata = json!({ "name": name, "namespace": namespace });
        json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec })
    };
    let model = |index: usize| {
        let runtime = json!({ "image": "registry.example/model:1" });
        one(
            "ModelDeployment",
            format!("model-{index}"),
            json!({ "model": { "uri": "hf://example/small" }, "runtime": runtime }),
        )
    };
    let server = |index: usize| {
        let spec = json!({ "image": "registry.example/mcp:1", "verification": { "mode": "Off" } });
        one("McpServer", format!("tools-{index}"), spec)
    };
    let agent = |index: usize| {
        let used = index % 2;
        let spec = json!({
            "image": "registry.example/agent:1", "a2a": { "enabled": false },
            "models": [{ "name": "chat", "modelDeploymentRef": { "name": format!("model-{used}") } }],
            "tools": [{ "mcpServerRef": { "name": format!("tools-{used}") } }],
        });
        one("Agent", format!("agent-{index}"), spec)
    };
    let application = |index: usize| {
        let spec = json!({
            "image": "registry.example/desk:1", "ports": [{ "name": "http", "port": 8080 }],
            "scaling": { "minReplicas": 2, "maxReplicas": 4 },
            "peers": [{ "agentRef": { "name": format!("agent-{index}") } }],
        });
        one("Application", format!("desk-{index}"), spec)
    };
    (0..2).map(model).chain((0..2).map(server)).chain((0..3).map(agent)).chain((0..3).map(application)).collect()
}

async fn all_ready(client: &Client, all: &[Value]) -> Result<(), CommandError> {
    for kind in KINDS {
        let wanted = all.iter().filter(|one| one["kind"] == kind).count();
        eventually(WITHIN, &format!("{wanted} of kind {kind} are ready"), async || {
            let found = objects::list(client, "tenantry.dev/v1alpha1", kind, None, "")
                .await
                .map_err(|error| error.to_string())?;
            let is_ready = |one: &&Value| {
                objects::condition(one, "Ready").is_some_and(|ready| {
                    ready["status"] == "True" && ready["observedGeneration"] == one["metadata"]["generation"]
                })
            };
            let ready = found.iter().filter(is_ready).count();
            let other = found.iter().find(|one| !is_ready(one)).map(|one| one["status"]["conditions"].to_string());
            if ready == wanted { Ok(()) } else { Err(format!("{ready} are; another says {other:?}")) }
        })
        .await?;
    }
    Ok(())
}

async fn children(client: &Client) -> Result<usize, CommandError> {
    let mut count = 0;
    for (version, kind) in PARTS {
        count += objects::list(client, version, kind, None, "tenantry.dev/kind,tenantry.dev/name").await?.len();
    }
    Ok(count)
}
