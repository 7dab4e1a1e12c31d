//! A tenant that is stopped, in each of the four ways, and comes back exactly as it was.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, Patch, PatchParams, WatchEvent, WatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tenantry_core::build::no_pods;
use tenantry_e2e::{Cluster, Options, eventually, objects};

use crate::program::{Operator, SOON};
use crate::scene::{self, environment, get, is, member, onboard, plain_tenant, ready, stage, tenant};

const RESUME: &str = "tenantry.dev/resume";

async fn suspend(client: &Client, name: &str, suspend: Value) {
    let patch = Patch::Merge(json!({ "spec": { "suspend": suspend } }));
    let tenants = objects::collection(client, &tenant(name, json!({})));
    tenants.patch(name, &PatchParams::default(), &patch).await.expect("patched");
}

async fn suspended(client: &Client, name: &str) -> Value {
    is(client, name, "Suspended", "True", |_| true).await
}

/// What of all objects of a tenant is in the hands of those who write specs.
async fn written(client: &Client, name: &str) -> BTreeMap<String, Value> {
    let all = scene::children(client, name).await.into_iter();
    all.map(|(title, object)| {
        let metadata = &object["metadata"];
        let mut told = json!({ "labels": metadata["labels"], "annotations": metadata["annotations"] });
        // Policies and bindings that are taken away for a while are new ones afterwards.
        if object["kind"] == "Namespace" {
            told["uid"] = metadata["uid"].clone();
        }
        for (field, value) in object.as_object().into_iter().flatten().filter(|(field, _)| *field != "metadata") {
            told[field] = value.clone();
        }
        told.as_object_mut().map(|told| told.remove("status"));
        (title, told)
    })
    .collect()
}

#[tokio::test]
async fn every_mode_is_told_on_every_namespace_and_leaves_no_trace() {
    let client = stage().await.client().await.expect("client");
    let mut spec = plain_tenant("stopped");
    spec["spec"]["network"] = json!({ "betweenEnvironments": "Allow" });
    onboard(&client, &spec).await;
    let before = written(&client, "stopped").await;
    for mode in ["Freeze", "NoNewWork", "Quarantine", "ScaleToZero"] {
        suspend(&client, "stopped", json!({ "mode": mode, "reason": "incident 4711" })).await;
        let found = suspended(&client, "stopped").await;
        let ready = objects::condition(&found, "Ready").cloned().unwrap_or_default();
        assert_eq!((&ready["status"], &ready["reason"]), (&json!("False"), &json!("Suspended")), "{ready}");
        let words = ready["message"].as_str().unwrap_or_default();
        assert!(words.contains(mode) && words.contains("incident 4711"), "{words}");
        assert_eq!(found["status"]["ready"], "1/1", "the environment is as wanted: {}", found["status"]);
        for namespace in ["stopped", "stopped-dev"] {
            let metadata = get(&client, "v1", "Namespace", None, namespace).await.expect("exists")["metadata"].clone();
            assert_eq!(metadata["labels"]["tenantry.dev/suspend"], mode, "{namespace}");
            assert_eq!(metadata["annotations"]["tenantry.dev/suspend-reason"], "incident 4711", "{namespace}");
        }
        assert_ne!(written(&client, "stopped").await, before, "{mode}");
    }
    suspend(&client, "stopped", Value::Null).await;
    let found = ready(&client, "stopped").await;
    assert!(objects::condition(&found, "Suspended").is_none(), "{}", found["status"]);
    assert_eq!(written(&client, "stopped").await, before);
}

async fn may(client: &Client, verb: &str, resource: &str, namespace: &str) -> bool {
    let (group, resource) = resource.split_once('/').unwrap_or(("", resource));
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "metadata": { "name": "" },
        "spec": { "resourceAttributes": { "verb": verb, "group": group, "resource": resource, "namespace": namespace } },
    });
    objects::create(client, &review).await.expect("answered")["status"]["allowed"] == true
}

