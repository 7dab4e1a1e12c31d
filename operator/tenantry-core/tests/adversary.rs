//! What an attacker, an accident or bad timing must not bring about: each test was an open door once.

mod support;

use serde_json::{Value, json};
use support::{applied, installed_world, outcome, plan, registration, status};
use tenantry_core::content;
use tenantry_core::kind::Progress;
use tenantry_core::object::ObjectKey;
use tenantry_core::resources::{
    LIMIT_RANGE, NAMESPACE, NETWORK_POLICY, RESOURCE_QUOTA, ROLE_BINDING, Resource, TENANT_CLASS, TENANT_VIEW,
};
use tenantry_core::world::MemoryWorld;

fn class() -> Value {
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantClass", "metadata": { "name": "standard" },
        "spec": {
            "defaults": { "limits": { "max": { "cpu": "1" } } },
            "bounds": { "network": { "apiServer": "Allow", "egress": ["203.0.113.0/24"] } },
        },
    })
}

fn platform(spec: &Value) -> Value {
    json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": { "name": "default" }, "spec": spec })
}

fn tenant() -> Value {
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant",
        "metadata": {
            "name": "acme", "uid": "uid-acme", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z",
            "annotations": { "tenantry.dev/inventory": "namespaces/acme,namespaces/acme-dev,namespaces/acme-prod" },
        },
        "spec": {
            "className": "standard",
            "environments": [
                { "name": "dev", "quota": { "max": { "pods": "10" } } },
                { "name": "prod", "quota": { "max": { "pods": "10" } } },
            ],
            "members": [
                { "name": "admins", "role": "Admin", "subjects": [{ "kind": "Group", "name": "acme-admins" }] },
                { "name": "guest", "role": "Developer", "subjects": [{ "kind": "User", "name": "guest" }], "until": "2027-01-01T00:00:00Z" },
            ],
        },
    })
}

/// The world after the tenant has been brought about in it.
fn onboarded(tenant: &Value) -> MemoryWorld {
    let mut world = installed_world();
    world.insert(class()).expect("a known kind");
    for _ in 0..3 {
        world = applied(&plan(registration("Tenant"), tenant, &world), &world);
    }
    assert!(world.whole(&binding("acme-prod", "developer")).is_some(), "the guest has rights to begin with");
    world
}

fn binding(namespace: &str, role: &str) -> ObjectKey {
    ObjectKey::namespaced(&ROLE_BINDING, namespace, format!("tenantry-{role}"))
}

fn namespace(name: &str) -> ObjectKey {
    ObjectKey::cluster(&NAMESPACE, name)
}

/// Names of objects of these kinds that this look would remove.
fn removed(tenant: &Value, world: &MemoryWorld, kinds: &[&Resource]) -> Vec<String> {
    let next = applied(&plan(registration("Tenant"), tenant, world), world);
    let gone = world.keys().filter(|key| kinds.contains(&key.resource) && next.whole(key).is_none());
    gone.map(ToString::to_string).collect()
}

#[test]
fn protecting_a_name_later_deletes_no_namespace() {
    let tenant = tenant();
    let mut world = onboarded(&tenant);
    world.insert(platform(&json!({ "protectedNamespaces": ["acme-prod"] }))).expect("a known kind");
    assert_eq!(removed(&tenant, &world, &[&NAMESPACE, &NETWORK_POLICY, &RESOURCE_QUOTA, &LIMIT_RANGE]), [""; 0]);
}

