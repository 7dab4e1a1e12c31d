//! Many routes of a hundred tenants on one gateway: what the operator asks of the server for each, what it needs when they are there, and
//! whether one more takes longer the more there are. The gateway is the benchmark itself: it says of every route that it is taken, and
//! carries no requests.

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use kube::Client;
use kube::api::DynamicObject;
use kube::runtime::watcher::{self, Event, watcher};
use serde::Serialize;
use serde_json::{Value, json};
use tenantry_e2e::gateway;
use tenantry_e2e::operator::Operator;
use tenantry_e2e::{eventually, objects, operator, usage};
use tokio::task::{AbortHandle, spawn_blocking};
use tokio::time::{Instant, timeout};

use super::latency::mebibytes;
use super::rest::{self, Rest};
use super::statistics::Tail;
use super::world::World;
use super::{load, report, tenants};
use crate::commands::CommandError;
use crate::terminal::Terminal;

const SERIES: &str = "br00";
const TENANTS: usize = 100;
/// How often one more route is made, at each size.
const ONE_MORE: usize = 20;
/// Where the growth is looked at, before the end.
const LOOKED_AT: [usize; 2] = [0, 100];
const QUIET: Duration = Duration::from_secs(30);
const IN_FLIGHT: usize = 32;
const WITHIN: Duration = Duration::from_mins(8);
const ONE_WITHIN: Duration = Duration::from_secs(30);
const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";
const CONTROLLER: &str = "bench.tenantry.dev/gateway";
const GATEWAYS: &str = "bench-gateways";
const SHARED: &str = "shared";
/// Kinds of what routes consist of.
const PARTS: [(&str, &str); 2] = [(GATEWAY_API, "HTTPRoute"), ("networking.k8s.io/v1", "NetworkPolicy")];

/// Everything.
#[derive(Serialize)]
struct Report {
    command: String,
    machine: String,
    kubernetes: String,
    load_before: String,
    load_after: String,
    tenants: usize,
    routes: usize,
    children: usize,
    /// Submitted at once -> the last one is seen Ready; what is measured in between not counted.
    wall_seconds: f64,
    /// Of the operator, lease and watches aside.
    requests: usize,
    failed_requests: usize,
    by_kind: BTreeMap<String, usize>,
    /// Requests / (children + one status write for each route).
    calls_over_bound: f64,
    operator_cpu_seconds: f64,
    resident_mib: f64,
    one_more: Vec<OneMore>,
    restart: Rest,
}

/// One more route where there are so many: before its creation -> its HTTPRoute is seen.
#[derive(Serialize)]
struct OneMore {
    routes: usize,
    milliseconds: Tail,
}

/// What the batches have come to.
#[derive(Default)]
struct Sum {
    wall: Duration,
    cpu: Duration,
    failed: usize,
    by_kind: BTreeMap<String, usize>,
}

/// Measures with so many routes.
pub(super) async fn run(routes: usize, json: Option<&Path>) -> Result<(), CommandError> {
    let mut terminal = Terminal::stdout();
    terminal.heading("Tenantry benchmark: routes");
    let (machine, load_before) = (usage::machine(), usage::load());
    terminal.note(&format!("{machine}; load {load_before}"));
    let programs = spawn_blocking(gateway::programs).await??;
    let world = World::prepare(&mut terminal, 0).await?;
    let client = &world.client;
    gateway::install(client, &programs).await?;
    let _gateway = shared_gateway(client).await?;
    for object in [tenants::class(), platform()] {
        objects::apply(client, &object).await?;
    }
    let (running, _) = world.start_operator().await?;
    let count = routes.min(TENANTS);
    terminal.progress(&format!("onboarding {count} tenants"));
    onboard(client, count).await?;
    world.settle().await?;

    let all: Vec<Value> = (0..routes).map(|index| route(index % count, &format!("r{index:05}"))).collect();
    let (mut sum, mut made, mut one_more) = (Sum::default(), 0, Vec::new());
    let mut sizes: Vec<usize> = LOOKED_AT.into_iter().filter(|size| *size < routes).collect();
    sizes.push(routes);
    for size in sizes {
        terminal.progress(&format!("creating routes, {size} in all"));
        if size > made {
            create(&world, &running, &all[made..size], size, &mut sum).await?;
        }
        made = size;
        terminal.progress(&format!("one more than {size}, {ONE_MORE} times"));
        let milliseconds = one_more_each(client).await?;
        world.settle().await?;
        let text = format!("one more than {size}: its HTTPRoute after {:.0} ms (p50 of {ONE_MORE})", milliseconds.p50);
        terminal.done(&text, None);
        one_more.push(OneMore { routes: size, milliseconds });
    }
    let children = children(client).await?;
    let resident = usage::resident_kib(running.id()).0;
    world.stop_operator(running).await?;
    let requests: usize = sum.by_kind.values().sum();
    let bound = children + routes;
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let over = requests as f64 / bound as f64;
    let wall = sum.wall.as_secs_f64();
    terminal.done(
        &format!(
            "{routes} routes, {children} children: Ready after {wall:.1} s, {requests} requests, {over:.3} of the bound"
        ),
        None,
    );
    terminal.progress(&format!("restarting, then {} s of quiet", QUIET.as_secs()));
    let restart = rest::measure(&world, QUIET).await?;
    terminal.done(
        &format!(
            "restart: {} writes; {} requests in {} s of quiet; {:.0} MiB",
            restart.writes, restart.quiet_requests, restart.quiet_seconds, restart.resident_mib
        ),
        None,
    );
    let report = Report {
        command: format!("cargo xtask bench --routes {routes}"),
        machine,
        kubernetes: world.kubernetes.clone(),
        load_before,
        load_after: usage::load(),
        tenants: count,
        routes,
        children,
        wall_seconds: wall,
        failed_requests: sum.failed,
        requests,
        by_kind: sum.by_kind,
        calls_over_bound: over,
        operator_cpu_seconds: sum.cpu.as_secs_f64(),
        resident_mib: mebibytes(resident),
        one_more,
        restart,
    };
    report::write(&report, json, &mut terminal)?;
    world.cluster.stop().await?;
    Ok(())
}

