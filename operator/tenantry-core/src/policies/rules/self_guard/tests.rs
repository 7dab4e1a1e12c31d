//! What the holder of the operator's token can do to Gateways that are others': one that consents, and each change of one thing.

use json_patch::merge;
use serde_json::{Value, json};

use super::SELF_GUARD;
use crate::policies::judge::{Request, refusals};
use crate::policies::rule::Operation;

fn entry(name: &str, tenant: &str, host: &str) -> Value {
    let from = json!({ "from": "Selector", "selector": { "matchLabels": { "tenantry.dev/tenant": tenant } } });
    json!({ "name": name, "hostname": host, "port": 80, "protocol": "HTTP", "allowedRoutes": { "namespaces": from } })
}

fn acmes() -> Value {
    entry("tenantry.acme.http-80.a.example", "acme", "a.example")
}

fn web() -> Value {
    json!({ "name": "web", "port": 80, "protocol": "HTTP", "hostname": "web.example" })
}

/// One of a platform team's that consents, with a listener of its own and one of a tenant's.
fn gateway() -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": {
            "name": "shared", "namespace": "gateways", "labels": { "team": "platform" }, "resourceVersion": "1",
            "annotations": { "tenantry.dev/managed-listeners": "true" },
        },
        "spec": { "gatewayClassName": "any", "listeners": [web(), acmes()] },
        "status": { "addresses": [] },
    })
}

fn with(listeners: &[Value]) -> Value {
    json!({ "spec": { "listeners": listeners } })
}

/// The listener of acme's, less or more.
fn altered(change: &Value) -> Value {
    let mut listener = entry("tenantry.acme.http-80.b.example", "acme", "b.example");
    merge(&mut listener, change);
    with(&[web(), listener])
}

/// By which rules a change of the Gateway is refused, in a namespace with these labels.
fn refused_by(
    before: &Value,
    change: &Value,
    operation: Operation,
    subresource: &str,
    labels: &Value,
) -> Vec<&'static str> {
    let mut after = before.clone();
    merge(&mut after, change);
    let namespace = json!({ "metadata": { "name": "gateways", "labels": labels } });
    let request = Request {
        operation,
        group: "gateway.networking.k8s.io",
        resource: "gateways",
        subresource,
        kind: "Gateway",
        namespace: "gateways",
        name: "shared",
        username: "system:serviceaccount:tenantry-system:tenantry",
        exempt: true,
        object: if operation == Operation::Delete { &Value::Null } else { &after },
        old: if operation == Operation::Create { &Value::Null } else { before },
        namespace_object: &namespace,
    };
    refusals(SELF_GUARD.rules, &SELF_GUARD, &request).into_iter().map(|(rule, _)| rule.name).collect()
}

fn updated(before: &Value, change: &Value) -> Vec<&'static str> {
    refused_by(before, change, Operation::Update, "", &json!({}))
}

#[test]
fn listeners_of_tenants_come_change_and_go() {
    let consenting = gateway();
    let globex = entry("tenantry.globex.http-80-any.globex.example", "globex", "*.globex.example");
    let mut secure = acmes();
    secure["name"] = "tenantry.acme.https-443.a.example".into();
    secure["port"] = 443.into();
    secure["protocol"] = "HTTPS".into();
    secure["tls"] =
        json!({ "mode": "Terminate", "certificateRefs": [{ "kind": "Secret", "name": "a", "namespace": "acme" }] });
    let mut moved = acmes();
    moved["port"] = 8080.into();
    for (what, change) in [
        ("another tenant's", with(&[web(), acmes(), globex])),
        ("HTTPS", with(&[web(), acmes(), secure])),
        ("at another port", with(&[web(), moved])),
        ("none any more", with(&[web()])),
        ("none of the platform's in the way", altered(&json!({}))),
    ] {
        assert!(updated(&consenting, &change).is_empty(), "{what}: {:?}", updated(&consenting, &change));
    }
    let mut withdrawn = gateway();
    withdrawn["metadata"]["annotations"] = json!({});
    assert!(updated(&withdrawn, &with(&[web()])).is_empty(), "what goes needs no consent");
}