#[test]
fn a_copy_of_a_namespace_is_not_the_tenants_to_delete() {
    let mut tenant = tenant();
    let mut world = onboarded(&tenant);
    // kubectl get namespace acme-dev -o yaml | sed s/acme-dev/production-data/ | kubectl apply -f -
    for name in ["production-data", "acme-copy"] {
        let mut copy = world.whole(&namespace("acme-dev")).expect("is there").clone();
        copy["metadata"]["name"] = name.into();
        copy["metadata"]["managedFields"] = json!([]);
        world.insert(copy).expect("a known kind");
    }
    tenant["spec"]["deletionPolicy"] = "Delete".into();
    tenant["metadata"]["annotations"]["tenantry.dev/confirm-delete"] = "uid-acme".into();
    assert_eq!(removed(&tenant, &world, &[&NAMESPACE]), [""; 0]);
    tenant["metadata"]["deletionTimestamp"] = "2026-05-01T00:00:00Z".into();
    assert_eq!(
        removed(&tenant, &world, &[&NAMESPACE]),
        ["Namespace acme", "Namespace acme-dev", "Namespace acme-prod"]
    );
}

#[test]
fn a_copy_does_not_stall_the_tenant() {
    let tenant = tenant();
    let mut world = onboarded(&tenant);
    let mut copy = world.whole(&namespace("acme-dev")).expect("is there").clone();
    copy["metadata"]["name"] = "production-data".into();
    copy["metadata"]["managedFields"] = json!([]);
    world.insert(copy).expect("a known kind");
    assert_eq!(tenantry_core::check::violation(&plan(registration("Tenant"), &tenant, &world)), None);
}

#[test]
fn nobody_is_told_anything_of_a_tenant_that_is_gone() {
    let mut tenant = tenant();
    let world = onboarded(&tenant);
    assert_eq!(removed(&tenant, &world, &[&TENANT_VIEW]), [""; 0]);
    tenant["metadata"]["deletionTimestamp"] = "2026-05-01T00:00:00Z".into();
    assert_eq!(removed(&tenant, &world, &[&TENANT_VIEW]), ["TenantView acme/acme"]);
}

#[test]
fn a_removed_environment_stays_closed_though_its_mark_was_stripped() {
    let mut tenant = tenant();
    let mut world = onboarded(&tenant);
    let mut stripped = world.whole(&namespace("acme-prod")).expect("is there").clone();
    stripped["metadata"]["annotations"] = json!({});
    world.insert(stripped).expect("a known kind");
    tenant["spec"]["environments"].as_array_mut().expect("a list").pop();
    let guards = [&NETWORK_POLICY, &RESOURCE_QUOTA, &LIMIT_RANGE];
    assert_eq!(removed(&tenant, &world, &guards), [""; 0]);
    assert!(removed(&tenant, &world, &[&ROLE_BINDING]).contains(&"RoleBinding acme-prod/tenantry-admin".to_owned()));
    tenant["metadata"]["deletionTimestamp"] = "2026-05-01T00:00:00Z".into();
    assert_eq!(removed(&tenant, &world, &guards), [""; 0]);
}

#[test]
fn rights_end_though_the_class_is_gone() {
    let mut tenant = tenant();
    let world = onboarded(&tenant);
    tenant["spec"]["members"][1]["until"] = "2026-05-01T00:00:00Z".into();
    let expected = [
        "RoleBinding acme/tenantry-developer",
        "RoleBinding acme-dev/tenantry-developer",
        "RoleBinding acme-prod/tenantry-developer",
    ];
    for unknown in [false, true] {
        let mut world = world.clone();
        if unknown {
            world.forget(&TENANT_CLASS);
        } else {
            world.remove(&ObjectKey::cluster(&TENANT_CLASS, "standard"));
        }
        assert_eq!(removed(&tenant, &world, &[&ROLE_BINDING]), expected, "unknown: {unknown}");
        let others = [&NAMESPACE, &NETWORK_POLICY, &RESOURCE_QUOTA, &LIMIT_RANGE, &TENANT_VIEW];
        assert_eq!(removed(&tenant, &world, &others), [""; 0]);
    }
    let mut waiting = self::tenant();
    waiting["spec"]["className"] = "gone".into();
    let look = plan(registration("Tenant"), &waiting, &world);
    assert_eq!(look.requeue_at.map(|when| when.to_string()).as_deref(), Some("2027-01-01T00:00:00Z"));
    assert_eq!(removed(&waiting, &world, &[&ROLE_BINDING]), [""; 0]);
    assert!(look.desired.iter().all(|object| *object.key().resource == ROLE_BINDING));
}

