use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::kinds::tenantry_platform::types::{GatewayProfile, GatewayRef};
use crate::resources::GATEWAY;
use crate::routing::gateways::{Parent, Sections};
use crate::world::MemoryWorld;

const MINE: &str = "2026-02-02T00:00:00Z";
const OLDER: &str = "2026-01-01T00:00:00Z";
const YOUNGER: &str = "2026-03-03T00:00:00Z";

fn seat(path: &str) -> Seat {
    let gateway_ref = Some(GatewayRef { namespace: "gw".into(), name: "shared".into(), section_name: None });
    let hosts = vec!["infra-proxy".to_owned()];
    let profile =
        GatewayProfile { name: "development".into(), gateway_ref, hosts: hosts.clone(), ..GatewayProfile::default() };
    let (namespace, name) = ("gw".into(), "shared".into());
    let parent = Parent { kind: &GATEWAY, namespace, name, sections: Sections::All, port: None };
    Seat { profile, gateway: parent.to_string(), parent, hosts, path: path.into(), protocol: Protocol::Http }
}

/// A route in `namespace`; of ours for the ServiceRoute of the same name if `ours`.
fn route(namespace: &str, name: &str, created: &str, hosts: &[&str], path: &Value, ours: bool) -> Value {
    let mut route = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": { "namespace": namespace, "name": name, "uid": name, "creationTimestamp": created },
        "spec": {
            "parentRefs": [{ "namespace": "gw", "name": "shared" }],
            "rules": [{ "matches": [{ "path": path }] }],
        },
    });
    if !hosts.is_empty() {
        route["spec"]["hostnames"] = json!(hosts);
    }
    if ours {
        route["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "tenantry" });
        route["metadata"]["annotations"] =
            json!({ "tenantry.dev/owner": format!("serviceroutes/{namespace}/{name}/u") });
    }
    route
}

fn wish(namespace: &str, name: &str, created: &str, path: &str) -> Value {
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "ServiceRoute",
        "metadata": { "namespace": namespace, "name": name, "uid": name, "creationTimestamp": created },
        "spec": { "backend": { "applicationRef": { "name": "desk" } }, "basePath": path },
    })
}

fn prefix(path: &str) -> Value {
    json!({ "type": "PathPrefix", "value": path })
}

/// What comes of a claim of acme-dev/me to `path`, which was created in between, among these.
fn ruling(path: &str, others: &[Value]) -> Ruling {
    let mut world = MemoryWorld::default();
    for (namespace, tenant) in [("acme-dev", "acme"), ("acme-prod", "acme"), ("globex-dev", "globex")] {
        let labels = json!({ "app.kubernetes.io/managed-by": "tenantry", "tenantry.dev/tenant": tenant });
        let metadata = json!({ "name": namespace, "uid": namespace, "labels": labels });
        world.insert(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata })).expect("a known kind");
    }
    for other in others {
        world.insert(other.clone()).expect("a known kind");
    }
    let namespaces = BTreeSet::from(["acme-dev".to_owned(), "acme-prod".to_owned()]);
    let me = Claimant { namespace: "acme-dev", name: "me", created: MINE, namespaces: &namespaces };
    let seat_of = |other: &Value| Some(seat(&Wish::of(&other["spec"]).path));
    rule(&me, &seat(path), &[&HTTP_ROUTE], &seat_of, &World::new(&world))
}

fn holder(ruling: &Ruling) -> &str {
    match ruling {
        Ruling::Lost(holder, _) => holder,
        Ruling::Had(intruders) if intruders.is_empty() => "mine",
        Ruling::Had(_) => "mine, with intruders",
        Ruling::Unknown(_) => "unknown",
    }
}

#[test]
fn the_first_route_has_the_path_however_old_its_rivals_are() {
    let theirs = |created| {
        [
            route("globex-dev", "it", created, &["infra-proxy"], &prefix("/a"), true),
            wish("globex-dev", "it", created, "/a"),
        ]
    };
    let mine =
        [route("acme-dev", "me", MINE, &["infra-proxy"], &prefix("/a"), true), wish("acme-dev", "me", MINE, "/a")];
    let all = |one: &[Value], other: &[Value]| [one, other].concat();
    // Who has a route has the path, also against a wish that is older.
    assert_eq!(holder(&ruling("/a", &theirs(YOUNGER))), "ServiceRoute globex-dev/it");
    assert_eq!(holder(&ruling("/a", &all(&mine, &theirs(YOUNGER)))), "mine");
    assert_eq!(
        holder(&ruling("/a", &all(&mine, &theirs(OLDER)))),
        "ServiceRoute globex-dev/it",
        "both had it: the older is served"
    );
    assert_eq!(
        holder(&ruling("/a", &all(&mine, &[wish("globex-dev", "it", OLDER, "/a")]))),
        "mine",
        "an older wish has no route"
    );
    // Of two wishes the older goes first.
    assert_eq!(holder(&ruling("/a", &[wish("globex-dev", "it", OLDER, "/a")])), "ServiceRoute globex-dev/it");
    assert_eq!(holder(&ruling("/a", &[wish("globex-dev", "it", YOUNGER, "/a")])), "mine");
}