#[test]
fn nothing_else_of_such_a_gateway_is_touched() {
    let theirs = |change: Value| {
        let mut listener = web();
        merge(&mut listener, &change);
        with(&[listener, acmes()])
    };
    for (what, change) in [
        ("its listener's port", theirs(json!({ "port": 81 }))),
        ("its listener's hostname", theirs(json!({ "hostname": null }))),
        ("who may be on its listener", theirs(json!({ "allowedRoutes": { "namespaces": { "from": "All" } } }))),
        ("its listener is gone", with(&[acmes()])),
        ("one more of no tenant's", with(&[web(), acmes(), json!({ "name": "mine", "port": 81, "protocol": "HTTP" })])),
        ("its listener is called a tenant's", with(&[acmes()])),
        ("its class", json!({ "spec": { "gatewayClassName": "mine" } })),
        ("an address", json!({ "spec": { "addresses": [{ "value": "192.0.2.1" }] } })),
        ("a label", json!({ "metadata": { "labels": { "team": "mine" } } })),
        ("a label more", json!({ "metadata": { "labels": { "more": "1" } } })),
        ("its labels are gone", json!({ "metadata": { "labels": null } })),
        ("an annotation", json!({ "metadata": { "annotations": { "more": "1" } } })),
        ("a finalizer", json!({ "metadata": { "finalizers": ["a/b"] } })),
        ("an owner", json!({ "metadata": { "ownerReferences": [{ "kind": "A" }] } })),
        ("its status", json!({ "status": { "addresses": [{ "value": "192.0.2.1" }] } })),
    ] {
        assert_eq!(updated(&gateway(), &change), ["gateways-of-others"], "{what}");
    }
    let two = json!({ "spec": { "listeners": [web(), { "name": "other", "port": 81, "protocol": "HTTP" }] } });
    let mut several = gateway();
    merge(&mut several, &two);
    let swapped = with(&[several["spec"]["listeners"][1].clone(), web()]);
    assert_eq!(updated(&several, &swapped), ["gateways-of-others"], "their order");
}

#[test]
fn what_comes_is_one_tenants_alone_and_in_nobodys_way() {
    for (what, change) in [
        ("no hostname", json!({ "hostname": null })),
        ("routes of everybody", json!({ "allowedRoutes": { "namespaces": { "from": "All", "selector": null } } })),
        (
            "routes of another tenant",
            json!({ "allowedRoutes": { "namespaces": { "selector": { "matchLabels": { "tenantry.dev/tenant": "globex" } } } } }),
        ),
        (
            "routes by another label, too",
            json!({ "allowedRoutes": { "namespaces": { "selector": { "matchLabels": { "a": "b" } } } } }),
        ),
        (
            "a selector of its own",
            json!({ "allowedRoutes": { "namespaces": { "selector": { "matchExpressions": [] } } } }),
        ),
        ("no word on routes", json!({ "allowedRoutes": null })),
        ("a Secret beside the Gateway", json!({ "tls": { "certificateRefs": [{ "name": "platform" }] } })),
        ("another tenant's Secret", json!({ "tls": { "certificateRefs": [{ "name": "a", "namespace": "globex" }] } })),
        ("a port that is spoken on in another way", json!({ "protocol": "TLS" })),
        ("a stream", json!({ "protocol": "TCP", "port": 81 })),
        ("the platform's own host", json!({ "hostname": "web.example" })),
    ] {
        assert_eq!(updated(&gateway(), &altered(&change)), ["tenants-listeners"], "{what}");
    }
    for (what, annotations) in
        [("no word", json!(null)), ("another word", json!({ "tenantry.dev/managed-listeners": "false" }))]
    {
        let mut silent = gateway();
        merge(&mut silent, &json!({ "metadata": { "annotations": annotations } }));
        assert_eq!(updated(&silent, &altered(&json!({}))), ["tenants-listeners"], "{what}");
        let consent = json!({ "metadata": { "annotations": { "tenantry.dev/managed-listeners": "true" } } });
        assert_eq!(updated(&silent, &consent), ["gateways-of-others"], "it consents for its owner");
    }
}

#[test]
fn gateways_are_neither_made_nor_removed_elsewhere_nor_spoken_for() {
    let change = json!({});
    for (operation, subresource, rules) in [
        (Operation::Create, "", vec!["outside-tenants"]),
        (Operation::Delete, "", vec!["outside-tenants", "parts"]),
        (Operation::Update, "status", vec!["outside-tenants"]),
        (Operation::Update, "finalizers", vec!["outside-tenants", "parts"]),
    ] {
        assert_eq!(
            refused_by(&gateway(), &change, operation, subresource, &json!({})),
            rules,
            "{operation:?} {subresource}"
        );
    }
    // In a tenant's namespace only those that it made, whatever they say.
    let tenants = json!({ "tenantry.dev/tenant": "acme" });
    assert_eq!(refused_by(&gateway(), &with(&[web()]), Operation::Update, "", &tenants), ["parts"]);
}