#[tokio::test]
async fn quarantine_leaves_people_their_eyes_and_programs_nothing() {
    let cluster = stage().await;
    let client = cluster.client().await.expect("client");
    let mut spec = plain_tenant("sick");
    spec["spec"]["network"] = json!({ "betweenEnvironments": "Allow", "internet": "Allow" });
    let mut robot = member("robot", "Admin", "unused");
    robot["subjects"] = json!([{ "kind": "ServiceAccount", "name": "default", "namespace": "sick-dev" }]);
    spec["spec"]["members"].as_array_mut().expect("a list").push(robot);
    onboard(&client, &spec).await;
    let clients = [("admins", true), ("developers", true), ("viewers", false)].map(|(group, writes)| {
        (cluster.user(&format!("of sick {group}"), &[&format!("sick-{group}")]).expect("issued"), writes)
    });
    let robot = cluster.service_account("sick-dev", "default").await.expect("issued").client().await.expect("client");
    eventually(SOON, "the robot may read", async || may(&robot, "list", "pods", "sick-dev").await.then_some(()))
        .await
        .expect("in time");
    for (identity, writes) in &clients {
        let own = identity.client().await.expect("client");
        eventually(SOON, "the member has rights", async || {
            (may(&own, "create", "configmaps", "sick-dev").await == *writes
                && may(&own, "list", "pods", "sick-dev").await)
                .then_some(())
        })
        .await
        .expect("in time");
    }

    // What the tenant itself has opened adds up with what Tenantry closes.
    let selectors = [json!({ "matchLabels": { "app": "web" } }), json!({})];
    let mut own = Vec::new();
    for (number, selector) in selectors.iter().enumerate() {
        own.push(
            objects::create(&client, &open_policy("sick-dev", &format!("own-{number}"), selector))
                .await
                .expect("created"),
        );
    }
    suspend(&client, "sick", json!({ "mode": "Quarantine" })).await;
    let found = suspended(&client, "sick").await;
    let words = objects::condition(&found, "Suspended").expect("is there")["message"].to_string();
    assert!(words.contains("2 network policies of others select no pod"), "{words}");
    eventually(SOON, "the robot may nothing", async || (!may(&robot, "list", "pods", "sick-dev").await).then_some(()))
        .await
        .expect("in time");
    for (identity, _) in &clients {
        let own = identity.client().await.expect("client");
        eventually(SOON, "the member may look and nothing else", async || {
            (!may(&own, "create", "configmaps", "sick-dev").await && !may(&own, "list", "secrets", "sick-dev").await)
                .then_some(())
        })
        .await
        .expect("in time");
        assert!(may(&own, "list", "pods", "sick-dev").await, "{} may still look", identity.name());
    }
    for namespace in ["sick", "sick-dev"] {
        let policies =
            objects::list(&client, "networking.k8s.io/v1", "NetworkPolicy", Some(namespace), "").await.expect("listed");
        let (theirs, ours): (Vec<&Value>, Vec<&Value>) =
            policies.iter().partition(|policy| objects::name(policy).starts_with("own-"));
        let specs: Vec<&Value> = ours.iter().map(|policy| &policy["spec"]).collect();
        assert_eq!(specs, [&json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] })], "{namespace}");
        assert_eq!(theirs.len(), if namespace == "sick-dev" { 2 } else { 0 });
        assert!(theirs.iter().all(|policy| policy["spec"]["podSelector"] == no_pods()), "{theirs:?}");
        let bindings = objects::list(&client, "rbac.authorization.k8s.io/v1", "RoleBinding", Some(namespace), "")
            .await
            .expect("listed");
        let names: Vec<&str> = bindings.iter().map(objects::name).collect();
        assert_eq!(names, ["tenantry-viewer"], "{namespace}");
    }
    suspend(&client, "sick", Value::Null).await;
    ready(&client, "sick").await;
    for policy in &own {
        assert_eq!(now(&client, policy).await, (policy["spec"].clone(), Value::Null), "{}", objects::name(policy));
    }
    for (identity, writes) in clients {
        let own = identity.client().await.expect("client");
        eventually(SOON, "the member has all rights again", async || {
            (may(&own, "create", "configmaps", "sick-dev").await == writes).then_some(())
        })
        .await
        .expect("in time");
    }
}

