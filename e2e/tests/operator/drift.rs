//! Whatever somebody else changes of what is ours is put back, and nothing else is touched.

use std::collections::{BTreeMap, BTreeSet};

use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tenantry_core::content::hash_observed;
use tenantry_core::meta::is_managed_key;
use tenantry_e2e::{eventually, objects};

use crate::program::SOON;
use crate::scene::{self, onboard, ready, resource_of, stage, tenant};

/// A tenant with an object of every kind a Tenant can have, two network policies among them.
fn full(name: &str) -> Value {
    let mut tenant = scene::plain_tenant(name);
    tenant["spec"]["network"] = json!({
        "betweenEnvironments": "Allow",
        "egress": [{ "name": "api", "to": { "cidr": "203.0.113.0/24", "except": ["203.0.113.7/32"] }, "ports": [{ "port": 443, "endPort": 450 }] }],
    });
    tenant["spec"]["metadata"] =
        json!({ "labels": { "cost-centre": "4711" }, "annotations": { "example.com/note": "n" } });
    tenant
}

/// Every leaf of a value, as a JSON pointer; of lists the items too.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    if !path.is_empty() {
        found.push(path.to_owned());
    }
    for (key, child) in children {
        leaves(child, &format!("{path}/{key}"), found);
    }
}

/// Everything of an object that is ours: what the hash is made of.
fn owned_paths(object: &Value, foreign: &BTreeSet<String>) -> Vec<String> {
    let mut paths = Vec::new();
    for section in ["spec", "roleRef", "subjects"] {
        if !object[section].is_null() && object["kind"] != "Namespace" {
            leaves(&object[section], &format!("/{section}"), &mut paths);
        }
    }
    for section in ["labels", "annotations"] {
        for key in object["metadata"][section].as_object().into_iter().flatten().map(|(key, _)| key) {
            let ours = if object["kind"] == "Namespace" { !foreign.contains(key) } else { is_managed_key(key) };
            if ours {
                paths.push(format!("/metadata/{section}/{}", key.replace('~', "~0").replace('/', "~1")));
            }
        }
    }
    paths
}

/// Ways to spoil the value at a path. Which of them the server accepts is its business.
fn spoiled(object: &Value, path: &str) -> Vec<Value> {
    let mut ways = vec![json!([{ "op": "remove", "path": path }])];
    let replaced = |value: Value| json!([{ "op": "replace", "path": path, "value": value }]);
    match object.pointer(path) {
        Some(Value::String(text)) => {
            ways.extend([format!("{text}9"), format!("9{text}")].map(|text| replaced(text.into())));
            ways.extend(
                ["baseline", "7", "1m", "198.51.100.0/24", "203.0.0.0/16", "UDP", "Exists", "User"]
                    .map(|text| replaced(text.into())),
            );
            // What a field of a few words can say.
            ways.extend(
                ["Request", "Production", "Developer", "Viewer", "Allow", "Deny"].map(|text| replaced(text.into())),
            );
        }
        Some(Value::Number(number)) => ways.push(replaced(json!(number.as_i64().unwrap_or_default() + 1))),
        Some(Value::Object(_)) => ways.extend([
            replaced(json!({})),
            replaced(json!({ "matchLabels": { "app": "other" } })),
            replaced(json!({ "cidr": "198.51.100.0/24" })),
            replaced(json!({ "cpu": "1m" })),
            replaced(json!({ "port": 1 })),
            replaced(json!({ "className": "other", "auditLevel": "None" })),
        ]),
        Some(Value::Array(_)) => {
            ways.extend([
                replaced(json!([])),
                replaced(json!(["Ingress"])),
                replaced(json!(["Egress"])),
                replaced(json!([{ "port": 1 }])),
            ]);
        }
        _ => {}
    }
    ways
}

async fn patch(client: &Client, object: &Value, patch: &Value) -> Result<Value, kube::Error> {
    let patch: Patch<()> = Patch::Json(serde_json::from_value(patch.clone()).expect("a JSON patch"));
    let parameters = PatchParams { field_manager: Some("vandal".into()), ..PatchParams::default() };
    let changed = objects::collection(client, object).patch(objects::name(object), &parameters, &patch).await?;
    Ok(serde_json::to_value(changed).expect("JSON"))
}