#[test]
fn what_lies_above_or_beneath_is_another_tenants_too() {
    let others = |path: &str| {
        [route("globex-dev", "it", OLDER, &["infra-proxy"], &prefix(path), true), wish("globex-dev", "it", OLDER, path)]
    };
    let kin = |path: &str| {
        [route("acme-prod", "it", OLDER, &["infra-proxy"], &prefix(path), true), wish("acme-prod", "it", OLDER, path)]
    };
    for path in ["/api/v1", "/api/v1/DESK/login", "/api/v1/desk", "/"] {
        assert_eq!(holder(&ruling("/api/v1/DESK", &others(path))), "ServiceRoute globex-dev/it", "{path}");
    }
    for path in ["/api/v1/DESKTOP", "/api/v1/DES", "/api/v2/DESK"] {
        assert_eq!(holder(&ruling("/api/v1/DESK", &others(path))), "mine", "{path}");
    }
    assert_eq!(
        holder(&ruling("/api/v1/DESK", &kin("/api/v1/DESK/login"))),
        "mine",
        "a tenant may divide what is its own"
    );
    assert_eq!(holder(&ruling("/api/v1/DESK", &kin("/api/v1/DESK"))), "ServiceRoute acme-prod/it");
}

#[test]
fn routes_of_strangers_are_named() {
    let mine = route("acme-dev", "me", MINE, &["infra-proxy"], &prefix("/a"), true);
    let stranger = |created: &str, hosts: &[&str], path: Value| route("other", "it", created, hosts, &path, false);
    let with = |stranger: Value| holder(&ruling("/a", &[mine.clone(), stranger])).to_owned();
    assert_eq!(with(stranger(OLDER, &["infra-proxy"], prefix("/a"))), "HTTPRoute other/it");
    assert_eq!(with(stranger(YOUNGER, &["infra-proxy"], prefix("/a"))), "mine, with intruders");
    assert_eq!(with(stranger(YOUNGER, &[], prefix("/a/login"))), "mine, with intruders", "no host is every host");
    assert_eq!(with(stranger(OLDER, &[], prefix("/a"))), "mine", "whoever names the host is served before");
    let expression = json!({ "type": "RegularExpression", "value": "/.*" });
    assert_eq!(with(stranger(YOUNGER, &["infra-proxy"], expression)), "mine, with intruders");
    assert_eq!(with(stranger(OLDER, &["elsewhere.example"], prefix("/a"))), "mine");
    assert_eq!(with(stranger(OLDER, &["infra-proxy"], prefix("/"))), "mine", "a shorter path takes nothing away");
    // A copied mark in another namespace proves nothing.
    let mut copied = stranger(OLDER, &["infra-proxy"], prefix("/a"));
    copied["metadata"]["labels"] = mine["metadata"]["labels"].clone();
    copied["metadata"]["annotations"] = mine["metadata"]["annotations"].clone();
    assert_eq!(with(copied), "HTTPRoute other/it");
}

#[test]
fn what_is_had_on_one_host_proves_nothing_of_another() {
    let hosts = ["infra-proxy", "pay.example"];
    let mut world = MemoryWorld::default();
    for (namespace, tenant) in [("acme-dev", "acme"), ("globex-dev", "globex")] {
        let labels = json!({ "app.kubernetes.io/managed-by": "tenantry", "tenantry.dev/tenant": tenant });
        let metadata = json!({ "name": namespace, "uid": namespace, "labels": labels });
        world.insert(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata })).expect("a known kind");
    }
    let mut theirs = wish("globex-dev", "it", YOUNGER, "/a");
    theirs["spec"]["hostnames"] = json!(["pay.example"]);
    world.insert(theirs).expect("a known kind");
    world.insert(route("acme-dev", "me", OLDER, &["infra-proxy"], &prefix("/a"), true)).expect("a known kind");
    world.insert(route("globex-dev", "it", YOUNGER, &["pay.example"], &prefix("/a"), true)).expect("a known kind");
    let namespaces = BTreeSet::from(["acme-dev".to_owned()]);
    let me = Claimant { namespace: "acme-dev", name: "me", created: OLDER, namespaces: &namespaces };
    let wider = Seat { hosts: hosts.map(str::to_owned).into(), ..seat("/a") };
    let ruling = rule(&me, &wider, &[&HTTP_ROUTE], &|_| None, &World::new(&world));
    assert_eq!(holder(&ruling), "ServiceRoute globex-dev/it");
}

#[test]
fn two_of_one_tenant_may_change_places_at_once() {
    let theirs =
        [route("acme-prod", "it", OLDER, &["infra-proxy"], &prefix("/a"), true), wish("acme-prod", "it", OLDER, "/b")];
    assert_eq!(holder(&ruling("/a", &theirs)), "mine");
    let others = [
        route("globex-dev", "it", OLDER, &["infra-proxy"], &prefix("/a"), true),
        wish("globex-dev", "it", OLDER, "/b"),
    ];
    assert_eq!(holder(&ruling("/a", &others)), "unknown", "another tenant's route must be gone");
    let gone = [route("globex-dev", "it", OLDER, &["infra-proxy"], &prefix("/a"), true)];
    assert_eq!(holder(&ruling("/a", &gone)), "unknown", "its route outlives its ServiceRoute for a moment");
}