/// Ends its task when dropped.
struct Acting(AbortHandle);

impl Drop for Acting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A class and a Gateway that have come into effect, and somebody who takes every route.
async fn shared_gateway(client: &Client) -> Result<Acting, CommandError> {
    let class = json!({
        "apiVersion": GATEWAY_API, "kind": "GatewayClass", "metadata": { "name": "bench" },
        "spec": { "controllerName": CONTROLLER },
    });
    let listener =
        json!({ "name": "web", "port": 80, "protocol": "HTTP", "allowedRoutes": { "namespaces": { "from": "All" } } });
    let gateway = json!({
        "apiVersion": GATEWAY_API, "kind": "Gateway", "metadata": { "namespace": GATEWAYS, "name": SHARED },
        "spec": { "gatewayClassName": "bench", "listeners": [listener] },
    });
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": GATEWAYS } });
    for object in [&namespace, &class, &gateway] {
        objects::apply(client, object).await?;
    }
    let features = json!([{ "name": "HTTPRoutePathRewrite" }]);
    objects::say(client, &class, &json!({ "conditions": [is_so("Accepted", 1)], "supportedFeatures": features }))
        .await?;
    objects::say(client, &gateway, &json!({ "conditions": [is_so("Accepted", 1), is_so("Programmed", 1)] })).await?;
    let client = client.clone();
    let acting = tokio::spawn(async move {
        let client = &client;
        let all = objects::collection_of(client, GATEWAY_API, "HTTPRoute", None);
        let events = watcher(all, watcher::Config::default());
        let taken = events.for_each_concurrent(IN_FLIGHT, |event| async move {
            // The watch mends itself; a route that is gone needs no answer.
            if let Ok(Event::InitApply(route) | Event::Apply(route)) = event {
                let _ = take(client, &route).await;
            }
        });
        taken.await;
    });
    Ok(Acting(acting.abort_handle()))
}

/// Says once of each generation that the route is taken.
async fn take(client: &Client, route: &DynamicObject) -> Result<(), CommandError> {
    let generation = route.metadata.generation.unwrap_or_default();
    if route.data["status"]["parents"][0]["conditions"][0]["observedGeneration"] == generation {
        return Ok(());
    }
    let parent = json!({
        "parentRef": route.data["spec"]["parentRefs"][0], "controllerName": CONTROLLER,
        "conditions": [is_so("Accepted", generation), is_so("ResolvedRefs", generation)],
    });
    let metadata = json!({ "namespace": route.metadata.namespace, "name": route.metadata.name });
    let object = json!({ "apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": metadata });
    objects::say(client, &object, &json!({ "parents": [parent] })).await?;
    Ok(())
}

fn is_so(type_: &str, generation: i64) -> Value {
    json!({
        "type": type_, "status": "True", "reason": type_, "message": "", "observedGeneration": generation,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

fn platform() -> Value {
    let reference = json!({ "namespace": GATEWAYS, "name": SHARED });
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": { "name": "default" },
        "spec": { "gateways": [{ "name": "shared", "gatewayRef": reference, "hosts": ["infra-proxy"] }] },
    })
}

/// Tenants of one environment, with a Service each.
async fn onboard(client: &Client, count: usize) -> Result<(), CommandError> {
    let tenant = |index: usize| {
        let mut tenant = tenants::tenant(SERIES, index);
        tenant["spec"]["environments"] = json!([{ "name": "dev" }]);
        tenant
    };
    let all: Vec<Value> = (0..count).map(tenant).collect();
    create_all(client, &all).await?;
    load::all_ready(client, SERIES, (0..count).map(|index| tenants::name(SERIES, index)).collect()).await?;
    let service = |index: usize| {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "namespace": namespace(index), "name": "shop" },
            "spec": { "selector": { "app": "shop" }, "ports": [{ "port": 80, "targetPort": 8080 }] },
        })
    };
    create_all(client, &(0..count).map(service).collect::<Vec<Value>>()).await
}

