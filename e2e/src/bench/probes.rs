//! What it costs to ask many MCP servers by their protocol again and again, and how old what the status says of them is. The servers answer
//! at once, so nothing here is about servers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde::Serialize;
use serde_json::{Value, json};
use tenantry_e2e::operator::{self, Operator};
use tenantry_e2e::{eventually, objects, usage};
use tokio::time::{Instant, interval, sleep_until};

use super::servers::Servers;
use super::statistics::Tail;
use super::world::World;
use crate::commands::CommandError;

const INTERVAL: Duration = Duration::from_mins(1);
/// Long enough that each server is asked several times.
const WINDOW: Duration = Duration::from_mins(3);
const SAMPLE: Duration = Duration::from_secs(1);
const MOST_CHANGES: usize = 200;
const WITHIN: Duration = Duration::from_mins(10);
const IN_FLIGHT: usize = 32;
const METRIC: &str = "tenantry_probes_total";

/// What came of it.
#[derive(Serialize)]
pub(crate) struct Probes {
    servers: usize,
    interval_seconds: u64,
    /// Submitted at once -> all say `Verified=True`.
    seconds_to_verified: f64,
    window_seconds: f64,
    /// In the window.
    probes: f64,
    http_requests: usize,
    http_requests_per_probe: f64,
    /// Of the operator in the window, whatever for.
    operator_cpu_seconds: f64,
    operator_cpu_seconds_per_1000_probes: f64,
    /// To the API server in the window, lease and watches aside: nothing has changed.
    api_requests: usize,
    resident_mib: f64,
    /// Seconds since a server's last answer, of all servers once a second in the window.
    age_of_last_answer: Tail,
    /// Seconds from a new tool to `status.toolCount`. Servers are asked once in an interval, less up to a fifth.
    change_to_status: Tail,
}

/// One McpServer of so many, in one of these namespaces.
fn asked(namespace: &str, index: usize) -> Value {
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "McpServer",
        "metadata": { "name": format!("asked-{index}"), "namespace": namespace },
        "spec": {
            "image": "registry.example/mcp:1", "resources": { "requests": { "cpu": "1m", "memory": "1Mi" } },
            "verification": { "interval": format!("{}s", INTERVAL.as_secs()) },
        },
    })
}

/// Measures with so many servers, spread over these namespaces.
pub(crate) async fn measure(
    world: &World,
    running: &Operator,
    servers: &Servers,
    namespaces: &[String],
    count: usize,
) -> Result<Probes, CommandError> {
    let all: Vec<Value> =
        namespaces.iter().cycle().enumerate().take(count).map(|(index, namespace)| asked(namespace, index)).collect();
    let started = Instant::now();
    let calls = all.iter().map(|one| async { objects::create(&world.client, one).await.map(drop) });
    futures::stream::iter(calls).buffer_unordered(IN_FLIGHT).try_collect::<Vec<()>>().await?;
    all_verified(world, count).await?;
    let seconds_to_verified = started.elapsed().as_secs_f64();
    world.settle().await?;

    let (audit, probes, cpu) = (world.audit()?, running.metric(METRIC, "").await?, usage::cpu_time(running.id()));
    let (requests, started) = (total(servers), Instant::now());
    let age_of_last_answer = ages(servers).await;
    let window = started.elapsed().as_secs_f64();
    let (probes, requests) = (running.metric(METRIC, "").await? - probes, total(servers) - requests);
    let cpu = usage::cpu_time(running.id()).saturating_sub(cpu).as_secs_f64();
    let api_requests = audit.requests_of(operator::USER)?.into_iter().filter(|request| !request.is_upkeep()).count();
    #[expect(clippy::cast_precision_loss, reason = "some hundred thousands")]
    let http_requests = requests as f64;
    Ok(Probes {
        servers: count,
        interval_seconds: INTERVAL.as_secs(),
        seconds_to_verified,
        window_seconds: window,
        probes,
        http_requests: requests,
        http_requests_per_probe: http_requests / probes.max(1.0),
        operator_cpu_seconds: cpu,
        operator_cpu_seconds_per_1000_probes: cpu * 1000.0 / probes.max(1.0),
        api_requests,
        resident_mib: super::latency::mebibytes(usage::resident_kib(running.id()).0),
        age_of_last_answer,
        change_to_status: changes(world, servers, &all).await?,
    })
}