/// Lets in whoever is in the namespace.
fn open_policy(namespace: &str, name: &str, selector: &Value) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "podSelector": selector, "policyTypes": ["Ingress"], "ingress": [{ "from": [{ "podSelector": {} }] }] },
    })
}

/// Spec and annotations of a policy now.
async fn now(client: &Client, policy: &Value) -> (Value, Value) {
    let namespace = policy["metadata"]["namespace"].as_str();
    let found = get(client, "networking.k8s.io/v1", "NetworkPolicy", namespace, objects::name(policy)).await;
    let found = found.expect("exists");
    (found["spec"].clone(), found["metadata"]["annotations"].clone())
}

fn pods(app: &str) -> Value {
    json!({
        "metadata": { "labels": { "app": app } },
        "spec": { "containers": [{ "name": "main", "image": "example.com/none" }] },
    })
}

/// One workload of every kind, in this namespace.
pub fn workloads(namespace: &str) -> Vec<Value> {
    let object = |version: &str, kind: &str, name: &str, spec: Value| json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name, "namespace": namespace }, "spec": spec });
    let set = |app: &str, replicas: u32| json!({ "replicas": replicas, "selector": { "matchLabels": { "app": app } }, "template": pods(app) });
    let mut job = pods("job");
    job["spec"]["restartPolicy"] = "Never".into();
    let mut stateful = set("stateful", 2);
    stateful["serviceName"] = "stateful".into();
    vec![
        object("apps/v1", "Deployment", "web", set("web", 3)),
        object("apps/v1", "Deployment", "off", set("off", 0)),
        object("apps/v1", "StatefulSet", "db", stateful),
        object("apps/v1", "ReplicaSet", "alone", set("alone", 2)),
        object(
            "v1",
            "ReplicationController",
            "old",
            json!({ "replicas": 1, "selector": { "app": "old" }, "template": pods("old") }),
        ),
        object(
            "batch/v1",
            "CronJob",
            "nightly",
            json!({ "schedule": "0 3 * * *", "jobTemplate": { "spec": { "template": job } } }),
        ),
        object("batch/v1", "Job", "run", json!({ "template": job })),
        object("batch/v1", "Job", "held", json!({ "suspend": true, "template": job })),
        object(
            "apps/v1",
            "DaemonSet",
            "agent",
            json!({ "selector": { "matchLabels": { "app": "agent" } }, "template": pods("agent") }),
        ),
        object("v1", "Pod", "bare", pods("bare")["spec"].clone()),
    ]
}

async fn specs(client: &Client, workloads: &[Value]) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for workload in workloads {
        let namespace = workload["metadata"]["namespace"].as_str();
        let (version, kind) =
            (workload["apiVersion"].as_str().expect("text"), workload["kind"].as_str().expect("text"));
        let now = get(client, version, kind, namespace, objects::name(workload)).await.expect("exists");
        let metadata = &now["metadata"];
        // What the deployment controller notes for itself is its own.
        let mut annotations = metadata["annotations"].clone();
        if let Some(all) = annotations.as_object_mut() {
            all.retain(|key, _| !key.starts_with("deployment.kubernetes.io/"));
        }
        let annotations = if annotations == json!({}) { Value::Null } else { annotations };
        found.insert(
            objects::title(workload),
            json!({ "uid": metadata["uid"], "labels": metadata["labels"], "annotations": annotations, "spec": now["spec"] }),
        );
    }
    found
}

