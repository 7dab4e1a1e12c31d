//! Names that are taken: what is not ours is reported and left alone, and what was ours is known again.

use kube::Client;
use serde_json::{Value, json};
use tenantry_e2e::objects;

use crate::scene::{self, environment, get, is, namespace_is_gone, onboard, plain_tenant, ready, stage, tenant};

async fn everything_in(client: &Client, namespace: &str) -> Vec<Value> {
    let mut found = vec![get(client, "v1", "Namespace", None, namespace).await.expect("exists")];
    for resource in scene::CHILD_KINDS.into_iter().filter(|resource| resource.namespaced) {
        found.extend(
            objects::list(client, &resource.api_version(), resource.kind, Some(namespace), "").await.expect("listed"),
        );
    }
    found
}

#[tokio::test]
async fn a_namespace_of_somebody_else_is_never_touched() {
    let client = stage().await.client().await.expect("client");
    for (name, labels) in [
        ("foreign-dev", json!({})),
        // Labels anybody could have written.
        (
            "foreign-forged",
            json!({ "tenantry.dev/tenant": "foreign", "tenantry.dev/environment": "forged", "app.kubernetes.io/managed-by": "tenantry" }),
        ),
        ("foreign-other", json!({ "tenantry.dev/tenant": "other", "tenantry.dev/environment": "dev" })),
    ] {
        let namespace =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } });
        objects::apply(&client, &namespace).await.expect("applied");
    }
    let mut before = Vec::new();
    for name in ["foreign-dev", "foreign-forged", "foreign-other"] {
        before.push((name, everything_in(&client, name).await));
    }
    let mut spec = plain_tenant("foreign");
    spec["spec"]["environments"] = ["dev", "forged", "other", "free"].map(environment).into();
    objects::apply(&client, &spec).await.expect("applied");
    let found = is(&client, "foreign", "Ready", "False", |_| true).await;
    let words = found["status"]["conditions"].to_string();
    assert!(words.contains("NotOwned") && words.contains("foreign-dev"), "{words}");
    // One bad environment does not hold up the others.
    tenantry_e2e::eventually(crate::program::SOON, "the free environment is ready, and only that", async || {
        let found = get(&client, "tenantry.dev/v1alpha1", "Tenant", None, "foreign").await.ok_or("none")?;
        let states: Vec<_> = found["status"]["environments"].as_array().cloned().unwrap_or_default();
        let ready = states.iter().filter(|state| state["ready"] == true).map(|state| state["name"].clone());
        if ready.collect::<Vec<_>>() == [json!("free")] { Ok(()) } else { Err(format!("{states:?}")) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    for (name, before) in &before {
        assert_eq!(&everything_in(&client, name).await, before, "{name}");
    }
    // As soon as the name is free it is taken.
    for (name, _) in &before {
        objects::delete(&client, &json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }))
            .await
            .expect("deleted");
    }
    ready(&client, "foreign").await;
}

#[tokio::test]
async fn of_two_tenants_with_one_namespace_the_first_keeps_it() {
    let client = stage().await.client().await.expect("client");
    onboard(&client, &tenant("one", json!({ "environments": [environment("two-three")] }))).await;
    let before = everything_in(&client, "one-two-three").await;
    objects::apply(&client, &tenant("one-two", json!({ "environments": [environment("three"), environment("four")] })))
        .await
        .expect("applied");
    let found = is(&client, "one-two", "Ready", "False", |_| true).await;
    let words = found["status"].to_string();
    assert!(words.contains("NotOwned") && words.contains("one-two-three") && words.contains("tenant one"), "{words}");
    assert_eq!(everything_in(&client, "one-two-three").await, before);
    ready(&client, "one").await;
    // A home namespace can collide with an environment, too.
    objects::apply(&client, &tenant("one-two-three", json!({}))).await.expect("applied");
    let found = is(&client, "one-two-three", "Ready", "False", |_| true).await;
    assert!(found["status"].to_string().contains("NotOwned"), "{}", found["status"]);
    assert_eq!(everything_in(&client, "one-two-three").await, before);
    // The tenant with the collision goes without a trace of the other's.
    objects::delete(&client, &tenant("one-two", json!({}))).await.expect("deleted");
    gone(&client, "one-two").await;
    assert_eq!(everything_in(&client, "one-two-three").await, before);
}

