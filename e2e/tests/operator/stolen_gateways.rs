//! A stolen token of the operator, tried against Gateways that are others'. The answers are in `stolen-gateways.txt`.

use http::Method as M;
use kube::Client;
use serde_json::{Value, json};
use tenantry_e2e::{Cluster, objects};

use crate::program;
use crate::stolen::{Attempt, attempt, must, try_all};

const API: &str = "/apis/gateway.networking.k8s.io";
const NAMESPACE: &str = "gateways";
/// A Gateway whose owner lets tenants have listeners in it, and one whose owner does not any more.
const CONSENTS: &str = "consents";
const SILENT: &str = "silent";

/// Tries everything. Gateways are served, with their own definitions, and there is a tenant of this name.
pub async fn change_nothing_else(cluster: &Cluster, client: &Client, tenant: &str) {
    for (name, annotations) in [(CONSENTS, consent()), (SILENT, json!({}))] {
        let mut old = entry("tenantry.old.http-81.b.example", "old");
        old["hostname"] = "b.example".into();
        let mut gateway = gateway(name, &[web(), old]);
        gateway["metadata"]["annotations"] = annotations;
        objects::apply(client, &gateway).await.expect("applied");
    }
    let attempts = [
        ("listeners of tenants", of_tenants()),
        ("listeners of the platform", of_the_platform()),
        ("all else of a Gateway", all_else()),
        ("what Gateways may use", grants(tenant)),
    ];
    let thief = program::account(cluster).await.client().await.expect("client");
    try_all(&thief, attempts, "stolen-gateways.txt").await;
}

fn of_tenants() -> Vec<Attempt> {
    let with = |change: Value| {
        let mut one = acmes();
        json_patch::merge(&mut one, &change);
        one
    };
    let listen = |what, listener: Value| change(what, CONSENTS, listeners(&[web(), listener]));
    let routes_of = |selector: Value| json!({ "allowedRoutes": { "namespaces": selector } });
    let anothers = json!({ "selector": { "matchLabels": { "tenantry.dev/tenant": "b" } } });
    let platforms = json!({ "mode": "Terminate", "certificateRefs": [{ "name": "platform" }] });
    let mut at_once = listeners(&[web(), acmes()]);
    at_once["metadata"] = json!({ "annotations": consent() });
    vec![
        must(listen("give a tenant a listener", acmes())),
        must(change("take a tenant's listener away", CONSENTS, listeners(&[web()]))),
        must(change("take one away where nobody consents any more", SILENT, listeners(&[web()]))),
        change("give one where nobody consents", SILENT, listeners(&[web(), acmes()])),
        change("consent", SILENT, json!({ "metadata": { "annotations": consent() } })),
        change("consent and give one at once", SILENT, at_once),
        listen("add one for everybody", with(routes_of(json!({ "from": "All", "selector": null })))),
        listen("add one for another tenant", with(routes_of(anothers))),
        listen("add one for every host", with(json!({ "hostname": null }))),
        listen("add one that uses the platform's Secret", with(json!({ "protocol": "HTTPS", "tls": platforms }))),
    ]
}

fn of_the_platform() -> Vec<Attempt> {
    let theirs = |what, change_of_it: Value| {
        let mut one = web();
        json_patch::merge(&mut one, &change_of_it);
        change(what, CONSENTS, listeners(&[one]))
    };
    let mut in_the_way = acmes();
    json_patch::merge(&mut in_the_way, &json!({ "port": 80, "protocol": "TLS", "tls": { "mode": "Passthrough" } }));
    let mut nobodys = acmes();
    nobodys["name"] = "mine".into();
    vec![
        theirs("change the port of one", json!({ "port": 82 })),
        theirs("let others be on one", json!({ "allowedRoutes": { "namespaces": { "from": "Same" } } })),
        theirs("narrow one", json!({ "hostname": "a.example" })),
        change("take one away", CONSENTS, listeners(&[acmes()])),
        change("add one", CONSENTS, listeners(&[web(), nobodys])),
        change("stand in the way of one", CONSENTS, listeners(&[web(), in_the_way])),
    ]
}

fn all_else() -> Vec<Attempt> {
    let it = |what, body: Value| change(what, CONSENTS, body);
    let address = json!({ "type": "IPAddress", "value": "192.0.2.1" });
    vec![
        it("change the class", json!({ "spec": { "gatewayClassName": "mine" } })),
        it("take an address", json!({ "spec": { "addresses": [address] } })),
        it("label it", json!({ "metadata": { "labels": { "a": "b" } } })),
        it("annotate it", json!({ "metadata": { "annotations": { "a": "b" } } })),
        it("hold it", json!({ "metadata": { "finalizers": ["example.com/hold"] } })),
        attempt("delete it", M::DELETE, path(CONSENTS), Value::Null),
        attempt("make one", M::POST, collection("v1", NAMESPACE, "gateways"), gateway("mine", &[web()])),
        attempt("write its status", M::PATCH, path(CONSENTS) + "/status", json!({ "status": { "addresses": [] } })),
    ]
}

fn grants(tenant: &str) -> Vec<Attempt> {
    let grant = |what, namespace: &str, from: &str, to: Value| {
        let from = json!({ "group": "gateway.networking.k8s.io", "kind": from, "namespace": NAMESPACE });
        let body = json!({
            "apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "ReferenceGrant", "metadata": { "name": "loot" },
            "spec": { "from": [from], "to": [to] },
        });
        attempt(what, M::POST, collection("v1beta1", namespace, "referencegrants"), body)
    };
    let secret = || json!({ "kind": "Secret", "group": "", "name": "a" });
    vec![
        must(grant("let them use one Secret of a tenant", tenant, "Gateway", secret())),
        grant("let them use all of its Secrets", tenant, "Gateway", json!({ "kind": "Secret", "group": "" })),
        grant("let routes use its Secret", tenant, "HTTPRoute", secret()),
        grant(
            "let them use a Service of it",
            tenant,
            "Gateway",
            json!({ "kind": "Service", "group": "", "name": "a" }),
        ),
        grant("let them use a Secret beside them", NAMESPACE, "Gateway", secret()),
    ]
}

fn consent() -> Value {
    json!({ "tenantry.dev/managed-listeners": "true" })
}

fn web() -> Value {
    json!({ "name": "web", "port": 80, "protocol": "HTTP", "allowedRoutes": { "namespaces": { "from": "All" } } })
}

fn acmes() -> Value {
    entry("tenantry.acme.http-81.a.example", "acme")
}

fn entry(name: &str, tenant: &str) -> Value {
    let from = json!({ "from": "Selector", "selector": { "matchLabels": { "tenantry.dev/tenant": tenant } } });
    json!({ "name": name, "hostname": "a.example", "port": 81, "protocol": "HTTP", "allowedRoutes": { "namespaces": from } })
}

fn gateway(name: &str, listeners: &[Value]) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": { "namespace": NAMESPACE, "name": name },
        "spec": { "gatewayClassName": "played", "listeners": listeners },
    })
}

fn listeners(all: &[Value]) -> Value {
    json!({ "spec": { "listeners": all } })
}

fn collection(version: &str, namespace: &str, plural: &str) -> String {
    format!("{API}/{version}/namespaces/{namespace}/{plural}")
}

fn path(name: &str) -> String {
    format!("{}/{name}", collection("v1", NAMESPACE, "gateways"))
}

fn change(what: &'static str, name: &str, body: Value) -> Attempt {
    attempt(what, M::PATCH, path(name), body)
}
