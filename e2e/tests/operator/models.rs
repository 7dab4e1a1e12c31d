//! Models on a real control plane: versions side by side that do not meet, and caches that go with what they are for.

use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tenantry_e2e::{eventually, objects};

use crate::program::SOON;
use crate::scene::{get, onboard, plain_tenant, stage};
use crate::workloads::{is, run, workload};

fn model(namespace: &str, name: &str, further: &Value) -> Value {
    let mut spec =
        json!({ "model": { "uri": "hf://example/small" }, "runtime": { "image": "registry.example/model:1" } });
    for (field, value) in further.as_object().expect("a map") {
        spec[field] = value.clone();
    }
    workload("ModelDeployment", namespace, name, &spec)
}

async fn of(client: &Client, version: &str, kind: &str, namespace: &str, name: &str) -> Vec<Value> {
    let labels = format!("tenantry.dev/kind=ModelDeployment,tenantry.dev/name={name}");
    objects::list(client, version, kind, Some(namespace), &labels).await.expect("listed")
}

async fn becomes(client: &Client, version: &str, kind: &str, namespace: &str, name: &str, count: usize) -> Vec<Value> {
    eventually(SOON, &format!("{name} has {count} of kind {kind}"), async || {
        let found = of(client, version, kind, namespace, name).await;
        if found.len() == count { Ok(found) } else { Err(format!("{found:?}")) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"))
}

/// One life of a cache, in which the operator uses everything it may do with volume claims. No volume ever comes: nobody here makes any.
pub async fn use_every_right(client: &Client, namespace: &str) {
    let kept = model(namespace, "kept", &json!({ "cache": { "size": "1Gi" } }));
    objects::apply(client, &kept).await.expect("applied");
    is(client, &kept, "Applied", "True", "").await;
    let mut claim = becomes(client, "v1", "PersistentVolumeClaim", namespace, "kept", 1).await.remove(0);
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "1Gi");
    claim["apiVersion"] = "v1".into();
    claim["kind"] = "PersistentVolumeClaim".into();
    let spoil = Patch::Merge(json!({ "metadata": { "annotations": { "tenantry.dev/size": null } } }));
    let collection = objects::collection(client, &claim);
    collection.patch(objects::name(&claim), &PatchParams::default(), &spoil).await.expect("changed");
    eventually(SOON, "the claim is as it was", async || {
        let now =
            get(client, "v1", "PersistentVolumeClaim", Some(namespace), objects::name(&claim)).await.ok_or("gone")?;
        let size = &now["metadata"]["annotations"]["tenantry.dev/size"];
        if size == "1Gi" { Ok(()) } else { Err(now["metadata"].to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    // Without it, what it kept is of no use.
    objects::apply(client, &model(namespace, "kept", &json!({}))).await.expect("applied");
    becomes(client, "v1", "PersistentVolumeClaim", namespace, "kept", 0).await;
    objects::delete(client, &kept).await.expect("deleted");
}

#[tokio::test]
async fn versions_run_side_by_side_and_do_not_meet() {
    let client = stage().await.client().await.expect("client");
    onboard(&client, &plain_tenant("versed")).await;
    let versions = json!([
        { "name": "next", "image": "registry.example/model:2", "trafficPercent": 10 },
        { "name": "large", "model": { "uri": "hf://example/large" }, "match": { "headers": { "x-model": "large" } } },
    ]);
    let both = model("versed-dev", "small", &json!({ "versions": versions }));
    let ready = run(&client, std::slice::from_ref(&both)).await.remove(0);
    assert_eq!(ready["status"]["url"], "http://small-model.versed-dev.svc:8000/v1");
    let told = |version: &str, percent: i64, name: &str| json!({ "version": version, "percent": percent, "ready": true, "url": format!("http://{name}.versed-dev.svc:8000/v1") });
    let mut large = told("large", 0, "small-large-model");
    large["headers"] = json!({ "x-model": "large" });
    assert_eq!(
        ready["status"]["traffic"],
        json!([told("default", 90, "small-model"), told("next", 10, "small-next-model"), large])
    );
    for (mark, name, image) in [
        ("small", "small-model", "registry.example/model:1"),
        ("small.next", "small-next-model", "registry.example/model:2"),
        ("small.large", "small-large-model", "registry.example/model:1"),
    ] {
        let pods = of(&client, "v1", "Pod", "versed-dev", mark).await;
        assert_eq!(pods.len(), 1, "{mark}: {pods:#?}");
        assert_eq!(pods[0]["spec"]["containers"][0]["image"], image);
        let service = get(&client, "v1", "Service", Some("versed-dev"), name).await.expect("exists");
        assert_eq!(service["spec"]["selector"]["tenantry.dev/name"], mark);
    }
    // One that goes takes what is its own with it, and nothing else.
    let one = model("versed-dev", "small", &json!({ "versions": [versions[1]] }));
    let before = get(&client, "apps/v1", "Deployment", Some("versed-dev"), "small-model").await.expect("exists");
    objects::apply(&client, &one).await.expect("applied");
    for (version, kind) in [("apps/v1", "Deployment"), ("v1", "Service"), ("v1", "ServiceAccount")] {
        becomes(&client, version, kind, "versed-dev", "small.next", 0).await;
        becomes(&client, version, kind, "versed-dev", "small.large", 1).await;
    }
    let after = get(&client, "apps/v1", "Deployment", Some("versed-dev"), "small-model").await.expect("exists");
    assert_eq!(after["metadata"]["generation"], before["metadata"]["generation"]);
}