async fn gone(client: &Client, tenant: &str) {
    tenantry_e2e::eventually(crate::program::SOON, "the tenant is gone", async || {
        match get(client, "tenantry.dev/v1alpha1", "Tenant", None, tenant).await {
            None => Ok(()),
            Some(found) => Err(found["status"].to_string()),
        }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

#[tokio::test]
async fn protected_names_are_refused() {
    let client = stage().await.client().await.expect("client");
    for name in ["default", "kube", "kube-system", "kube-x", "tenantry-system"] {
        let refused = objects::apply(&client, &tenant(name, json!({}))).await.expect_err("reserved");
        assert!(refused.to_string().contains("reserved for the cluster itself"), "{name}: {refused}");
    }
    let platform = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": { "name": "default" },
        "spec": { "protectedNamespaces": ["payroll", "guarded-*"] },
    });
    objects::apply(&client, &platform).await.expect("applied");
    objects::apply(&client, &tenant("guarded", json!({ "environments": [environment("dev")] })))
        .await
        .expect("applied");
    let found = is(&client, "guarded", "Accepted", "False", |_| true).await;
    let words = found["status"]["conditions"].to_string();
    assert!(words.contains("guarded-dev") && words.contains("protected"), "{words}");
    assert!(get(&client, "v1", "Namespace", None, "guarded-dev").await.is_none());
    objects::apply(&client, &tenant("payroll", json!({}))).await.expect("applied");
    is(&client, "payroll", "Accepted", "False", |_| true).await;
    assert!(get(&client, "v1", "Namespace", None, "payroll").await.is_none());
    objects::delete(&client, &platform).await.expect("deleted");
    ready(&client, "payroll").await;
    ready(&client, "guarded").await;
}

#[tokio::test]
async fn a_tenant_takes_back_its_own_retained_namespaces_and_nobody_elses() {
    let client = stage().await.client().await.expect("client");
    let spec = plain_tenant("lazarus");
    onboard(&client, &spec).await;
    let map =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "data", "namespace": "lazarus-dev" } });
    let data = objects::apply(&client, &map).await.expect("applied");
    let namespace = get(&client, "v1", "Namespace", None, "lazarus-dev").await.expect("exists");
    objects::delete(&client, &spec).await.expect("deleted");
    gone(&client, "lazarus").await;
    let kept = get(&client, "v1", "Namespace", None, "lazarus-dev").await.expect("retained");
    assert_eq!(kept["metadata"]["uid"], namespace["metadata"]["uid"]);
    assert_eq!(kept["metadata"]["labels"]["tenantry.dev/retained-from"], "lazarus");
    let left: Vec<String> = scene::children(&client, "lazarus").await.into_keys().collect();
    assert!(!left.iter().any(|title| title.starts_with("RoleBinding")), "nobody has rights there: {left:?}");
    assert!(left.iter().any(|title| title.starts_with("NetworkPolicy lazarus-dev/")), "it stays closed: {left:?}");
    assert!(left.iter().any(|title| title.starts_with("ResourceQuota lazarus-dev/")), "it stays bounded: {left:?}");

    // Somebody else of a name that fits does not get it.
    objects::apply(&client, &tenant("laz", json!({}))).await.expect("applied");
    objects::apply(&client, &tenant("lazarus-dev", json!({}))).await.expect("applied");
    let found = is(&client, "lazarus-dev", "Ready", "False", |_| true).await;
    assert!(found["status"].to_string().contains("NotOwned"), "{}", found["status"]);
    objects::delete(&client, &tenant("lazarus-dev", json!({}))).await.expect("deleted");
    gone(&client, "lazarus-dev").await;

    onboard(&client, &spec).await;
    let back = get(&client, "v1", "Namespace", None, "lazarus-dev").await.expect("exists");
    assert_eq!(back["metadata"]["uid"], namespace["metadata"]["uid"]);
    assert!(back["metadata"]["labels"]["tenantry.dev/retained-from"].is_null(), "{back}");
    let kept = get(&client, "v1", "ConfigMap", Some("lazarus-dev"), "data").await.expect("exists");
    assert_eq!(kept["metadata"]["uid"], data["metadata"]["uid"]);
    let children = scene::children(&client, "lazarus").await;
    assert!(children.keys().any(|title| title.starts_with("RoleBinding lazarus-dev/")), "{:?}", children.keys());
}

#[tokio::test]
async fn deleted_and_created_again_at_once() {
    let client = stage().await.client().await.expect("client");
    let spec = plain_tenant("hasty");
    for round in 0..3 {
        onboard(&client, &spec).await;
        let before: Vec<String> = scene::children(&client, "hasty").await.into_keys().collect();
        objects::delete(&client, &spec).await.expect("deleted");
        tenantry_e2e::eventually(crate::program::SOON, "there is a new one", async || {
            objects::create(&client, &spec).await
        })
        .await
        .expect("in time");
        ready(&client, "hasty").await;
        let after: Vec<String> = scene::children(&client, "hasty").await.into_keys().collect();
        assert_eq!(before, after, "round {round}");
    }
    namespace_is_gone(&client, "never-there").await;
}
