//! The admission policies: installed as they are wanted, kept so while there is a TenantryPlatform, left when it goes; and the
//! one that binds the operator is watched and never touched.

use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tenantry::render::manifests;
use tenantry_core::content::{hash_desired, hash_observed};
use tenantry_core::resources::{Resource, VALIDATING_ADMISSION_POLICY, VALIDATING_ADMISSION_POLICY_BINDING};
use tenantry_e2e::operator::NAMESPACE;
use tenantry_e2e::{Cluster, Options, eventually, objects};

use crate::program::{Operator, SOON};
use crate::scene::{self, get, is_of};

fn platform() -> Value {
    json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": { "name": "default" }, "spec": {} })
}

fn resource(object: &Value) -> &'static Resource {
    if object["kind"] == VALIDATING_ADMISSION_POLICY.kind {
        &VALIDATING_ADMISSION_POLICY
    } else {
        &VALIDATING_ADMISSION_POLICY_BINDING
    }
}

async fn stored(client: &Client, object: &Value) -> Option<Value> {
    scene::child(client, resource(object), "", objects::name(object)).await
}

/// Whether the server has this object exactly so.
async fn is_as_wanted(client: &Client, object: &Value) -> Result<(), String> {
    let found = stored(client, object).await.ok_or(format!("{} is not there", objects::title(object)))?;
    if hash_observed(resource(object), &found) == hash_desired(resource(object), object) {
        Ok(())
    } else {
        Err(format!("wanted\n{object:#}\nstored\n{found:#}"))
    }
}

async fn comes_back(client: &Client, object: &Value, after: &str) {
    let what = format!("{} is as wanted again after {after}", objects::title(object));
    eventually(SOON, &what, async || is_as_wanted(client, object).await).await.unwrap_or_else(|late| panic!("{late}"));
}

async fn change(client: &Client, object: &Value, patch: &Value) {
    objects::collection(client, object)
        .patch(objects::name(object), &PatchParams::default(), &Patch::Merge(patch))
        .await
        .expect("changed");
}