#[tokio::test]
async fn scaled_to_zero_and_back_is_exact() {
    let client = stage().await.client().await.expect("client");
    let mut wide = environment("dev");
    wide["quota"] = json!({ "max": { "pods": "50" } });
    wide["podSecurity"] = "Privileged".into();
    let spec = |environments: Value| tenant("resting", json!({ "environments": environments }));
    onboard(&client, &spec(json!([wide]))).await;
    // Somebody else's workload, in a namespace of nobody.
    objects::apply(&client, &json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "resting-not" } }))
        .await
        .expect("applied");
    let foreign = workloads("resting-not");
    let ours = workloads("resting-dev");
    for workload in ours.iter().chain(&foreign) {
        objects::apply(&client, workload).await.expect("applied");
    }
    let scaler = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": "web", "namespace": "resting-dev" },
        "spec": { "minReplicas": 2, "maxReplicas": 5, "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" },
                  "metrics": [{ "type": "Resource", "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 50 } } }] },
    });
    objects::apply(&client, &scaler).await.expect("applied");
    let before = specs(&client, &ours).await;
    let others = specs(&client, &foreign).await;

    suspend(&client, "resting", json!({ "mode": "ScaleToZero", "reason": "unpaid" })).await;
    let found = is(&client, "resting", "Suspended", "True", |condition| {
        condition["message"].to_string().contains("6 workloads")
    })
    .await;
    let words = objects::condition(&found, "Suspended").expect("is there")["message"].clone();
    for named in ["DaemonSet resting-dev/agent", "Pod resting-dev/bare", "6 workloads are at zero"] {
        assert!(words.to_string().contains(named), "{named}: {words}");
    }
    let stopped = specs(&client, &ours).await;
    for (title, field, zero, note) in [
        ("Deployment resting-dev/web", "replicas", json!(0), json!("3")),
        ("Deployment resting-dev/off", "replicas", json!(0), Value::Null),
        ("StatefulSet resting-dev/db", "replicas", json!(0), json!("2")),
        ("ReplicaSet resting-dev/alone", "replicas", json!(0), json!("2")),
        ("ReplicationController resting-dev/old", "replicas", json!(0), json!("1")),
        ("CronJob resting-dev/nightly", "suspend", json!(true), json!("false")),
        ("Job resting-dev/run", "suspend", json!(true), json!("false")),
        ("Job resting-dev/held", "suspend", json!(true), Value::Null),
    ] {
        let now = &stopped[title];
        assert_eq!((&now["spec"][field], &now["annotations"][RESUME]), (&zero, &note), "{title}: {now}");
    }
    for title in ["DaemonSet resting-dev/agent", "Pod resting-dev/bare"] {
        assert_eq!(stopped[title], before[title], "{title} is left alone");
    }
    // Only what nothing can scale has pods in the end.
    eventually(SOON, "the pods are gone", async || {
        let left = objects::list(&client, "v1", "Pod", Some("resting-dev"), "").await.expect("listed");
        let left: Vec<&str> =
            left.iter().map(objects::name).filter(|name| *name != "bare" && !name.starts_with("agent-")).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    // An autoscaler rests where there is nothing.
    eventually(SOON, "the autoscaler is inactive", async || {
        let found = get(&client, "autoscaling/v2", "HorizontalPodAutoscaler", Some("resting-dev"), "web")
            .await
            .ok_or("none")?;
        let active = objects::condition(&found, "ScalingActive").cloned().unwrap_or_default();
        if active["reason"] == "ScalingDisabled" { Ok(()) } else { Err(found["status"].to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    // Whoever scales up meanwhile is undone, and what he asked for is what comes back.
    let five = Patch::Merge(json!({ "spec": { "replicas": 5 } }));
    objects::collection(&client, &ours[0]).patch("web", &PatchParams::default(), &five).await.expect("scaled");
    eventually(SOON, "it is at zero again", async || {
        let now = get(&client, "apps/v1", "Deployment", Some("resting-dev"), "web").await.ok_or("none")?;
        let note = &now["metadata"]["annotations"][RESUME];
        if now["spec"]["replicas"] == 0 && note == "5" { Ok(()) } else { Err(now["spec"]["replicas"].to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    let three = Patch::Merge(json!({ "metadata": { "annotations": { RESUME: "3" } } }));
    objects::collection(&client, &ours[0]).patch("web", &PatchParams::default(), &three).await.expect("noted");
    assert_eq!(specs(&client, &foreign).await, others, "what is not the tenant's is not touched");

    // Through another mode it comes back, too: that mode lets run what runs.
    suspend(&client, "resting", json!({ "mode": "NoNewWork" })).await;
    suspended(&client, "resting").await;
    let mut after = specs(&client, &ours).await;
    let mut before = before;
    for specs in [&mut before, &mut after] {
        // Set by the job controller when it starts a job: its own.
        specs.get_mut("Job resting-dev/run").expect("there")["labels"] = Value::Null;
    }
    assert_eq!(after, before);
    for name in ["resting", "resting-dev"] {
        let now = get(&client, "v1", "Namespace", None, name).await.expect("exists");
        assert!(now["metadata"]["annotations"][RESUME].is_null(), "nothing is left to resume: {now}");
    }
    suspend(&client, "resting", Value::Null).await;
    ready(&client, "resting").await;
    assert_eq!(specs(&client, &foreign).await, others);
}

#[tokio::test]
async fn a_resume_survives_the_operators_death_and_an_edit_of_the_manifest() {
    let cluster = Cluster::start(Options::default()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let operator = Operator::start(&cluster).await;
    let environments = json!([{ "name": "dev", "podSecurity": "Privileged" }]);
    onboard(&client, &tenant("sleeper", json!({ "environments": environments }))).await;
    let all: Vec<Value> = (0..30)
        .map(|number| {
            let mut web = workloads("sleeper-dev")[0].clone();
            web["metadata"]["name"] = format!("web-{number}").into();
            web["spec"]["replicas"] = (number % 4).into();
            web
        })
        .collect();
    for web in &all {
        objects::apply(&client, web).await.expect("applied");
    }
    suspend(&client, "sleeper", json!({ "mode": "ScaleToZero" })).await;
    suspended(&client, "sleeper").await;
    operator.kill();
    // What a team applies again says 3 once more; the note stays, as it is not theirs.
    objects::apply(&client, &all[3]).await.expect("applied");
    suspend(&client, "sleeper", Value::Null).await;
    let operator = Operator::start(&cluster).await;
    ready(&client, "sleeper").await;
    for web in &all {
        let now = get(&client, "apps/v1", "Deployment", Some("sleeper-dev"), objects::name(web)).await.expect("exists");
        assert_eq!(now["spec"]["replicas"], web["spec"]["replicas"], "{}", objects::name(web));
        assert!(now["metadata"]["annotations"][RESUME].is_null(), "{now}");
    }

    // The same with network policies that a quarantine closes: killed in the middle of closing them, and again of opening them.
    let mut own = Vec::new();
    for number in 0..30 {
        let selector =
            if number % 3 == 0 { json!({}) } else { json!({ "matchLabels": { "app": format!("a{number}") } }) };
        let policy = open_policy("sleeper-dev", &format!("own-{number}"), &selector);
        own.push(objects::create(&client, &policy).await.expect("created"));
    }
    let closed = async |client: &Client| {
        let all = objects::list(client, "networking.k8s.io/v1", "NetworkPolicy", Some("sleeper-dev"), "").await;
        all.expect("listed").iter().filter(|policy| policy["spec"]["podSelector"] == no_pods()).count()
    };
    suspend(&client, "sleeper", json!({ "mode": "Quarantine" })).await;
    eventually(SOON, "some are closed", async || (closed(&client).await > 0).then_some(())).await.expect("in time");
    operator.kill();
    let operator = Operator::start(&cluster).await;
    suspended(&client, "sleeper").await;
    assert_eq!(closed(&client).await, own.len());
    suspend(&client, "sleeper", Value::Null).await;
    eventually(SOON, "some are open", async || (closed(&client).await < own.len()).then_some(()))
        .await
        .expect("in time");
    operator.kill();
    let _operator = Operator::start(&cluster).await;
    ready(&client, "sleeper").await;
    for policy in &own {
        assert_eq!(now(&client, policy).await, (policy["spec"].clone(), Value::Null), "{}", objects::name(policy));
    }
}

/// Patch to the last of what is written for a suspension, as a watch of the server tells it.
#[tokio::test]
async fn fifty_namespaces_are_suspended_in_a_second() {
    const ROUNDS: usize = 10;
    let client = stage().await.client().await.expect("client");
    let environments: Vec<Value> = (0..49).map(|number| json!({ "name": format!("e{number}") })).collect();
    let members = json!([member("admins", "Admin", "wide-admins"), member("viewers", "Viewer", "wide-viewers")]);
    onboard(&client, &tenant("wide", json!({ "environments": environments, "members": members }))).await;
    for (mode, written) in [("Freeze", 50), ("Quarantine", 50 + 50 + 50)] {
        let mut took = Vec::new();
        for _ in 0..ROUNDS {
            let mut events = Vec::new();
            for kind in
                ["v1/Namespace", "networking.k8s.io/v1/NetworkPolicy", "rbac.authorization.k8s.io/v1/RoleBinding"]
            {
                let (version, kind) = kind.rsplit_once('/').expect("has both");
                let api = objects::collection_of(&client, version, kind, None);
                let list = api.list(&ListParams::default().limit(1)).await.expect("listed");
                let only = WatchParams::default().labels("tenantry.dev/tenant=wide");
                let since = list.metadata.resource_version.expect("told");
                events.push(api.watch(&only, &since).await.expect("watched").boxed());
            }
            let mut events = futures::stream::select_all(events);
            let began = Instant::now();
            suspend(&client, "wide", json!({ "mode": mode })).await;
            let mut seen = 0;
            while seen < written {
                let next = tokio::time::timeout(SOON, events.next()).await;
                if let Ok(Some(Ok(WatchEvent::Modified(_) | WatchEvent::Deleted(_)))) = next {
                    seen += 1;
                } else if next.is_err() {
                    panic!("{mode}: only {seen} of {written} writes");
                }
            }
            took.push(began.elapsed());
            suspended(&client, "wide").await;
            suspend(&client, "wide", Value::Null).await;
            ready(&client, "wide").await;
        }
        took.sort();
        let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
        println!(
            "suspend {mode}, 50 namespaces, {written} writes, {ROUNDS} rounds: p50 {:?}, p99 {:?}",
            at(50),
            at(99)
        );
        // The goal is a second on a quiet machine; tests share theirs.
        assert!(at(50) < Duration::from_secs(5), "{took:?}");
    }
}

/// A test of its own kind: the map that a member may see says that the client works at all.
#[tokio::test]
async fn a_new_namespace_of_a_suspended_tenant_is_born_suspended() {
    let client = stage().await.client().await.expect("client");
    let mut spec = plain_tenant("born");
    spec["spec"]["suspend"] = json!({ "mode": "Quarantine" });
    objects::apply(&client, &spec).await.expect("applied");
    suspended(&client, "born").await;
    let children = scene::children(&client, "born").await;
    assert!(
        !children.keys().any(|title| title.ends_with("/tenantry-admin") || title.ends_with("/tenantry-allow")),
        "{:?}",
        children.keys()
    );
    assert_eq!(children["Namespace born-dev"]["metadata"]["labels"]["tenantry.dev/suspend"], "Quarantine");
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "born-dev");
    maps.list(&ListParams::default()).await.expect("the platform still looks");
    suspend(&client, "born", Value::Null).await;
    ready(&client, "born").await;
    assert!(scene::children(&client, "born").await.contains_key("RoleBinding born-dev/tenantry-admin"));
}
