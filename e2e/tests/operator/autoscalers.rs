//! Autoscalers that a cluster may have or not: KEDA and VerticalPodAutoscalers. Their own definitions say whether what we write is
//! right; the test plays their controllers.

use std::path::Path;

use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tenantry_e2e::packages::{self, NotInstalled};
use tenantry_e2e::{Cluster, Options, eventually, objects, skip};

use crate::program::{Operator, SOON};
use crate::scene::{self, get, onboard, plain_tenant};
use crate::workloads::{is, workload};

pub const KEDA: (&str, &str) = ("keda.sh/v1alpha1", "ScaledObject");
pub const VERTICAL: (&str, &str) = ("autoscaling.k8s.io/v1", "VerticalPodAutoscaler");

/// The definitions as the projects ship them.
fn definitions() -> Result<Vec<Value>, NotInstalled> {
    let read = |path: &Path, name: &str| -> Value {
        let text = std::fs::read_to_string(path).expect("a definition");
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).expect("YAML");
        documents.into_iter().find(|one| one["metadata"]["name"] == name).expect("the definition")
    };
    let keda = packages::go_module("github.com/kedacore/keda/v2", "v2.20.2")?;
    let vertical = packages::go_module("k8s.io/autoscaler/vertical-pod-autoscaler", "v1.8.1")?;
    let mut vertical = read(&vertical.join("deploy/vpa-v1-crd-gen.yaml"), "verticalpodautoscalers.autoscaling.k8s.io");
    // The server keeps this group for what its reviewers have approved; the annotation says so.
    vertical.as_object_mut().map(|all| all.remove("status"));
    Ok(vec![read(&keda.join("config/crd/bases/keda.sh_scaledobjects.yaml"), "scaledobjects.keda.sh"), vertical])
}

/// The smallest definitions that do, for tests that look at other things.
pub async fn install_smallest(client: &Client) {
    for (group, version, kind, plural) in [
        ("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects"),
        ("autoscaling.k8s.io", "v1", "VerticalPodAutoscaler", "verticalpodautoscalers"),
    ] {
        let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {
                "name": format!("{plural}.{group}"),
                "annotations": { "api-approved.kubernetes.io": "unapproved, for a test" },
            },
            "spec": {
                "group": group, "scope": "Namespaced",
                "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List") },
                "versions": [{ "name": version, "served": true, "storage": true, "schema": { "openAPIV3Schema": anything } }],
            },
        });
        objects::apply(client, &definition).await.expect("applied");
    }
}

/// A workload that both look after.
pub fn scaled(namespace: &str) -> Value {
    let spec = json!({
        "image": "registry.example/web:1", "resources": { "requests": { "cpu": "50m", "memory": "32Mi" } },
        "scaling": { "maxReplicas": 5, "provider": "Keda", "vertical": "Recommend" },
    });
    workload("Application", namespace, "scaled", &spec)
}

