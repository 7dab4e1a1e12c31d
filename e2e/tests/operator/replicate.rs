//! Copies of the platform's Secrets and ConfigMaps: they follow their original, go with it, and are made by an operator that
//! cannot read what tenants have.

use std::time::{Duration, Instant};

use kube::Client;
use serde_json::{Value, json};
use tenantry_core::meta;
use tenantry_e2e::operator::{NAMESPACE, USER};
use tenantry_e2e::{Cluster, Options, eventually, objects};

use crate::program::{Operator, SHARED, SOON};
use crate::scene::{self, environment, get, is, member, onboard, ready, tenant};

/// What must be seen nowhere but in the original and its copies: as it stands in a Secret, `never-NNN` in base64.
fn hidden(round: usize) -> String {
    let bytes = k8s_openapi::ByteString(format!("never-{round:03}").into_bytes());
    serde_json::to_value(bytes).expect("JSON").as_str().expect("text").to_owned()
}

fn secret(namespace: &str, name: &str, round: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "platform.example/pull",
        "metadata": { "name": name, "namespace": namespace },
        "data": { "token": hidden(round), "user.name": hidden(round) },
    })
}

fn config(namespace: &str, name: &str, text: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": namespace }, "data": { "text": text } })
}

fn platform(from: &[&str]) -> Value {
    json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": { "name": "default" }, "spec": { "protectedNamespaces": ["nobodys"], "replicateFrom": from } })
}

/// A tenant with environments `dev` and `prod` and these entries.
fn replicating(name: &str, replicate: &Value) -> Value {
    let members = json!([member("developers", "Developer", "people")]);
    tenant(
        name,
        json!({ "environments": [environment("dev"), environment("prod")], "members": members, "replicate": replicate }),
    )
}

fn entry(kind: &str, name: &str) -> Value {
    json!({ "kind": kind, "namespace": SHARED, "name": name })
}

async fn copy(client: &Client, kind: &str, namespace: &str, name: &str) -> Option<Value> {
    get(client, "v1", kind, Some(namespace), name).await
}

/// How long it takes until the copy is so. Asks without a pause.
async fn until(
    client: &Client,
    kind: &str,
    namespace: &str,
    name: &str,
    is_so: impl Fn(Option<&Value>) -> bool,
) -> Duration {
    let began = Instant::now();
    while began.elapsed() < SOON {
        if is_so(copy(client, kind, namespace, name).await.as_ref()) {
            return began.elapsed();
        }
    }
    panic!("{kind} {namespace}/{name} is {:?}", copy(client, kind, namespace, name).await);
}

/// Writes of the operator so far, but its lease, as `verb resource`.
fn writes(cluster: &Cluster) -> Vec<String> {
    let text = std::fs::read_to_string(cluster.audit_log().expect("asked for")).expect("readable");
    let entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    entries
        .filter(|entry| entry["user"]["username"] == USER && entry["objectRef"]["resource"] != "leases")
        .filter(|entry| !["get", "list", "watch"].contains(&entry["verb"].as_str().unwrap_or_default()))
        .map(|entry| format!("{} {}", entry["verb"], entry["objectRef"]))
        .collect()
}