/// What the condition says, once it has this status.
async fn says(client: &Client, status: &str, part: &str) {
    eventually(SOON, &format!("PoliciesEnforced={status} says {part:?}"), async || {
        let found = get(client, "tenantry.dev/v1alpha1", "TenantryPlatform", None, "default").await.ok_or("none")?;
        let condition = objects::condition(&found, "PoliciesEnforced").cloned().unwrap_or_default();
        let told = condition["message"].as_str().is_some_and(|text| text.contains(part));
        if condition["status"] == status && told { Ok(()) } else { Err(found["status"].to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

#[tokio::test]
async fn the_policies_are_kept() {
    let cluster = Cluster::start(Options::default()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let (kept, guard) = (manifests::policies(), manifests::self_guard(NAMESPACE));

    // What is installed is what the server stores, and it finds no fault with any expression.
    for object in kept.iter().chain(&guard) {
        is_as_wanted(&client, object).await.unwrap_or_else(|fault| panic!("{fault}"));
    }
    for policy in kept.iter().chain(&guard).filter(|object| object["kind"] == VALIDATING_ADMISSION_POLICY.kind) {
        let checked = eventually(SOON, "it is type-checked", async || {
            let found = stored(&client, policy).await?;
            (found["status"]["observedGeneration"] == found["metadata"]["generation"]).then_some(found)
        });
        let found = checked.await.unwrap_or_else(|late| panic!("{late}"));
        let warnings = &found["status"]["typeChecking"]["expressionWarnings"];
        assert!(warnings.is_null(), "{}: {warnings:#}", objects::title(policy));
    }

    // The operator finds nothing to write.
    let operator = Operator::start(&cluster).await;
    objects::apply(&client, &platform()).await.expect("applied");
    is_of(&client, "TenantryPlatform", "default", "PoliciesEnforced", "True").await;
    is_of(&client, "TenantryPlatform", "default", "Ready", "True").await;
    for object in kept.iter().chain(&guard) {
        let found = stored(&client, object).await.expect("exists");
        assert_eq!(found["metadata"]["generation"], 1, "{}", objects::title(object));
        let written = found["metadata"]["managedFields"].to_string().contains("\"manager\":\"tenantry\"");
        assert!(!written, "{} was written without need", objects::title(object));
    }

    // Each is changed by what loosens it: a value, a field that nobody wants, and an item in a list that is merged by key, which
    // an apply would leave standing.
    for object in &kept {
        let patch = if object["kind"] == VALIDATING_ADMISSION_POLICY.kind {
            json!({ "spec": {
                "failurePolicy": "Ignore",
                "matchConditions": [{ "name": "never", "expression": "false" }],
                "paramKind": { "apiVersion": "v1", "kind": "ConfigMap" },
            } })
        } else {
            json!({ "spec": {
                "validationActions": ["Audit"],
                "matchResources": { "namespaceSelector": { "matchLabels": { "no": "namespace" } } },
            } })
        };
        change(&client, object, &patch).await;
        comes_back(&client, object, "a change").await;
        change(&client, object, &json!({ "metadata": { "labels": null } })).await;
        comes_back(&client, object, "its labels were stripped").await;
        objects::delete(&client, object).await.expect("deleted");
        comes_back(&client, object, "it was deleted").await;
    }
    // What others note on it, and who says to have installed it, is left alone.
    let note = json!({ "metadata": { "labels": { "app.kubernetes.io/managed-by": "Helm", "note": "theirs" } } });
    change(&client, &kept[0], &note).await;
    change(&client, &kept[0], &json!({ "spec": { "failurePolicy": "Ignore" } })).await;
    comes_back(&client, &kept[0], "a change").await;
    let labels = stored(&client, &kept[0]).await.expect("exists")["metadata"]["labels"].clone();
    assert_eq!((&labels["app.kubernetes.io/managed-by"], &labels["note"]), (&json!("Helm"), &json!("theirs")));
    says(&client, "True", "").await;

    // What binds the operator itself is told, with what to do, and not mended.
    for object in &guard {
        objects::delete(&client, object).await.expect("deleted");
        says(&client, "False", &format!("{} is missing: run `tenantry install`", objects::title(object))).await;
        is_of(&client, "TenantryPlatform", "default", "Ready", "False").await;
        assert!(stored(&client, object).await.is_none(), "the operator made {}", objects::title(object));
        objects::apply(&client, object).await.expect("applied");
        says(&client, "True", "").await;
    }
    change(&client, &guard[1], &json!({ "spec": { "validationActions": ["Audit"] } })).await;
    says(&client, "False", "is not as this version of Tenantry installs it").await;
    objects::apply(&client, &guard[1]).await.expect("applied");
    says(&client, "True", "").await;

    // Nothing more is written, and nothing was refused.
    let versions = async || {
        let mut versions = Vec::new();
        for object in kept.iter().chain(&guard) {
            versions.push(stored(&client, object).await.expect("exists")["metadata"]["resourceVersion"].clone());
        }
        versions
    };
    let before = versions().await;
    scene::stays(std::time::Duration::from_secs(2), async || {
        if versions().await == before { Ok(()) } else { Err("a policy was written".to_owned()) }
    })
    .await;
    assert!(!operator.log().contains("forbidden"), "{}", operator.log());

    // Without a platform nobody keeps them, and they stay.
    objects::delete(&client, &platform()).await.expect("deleted");
    eventually(SOON, "the platform is gone", async || {
        get(&client, "tenantry.dev/v1alpha1", "TenantryPlatform", None, "default").await.is_none().then_some(())
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    for object in kept.iter().chain(&guard) {
        is_as_wanted(&client, object).await.unwrap_or_else(|fault| panic!("{fault}"));
    }
}
