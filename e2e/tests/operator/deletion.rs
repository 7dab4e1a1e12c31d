//! What is removed, when, and what stands in the way. Nothing is deleted unless its policy says so and somebody has confirmed it.

use std::time::Duration;

use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tenantry_e2e::{eventually, objects};

use crate::program::SOON;
use crate::scene::{
    self, environment, get, is, namespace_is_gone, onboard, plain_tenant, stage, tenant, tenant_is_gone,
};

async fn confirm(client: &Client, name: &str, value: &str) {
    let confirmed = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant",
        "metadata": { "name": name, "annotations": { "tenantry.dev/confirm-delete": value } },
    });
    let patch = Patch::Merge(confirmed);
    objects::collection(client, &tenant(name, json!({})))
        .patch(name, &PatchParams::default(), &patch)
        .await
        .expect("annotated");
}

/// A tenant of which nothing may stay.
fn passing(name: &str) -> Value {
    let mut tenant = plain_tenant(name);
    tenant["spec"]["deletionPolicy"] = "Delete".into();
    tenant
}

#[tokio::test]
async fn delete_needs_the_uid_of_this_very_tenant() {
    let client = stage().await.client().await.expect("client");
    let found = onboard(&client, &passing("passing")).await;
    let uid = found["metadata"]["uid"].as_str().expect("text").to_owned();
    let before: Vec<String> = scene::children(&client, "passing").await.into_keys().collect();
    objects::delete(&client, &passing("passing")).await.expect("accepted");
    let found = is(&client, "passing", "Ready", "False", |condition| condition["reason"] == "DeletionBlocked").await;
    let words = found["status"]["conditions"].to_string();
    assert!(words.contains(&format!("tenantry.dev/confirm-delete={uid}")), "it says how: {words}");
    for wrong in ["yes", "true", "00000000-0000-0000-0000-000000000000"] {
        confirm(&client, "passing", wrong).await;
        scene::stays(Duration::from_secs(1), async || {
            let now: Vec<String> = scene::children(&client, "passing").await.into_keys().collect();
            if now == before { Ok(()) } else { Err(format!("{wrong} was taken for a confirmation: {now:?}")) }
        })
        .await;
    }
    confirm(&client, "passing", &uid).await;
    tenant_is_gone(&client, "passing").await;
    for name in ["passing", "passing-dev"] {
        namespace_is_gone(&client, name).await;
    }
    assert!(scene::children(&client, "passing").await.is_empty());
}

#[tokio::test]
async fn what_blocks_is_named() {
    let client = stage().await.client().await.expect("client");
    let found = onboard(&client, &passing("blocked")).await;
    let uid = found["metadata"]["uid"].as_str().expect("text").to_owned();
    let stuck = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "stuck", "namespace": "blocked-dev", "finalizers": ["example.com/hold"] } });
    objects::apply(&client, &stuck).await.expect("applied");
    confirm(&client, "blocked", &uid).await;
    objects::delete(&client, &passing("blocked")).await.expect("accepted");
    let found = is(&client, "blocked", "Ready", "False", |condition| {
        let words = condition["message"].as_str().unwrap_or_default();
        words.contains("blocked-dev") && words.contains("example.com/hold")
    })
    .await;
    assert!(found["status"].to_string().contains("configmaps"), "the kind is named: {}", found["status"]);
    // The namespace controller has taken the members' bindings with the rest, so it takes the platform team to help.
    let patch = Patch::Merge(json!({ "metadata": { "finalizers": [] } }));
    objects::collection(&client, &stuck).patch("stuck", &PatchParams::default(), &patch).await.expect("removed");
    tenant_is_gone(&client, "blocked").await;
    namespace_is_gone(&client, "blocked-dev").await;
}

#[tokio::test]
async fn an_environment_taken_from_the_spec_stays_until_somebody_says_otherwise() {
    let client = stage().await.client().await.expect("client");
    let both = |policy: &str| {
        let mut spec = plain_tenant("shrinking");
        spec["spec"]["environments"] = json!([environment("dev"), environment("old")]);
        spec["spec"]["deletionPolicy"] = policy.into();
        spec
    };
    onboard(&client, &both("Retain")).await;
    let mut one = both("Retain");
    one["spec"]["environments"] = json!([environment("dev")]);
    let found = onboard(&client, &one).await;
    assert_eq!(found["status"]["retained"][0]["namespace"], "shrinking-old", "{}", found["status"]);
    let kept = get(&client, "v1", "Namespace", None, "shrinking-old").await.expect("retained");
    assert_eq!(kept["metadata"]["labels"]["tenantry.dev/retained-from"], "shrinking");
    let children = scene::children(&client, "shrinking").await;
    assert!(!children.keys().any(|title| title.starts_with("RoleBinding shrinking-old/")), "{:?}", children.keys());
    assert!(children.keys().any(|title| title.starts_with("NetworkPolicy shrinking-old/")), "{:?}", children.keys());
    // Wanted again, it is as before.
    onboard(&client, &both("Retain")).await;
    let back = get(&client, "v1", "Namespace", None, "shrinking-old").await.expect("exists");
    assert_eq!(back["metadata"]["uid"], kept["metadata"]["uid"]);
    assert!(back["metadata"]["labels"]["tenantry.dev/retained-from"].is_null());

    // With Delete it stays until confirmed.
    one["spec"]["deletionPolicy"] = "Delete".into();
    objects::apply(&client, &both("Delete")).await.expect("applied");
    let found = objects::apply(&client, &one).await.expect("applied");
    let uid = found["metadata"]["uid"].as_str().expect("text").to_owned();
    eventually(SOON, "the status says how to confirm", async || {
        let found = get(&client, "tenantry.dev/v1alpha1", "Tenant", None, "shrinking").await.ok_or("none")?;
        let words = found["status"]["retained"].to_string();
        if words.contains(&uid) { Ok(()) } else { Err(words) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    assert!(get(&client, "v1", "Namespace", None, "shrinking-old").await.is_some());
    confirm(&client, "shrinking", &uid).await;
    namespace_is_gone(&client, "shrinking-old").await;
    scene::ready(&client, "shrinking").await;
    assert!(get(&client, "v1", "Namespace", None, "shrinking-dev").await.is_some());
}

#[tokio::test]
async fn deleted_while_it_is_being_created() {
    let client = stage().await.client().await.expect("client");
    for pause in [0, 5, 20, 60, 150] {
        let name = format!("short-{pause}");
        let found = objects::apply(&client, &passing(&name)).await.expect("applied");
        confirm(&client, &name, found["metadata"]["uid"].as_str().expect("text")).await;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        objects::delete(&client, &passing(&name)).await.expect("deleted");
        tenant_is_gone(&client, &name).await;
        namespace_is_gone(&client, &format!("{name}-dev")).await;
        namespace_is_gone(&client, &name).await;
        assert!(scene::children(&client, &name).await.is_empty(), "{name}");
    }
}