#[test]
fn rights_end_though_somebody_took_the_home_namespace() {
    let mut tenant = tenant();
    let mut world = onboarded(&tenant);
    world
        .insert(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "acme", "uid": "else" } }))
        .expect("a known kind");
    tenant["spec"]["members"][1]["until"] = "2026-05-01T00:00:00Z".into();
    let gone = removed(&tenant, &world, &[&ROLE_BINDING]);
    assert_eq!(gone, ["RoleBinding acme-dev/tenantry-developer", "RoleBinding acme-prod/tenantry-developer"]);
}

#[test]
fn nobody_gets_rights_where_a_refused_quota_left_none() {
    let mut tenant = tenant();
    let mut world = onboarded(&tenant);
    // The operator was killed after it had made the namespace; then the quota was made unacceptable.
    for namespace in ["acme", "acme-prod"] {
        world.remove(&ObjectKey::namespaced(&RESOURCE_QUOTA, namespace, "tenantry"));
        for role in ["admin", "developer"] {
            world.remove(&binding(namespace, role));
        }
    }
    tenant["spec"]["quota"] = json!({ "pods": "1" });
    let look = plan(registration("Tenant"), &tenant, &world);
    for namespace in ["acme", "acme-prod"] {
        assert!(
            !look.desired.iter().any(|object| *object.key() == binding(namespace, "admin")),
            "{namespace}:\n{look}"
        );
    }
    assert!(look.desired.iter().any(|object| *object.key() == binding("acme-dev", "admin")), "{look}");
}

#[test]
fn a_network_of_the_platform_that_is_none_is_told_to_who_needs_it() {
    let mut tenant = tenant();
    let mut world = onboarded(&tenant);
    tenant["spec"]["network"] = json!({ "apiServer": "Allow" });
    world.insert(platform(&json!({ "apiServer": { "cidrs": ["192.0.2.10/24"] } }))).expect("a known kind");
    let look = plan(registration("Tenant"), &tenant, &world);
    assert!(look.refusals.iter().any(|refusal| refusal.field == "spec.network.apiServer"), "{look}");
}

#[test]
fn an_environment_whose_network_was_refused_is_not_ready() {
    let mut tenant = tenant();
    let world = onboarded(&tenant);
    tenant["spec"]["network"] = json!({ "internet": "Allow" });
    let look = plan(registration("Tenant"), &tenant, &world);
    let status = status(registration("Tenant"), &tenant, &world, &outcome(&look, &world));
    assert_eq!(status["ready"], "0/2");
}

#[test]
fn an_environment_with_rights_that_do_not_go_is_not_ready() {
    let tenant = tenant();
    let world = onboarded(&tenant);
    let look = plan(registration("Tenant"), &tenant, &world);
    let mut done = outcome(&look, &world);
    assert_eq!(status(registration("Tenant"), &tenant, &world, &done)["ready"], "2/2");
    done.leaving.push(binding("acme-prod", "viewer"));
    assert_eq!(status(registration("Tenant"), &tenant, &world, &done)["ready"], "1/2");
}

#[test]
fn nothing_is_deleted_while_the_class_is_unknown() {
    let mut tenant = tenant();
    let mut world = onboarded(&tenant);
    world.forget(&TENANT_CLASS);
    tenant["spec"]["deletionPolicy"] = "Delete".into();
    tenant["metadata"]["annotations"]["tenantry.dev/confirm-delete"] = "uid-acme".into();
    tenant["metadata"]["deletionTimestamp"] = "2026-05-01T00:00:00Z".into();
    assert_eq!(removed(&tenant, &world, &[&NAMESPACE]), [""; 0]);
    assert!(!plan(registration("Tenant"), &tenant, &world).release);
}

