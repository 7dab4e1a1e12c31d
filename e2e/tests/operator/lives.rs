//! The rest of a namespace's life: rights until it is gone, our definitions lost and found, and tenants made again.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tenantry::render::manifests::{self, Installation};
use tenantry_core::kinds::KINDS;
use tenantry_e2e::operator::install;
use tenantry_e2e::{Cluster, Options, eventually, objects};

use crate::program::{Operator, SOON};
use crate::scene::{self, get, is, namespace_is_gone, onboard, plain_tenant, ready, stage, tenant, tenant_is_gone};

fn stuck(namespace: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "stuck", "namespace": namespace, "finalizers": ["example.com/hold"] } })
}

fn none() -> Patch<Value> {
    Patch::Merge(json!({ "metadata": { "finalizers": null } }))
}

async fn finalizers_are_told(client: &Client, namespace: &str) {
    eventually(SOON, "the namespace says what is left", async || {
        let found = get(client, "v1", "Namespace", None, namespace).await.ok_or("gone")?;
        let told = objects::condition(&found, "NamespaceFinalizersRemaining").cloned().unwrap_or_default();
        if told["message"].to_string().contains("example.com/hold") { Ok(()) } else { Err(found["status"].to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

#[tokio::test]
async fn owners_can_remove_what_keeps_their_namespace_from_ending() {
    let cluster = stage().await;
    let client = cluster.client().await.expect("client");
    let mut spec = plain_tenant("ending");
    spec["spec"]["deletionPolicy"] = "Delete".into();
    let found = onboard(&client, &spec).await;
    objects::apply(&client, &stuck("ending-dev")).await.expect("applied");
    spec["metadata"]["annotations"] = json!({ "tenantry.dev/confirm-delete": found["metadata"]["uid"] });
    objects::apply(&client, &spec).await.expect("applied");
    objects::delete(&client, &spec).await.expect("accepted");
    finalizers_are_told(&client, "ending-dev").await;
    let blocked = is(&client, "ending", "Ready", "False", |condition| condition["reason"] == "DeletionBlocked").await;
    let words = objects::condition(&blocked, "Ready").expect("there")["message"].to_string();
    assert!(words.contains("configmaps") && words.contains("example.com/hold"), "{words}");
    assert!(!words.contains("rolebindings") && !words.contains("tenantry.dev/rights"), "only what is others': {words}");
    // Long after the namespace controller has begun, a developer does what the platform team had to do before.
    let developer = cluster.user("d", &["ending-developers"]).expect("issued").client().await.expect("client");
    objects::collection(&developer, &stuck("ending-dev"))
        .patch("stuck", &PatchParams::default(), &none())
        .await
        .expect("a member may still write");
    namespace_is_gone(&client, "ending-dev").await;
    tenant_is_gone(&client, "ending").await;
}

#[tokio::test]
async fn a_membership_that_ends_while_a_namespace_does_ends() {
    let cluster = stage().await;
    let client = cluster.client().await.expect("client");
    onboard(&client, &plain_tenant("fading")).await;
    objects::apply(&client, &stuck("fading-dev")).await.expect("applied");
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "fading-dev" } });
    // By the platform's own hand, not through the Tenant.
    objects::delete(&client, &namespace).await.expect("accepted");
    finalizers_are_told(&client, "fading-dev").await;
    let developer = cluster.user("d", &["fading-developers"]).expect("issued").client().await.expect("client");
    let reads = async || objects::list(&developer, "v1", "ConfigMap", Some("fading-dev"), "").await.is_ok();
    assert!(reads().await, "a member's rights outlast the first round of the namespace controller");
    let mut fewer = plain_tenant("fading");
    fewer["spec"]["members"].as_array_mut().expect("a list").remove(1);
    objects::apply(&client, &fewer).await.expect("applied");
    eventually(SOON, "who is no member any more may not look", async || (!reads().await).then_some(()))
        .await
        .expect("in time");
    objects::collection(&client, &stuck("fading-dev"))
        .patch("stuck", &PatchParams::default(), &none())
        .await
        .expect("removed");
    ready(&client, "fading").await;
    let again = get(&client, "v1", "Namespace", None, "fading-dev").await.expect("made again");
    assert!(again["metadata"]["deletionTimestamp"].is_null());
}

#[tokio::test]
async fn no_namespace_hangs_when_the_operator_is_gone() {
    let cluster = Cluster::start(Options::default()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let operator = Operator::start(&cluster).await;
    onboard(&client, &plain_tenant("left")).await;
    operator.kill();
    for name in ["left-dev", "left"] {
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        objects::delete(&client, &namespace).await.expect("accepted");
        namespace_is_gone(&client, name).await;
    }
}

/// Uids and restarts of everything in these namespaces that a user would miss.
async fn contents(client: &Client, namespaces: &[&str]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for namespace in namespaces {
        let itself = get(client, "v1", "Namespace", None, namespace).await.expect("exists");
        found.insert(objects::title(&itself), itself["metadata"]["uid"].to_string());
        for (version, kind) in
            [("v1", "Pod"), ("v1", "ConfigMap"), ("apps/v1", "Deployment"), ("networking.k8s.io/v1", "NetworkPolicy")]
        {
            for mut object in objects::list(client, version, kind, Some(namespace), "").await.expect("listed") {
                object["kind"] = kind.into();
                let restarts = object["status"]["containerStatuses"][0]["restartCount"].to_string();
                found.insert(objects::title(&object), format!("{} {restarts}", object["metadata"]["uid"]));
            }
        }
    }
    found
}

#[tokio::test]
async fn definitions_lost_and_found_take_nothing_with_them() {
    let cluster = Cluster::start(Options::default()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let mut operator = Operator::start(&cluster).await;
    let tenants = [plain_tenant("kept"), plain_tenant("also-kept")];
    for spec in &tenants {
        let mut spec = spec.clone();
        spec["spec"]["environments"][0]["podSecurity"] = "Privileged".into();
        onboard(&client, &spec).await;
    }
    let web = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "kept-dev" },
        "spec": { "replicas": 3, "selector": { "matchLabels": { "app": "web" } }, "template": {
            "metadata": { "labels": { "app": "web" } },
            "spec": { "containers": [{ "name": "main", "image": "example.com/none",
                "resources": { "requests": { "cpu": "10m" }, "limits": { "cpu": "20m", "memory": "8Mi" } } }] } } },
    });
    objects::apply(&client, &web).await.expect("applied");
    eventually(SOON, "three pods", async || {
        let pods = objects::list(&client, "v1", "Pod", Some("kept-dev"), "").await.expect("listed");
        if pods.len() == 3 { Ok(()) } else { Err(pods.len().to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    let namespaces = ["kept", "kept-dev", "also-kept", "also-kept-dev"];
    let before = contents(&client, &namespaces).await;
    assert!(before.len() > 10, "{before:?}");
    let definitions: Vec<Value> = manifests::all(
        KINDS,
        &Installation {
            namespace: "tenantry-system".into(),
            image: "none".into(),
            replicas: 0,
            replicate_from: vec![],
        },
    )
    .expect("renders")
    .into_iter()
    .filter(|object| object["kind"] == "CustomResourceDefinition")
    .collect();
    for definition in &definitions {
        objects::delete(&client, definition).await.expect("accepted");
    }
    for definition in &definitions {
        let (version, kind) = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
        eventually(SOON, "the definition is gone", async || {
            match get(&client, version, kind, None, objects::name(definition)).await {
                None => Ok(()),
                Some(found) => Err(found["status"].to_string()),
            }
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
    }
    assert_eq!(contents(&client, &namespaces).await, before, "without the definitions");
    operator.says("/readyz", |code, text| code == 503 && text.contains("tenants")).await;
    install(&client, &definitions).await.expect("installed");
    objects::apply(&client, &scene::class(scene::CLASS, &json!({}))).await.expect("applied");
    for spec in &tenants {
        let mut spec = spec.clone();
        spec["spec"]["environments"][0]["podSecurity"] = "Privileged".into();
        onboard(&client, &spec).await;
    }
    assert_eq!(contents(&client, &namespaces).await, before, "with the definitions again");
    for name in namespaces {
        let found = get(&client, "v1", "Namespace", None, name).await.expect("exists");
        assert!(found["metadata"]["labels"]["tenantry.dev/retained-from"].is_null(), "taken back: {found}");
    }
}

#[tokio::test]
async fn a_tenant_made_again_takes_back_what_was_retained_and_nothing_that_was_deleted() {
    let client = stage().await.client().await.expect("client");
    for (name, policy) in [("again-kept", "Retain"), ("again-new", "Delete")] {
        let mut spec = plain_tenant(name);
        spec["spec"]["deletionPolicy"] = policy.into();
        let found = onboard(&client, &spec).await;
        let namespaces = [name.to_owned(), format!("{name}-dev")];
        let uids = async || {
            let mut uids = Vec::new();
            for namespace in &namespaces {
                uids.push(
                    get(&client, "v1", "Namespace", None, namespace).await.expect("exists")["metadata"]["uid"].clone(),
                );
            }
            uids
        };
        let before = uids().await;
        let mut confirmed = spec.clone();
        confirmed["metadata"]["annotations"] = json!({ "tenantry.dev/confirm-delete": found["metadata"]["uid"] });
        objects::apply(&client, &confirmed).await.expect("applied");
        objects::delete(&client, &spec).await.expect("accepted");
        tenant_is_gone(&client, name).await;
        // The manifest of old still carries the confirmation of the old Tenant: it means nothing to the new one.
        let again = onboard(&client, &confirmed).await;
        let after = uids().await;
        let same = before.iter().zip(&after).filter(|(one, other)| one == other).count();
        assert_eq!(same, if policy == "Retain" { 2 } else { 0 }, "{policy}");
        let mut fewer = confirmed.clone();
        fewer["spec"]["environments"] = json!([]);
        fewer["spec"]["deletionPolicy"] = "Delete".into();
        objects::apply(&client, &fewer).await.expect("applied");
        eventually(SOON, "the environment waits for a confirmation of this Tenant", async || {
            let found = get(&client, "tenantry.dev/v1alpha1", "Tenant", None, name).await.ok_or("none")?;
            let words = found["status"]["retained"].to_string();
            let uid = again["metadata"]["uid"].as_str().expect("text");
            if words.contains(uid) { Ok(()) } else { Err(words) }
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
        scene::stays(Duration::from_secs(1), async || {
            let there = get(&client, "v1", "Namespace", None, &namespaces[1]).await;
            there.filter(|found| found["metadata"]["deletionTimestamp"].is_null()).map(|_| ()).ok_or("deleted".into())
        })
        .await;
    }
    objects::delete(&client, &tenant("again-kept", json!({}))).await.expect("accepted");
}