#[tokio::test]
async fn copies_follow_their_originals_and_nobody_reads_what_tenants_have() {
    let cluster = Cluster::start(Options::default().with_audit_log()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let operator = Operator::start(&cluster).await;
    objects::apply(&client, &platform(&[SHARED])).await.expect("applied");

    // A stranger's Secret of the same name is there before.
    let both = json!([entry("Secret", "pull"), entry("ConfigMap", "bundle")]);
    objects::create(&client, &secret(SHARED, "pull", 0)).await.expect("created");
    objects::create(&client, &config(SHARED, "bundle", "one")).await.expect("created");
    onboard(&client, &replicating("copied", &both)).await;
    for namespace in ["copied-dev", "copied-prod"] {
        let found = copy(&client, "Secret", namespace, "pull").await.expect("copied");
        assert_eq!(found["data"], secret(SHARED, "pull", 0)["data"]);
        assert_eq!(found["type"], "platform.example/pull");
        assert_eq!(found["metadata"]["labels"][meta::TENANT], "copied");
        assert_eq!(found["metadata"]["labels"][meta::MANAGED_BY], meta::MANAGER);
        assert_eq!(found["metadata"]["annotations"][meta::COPY_OF], format!("{SHARED}/pull"));
        assert!(
            found["metadata"]["annotations"][meta::OWNER]
                .as_str()
                .is_some_and(|mark| mark.starts_with("tenants//copied/"))
        );
        let found = copy(&client, "ConfigMap", namespace, "bundle").await.expect("copied");
        assert_eq!(found["data"]["text"], "one");
    }
    assert!(copy(&client, "Secret", "copied", "pull").await.is_none(), "not into the home namespace");

    follows(&client).await;
    reads_nothing(&client).await;
    hides_what_it_copies(&client, &operator).await;

    // A restart writes nothing.
    ready(&client, "copied").await;
    operator.kill();
    let before = writes(&cluster);
    let mut operator = Operator::start(&cluster).await;
    objects::apply(&client, &tenant("marker", json!({}))).await.expect("applied");
    ready(&client, "marker").await;
    let after = writes(&cluster);
    let about_copied: Vec<&String> = after[before.len()..].iter().filter(|write| write.contains("copied")).collect();
    assert!(about_copied.is_empty(), "{about_copied:?}");
    operator.reconciles().await;

    strangers_are_left_alone(&client).await;
    goes_when_it_should(&client, &both).await;
    says_what_is_missing(&client, &operator).await;
}

async fn follows(client: &Client) {
    let mut delays = Vec::new();
    for round in 1..=40 {
        let changed = secret(SHARED, "pull", round);
        objects::apply(client, &changed).await.expect("applied");
        let is_so = |found: Option<&Value>| found.is_some_and(|found| found["data"] == changed["data"]);
        let dev = until(client, "Secret", "copied-dev", "pull", is_so).await;
        let rest = until(client, "Secret", "copied-prod", "pull", is_so).await;
        delays.push(dev + rest);
    }
    delays.sort();
    let (p50, p99) = (delays[delays.len() / 2], delays[delays.len() - 1]);
    println!("original changed -> both copies changed: p50 {p50:?}, p99 {p99:?} of {}", delays.len());
    assert!(p50 < Duration::from_secs(1), "{delays:?}");

    objects::apply(client, &config(SHARED, "bundle", "two")).await.expect("applied");
    until(client, "ConfigMap", "copied-dev", "bundle", |found| {
        found.is_some_and(|found| found["data"]["text"] == "two")
    })
    .await;
    // Another type, which a Secret cannot change to: a new one in its place.
    let mut other = secret(SHARED, "pull", 99);
    other["type"] = "platform.example/other".into();
    objects::delete(client, &other).await.expect("deleted");
    objects::create(client, &other).await.expect("created");
    until(client, "Secret", "copied-dev", "pull", |found| found.is_some_and(|found| found["type"] == other["type"]))
        .await;
    // A copy that was deleted comes with the next change.
    objects::delete(client, &secret("copied-dev", "pull", 0)).await.expect("deleted");
    other["data"] = secret(SHARED, "pull", 100)["data"].clone();
    objects::apply(client, &other).await.expect("applied");
    until(client, "Secret", "copied-dev", "pull", |found| found.is_some_and(|found| found["data"] == other["data"]))
        .await;
}

async fn reads_nothing(client: &Client) {
    for resource in ["secrets", "configmaps"] {
        for (verb, namespace, expected) in [
            ("get", "copied-dev", false),
            ("list", "copied-dev", false),
            ("watch", "copied-dev", false),
            ("patch", "copied-dev", false),
            ("list", "", false),
            ("watch", "", false),
            ("get", "kube-system", false),
            ("deletecollection", "copied-dev", false),
            ("get", SHARED, true),
            ("list", SHARED, true),
            ("watch", SHARED, true),
            ("patch", SHARED, false),
            ("create", "copied-dev", true),
            ("update", "copied-dev", true),
            ("delete", "copied-dev", true),
        ] {
            let review = json!({
                "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": { "name": "" },
                "spec": { "user": USER, "groups": ["system:serviceaccounts", format!("system:serviceaccounts:{NAMESPACE}")],
                          "resourceAttributes": { "verb": verb, "resource": resource, "namespace": namespace } },
            });
            let answer = objects::create(client, &review).await.expect("answered");
            assert_eq!(answer["status"]["allowed"] == true, expected, "{verb} {resource} in {namespace:?}");
        }
    }
}

async fn hides_what_it_copies(client: &Client, operator: &Operator) {
    let found = get(client, "tenantry.dev/v1alpha1", "Tenant", None, "copied").await.expect("exists");
    let events = objects::list(client, "v1", "Event", None, "").await.expect("listed");
    let (_, metrics) = operator.get("/metrics").await.expect("answers");
    let events = serde_json::to_string(&events).expect("JSON");
    for (place, text) in
        [("log", operator.log()), ("Tenant", found.to_string()), ("Events", events), ("metrics", metrics)]
    {
        assert!(text.len() > 1, "{place} was looked at");
        for round in [0, 1, 40, 99, 100] {
            assert!(!text.contains(&hidden(round)), "{place} shows what a Secret holds");
            assert!(!text.contains(&format!("never-{round:03}")), "{place} shows what a Secret holds");
        }
    }
}

async fn strangers_are_left_alone(client: &Client) {
    onboard(client, &replicating("crowded", &json!([]))).await;
    let theirs = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "pull", "namespace": "crowded-dev" }, "stringData": { "theirs": "yes" } });
    let theirs = objects::create(client, &theirs).await.expect("created");
    objects::apply(client, &replicating("crowded", &json!([entry("Secret", "pull")]))).await.expect("applied");
    is(client, "crowded", "Ready", "False", |found| {
        found["reason"] == "NotOwned"
            && found["message"].as_str().is_some_and(|text| text.contains("Secret crowded-dev/pull"))
    })
    .await;
    until(client, "Secret", "crowded-prod", "pull", |found| found.is_some()).await;
    // Also after the next change of the original, and when it is no longer wanted.
    objects::apply(client, &config(SHARED, "bundle", "three")).await.expect("applied");
    onboard(client, &replicating("crowded", &json!([]))).await;
    until(client, "Secret", "crowded-prod", "pull", |found| found.is_none()).await;
    let found = copy(client, "Secret", "crowded-dev", "pull").await.expect("still there");
    assert_eq!(found["metadata"]["resourceVersion"], theirs["metadata"]["resourceVersion"]);
}