#[test]
fn a_service_account_counts_only_where_the_namespace_is_the_tenants() {
    let mut tenant = tenant();
    let world = onboarded(&tenant);
    // Nobody holds acme-next yet, and tenant acme-next may be first.
    tenant["spec"]["environments"]
        .as_array_mut()
        .expect("a list")
        .push(json!({ "name": "next", "podSecurity": "Privileged" }));
    tenant["spec"]["members"][0]["subjects"] =
        json!([{ "kind": "ServiceAccount", "name": "default", "namespace": "acme-next" }]);
    let look = plan(registration("Tenant"), &tenant, &world);
    assert!(!look.desired.iter().any(|object| *object.key() == binding("acme-prod", "admin")), "{look}");
}

#[test]
fn drift_of_a_key_that_somebody_else_wrote_last_is_seen() {
    let tenant = tenant();
    let world = onboarded(&tenant);
    let mut seen = world.whole(&namespace("acme-prod")).expect("is there").clone();
    // Restored from a backup, or changed there and back: the same labels, none of them written by us.
    seen["metadata"]["managedFields"] = json!([]);
    let restored = content::hash_observed(&NAMESPACE, &seen);
    seen["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "privileged".into();
    assert_ne!(content::hash_observed(&NAMESPACE, &seen), restored);
}

#[test]
fn a_status_that_the_plan_can_lead_to_can_be_stored() {
    let mut tenant = tenant();
    let mut class = class();
    let counts = |prefix: &str| -> Value {
        (0..60).map(|n| (format!("count/{prefix}{n}.example"), json!("1"))).collect::<serde_json::Map<_, _>>().into()
    };
    class["spec"]["defaults"]["environments"] = json!([{ "stage": "Development", "quota": { "max": counts("a") } }]);
    tenant["spec"]["environments"][0]["quota"]["max"] = counts("b");
    tenant["spec"]["environments"][1]["quota"]["max"] = counts("c");
    tenant["spec"]["quota"] = json!({ "pods": "10" });
    let mut world = installed_world();
    world.insert(class).expect("a known kind");
    let look = plan(registration("Tenant"), &tenant, &world);
    let mut done = outcome(&look, &world);
    done.objects.insert(namespace("acme-dev"), Progress::Failed("a webhook talks ".repeat(500)));
    let status = status(registration("Tenant"), &tenant, &world, &done);
    let crd = serde_json::to_value((registration("Tenant").crd)()).expect("JSON");
    let limit = |path: &str| {
        crd.pointer(&format!("/spec/versions/0/schema/openAPIV3Schema/properties/status/properties{path}"))
            .and_then(Value::as_u64)
            .expect("a limit")
    };
    let size = |path: &str| status.pointer(path).and_then(Value::as_object).map_or(0, serde_json::Map::len) as u64;
    assert!(
        size("/environments/0/quota/hard")
            <= limit("/environments/items/properties/quota/properties/hard/maxProperties")
    );
    assert!(status["environments"][0]["message"].as_str().expect("a message").len() <= 1024);
    assert!(look.refusals.iter().any(|refusal| refusal.field == "spec.environments[dev].quota.max"), "{look}");
    assert!(size("/quota/assigned") <= limit("/quota/properties/assigned/maxProperties"));
}

#[test]
fn what_cannot_be_seen_is_not_ready() {
    let tenant = tenant();
    let mut world = onboarded(&tenant);
    let look = plan(registration("Tenant"), &tenant, &world);
    let done = outcome(&look, &world);
    // The permission was taken: the engine goes by what it knew last.
    world.forget(&NETWORK_POLICY);
    let status = status(registration("Tenant"), &tenant, &world, &done);
    assert_eq!((&status["ready"], &status["conditions"][0]["status"]), (&json!("0/2"), &json!("Unknown")));
}