/// Waits until the object is as it was.
async fn repaired(client: &Client, before: &Value, what: &str) {
    let resource = resource_of(before);
    let want = hash_observed(resource, before);
    let title = objects::title(before);
    eventually(SOON, &format!("{title} is repaired after {what}"), async || {
        let namespace = before["metadata"]["namespace"].as_str().unwrap_or_default();
        let now = scene::child(client, resource, namespace, objects::name(before)).await.ok_or("it does not exist")?;
        if hash_observed(resource, &now) == want { Ok(()) } else { Err(now.to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

#[tokio::test]
async fn every_field_of_every_object_is_put_back() {
    let client = stage().await.client().await.expect("client");
    onboard(&client, &full("drift")).await;
    let before = scene::children(&client, "drift").await;
    let foreign = BTreeSet::from(["kubernetes.io/metadata.name".to_owned()]);
    let mut changed: BTreeMap<&str, usize> = BTreeMap::new();
    let mut refused = BTreeSet::new();
    let mut rounds: Vec<(&Value, Vec<String>)> =
        before.values().map(|object| (object, owned_paths(object, &foreign))).collect();
    // One field of every object at a time, so that there are as many rounds as the richest object has fields.
    while rounds.iter().any(|(_, paths)| !paths.is_empty()) {
        let mut spoiled_now = Vec::new();
        for (object, paths) in &mut rounds {
            let Some(path) = paths.pop() else { continue };
            let mut took = false;
            for way in spoiled(object, &path) {
                let resource = resource_of(object);
                match patch(&client, object, &way).await {
                    // Some changes come to nothing: the server fills in what was removed.
                    Ok(now) if hash_observed(resource, &now) == hash_observed(resource, object) => {}
                    Ok(_) => {
                        took = true;
                        spoiled_now.push((*object, way.to_string()));
                        break;
                    }
                    Err(kube::Error::Api(status)) if status.code == 422 => {}
                    Err(error) => panic!("{way} on {}: {error}", objects::title(object)),
                }
            }
            let kind = object["kind"].as_str().expect("text");
            if took {
                *changed.entry(kind).or_default() += 1;
            } else {
                refused.insert(format!("{kind} {path}"));
            }
        }
        for (object, what) in spoiled_now {
            repaired(&client, object, &what).await;
        }
    }
    println!("changed and put back: {changed:?}; the server itself refuses changes of {refused:?}");
    assert_eq!(changed.len(), scene::CHILD_KINDS.len(), "{changed:?}");
    // A role reference cannot be changed at all; see the next test. A group is no valid subject of the core group.
    let expected = ["RoleBinding /roleRef", "RoleBinding /subjects/0/apiGroup"];
    let elsewhere: Vec<&String> =
        refused.iter().filter(|path| !expected.iter().any(|start| path.starts_with(start))).collect();
    assert!(elsewhere.is_empty(), "the server takes none of our changes there: {elsewhere:?}");
    ready(&client, "drift").await;
}

#[tokio::test]
async fn what_was_deleted_or_put_in_its_place_is_put_right() {
    let client = stage().await.client().await.expect("client");
    onboard(&client, &full("gone")).await;
    let before = scene::children(&client, "gone").await;
    for object in before.values().filter(|object| object["kind"] != "Namespace") {
        objects::delete(&client, object).await.expect("deleted");
    }
    for object in before.values() {
        repaired(&client, object, "its deletion").await;
    }

    // Somebody else's object under our name, without our marks, with another role.
    let binding = before.values().find(|object| object["metadata"]["name"] == "tenantry-viewer").expect("has one");
    let mut wider = json!({
        "apiVersion": binding["apiVersion"], "kind": "RoleBinding",
        "metadata": { "name": binding["metadata"]["name"], "namespace": binding["metadata"]["namespace"],
                      "labels": binding["metadata"]["labels"], "annotations": binding["metadata"]["annotations"] },
        "roleRef": binding["roleRef"], "subjects": binding["subjects"],
    });
    wider["roleRef"]["name"] = "tenantry:admin".into();
    replace(&client, binding, &wider).await;
    repaired(&client, binding, "a role reference to more rights").await;

    // Scopes of a quota cannot be changed either, and would make it bound next to nothing.
    let quota = before
        .values()
        .find(|object| object["kind"] == "ResourceQuota" && !object["spec"]["hard"]["requests.cpu"].is_null());
    let quota = quota.expect("has one");
    let mut scoped = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": { "name": quota["metadata"]["name"], "namespace": quota["metadata"]["namespace"],
                      "labels": quota["metadata"]["labels"], "annotations": quota["metadata"]["annotations"] },
        "spec": { "hard": { "pods": "10" } },
    });
    scoped["spec"]["scopes"] = json!(["BestEffort"]);
    replace(&client, quota, &scoped).await;
    repaired(&client, quota, "a scope that makes it bound less").await;

    let deny = before.values().find(|object| object["metadata"]["name"] == "tenantry-default-deny").expect("has one");
    let rule = json!([{ "op": "add", "path": "/spec/ingress/-", "value": {} }]);
    patch(&client, deny, &rule).await.expect("changed");
    repaired(&client, deny, "a rule that lets everybody in").await;
    ready(&client, "gone").await;
}

/// Deletes an object and creates another of that name, trying again when the operator was faster.
async fn replace(client: &Client, old: &Value, new: &Value) {
    eventually(SOON, "the other object is in its place", async || {
        objects::delete(client, old).await.map_err(|error| error.to_string())?;
        objects::create(client, new).await.map_err(|error| error.to_string())
    })
    .await
    .expect("in time");
}

#[tokio::test]
async fn marks_that_were_stripped_come_back() {
    let client = stage().await.client().await.expect("client");
    onboard(&client, &full("stripped")).await;
    let before = scene::children(&client, "stripped").await;
    for object in before.values() {
        let none = json!([
            { "op": "remove", "path": "/metadata/labels" },
            { "op": "remove", "path": "/metadata/annotations" },
        ]);
        patch(&client, object, &none).await.expect("changed");
    }
    for object in before.values() {
        repaired(&client, object, "the loss of all labels and annotations").await;
    }
    ready(&client, "stripped").await;
}

#[tokio::test]
async fn what_belongs_to_others_is_left_alone() {
    let client = stage().await.client().await.expect("client");
    // A bystander with names as ours, and labels as somebody might copy them.
    for object in [
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "passer-by", "labels": { "team": "x" } } }),
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": { "name": "tenantry-default-deny", "namespace": "passer-by", "labels": { "app.kubernetes.io/managed-by": "tenantry", "tenantry.dev/tenant": "polite" } },
            "spec": { "podSelector": {}, "policyTypes": ["Ingress"] },
        }),
    ] {
        objects::apply(&client, &object).await.expect("applied");
    }
    onboard(&client, &tenant("polite", json!({ "environments": [scene::environment("dev")] }))).await;
    // Others add to our namespace, and to objects inside it.
    let namespace = scene::get(&client, "v1", "Namespace", None, "polite-dev").await.expect("exists");
    let mut theirs = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "polite-dev" } });
    theirs["metadata"]["labels"] = json!({ "istio-injection": "enabled" });
    theirs["metadata"]["annotations"] = json!({ "example.com/scanned": "yes" });
    objects::apply(&client, &theirs).await.expect("applied");
    let own_policy = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "own", "namespace": "polite-dev" },
        "spec": { "podSelector": { "matchLabels": { "app": "web" } }, "policyTypes": ["Ingress"] },
    });
    let own_policy = objects::apply(&client, &own_policy).await.expect("applied");
    let bystanders = bystanders(&client).await;

    // Drift and a change of the spec go past all that.
    let stripped = json!([{ "op": "remove", "path": "/metadata/labels/tenantry.dev~1tenant" }]);
    let mut kind = namespace.clone();
    kind["kind"] = "Namespace".into();
    kind["apiVersion"] = "v1".into();
    patch(&client, &kind, &stripped).await.expect("changed");
    let changed = tenant(
        "polite",
        json!({ "environments": [scene::environment("dev")], "metadata": { "labels": { "cost-centre": "1" } } }),
    );
    onboard(&client, &changed).await;
    let plain = tenant("polite", json!({ "environments": [scene::environment("dev")] }));
    onboard(&client, &plain).await;

    let now = scene::get(&client, "v1", "Namespace", None, "polite-dev").await.expect("exists");
    assert_eq!(now["metadata"]["labels"]["tenantry.dev/tenant"], "polite");
    assert_eq!(now["metadata"]["labels"]["istio-injection"], "enabled");
    assert_eq!(now["metadata"]["annotations"]["example.com/scanned"], "yes");
    assert!(now["metadata"]["labels"]["cost-centre"].is_null(), "what the tenant no longer wants is gone: {now}");
    let kept = scene::get(&client, "networking.k8s.io/v1", "NetworkPolicy", Some("polite-dev"), "own").await;
    assert_eq!(kept.expect("exists")["metadata"]["resourceVersion"], own_policy["metadata"]["resourceVersion"]);
    assert_eq!(self::bystanders(&client).await, bystanders);
}

async fn bystanders(client: &Client) -> Vec<Value> {
    let mut found =
        objects::list(client, "networking.k8s.io/v1", "NetworkPolicy", Some("passer-by"), "").await.expect("listed");
    found.extend(scene::get(client, "v1", "Namespace", None, "passer-by").await);
    found
}