async fn create_all(client: &Client, all: &[Value]) -> Result<(), CommandError> {
    let calls = all.iter().map(|one| async { objects::create(client, one).await.map(drop) });
    futures::stream::iter(calls).buffer_unordered(IN_FLIGHT).try_collect::<Vec<()>>().await?;
    Ok(())
}

fn namespace(tenant: usize) -> String {
    format!("{}-dev", tenants::name(SERIES, tenant))
}

fn route(tenant: usize, name: &str) -> Value {
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "ServiceRoute",
        "metadata": { "namespace": namespace(tenant), "name": name },
        "spec": {
            "backend": { "serviceRef": { "name": "shop", "port": 80 } },
            "api": { "name": name.to_uppercase(), "version": "v1" },
        },
    })
}

/// Creates these at once, and waits until all that there are then are Ready.
async fn create(
    world: &World,
    running: &Operator,
    some: &[Value],
    in_all: usize,
    sum: &mut Sum,
) -> Result<(), CommandError> {
    let (audit, cpu, started) = (world.audit()?, usage::cpu_time(running.id()), Instant::now());
    create_all(&world.client, some).await?;
    all_ready(&world.client, in_all).await?;
    sum.wall += started.elapsed();
    world.settle().await?;
    sum.cpu += usage::cpu_time(running.id()).saturating_sub(cpu);
    for request in audit.requests_of(operator::USER)?.into_iter().filter(|request| !request.is_upkeep()) {
        sum.failed += usize::from(request.code >= 400);
        *sum.by_kind.entry(format!("{} {}", request.verb, request.resource)).or_default() += 1;
    }
    Ok(())
}

async fn all_ready(client: &Client, wanted: usize) -> Result<(), CommandError> {
    eventually(WITHIN, &format!("{wanted} routes are ready"), async || {
        let found = objects::list(client, "tenantry.dev/v1alpha1", "ServiceRoute", None, "");
        let found = found.await.map_err(|error| error.to_string())?;
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
    Ok(())
}

type Events = Pin<Box<dyn Stream<Item = Result<Event<DynamicObject>, watcher::Error>> + Send>>;

/// One route more, so many times, each timed alone; they go again in the end.
async fn one_more_each(client: &Client) -> Result<Tail, CommandError> {
    let routes = objects::collection_of(client, GATEWAY_API, "HTTPRoute", Some(&namespace(0)));
    let mut events: Events = Box::pin(watcher(routes, watcher::Config::default()));
    timeout(ONE_WITHIN, until(&mut events, |event| matches!(event, Event::InitDone))).await?;
    let more: Vec<Value> = (0..ONE_MORE).map(|index| route(0, &format!("more{index:02}"))).collect();
    let mut times = Vec::new();
    for one in &more {
        let name = format!("{}-route", objects::name(one));
        let started = Instant::now();
        objects::create(client, one).await?;
        let is_it = |event: &Event<DynamicObject>| matches!(event, Event::Apply(route) if route.metadata.name.as_ref() == Some(&name));
        let seen = timeout(ONE_WITHIN, until(&mut events, is_it)).await;
        seen.map_err(|_| format!("HTTPRoute {name} was not made within {} s", ONE_WITHIN.as_secs()))?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
        // The next one begins when nothing is left to do for this one.
        ready(client, one).await?;
    }
    for one in &more {
        objects::delete(client, one).await?;
    }
    // What they consisted of goes a moment later.
    let namespace = namespace(0);
    for (version, kind) in PARTS {
        eventually(ONE_WITHIN, &format!("what was one more is gone: {kind}"), async || {
            let found = objects::list(client, version, kind, Some(&namespace), "app.kubernetes.io/component=route");
            let found = found.await.map_err(|error| error.to_string())?;
            match found.iter().filter(|one| objects::name(one).starts_with("more")).count() {
                0 => Ok(()),
                left => Err(format!("{left} are left")),
            }
        })
        .await?;
    }
    Ok(Tail::of(times))
}

/// Ends with the first event that is meant. The watch mends itself.
async fn until(events: &mut Events, is_meant: impl Fn(&Event<DynamicObject>) -> bool) {
    while let Some(event) = events.next().await {
        if event.is_ok_and(|event| is_meant(&event)) {
            return;
        }
    }
}

async fn ready(client: &Client, route: &Value) -> Result<(), CommandError> {
    let api = objects::collection(client, route);
    eventually(ONE_WITHIN, &format!("{} is Ready", objects::title(route)), async || {
        let found = api.get(objects::name(route)).await.map_err(|error| error.to_string())?;
        let found = found.data;
        let is = objects::condition(&found, "Ready").is_some_and(|ready| ready["status"] == "True");
        if is { Ok(()) } else { Err(found["status"]["conditions"].to_string()) }
    })
    .await?;
    Ok(())
}

async fn children(client: &Client) -> Result<usize, CommandError> {
    let mut count = 0;
    for (version, kind) in PARTS {
        count += objects::list(client, version, kind, None, "app.kubernetes.io/component=route").await?.len();
    }
    Ok(count)
}
