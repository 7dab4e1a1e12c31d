//! The gateway's name inside environments: it comes, changes and goes as the platform says, nobody else can have such a Service, and where
//! somebody has one already, nothing but that name waits for it.

use kube::Client;
use serde_json::{Value, json};
use tenantry_core::resources::{NETWORK_POLICY, ROLE_BINDING, SERVICE};
use tenantry_e2e::{Cluster, Options, eventually, objects};

use crate::program::{Operator, SOON};
use crate::scene::{self, child, is, member, onboard, ready, tenant};

const ADDRESS: &str = "proxy.ingress.svc.cluster.local";
const POLICY: &str = "tenantry-to-gateway";

/// What the platform says of gateways: only one for development is reached from inside.
async fn platform(client: &Client, inside: Value) {
    let mut development = json!({
        "name": "development", "gatewayRef": { "namespace": "ingress", "name": "shared" },
        "stages": ["Development"], "hosts": ["infra-proxy"],
    });
    if !inside.is_null() {
        development["inside"] = inside;
    }
    let production = json!({ "name": "production", "gatewayRef": { "namespace": "ingress", "name": "shared" } });
    let spec = json!({ "gateways": [development, production] });
    let object = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform",
        "metadata": { "name": "default" }, "spec": spec,
    });
    objects::apply(client, &object).await.expect("applied");
}

fn acme(members: &[Value], suspend: &Value) -> Value {
    let environments = json!([{ "name": "dev", "stage": "Development" }, { "name": "prod", "stage": "Production" }]);
    // Members may make Services of that type; where they lead is another matter.
    let services = json!({ "types": ["ClusterIP", "ExternalName"] });
    let mut spec = json!({ "environments": environments, "members": members, "services": services });
    if !suspend.is_null() {
        spec["suspend"] = suspend.clone();
    }
    tenant("acme", spec)
}

/// Waits until the name leads there, or is gone, and the way out with it.
async fn leads(client: &Client, to: Option<(&str, u16)>) {
    eventually(SOON, &format!("infra-proxy leads to {to:?}"), async || {
        let service = child(client, &SERVICE, "acme-dev", "infra-proxy").await.unwrap_or_default();
        let policy = child(client, &NETWORK_POLICY, "acme-dev", POLICY).await.unwrap_or_default();
        let (name, port) = (&service["spec"]["externalName"], &policy["spec"]["egress"][0]["ports"][0]["port"]);
        let expected = to.map_or((Value::Null, Value::Null), |(name, port)| (name.into(), port.into()));
        if (name, port) == (&expected.0, &expected.1) { Ok(()) } else { Err(format!("{service} {policy}")) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

#[tokio::test]
async fn the_gateways_name_in_environments_is_as_the_platform_says() {
    let cluster = Cluster::start(Options::default()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let _operator = Operator::start(&cluster).await;
    platform(&client, json!({ "address": ADDRESS, "ports": [8000] })).await;
    let everybody = [member("admins", "Admin", "acme-admins"), member("viewers", "Viewer", "acme-viewers")];
    onboard(&client, &acme(&everybody, &Value::Null)).await;
    leads(&client, Some((ADDRESS, 8000))).await;
    // Which profile serves an environment is decided by its stage.
    assert_eq!(child(&client, &SERVICE, "acme-prod", "infra-proxy").await, None);
    assert_eq!(child(&client, &NETWORK_POLICY, "acme-prod", POLICY).await, None);
    nobody_else_has_such_a_service(&cluster, &client).await;

    let elsewhere = "other.ingress.svc.cluster.local";
    platform(&client, json!({ "address": elsewhere, "ports": [8080] })).await;
    leads(&client, Some((elsewhere, 8080))).await;
    objects::apply(&client, &acme(&everybody, &json!({ "mode": "Quarantine" }))).await.expect("applied");
    leads(&client, None).await;
    onboard(&client, &acme(&everybody, &Value::Null)).await;
    leads(&client, Some((elsewhere, 8080))).await;
    platform(&client, Value::Null).await;
    leads(&client, None).await;
    ready(&client, "acme").await;

    a_name_that_is_taken_holds_up_nothing_else(&client, &everybody).await;
}

/// Members can neither take it away nor lead another name there.
async fn nobody_else_has_such_a_service(cluster: &Cluster, client: &Client) {
    let admin = cluster.user("lead", &["acme-admins"]).expect("issued").client().await.expect("client");
    let found = child(client, &SERVICE, "acme-dev", "infra-proxy").await.expect("exists");
    let own = |spec: Value| json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "own", "namespace": "acme-dev" }, "spec": spec });
    let harmless = own(json!({ "ports": [{ "port": 80 }] }));
    eventually(SOON, "the admin may make Services", async || objects::create(&admin, &harmless).await)
        .await
        .unwrap_or_else(|late| panic!("{late}"));
    objects::delete(&admin, &harmless).await.expect("deleted");
    let words = objects::delete(&admin, &found).await.expect_err("managed").to_string();
    assert!(words.contains("managed by Tenantry"), "{words}");
    let leading = own(json!({ "type": "ExternalName", "externalName": ADDRESS }));
    let words = objects::create(&admin, &leading).await.expect_err("not a member's to make").to_string();
    assert!(words.contains("externalName must be a name outside the cluster"), "{words}");
}

/// It is named with what to do about it; the way out, and the end of a membership, do not wait for that.
async fn a_name_that_is_taken_holds_up_nothing_else(client: &Client, everybody: &[Value]) {
    let theirs = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "infra-proxy", "namespace": "acme-dev" },
        "spec": { "selector": { "app": "theirs" }, "ports": [{ "port": 80 }] },
    });
    let theirs = objects::create(client, &theirs).await.expect("created");
    platform(client, json!({ "address": ADDRESS, "ports": [8000] })).await;
    is(client, "acme", "Ready", "False", |found| {
        let words = found["message"].as_str().unwrap_or_default();
        found["reason"] == "NotOwned"
            && words.contains("Service acme-dev/infra-proxy")
            && words.contains("remove or rename it")
    })
    .await;
    let policy = child(client, &NETWORK_POLICY, "acme-dev", POLICY).await.expect("the way out is there");
    assert_eq!(policy["spec"]["egress"][0]["ports"][0]["port"], 8000, "{policy}");

    let fewer = [member("admins", "Admin", "acme-leads")];
    assert_ne!(fewer[..], everybody[..1], "another group");
    objects::apply(client, &acme(&fewer, &Value::Null)).await.expect("applied");
    eventually(SOON, "rights are as the Tenant says now", async || {
        let gone = child(client, &ROLE_BINDING, "acme-dev", "tenantry-viewer").await.is_none();
        let admins = child(client, &ROLE_BINDING, "acme-dev", "tenantry-admin").await.unwrap_or_default();
        if gone && admins["subjects"][0]["name"] == "acme-leads" { Ok(()) } else { Err(admins.to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    let now = child(client, &SERVICE, "acme-dev", "infra-proxy").await.expect("still there");
    assert_eq!(now["metadata"]["resourceVersion"], theirs["metadata"]["resourceVersion"], "it is left alone");
    objects::delete(client, &theirs).await.expect("deleted");
    // Looked for once a minute, as no watch tells when a stranger goes; a change of the Tenant is a reason to look, too.
    onboard(client, &acme(everybody, &Value::Null)).await;
    leads(client, Some((ADDRESS, 8000))).await;
}