impl Probes {
    /// In one line.
    pub(crate) fn line(&self) -> String {
        format!(
            "{} MCP servers asked every {} s: {:.2} CPU s per 1,000 probes, {:.0} requests each; last answer {:.1} s old at p50, {:.1} s at p99; a change is told after {:.1} s, {:.1} s",
            self.servers,
            self.interval_seconds,
            self.operator_cpu_seconds_per_1000_probes,
            self.http_requests_per_probe,
            self.age_of_last_answer.p50,
            self.age_of_last_answer.p99,
            self.change_to_status.p50,
            self.change_to_status.p99,
        )
    }
}

fn total(servers: &Servers) -> usize {
    servers.seen().values().map(|server| server.requests).sum()
}

async fn all_verified(world: &World, count: usize) -> Result<(), CommandError> {
    eventually(WITHIN, &format!("{count} MCP servers are verified"), async || {
        let found = objects::list(&world.client, "tenantry.dev/v1alpha1", "McpServer", None, "")
            .await
            .map_err(|error| error.to_string())?;
        let is_verified = |one: &&Value| objects::condition(one, "Verified").is_some_and(|one| one["status"] == "True");
        let asked = || found.iter().filter(|one| objects::name(one).starts_with("asked-"));
        let verified = asked().filter(is_verified).count();
        let other = asked().find(|one| !is_verified(one)).map(|one| one["status"]["conditions"].to_string());
        if verified == count { Ok(()) } else { Err(format!("{verified} are; another says {other:?}")) }
    })
    .await
    .map_err(Into::into)
}

/// How old the last answer of each server is, again and again.
async fn ages(servers: &Servers) -> Tail {
    let (mut ages, mut tick, started) = (Vec::new(), interval(SAMPLE), Instant::now());
    while started.elapsed() < WINDOW {
        tick.tick().await;
        let seen = servers.seen();
        ages.extend(seen.values().filter_map(|server| Some(server.answered?.elapsed().as_secs_f64())));
    }
    Tail::of(ages)
}

/// How long it takes from a new tool to the status, of servers that change one after another, spread over an interval.
async fn changes(world: &World, servers: &Servers, all: &[Value]) -> Result<Tail, CommandError> {
    let chosen: Vec<&Value> = all.iter().take(MOST_CHANGES).collect();
    let collection = objects::collection_of(&world.client, "tenantry.dev/v1alpha1", "McpServer", None);
    let mut watch = watcher(collection, watcher::Config::default()).applied_objects().boxed();
    let step = INTERVAL / u32::try_from(chosen.len()).unwrap_or(1).max(1);
    let started = Instant::now();
    // By name and namespace of the Service: when it got so many tools.
    let mut changed: BTreeMap<String, (Instant, usize)> = BTreeMap::new();
    let mut told = Vec::new();
    let mut seen = BTreeSet::new();
    let (mut next, mut due) = (0, started);
    while told.len() < chosen.len() {
        if started.elapsed() > WITHIN {
            return Err(format!("{} of {} changes are not told yet", chosen.len() - told.len(), chosen.len()).into());
        }
        tokio::select! {
            () = sleep_until(due), if next < chosen.len() => {
                let service = service(objects::name(chosen[next]), chosen[next]["metadata"]["namespace"].as_str());
                let tools = servers.add_tool(&service);
                changed.insert(service, (Instant::now(), tools));
                next += 1;
                due += step;
            }
            () = sleep_until(started + WITHIN) => {}
            event = watch.next() => {
                let Some(object) = event else { return Err("the watch of McpServers has ended".into()) };
                // A watch that breaks is begun anew.
                let Ok(object) = object else { continue };
                let service = service(object.metadata.name.as_deref().unwrap_or_default(), object.metadata.namespace.as_deref());
                let Some((when, tools)) = changed.get(&service) else { continue };
                if object.data["status"]["toolCount"].as_u64() == u64::try_from(*tools).ok() && seen.insert(service) {
                    told.push(when.elapsed().as_secs_f64());
                }
            }
        }
    }
    Ok(Tail::of(told))
}

/// How the server of an McpServer is called.
fn service(name: &str, namespace: Option<&str>) -> String {
    format!("{name}-mcp.{}", namespace.unwrap_or_default())
}