/// What one of them was told; waits until it is.
pub async fn told(client: &Client, (version, kind): (&str, &str), namespace: &str, name: &str) -> Value {
    eventually(SOON, &format!("there is a {kind} {name}"), async || {
        get(client, version, kind, Some(namespace), name).await.ok_or("there is none")
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"))
}

async fn say(client: &Client, (version, kind): (&str, &str), namespace: &str, name: &str, status: &Value) {
    let collection = objects::collection_of(client, version, kind, Some(namespace));
    let patch = Patch::Merge(json!({ "status": status }));
    // KEDA's status is a subresource, a VerticalPodAutoscaler's was not always.
    if collection.patch_status(name, &PatchParams::default(), &patch).await.is_err() {
        collection.patch(name, &PatchParams::default(), &patch).await.expect("changed");
    }
}

async fn scale(client: &Client, namespace: &str, name: &str, replicas: i32) {
    let deployments = objects::collection_of(client, "apps/v1", "Deployment", Some(namespace));
    let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
    deployments.patch(name, &PatchParams::default(), &patch).await.expect("scaled");
}

async fn replicas(client: &Client, namespace: &str, name: &str) -> Value {
    get(client, "apps/v1", "Deployment", Some(namespace), name)
        .await
        .map(|one| one["spec"]["replicas"].clone())
        .unwrap_or_default()
}

async fn capability(client: &Client, name: &str, available: bool) {
    eventually(SOON, &format!("{name} is said to be available: {available}"), async || {
        let platform = get(client, "tenantry.dev/v1alpha1", "TenantryPlatform", None, "default").await.ok_or("none")?;
        let all = platform["status"]["capabilities"].as_array().cloned().unwrap_or_default();
        let found = all.iter().find(|one| one["name"] == name).cloned().unwrap_or_default();
        if found["available"] == available { Ok(()) } else { Err("it says otherwise") }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

#[tokio::test]
async fn they_are_used_where_they_are_served_and_come_and_go_without_a_restart() {
    let definitions = match tokio::task::spawn_blocking(definitions).await.expect("joined") {
        Ok(definitions) => definitions,
        Err(reason) => skip!("{reason}"),
    };
    let cluster = Cluster::start(Options::with_nodes(1)).await.expect("starts");
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let _operator = Operator::start(&cluster).await;
    let platform = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": { "name": "default" },
        "spec": { "prometheus": { "serverAddress": "http://prometheus.monitoring.svc:9090" } },
    });
    objects::apply(&client, &platform).await.expect("applied");
    onboard(&client, &plain_tenant("scaling")).await;
    let asked = json!([{ "type": "Prometheus", "query": "sum(rate(asked[1m]))", "value": "5" }]);
    let spec = |min: i32| {
        json!({
            "image": "registry.example/web:1", "ports": [{ "name": "http", "port": 8080 }],
            "scaling": { "minReplicas": min, "maxReplicas": 6, "vertical": "Auto", "metrics": asked,
                "behavior": { "scaleDownStabilization": "2m" } },
        })
    };
    let web = |min: i32| workload("Application", "scaling-dev", "web", &spec(min));

    // Nobody scales: it runs all the same, and says who is missing.
    objects::apply(&client, &web(1)).await.expect("applied");
    is(&client, &web(1), "Ready", "True", "").await;
    is(&client, &web(1), "ScalingReady", "False", "ProviderMissing").await;
    capability(&client, "Keda", false).await;

    // They come.
    for definition in &definitions {
        objects::apply(&client, definition).await.expect("the server takes the definition");
    }
    let object = told(&client, KEDA, "scaling-dev", "web-app").await;
    assert_eq!(object["spec"]["scaleTargetRef"]["name"], "web-app");
    assert_eq!(object["spec"]["triggers"][0]["metadata"]["serverAddress"], "http://prometheus.monitoring.svc:9090");
    assert_eq!(object["spec"]["triggers"][0]["metadata"]["threshold"], "5");
    assert_eq!(object["spec"]["cooldownPeriod"], 120);
    let vertical = told(&client, VERTICAL, "scaling-dev", "web-app").await;
    assert_eq!(vertical["spec"]["updatePolicy"]["updateMode"], "Recreate");
    capability(&client, "Keda", true).await;
    is(&client, &web(1), "ScalingReady", "Unknown", "Pending").await;
    let condition = |type_: &str, status: &str, message: &str| json!({ "type": type_, "status": status, "reason": "Played", "message": message });
    say(
        &client,
        KEDA,
        "scaling-dev",
        "web-app",
        &json!({ "conditions": [condition("Ready", "False", "the query has no answer")] }),
    )
    .await;
    let failing = is(&client, &web(1), "ScalingReady", "False", "Failed").await;
    assert!(
        objects::condition(&failing, "ScalingReady").expect("there").to_string().contains("the query has no answer")
    );
    say(&client, KEDA, "scaling-dev", "web-app", &json!({ "conditions": [condition("Ready", "True", "")] })).await;
    let looked =
        json!({ "type": "RecommendationProvided", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z" });
    say(&client, VERTICAL, "scaling-dev", "web-app", &json!({ "conditions": [looked] })).await;
    is(&client, &web(1), "ScalingReady", "True", "Succeeded").await;

    // What KEDA decides stands, also none at all.
    scale(&client, "scaling-dev", "web-app", 4).await;
    objects::apply(&client, &web(0)).await.expect("applied");
    is(&client, &web(0), "Ready", "True", "").await;
    assert_eq!(replicas(&client, "scaling-dev", "web-app").await, 4);
    scale(&client, "scaling-dev", "web-app", 0).await;
    let none = is(&client, &web(0), "Available", "True", "ScaledToZero").await;
    assert_eq!(objects::condition(&none, "Ready").expect("there")["status"], "True");
    // The last endpoint goes some moments after the last pod.
    eventually(SOON, "no address is told, as nobody answers", async || {
        let found = objects::collection(&client, &web(0)).get("web").await.map_err(|error| error.to_string())?;
        match &found.data["status"]["url"] {
            Value::Null => Ok(()),
            url => Err(url.to_string()),
        }
    })
    .await
    .expect("in time");

    // What is ours in it is kept.
    let collection = objects::collection_of(&client, KEDA.0, KEDA.1, Some("scaling-dev"));
    let spoil = json!({ "spec": { "maxReplicaCount": 60, "pollingInterval": 1 } });
    collection.patch("web-app", &PatchParams::default(), &Patch::Merge(spoil)).await.expect("changed");
    eventually(SOON, "the bounds are as they were", async || {
        let now = told(&client, KEDA, "scaling-dev", "web-app").await["spec"].clone();
        let whole = now["minReplicaCount"] == 0 && now["maxReplicaCount"] == 6 && now["pollingInterval"].is_null();
        if whole { Ok(()) } else { Err(now.to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));

    // They go: the pods stay as they are, nothing else is disturbed, and the operator goes on.
    scale(&client, "scaling-dev", "web-app", 3).await;
    for definition in &definitions {
        objects::delete(&client, definition).await.expect("deleted");
    }
    is(&client, &web(0), "ScalingReady", "False", "ProviderMissing").await;
    capability(&client, "Keda", false).await;
    is(&client, &web(0), "Ready", "True", "").await;
    assert_eq!(replicas(&client, "scaling-dev", "web-app").await, 3);

    // And come again.
    for definition in &definitions {
        objects::apply(&client, definition).await.expect("the server takes the definition");
    }
    told(&client, KEDA, "scaling-dev", "web-app").await;
    switch_off(&client, &web(0)).await;
}

/// Takes the scaling from a workload, and waits until what looked after it is gone.
pub async fn switch_off(client: &Client, scaled: &Value) {
    let off = Patch::Merge(json!({ "spec": { "scaling": null } }));
    let name = objects::name(scaled);
    objects::collection(client, scaled).patch(name, &PatchParams::default(), &off).await.expect("changed");
    for (version, kind) in [KEDA, VERTICAL] {
        eventually(SOON, &format!("the {kind} is gone"), async || {
            let namespace = scaled["metadata"]["namespace"].as_str();
            get(client, version, kind, namespace, &format!("{name}-app")).await.is_none().then_some(())
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
    }
}