async fn goes_when_it_should(client: &Client, both: &Value) {
    // From one environment.
    let mut fewer = both.clone();
    fewer[1]["environments"] = json!(["dev"]);
    onboard(client, &replicating("copied", &fewer)).await;
    until(client, "ConfigMap", "copied-prod", "bundle", |found| found.is_none()).await;
    assert!(copy(client, "ConfigMap", "copied-dev", "bundle").await.is_some());
    // With its original, and back with it.
    objects::delete(client, &config(SHARED, "bundle", "")).await.expect("deleted");
    until(client, "ConfigMap", "copied-dev", "bundle", |found| found.is_none()).await;
    is(client, "copied", "ResolvedRefs", "False", |found| found["reason"] == "RefNotFound").await;
    objects::create(client, &config(SHARED, "bundle", "back")).await.expect("created");
    until(client, "ConfigMap", "copied-dev", "bundle", |found| found.is_some()).await;
    ready(client, "copied").await;
    // When the platform takes the namespace back.
    objects::apply(client, &platform(&[])).await.expect("applied");
    until(client, "Secret", "copied-dev", "pull", |found| found.is_none()).await;
    is(client, "copied", "Accepted", "False", |found| {
        found["message"].as_str().is_some_and(|text| text.contains("replicateFrom"))
    })
    .await;
    objects::apply(client, &platform(&[SHARED])).await.expect("applied");
    until(client, "Secret", "copied-dev", "pull", |found| found.is_some()).await;
    // When it is no longer listed, and when its environment or Tenant goes, whose namespace stays.
    onboard(client, &replicating("copied", &json!([entry("ConfigMap", "bundle")]))).await;
    until(client, "Secret", "copied-dev", "pull", |found| found.is_none()).await;
    objects::delete(client, &replicating("copied", &json!([]))).await.expect("deleted");
    until(client, "ConfigMap", "copied-dev", "bundle", |found| found.is_none()).await;
    eventually(SOON, "the tenant is gone", async || {
        get(client, "tenantry.dev/v1alpha1", "Tenant", None, "copied").await.is_none().then_some(())
    })
    .await
    .expect("in time");
    assert!(get(client, "v1", "Namespace", None, "copied-dev").await.is_some(), "retained");
}

/// The operator was given no right there: the status says which, and goes on when it is given.
async fn says_what_is_missing(client: &Client, operator: &Operator) {
    let elsewhere = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "elsewhere" } });
    objects::create(client, &elsewhere).await.expect("created");
    objects::create(client, &secret("elsewhere", "pull", 0)).await.expect("created");
    objects::apply(client, &platform(&[SHARED, "elsewhere"])).await.expect("applied");
    let from_there = json!([{ "kind": "Secret", "namespace": "elsewhere", "name": "pull" }]);
    objects::apply(client, &replicating("waiting", &from_there)).await.expect("applied");
    is(client, "waiting", "Applied", "Unknown", |found| {
        found["message"]
            .as_str()
            .is_some_and(|text| text.contains("get, list and watch on secrets in namespace elsewhere"))
    })
    .await;
    operator.logs("cannot list resource \"secrets\"").await;
    assert!(copy(client, "Secret", "waiting-dev", "pull").await.is_none());
    // What a tenant may not name is refused, whatever rights there are.
    objects::create(client, &config("waiting-dev", "own", "x")).await.expect("created");
    objects::apply(client, &platform(&[SHARED, "waiting-dev"])).await.expect("applied");
    let from_tenant = json!([{ "kind": "ConfigMap", "namespace": "waiting-dev", "name": "own" }]);
    objects::apply(client, &replicating("waiting", &from_tenant)).await.expect("applied");
    is(client, "waiting", "Accepted", "False", |found| {
        found["message"].as_str().is_some_and(|text| text.contains("is a tenant's"))
    })
    .await;
}
