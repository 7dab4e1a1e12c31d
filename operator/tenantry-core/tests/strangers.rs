//! What members are told of their own Tenant names nobody else's: for random pairs of tenants that know of each other, hold each
//! other's names and are named in each other's specs, nothing of the one is in the other's view.

mod support;

use proptest::prelude::*;
use serde_json::{Value, json};
use support::{applied, installed_world, outcome, plan, registration, status};
use tenantry_core::kind::Progress;
use tenantry_core::object::ObjectKey;
use tenantry_core::resources::{NAMESPACE, TENANT_VIEW};
use tenantry_core::world::MemoryWorld;

/// The other tenant begins as one of the first one's namespaces does.
const OTHER: &str = "acme-zebra";

fn class() -> Value {
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantClass", "metadata": { "name": "standard" },
        "spec": { "bounds": { "network": { "internet": "Allow", "egress": ["203.0.113.0/24"] } } },
    })
}

fn tenant(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant",
        "metadata": { "name": name, "uid": format!("uid-{name}"), "generation": 1, "annotations": {
            "tenantry.dev/inventory": format!("namespaces/{name}"),
        } },
        "spec": spec,
    })
}

/// Environments of the first, among them one whose namespace is the other's home, and one that is the other's `stripes`.
fn environments() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(vec!["dev", "prod", "zebra", "zebra-stripes"], 1..=4)
}

fn subjects() -> impl Strategy<Value = Vec<Value>> {
    let all = vec![
        json!({ "kind": "Group", "name": "people" }),
        json!({ "kind": "Group", "name": "acme-zebra-admins" }),
        json!({ "kind": "ServiceAccount", "name": "bot", "namespace": "acme-zebra-stripes" }),
        json!({ "kind": "ServiceAccount", "name": "acme-zebra-bot", "namespace": "acme-dev" }),
    ];
    prop::sample::subsequence(all, 1..=4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_view_names_nobody_else(
        environments in environments(),
        subjects in subjects(),
        contact in prop::bool::ANY,
        refused in prop::bool::ANY,
        fails in prop::bool::ANY,
    ) {
        let other = tenant(OTHER, &json!({
            "className": "standard", "environments": [{ "name": "stripes" }],
            "displayName": "Zebra", "contact": { "team": "zebra-team" },
            "members": [{ "name": "zebras", "role": "Admin", "subjects": [{ "kind": "Group", "name": "zebra-people" }] }],
        }));
        let mut spec = json!({
            "className": "standard",
            "environments": environments.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
            "members": [{ "name": "all", "role": "Admin", "subjects": subjects }],
        });
        if contact {
            spec["contact"] = json!({ "team": "acme-team" });
        }
        if refused {
            spec["network"] = json!({ "egress": [{ "name": "x", "to": { "cidr": "10.0.0.0/8" }, "ports": [{ "port": 1 }] }] });
        }
        let mut acme = tenant("acme", &spec);
        let mut world = installed_world();
        world.insert(class()).expect("a known kind");
        for who in [&other, &acme, &acme] {
            world.insert(who.clone()).expect("a known kind");
            world = kept(&plan(registration("Tenant"), who, &world), &world);
        }
        let look = plan(registration("Tenant"), &acme, &world);
        let mut done = outcome(&look, &world);
        if fails {
            let text = "a webhook that serves acme-zebra says no".to_owned();
            done.objects.insert(ObjectKey::cluster(&NAMESPACE, "acme-dev"), Progress::Failed(text));
        }
        acme["status"] = status(registration("Tenant"), &acme, &world, &done);
        world.insert(acme).expect("a known kind");
        let key = ObjectKey::namespaced(&TENANT_VIEW, "acme", "acme");
        let mut view = world.whole(&key).expect("there is a view").clone();
        let told = plan(registration("TenantView"), &view, &world);
        view["status"] = status(registration("TenantView"), &view, &world, &outcome(&told, &world));
        prop_assert_eq!(view["status"]["environments"].as_array().map_or(0, Vec::len), environments.len());
        // Its own environments' names are the tenant's own words.
        let mut text = view.to_string();
        for name in ["\"zebra-stripes\"", "\"zebra\"", "environments[zebra-stripes]", "environments[zebra]"] {
            text = text.replace(name, "");
        }
        prop_assert!(!text.to_lowercase().contains("zebra"), "{}", view);
    }
}

/// Like `applied`, but only this tenant's own objects can go.
fn kept(next: &tenantry_core::plan::Plan, world: &MemoryWorld) -> MemoryWorld {
    let mut result = applied(next, world);
    for key in world.keys().filter(|key| result.whole(key).is_none()).cloned().collect::<Vec<_>>() {
        result.insert(world.whole(&key).expect("its own key").clone()).expect("a known kind");
    }
    result
}
