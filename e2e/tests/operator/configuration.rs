//! Pods are replaced, once, when a ConfigMap or a Secret changes that they use: where the platform wants that, and lets the operator
//! watch them.

use std::time::Duration;

use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tenantry_e2e::operator::NAMESPACE;
use tenantry_e2e::{Cluster, Options, eventually, objects};

use crate::program::{Operator, SOON};
use crate::scene::{self, get, onboard, plain_tenant};
use crate::workloads::{is, workload};

async fn deployment(client: &Client) -> Value {
    get(client, "apps/v1", "Deployment", Some("rolled-dev"), "web-app").await.expect("exists")
}

/// Changes what pods are started with, and waits until they are replaced, for that once.
async fn change(client: &Client, object: &Value, patch: &Value) {
    let before = deployment(client).await;
    let collection = objects::collection(client, object);
    collection.patch(objects::name(object), &PatchParams::default(), &Patch::Merge(patch)).await.expect("changed");
    let state =
        |deployment: &Value| deployment["spec"]["template"]["metadata"]["annotations"]["tenantry.dev/consumed"].clone();
    let title = objects::title(object);
    eventually(SOON, &format!("pods are replaced for {title}"), async || {
        let now = deployment(client).await;
        if state(&now) == state(&before) { Err(now["metadata"]["generation"].to_string()) } else { Ok(()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    let once = before["metadata"]["generation"].as_i64().expect("a number") + 1;
    scene::stays(Duration::from_secs(3), async || {
        let now = deployment(client).await["metadata"]["generation"].clone();
        if now == once { Ok(()) } else { Err(format!("{title}: generation {now}, and not {once}")) }
    })
    .await;
}

#[tokio::test]
async fn pods_are_replaced_once_for_what_they_are_configured_by() {
    let cluster = Cluster::start(Options::with_nodes(1)).await.expect("starts");
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let operator = Operator::start(&cluster).await;
    let platform = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": { "name": "default" },
        "spec": { "rolloutOnChange": ["ConfigMap", "Secret"] },
    });
    objects::apply(&client, &platform).await.expect("applied");
    onboard(&client, &plain_tenant("rolled")).await;
    let given = |kind: &str, name: &str| json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": name, "namespace": "rolled-dev" } });
    let (secret, map) = (given("Secret", "keys"), given("ConfigMap", "settings"));
    for object in [&secret, &map] {
        objects::apply(&client, object).await.expect("applied");
    }
    let web = workload(
        "Application",
        "rolled-dev",
        "web",
        &json!({
            "image": "registry.example/web:1",
            "envFrom": [{ "configMapRef": { "name": "settings" } }],
            "files": [{ "mountPath": "/etc/keys", "secretRef": { "name": "keys" } }],
        }),
    );

    // It may not watch: nothing is started by a guess, and it is said what to do.
    objects::apply(&client, &web).await.expect("applied");
    let waiting = is(&client, &web, "Applied", "Unknown", "Pending").await;
    assert!(waiting.to_string().contains("tenantry:watches-configuration"), "{waiting}");
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": { "name": "watches-configuration" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "tenantry:watches-configuration" },
        "subjects": [{ "kind": "ServiceAccount", "name": "tenantry", "namespace": NAMESPACE }],
    });
    objects::apply(&client, &binding).await.expect("applied");
    is(&client, &web, "Ready", "True", "").await;

    change(&client, &secret, &json!({ "stringData": { "key": "new" } })).await;
    change(&client, &map, &json!({ "data": { "key": "new" } })).await;
    is(&client, &web, "Ready", "True", "").await;

    // A new operator replaces nothing.
    let before = deployment(&client).await["metadata"]["generation"].clone();
    drop(operator);
    let _operator = Operator::start(&cluster).await;
    change(&client, &secret, &json!({ "stringData": { "key": "newer" } })).await;
    let after = deployment(&client).await["metadata"]["generation"].clone();
    assert_eq!(after.as_i64(), before.as_i64().map(|number| number + 1), "once for the change, and not for the start");
}
