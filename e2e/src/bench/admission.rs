//! What the admission policies add to the creation of a pod, and what the API server needs, with few tenants and with many.
//! Pods are created in turn in a tenant's namespace and in a twin of it that is no tenant's, so that no policy is asked there.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use kube::Client;
use kube::api::{Api, DeleteParams, DynamicObject, PostParams};
use serde::Serialize;
use serde_json::{Value, json};
use tenantry_e2e::{Component, objects, usage};

use super::latency::mebibytes;
use super::load;
use super::report;
use super::statistics::Tail;
use super::tenants;
use super::world::World;
use crate::commands::CommandError;
use crate::terminal::Terminal;

/// Pods created in each of the two namespaces at each number of tenants.
const PODS: usize = 1_500;
/// Not measured: connections, caches, compiled expressions.
const WARM_UP: usize = 100;
const MEASURED: &str = "bp00";
const OTHERS: &str = "bq00";
const TWIN: &str = "bench-twin";
const MAKER: &str = "bench-maker";
const WITHIN: Duration = Duration::from_mins(1);

/// Everything.
#[derive(Serialize)]
struct Report {
    command: String,
    machine: String,
    kubernetes: String,
    load_before: String,
    load_after: String,
    policies: usize,
    stages: Vec<Stage>,
}

/// With so many tenants. Times are milliseconds.
#[derive(Serialize)]
struct Stage {
    tenants: usize,
    namespaces: usize,
    api_server_resident_mib: f64,
    without_policies: Tail,
    with_policies: Tail,
    added_p50: f64,
    added_p99: f64,
}

/// Measures with each of these numbers of tenants, which must grow.
pub(super) async fn run(counts: &[usize], json: Option<&Path>) -> Result<(), CommandError> {
    let mut terminal = Terminal::stdout();
    terminal.heading("Tenantry benchmark: admission");
    let (machine, load_before) = (usage::machine(), usage::load());
    terminal.note(&format!("{machine}; load {load_before}"));
    let world = World::prepare(&mut terminal, 0).await?;
    objects::apply(&world.client, &tenants::class()).await?;
    let (operator, _) = world.start_operator().await?;
    let policies = policies(&world.client).await?;
    terminal.done(&format!("{policies} policies of ours, for any number of tenants"), None);
    let maker = maker(&world).await?;
    onboard_measured(&world.client).await?;
    let policed = format!("{}-dev", tenants::name(MEASURED, 0));
    make_twin(&world.client, &policed).await?;

    let (mut stages, mut there) = (Vec::new(), 1);
    for &count in counts {
        terminal.progress(&format!("onboarding up to {count} tenants"));
        load::onboard(&world.client, OTHERS, &(there..count).collect::<Vec<_>>()).await?;
        there = there.max(count);
        world.settle().await?;
        terminal.progress(&format!("creating {PODS} pods in each namespace, in turn"));
        let (without, with) = compare(&maker, TWIN, &policed).await?;
        let process = world.cluster.control_plane()?.process_id(Component::ApiServer);
        let stage = Stage {
            tenants: there,
            namespaces: world.namespaces().await?,
            api_server_resident_mib: mebibytes(process.map(|id| usage::resident_kib(id).0).unwrap_or_default()),
            added_p50: with.p50 - without.p50,
            added_p99: with.p99 - without.p99,
            without_policies: without,
            with_policies: with,
        };
        terminal.done(
            &format!(
                "{:>5} tenants  pod create p50 {:.2} ms, p99 {:.2} ms; policies add {:+.2} ms, {:+.2} ms; API server {:.0} MiB",
                stage.tenants, stage.with_policies.p50, stage.with_policies.p99, stage.added_p50, stage.added_p99,
                stage.api_server_resident_mib
            ),
            None,
        );
        stages.push(stage);
    }
    world.stop_operator(operator).await?;
    let report = Report {
        command: format!(
            "cargo xtask bench --admission {}",
            counts.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
        ),
        machine,
        kubernetes: world.kubernetes.clone(),
        load_before,
        load_after: usage::load(),
        policies,
        stages,
    };
    report::write(&report, json, &mut terminal)?;
    world.cluster.stop().await?;
    Ok(())
}

