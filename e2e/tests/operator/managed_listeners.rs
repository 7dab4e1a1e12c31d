//! Listeners of tenants' own in a Gateway of the platform's, on a real API server with the Gateway API's own definitions. What requests do is
//! seen in `e2e/tests/gateway`.

use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tenantry_e2e::gateway::definitions_of_gateway_api;
use tenantry_e2e::operator::USER;
use tenantry_e2e::{Cluster, Options, eventually, objects, skip};

use crate::program::{Operator, SOON};
use crate::scene::{self, get, is, ready, tenant, tenant_is_gone};
use crate::stolen_gateways;

const VERSION: &str = "gateway.networking.k8s.io/v1";
const GATEWAYS: &str = "gateways";
const MANAGED: &str = "tenantry.dev/managed-listeners";

#[tokio::test]
async fn listeners_come_change_and_go_and_nothing_else_of_the_gateway_does() {
    let definitions = tokio::task::spawn_blocking(definitions_of_gateway_api).await.expect("joined");
    let definitions = match definitions {
        Ok(folder) => objects::read_folder(&folder).expect("definitions"),
        Err(reason) => skip!("{reason}"),
    };
    let cluster = Cluster::start(Options::with_nodes(1).with_audit_log()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    for definition in definitions.iter().filter(|object| object["kind"] == "CustomResourceDefinition") {
        objects::apply(&client, definition).await.expect("the server takes the definition");
    }
    eventually(SOON, "Gateways are served", async || {
        objects::list(&client, VERSION, "Gateway", None, "").await.map(|_| ()).map_err(|error| error.to_string())
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    scene::prepare(&cluster).await;
    set_up(&client).await;
    let operator = Operator::start(&cluster).await;

    nothing_without_consent(&client).await;
    listeners_of_both(&cluster, &client).await;
    an_owner_who_puts_it_back(&client).await;
    hostnames_that_change(&client).await;
    more_than_it_holds(&client).await;
    many_at_once(&cluster, &client).await;
    consent_that_is_withdrawn(&client).await;
    another_mode_and_back(&client).await;
    tenants_that_go(&client).await;
    drop(operator);
    stolen_gateways::change_nothing_else(&cluster, &client, "big").await;
}

fn web() -> Value {
    json!({ "name": "web", "port": 80, "protocol": "HTTP", "allowedRoutes": { "namespaces": { "from": "All" } } })
}

fn gateway(name: &str, listeners: &[Value]) -> Value {
    json!({
        "apiVersion": VERSION, "kind": "Gateway", "metadata": { "namespace": GATEWAYS, "name": name },
        "spec": { "gatewayClassName": "played", "listeners": listeners },
    })
}

fn profile(mode: &str, gateway: &str) -> Value {
    let mut profile = json!({
        "name": "managed", "mode": mode, "hosts": ["infra-proxy"], "gatewayRef": { "namespace": GATEWAYS, "name": gateway },
    });
    if mode == "ManagedListener" {
        profile["listeners"] = json!({ "https": { "port": 443, "secretName": "web" }, "tlsPassthrough": 9443 });
    }
    profile
}

async fn set_up(client: &Client) {
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": GATEWAYS } });
    let class = json!({
        "apiVersion": VERSION, "kind": "GatewayClass", "metadata": { "name": "played" }, "spec": { "controllerName": "example.com/played" },
    });
    let platform = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": { "name": "default" },
        "spec": { "gateways": [profile("ManagedListener", "shared")] },
    });
    for object in [&namespace, &class, &gateway("shared", &[web()]), &gateway("other", &[web()]), &platform] {
        objects::apply(client, object).await.expect("applied");
    }
}

fn team(name: &str, hostnames: &Value) -> Value {
    tenant(name, json!({ "environments": [{ "name": "dev" }], "hostnames": hostnames }))
}

async fn read(client: &Client, name: &str) -> Value {
    get(client, VERSION, "Gateway", Some(GATEWAYS), name).await.expect("is there")
}

async fn patch(client: &Client, object: &Value, patch: Value) {
    let collection = objects::collection(client, object);
    collection.patch(objects::name(object), &PatchParams::default(), &Patch::Merge(patch)).await.expect("changed");
}

async fn consent(client: &Client, value: Value) {
    patch(client, &gateway("shared", &[]), json!({ "metadata": { "annotations": { MANAGED: value } } })).await;
}

async fn profiles(client: &Client, profile: Value) {
    let platform =
        json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": { "name": "default" } });
    patch(client, &platform, json!({ "spec": { "gateways": [profile] } })).await;
}

/// The names of what is listened for.
fn names(gateway: &Value) -> Vec<String> {
    let all = gateway["spec"]["listeners"].as_array().into_iter().flatten();
    all.filter_map(|one| one["name"].as_str().map(str::to_owned)).collect()
}

/// What a tenant listens for by one hostname.
fn of(tenant: &str, host: &str) -> [String; 3] {
    ["http-80", "https-443", "tls-9443"].map(|role| format!("tenantry.{tenant}.{role}{host}"))
}

/// Waits until a Gateway listens for just these: the platform's first, then the tenants' in order.
async fn until(client: &Client, gateway: &str, platforms: &[&str], tenants: &[[String; 3]]) -> Value {
    let mut wanted: Vec<String> = tenants.concat();
    wanted.sort();
    let wanted: Vec<String> = platforms.iter().map(|&name| name.to_owned()).chain(wanted).collect();
    eventually(SOON, &format!("Gateway {gateway} listens for {wanted:?}"), async || {
        let found = read(client, gateway).await;
        let mut there = names(&found);
        // In which order tenants came may be another.
        there[platforms.len().min(names(&found).len())..].sort();
        if there == wanted { Ok(found) } else { Err(format!("{there:?}")) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"))
}

/// How often the operator has written to Gateways, and how often in vain.
fn writes(cluster: &Cluster) -> (usize, usize) {
    let text = std::fs::read_to_string(cluster.audit_log().expect("asked for")).expect("readable");
    let entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ours = entries.filter(|entry| {
        entry["user"]["username"] == USER && entry["verb"] == "patch" && entry["objectRef"]["resource"] == "gateways"
    });
    let (done, in_vain): (Vec<_>, Vec<_>) = ours.partition(|entry| entry["responseStatus"]["code"] == 200);
    (done.len(), in_vain.len())
}

async fn nothing_without_consent(client: &Client) {
    objects::apply(client, &team("one", &json!(["one.example"]))).await.expect("applied");
    objects::apply(client, &team("two", &json!(["*.two.example"]))).await.expect("applied");
    for name in ["one", "two"] {
        is(client, name, "Applied", "Unknown", |told| {
            told["message"]
                .as_str()
                .is_some_and(|text| text.contains("Gateway gateways/shared does not let") && text.contains(MANAGED))
        })
        .await;
    }
    assert_eq!(names(&read(client, "shared").await), ["web"]);
}

async fn listeners_of_both(cluster: &Cluster, client: &Client) {
    consent(client, json!("true")).await;
    let found = until(client, "shared", &["web"], &[of("one", ".one.example"), of("two", "-any.two.example")]).await;
    for name in ["one", "two"] {
        ready(client, name).await;
        let grant =
            get(client, "gateway.networking.k8s.io/v1beta1", "ReferenceGrant", Some(name), "tenantry-managed").await;
        let spec = grant.expect("is there")["spec"].clone();
        assert_eq!(
            spec["from"],
            json!([{ "group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": GATEWAYS }])
        );
        assert_eq!(spec["to"], json!([{ "group": "", "kind": "Secret", "name": "web" }]));
    }
    assert_eq!(found["spec"]["listeners"][0], web(), "the platform's is as it was");
    let own = found["spec"]["listeners"].as_array().into_iter().flatten();
    let own = own.filter(|one| one["name"].as_str().is_some_and(|name| name.starts_with("tenantry.two.")));
    for one in own {
        assert_eq!(one["hostname"], "*.two.example");
        let selector = json!({ "from": "Selector", "selector": { "matchLabels": { "tenantry.dev/tenant": "two" } } });
        assert_eq!(one["allowedRoutes"]["namespaces"], selector);
    }
    // What the server makes of them is what is wanted: another look writes nothing.
    let before = writes(cluster);
    let labelled = json!({ "spec": { "metadata": { "labels": { "looked": "again" } } } });
    patch(client, &team("one", &json!([])), labelled).await;
    ready(client, "one").await;
    assert_eq!((writes(cluster), before.0), (before, 2), "each has written once");
}

/// What is in an owner's own files has no listeners of tenants'.
async fn an_owner_who_puts_it_back(client: &Client) {
    let plain = json!({ "name": "plain", "port": 8080, "protocol": "HTTP", "allowedRoutes": { "namespaces": { "from": "Same" } } });
    patch(client, &gateway("shared", &[]), json!({ "spec": { "listeners": [web(), plain] } })).await;
    let both = [of("one", ".one.example"), of("two", "-any.two.example")];
    let found = until(client, "shared", &["web", "plain"], &both).await;
    assert_eq!(found["spec"]["listeners"][1], plain, "the owner's new one is there");
}

async fn hostnames_that_change(client: &Client) {
    // The longest that there can be, and one that another tenant has already.
    let long = format!("{}.example", vec!["a".repeat(60); 4].join("."));
    patch(client, &team("one", &json!([])), json!({ "spec": { "hostnames": [long] } })).await;
    eventually(SOON, "the long hostname is listened for", async || {
        let found = read(client, "shared").await;
        let all = found["spec"]["listeners"].as_array().cloned().unwrap_or_default();
        let count = all.iter().filter(|one| one["hostname"] == long.as_str()).count();
        if count == 3 { Ok(()) } else { Err(format!("{all:?}")) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    patch(client, &team("one", &json!([])), json!({ "spec": { "hostnames": ["one.example", "*.two.example"] } })).await;
    is(client, "one", "Accepted", "False", |told| {
        told["reason"] == "Conflicted"
            && told["message"].as_str().is_some_and(|text| text.contains("tenantry.two.http-80-any.two.example"))
    })
    .await;
    until(client, "shared", &["web", "plain"], &[of("one", ".one.example"), of("two", "-any.two.example")]).await;
    patch(client, &team("one", &json!([])), json!({ "spec": { "hostnames": ["one.example"] } })).await;
    ready(client, "one").await;
}

async fn more_than_it_holds(client: &Client) {
    let many: Vec<String> = (0..20).map(|number| format!("h{number}.big.example")).collect();
    objects::apply(client, &team("big", &json!(many))).await.expect("applied");
    is(client, "big", "Accepted", "False", |told| {
        told["message"].as_str().is_some_and(|text| {
            text.contains("68 listeners would be needed in Gateway gateways/shared, 8 of them others'")
        })
    })
    .await;
    until(client, "shared", &["web", "plain"], &[of("one", ".one.example"), of("two", "-any.two.example")]).await;
    patch(client, &team("big", &json!([])), json!({ "spec": { "hostnames": null } })).await;
    ready(client, "big").await;
}

async fn many_at_once(cluster: &Cluster, client: &Client) {
    let before = writes(cluster);
    let crowd: Vec<String> = (0..12).map(|number| format!("crowd-{number:02}")).collect();
    for name in &crowd {
        objects::apply(client, &team(name, &json!([format!("{name}.example")]))).await.expect("applied");
    }
    let mut all: Vec<[String; 3]> = crowd.iter().map(|name| of(name, &format!(".{name}.example"))).collect();
    all.extend([of("one", ".one.example"), of("two", "-any.two.example")]);
    until(client, "shared", &["web", "plain"], &all).await;
    for name in &crowd {
        ready(client, name).await;
    }
    let after = writes(cluster);
    println!("{} writes, {} in vain, for {} tenants at once", after.0 - before.0, after.1 - before.1, crowd.len());
    assert_eq!(after.0 - before.0, crowd.len(), "each has written once");
    for name in &crowd {
        objects::delete(client, &team(name, &json!([]))).await.expect("deleted");
    }
    until(client, "shared", &["web", "plain"], &[of("one", ".one.example"), of("two", "-any.two.example")]).await;
}

async fn consent_that_is_withdrawn(client: &Client) {
    consent(client, Value::Null).await;
    until(client, "shared", &["web", "plain"], &[]).await;
    is(client, "one", "Ready", "Unknown", |_| true).await;
    consent(client, json!("true")).await;
    until(client, "shared", &["web", "plain"], &[of("one", ".one.example"), of("two", "-any.two.example")]).await;
    ready(client, "one").await;
}

async fn another_mode_and_back(client: &Client) {
    let both = [of("one", ".one.example"), of("two", "-any.two.example")];
    profiles(client, profile("SharedListener", "shared")).await;
    until(client, "shared", &["web", "plain"], &[]).await;
    profiles(client, profile("ManagedListener", "shared")).await;
    until(client, "shared", &["web", "plain"], &both).await;
    // Another Gateway, whose owner consents as well.
    patch(client, &gateway("other", &[]), json!({ "metadata": { "annotations": { MANAGED: "true" } } })).await;
    profiles(client, profile("ManagedListener", "other")).await;
    until(client, "shared", &["web", "plain"], &[]).await;
    until(client, "other", &["web"], &both).await;
}

async fn tenants_that_go(client: &Client) {
    objects::delete(client, &team("two", &json!([]))).await.expect("deleted");
    until(client, "other", &["web"], &[of("one", ".one.example")]).await;
    tenant_is_gone(client, "two").await;
    // The last listener cannot go: that is said, and comes about once there is another.
    let own = read(client, "other").await["spec"]["listeners"].as_array().cloned().unwrap_or_default();
    patch(client, &gateway("other", &[]), json!({ "spec": { "listeners": own[1..] } })).await;
    objects::delete(client, &team("one", &json!([]))).await.expect("deleted");
    is(client, "one", "Applied", "Unknown", |told| {
        told["message"].as_str().is_some_and(|text| text.contains("has no listener but the tenant's"))
    })
    .await;
    let mut with = own[1..].to_vec();
    with.push(web());
    patch(client, &gateway("other", &[]), json!({ "spec": { "listeners": with } })).await;
    until(client, "other", &["web"], &[]).await;
    tenant_is_gone(client, "one").await;
}