async fn policies(client: &Client) -> Result<usize, CommandError> {
    let (version, kind) = ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy");
    Ok(objects::list(client, version, kind, None, "app.kubernetes.io/managed-by=tenantry").await?.len())
}

/// Somebody who may make pods everywhere and no more: whom an admin's exemption does not cover.
async fn maker(world: &World) -> Result<Client, CommandError> {
    let named = |kind: &str| json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": { "name": MAKER } });
    let mut role = named("ClusterRole");
    role["rules"] = json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["create", "delete"] }]);
    let mut binding = named("ClusterRoleBinding");
    binding["roleRef"] = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": MAKER });
    binding["subjects"] = json!([{ "kind": "ServiceAccount", "name": MAKER, "namespace": "default" }]);
    let account =
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": MAKER, "namespace": "default" } });
    for object in [role, binding, account] {
        objects::apply(&world.client, &object).await?;
    }
    Ok(world.cluster.service_account("default", MAKER).await?.client().await?)
}

/// The tenant whose pods are timed. It has no quota, which counts pods that are gone for a while yet and would refuse, and
/// lists for the rules to read.
async fn onboard_measured(client: &Client) -> Result<(), CommandError> {
    let mut tenant = tenants::tenant(MEASURED, 0);
    tenant["spec"]["environments"] = json!([{ "name": "dev" }]);
    tenant["spec"]["images"] =
        json!({ "registries": ["registry.example/bench/", "registry.example/shared/"], "pullPolicy": "Always" });
    objects::create(client, &tenant).await?;
    load::all_ready(client, MEASURED, BTreeSet::from([tenants::name(MEASURED, 0)])).await
}

/// A namespace with the same pod security and limits, but no tenant's.
async fn make_twin(client: &Client, policed: &str) -> Result<(), CommandError> {
    let security = json!({ "pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted",
        "pod-security.kubernetes.io/audit": "restricted" });
    let twin = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": TWIN, "labels": security } });
    objects::apply(client, &twin).await?;
    for object in objects::list(client, "v1", "LimitRange", Some(policed), "").await? {
        let metadata = json!({ "name": "twin", "namespace": TWIN });
        let copy = json!({ "apiVersion": "v1", "kind": "LimitRange", "metadata": metadata, "spec": object["spec"] });
        objects::apply(client, &copy).await?;
    }
    tenantry_e2e::eventually(WITHIN, "the twin has a ServiceAccount", async || {
        objects::list(client, "v1", "ServiceAccount", Some(TWIN), "")
            .await
            .is_ok_and(|found| !found.is_empty())
            .then_some(())
    })
    .await?;
    Ok(())
}

/// Times of creations in both, in turn; who goes first changes each time.
async fn compare(client: &Client, plain: &str, policed: &str) -> Result<(Tail, Tail), CommandError> {
    let of = |namespace: &str| objects::collection_of(client, "v1", "Pod", Some(namespace));
    let places = [of(plain), of(policed)];
    let mut times = [Vec::new(), Vec::new()];
    for turn in 0..WARM_UP + PODS {
        for which in [turn % 2, (turn + 1) % 2] {
            let took = create_one(&places[which]).await?;
            if turn >= WARM_UP {
                times[which].push(took);
            }
        }
    }
    let [without, with] = times;
    Ok((Tail::of(without), Tail::of(with)))
}

/// Milliseconds that one creation took. The pod is removed at once.
async fn create_one(pods: &Api<DynamicObject>) -> Result<f64, CommandError> {
    let pod: DynamicObject = serde_json::from_value(pod())?;
    let started = Instant::now();
    pods.create(&PostParams::default(), &pod).await?;
    let took = started.elapsed().as_secs_f64() * 1000.0;
    pods.delete("pod", &DeleteParams::default().grace_period(0)).await?;
    Ok(took)
}

/// A pod that keeps every rule, with what the rules look at.
fn pod() -> Value {
    let security = json!({ "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } });
    let container = |name: &str| {
        json!({ "name": name, "image": "registry.example/bench/app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "imagePullPolicy": "Always", "securityContext": security,
            "resources": { "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "cpu": "10m", "memory": "16Mi" } } })
    };
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "pod", "labels": { "app": "bench" } },
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
            "initContainers": [container("first")],
            "containers": [container("main"), container("side")],
        },
    })
}
