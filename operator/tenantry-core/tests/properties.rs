//! What holds for every Tenant and every world: random ones, within what the schema lets through.

mod support;

use proptest::prelude::*;
use serde_json::{Value, json};
use support::{applied, installed_world, is_as_wanted, outcome, plan, plan_as_value, registration, status};
use tenantry_core::access;
use tenantry_core::check;
use tenantry_core::kinds::KINDS;
use tenantry_core::object::ObjectKey;
use tenantry_core::quantity::Quantity;
use tenantry_core::resources::{CONFIG_MAP, CONFIG_MAP_ORIGINAL, NAMESPACE, SECRET, SECRET_ORIGINAL};
use tenantry_core::world::MemoryWorld;

const ENVIRONMENTS: [&str; 4] = ["dev", "stage", "prod", "b-c"];

fn class() -> Value {
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantClass", "metadata": { "name": "standard" },
        "spec": {
            "defaults": {
                "quota": { "pods": "100" },
                "environments": [
                    { "stage": "Development", "quota": { "max": { "pods": "10" } } },
                    { "stage": "Production", "quota": { "max": { "pods": "20" } } },
                ],
            },
            "bounds": { "network": { "internet": "Allow", "egress": ["203.0.113.0/24"] } },
        },
    })
}

fn environment() -> impl Strategy<Value = Value> {
    (
        prop::sample::select(vec!["Development", "Production", "Staging"]),
        prop::option::of(1..60_u32),
        prop::option::of(prop::sample::select(vec!["Restricted", "Baseline", "Privileged"])),
    )
        .prop_map(|(stage, pods, level)| {
            let mut environment = json!({ "stage": stage });
            if let Some(pods) = pods {
                environment["quota"] = json!({ "max": { "pods": pods, "requests.cpu": format!("{pods}00m") } });
            }
            if let Some(level) = level {
                environment["podSecurity"] = json!(level);
            }
            environment
        })
}

fn member() -> impl Strategy<Value = Value> {
    (
        prop::sample::select(vec!["Admin", "Developer", "Viewer"]),
        prop::collection::vec(
            prop::sample::select(vec![
                json!({ "kind": "Group", "name": "people" }),
                json!({ "kind": "Group", "name": "system:masters" }),
                json!({ "kind": "User", "name": "kim@x.example" }),
                json!({ "kind": "ServiceAccount", "name": "bot", "namespace": "acme-dev" }),
                json!({ "kind": "ServiceAccount", "name": "bot", "namespace": "other-dev" }),
            ]),
            1..4,
        ),
        prop::option::of(prop::sample::subsequence(ENVIRONMENTS.to_vec(), 1..3)),
        prop::option::of(prop::sample::select(vec!["2026-05-01T00:00:00Z", "2026-07-01T00:00:00Z"])),
    )
        .prop_map(|(role, subjects, environments, until)| {
            let mut member = json!({ "role": role, "subjects": subjects });
            if let Some(environments) = environments {
                member["environments"] = json!(environments);
            }
            if let Some(until) = until {
                member["until"] = json!(until);
            }
            member
        })
}

fn tenant(name: &'static str) -> impl Strategy<Value = Value> {
    let environments = prop::sample::subsequence(ENVIRONMENTS.to_vec(), 0..=4)
        .prop_flat_map(|names| (Just(names.clone()), prop::collection::vec(environment(), names.len())));
    (
        environments,
        prop::collection::vec(member(), 0..4),
        prop::bool::ANY,
        prop::bool::ANY,
        prop::bool::ANY,
        prop::bool::ANY,
        prop::sample::select(vec!["203.0.113.0/24", "10.0.0.0/8", "203.0.113.9/24"]),
    )
        .prop_map(move |((names, mut environments), mut members, between, internet, limits, delete, cidr)| {
            for (environment, environment_name) in environments.iter_mut().zip(names) {
                environment["name"] = json!(environment_name);
            }
            for (index, member) in members.iter_mut().enumerate() {
                member["name"] = json!(format!("m{index}"));
            }
            let mut spec = json!({
                "className": "standard", "environments": environments, "members": members,
                "deletionPolicy": if delete { "Delete" } else { "Retain" },
                "network": { "betweenEnvironments": if between { "Allow" } else { "Deny" } },
            });
            if internet {
                spec["network"]["internet"] = json!("Allow");
                spec["network"]["egress"] =
                    json!([{ "name": "x", "to": { "cidr": cidr }, "ports": [{ "port": 443 }] }]);
            }
            if limits {
                spec["limits"] = json!({ "default": { "cpu": "500m" }, "max": { "memory": "1Gi" } });
            }
            json!({
                "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant",
                "metadata": { "name": name, "uid": format!("uid-{name}"), "generation": 1 }, "spec": spec,
            })
        })
}

/// A world in which this tenant has been applied until nothing changed any more.
fn settled(tenant: &Value, mut world: MemoryWorld) -> MemoryWorld {
    for _ in 0..8 {
        let next = plan(registration("Tenant"), tenant, &world);
        world = applied_for(&next, &world, tenant);
    }
    world
}

/// Like `applied`, but only objects of this tenant can go.
fn applied_for(next: &tenantry_core::plan::Plan, world: &MemoryWorld, tenant: &Value) -> MemoryWorld {
    let mut result = applied(next, world);
    for key in world.keys() {
        let whole = world.whole(key).expect("its own key");
        if owner(whole) != tenant["metadata"]["name"].as_str() {
            result.insert(whole.clone()).expect("a known kind");
        }
    }
    result
}

fn owner(object: &Value) -> Option<&str> {
    object["metadata"]["annotations"]["tenantry.dev/owner"].as_str()?.split('/').nth(2)
}

fn base() -> MemoryWorld {
    let mut world = installed_world();
    world.insert(class()).expect("a known kind");
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn same_input_gives_same_bytes_and_passes_the_check(before in tenant("acme"), after in tenant("acme")) {
        let world = settled(&before, base());
        let first = plan(registration("Tenant"), &after, &world);
        let second = plan(registration("Tenant"), &after, &world);
        prop_assert_eq!(plan_as_value(&first).to_string(), plan_as_value(&second).to_string());
        prop_assert_eq!(first.to_string(), second.to_string());
        prop_assert_eq!(check::violation(&first), None);
    }

    #[test]
    fn the_order_of_the_world_does_not_matter(before in tenant("acme"), after in tenant("acme")) {
        let world = settled(&before, base());
        let mut backwards = MemoryWorld::default();
        for key in world.keys().collect::<Vec<_>>().into_iter().rev() {
            backwards.insert(world.whole(key).expect("its own key").clone()).expect("a known kind");
        }
        prop_assert_eq!(plan(registration("Tenant"), &after, &world), plan(registration("Tenant"), &after, &backwards));
    }

    #[test]
    fn planning_after_applying_changes_nothing(before in tenant("acme"), after in tenant("acme")) {
        let world = settled(&after, settled(&before, base()));
        let again = plan(registration("Tenant"), &after, &world);
        for object in &again.desired {
            prop_assert!(is_as_wanted(object, world.whole(object.key()).expect("it was applied")), "{}", object.key());
        }
        let next = applied_for(&again, &world, &after);
        prop_assert_eq!(next.keys().collect::<Vec<_>>(), world.keys().collect::<Vec<_>>());
        prop_assert!(again.waits.is_empty(), "{}", again);
        let told = status(registration("Tenant"), &after, &world, &outcome(&again, &world));
        let is_ready = told["conditions"][0]["status"] == "True";
        prop_assert_eq!(is_ready, again.refusals.is_empty(), "{}", told);
    }

    #[test]
    fn editing_one_tenant_never_changes_anothers_plan(
        ours in tenant("acme"), theirs in tenant("other"), edited in tenant("other"),
    ) {
        let world = settled(&theirs, settled(&ours, base()));
        let before = plan(registration("Tenant"), &ours, &world);
        let world = settled(&edited, world);
        prop_assert_eq!(before, plan(registration("Tenant"), &ours, &world));
    }

    #[test]
    fn a_tenant_whose_names_collide_gets_nothing_of_the_others(ours in tenant("acme"), theirs in tenant("acme-b")) {
        // `acme` + `b-c` is `acme-b` + `c`, and `acme-b` itself is `acme` + `b`.
        let mut theirs = theirs;
        theirs["spec"]["environments"] = json!([{ "name": "c" }]);
        theirs["spec"]["members"] = json!([]);
        let world = settled(&theirs, base());
        let plan = plan(registration("Tenant"), &ours, &world);
        for object in &plan.desired {
            prop_assert!(world.whole(object.key()).is_none(), "{} is theirs", object.key());
            prop_assert!(object.key().failure_domain() != "acme-b-c" || !has_environment(&theirs, "c"));
        }
    }

    #[test]
    fn ignorance_removes_nothing(before in tenant("acme"), after in tenant("acme"), which in 0..16_usize) {
        let world = settled(&before, base());
        let resources: Vec<_> = access::watched(KINDS).into_iter().collect();
        let mut blind = world.clone();
        blind.forget(resources[which % resources.len()]);
        let seeing = plan(registration("Tenant"), &after, &world);
        let blindly = plan(registration("Tenant"), &after, &blind);
        for key in world.keys().filter(|key| owner(world.whole(key).expect("its own key")) == Some("acme")) {
            let keeps = |plan: &tenantry_core::plan::Plan| {
                !plan.decides(key) || plan.desired.iter().any(|object| object.key() == key)
            };
            prop_assert!(keeps(&blindly) || !keeps(&seeing), "{key} would go for want of {}", resources[which % resources.len()]);
        }
    }

    #[test]
    fn deletion_retains_or_asks_unless_confirmed(before in tenant("acme"), confirmed in prop::bool::ANY) {
        let world = settled(&before, base());
        let mut leaving = before;
        leaving["metadata"]["deletionTimestamp"] = json!("2026-05-31T00:00:00Z");
        if confirmed {
            leaving["metadata"]["annotations"] = json!({ "tenantry.dev/confirm-delete": "uid-acme" });
        }
        let plan = plan(registration("Tenant"), &leaving, &world);
        prop_assert_eq!(check::violation(&plan), None);
        let deletes = leaving["spec"]["deletionPolicy"] == "Delete" && confirmed;
        for key in world.keys().filter(|key| key.resource.kind == "Namespace") {
            let stays = !plan.decides(key) || plan.desired.iter().any(|object| object.key() == key);
            prop_assert_eq!(stays, !deletes, "{}", key);
        }
    }

    #[test]
    fn nothing_is_written_where_nobody_consented(
        tenant in tenant("acme"),
        targets in prop::sample::subsequence(TARGETS.to_vec(), 1..=4),
        standings in prop::collection::vec(prop::sample::select(STANDINGS.to_vec()), 4),
    ) {
        let mut tenant = tenant;
        let environments = tenant["spec"]["environments"].as_array_mut().expect("a list");
        for (environment, target) in environments.iter_mut().zip(&targets) {
            environment["adopt"] = json!({ "namespace": target });
        }
        let mut world = base();
        world.insert(json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant", "metadata": { "name": "other", "uid": "uid-other" },
            "spec": { "className": "standard", "environments": [{ "name": "dev" }] },
        })).expect("a known kind");
        let standings: Vec<_> = TARGETS.into_iter().zip(standings).collect();
        for (target, standing_there) in &standings {
            if let Some(namespace) = standing(target, *standing_there) {
                world.insert(namespace).expect("a known kind");
            }
        }
        // As often as it takes to write all that is ever written.
        for _ in 0..4 {
            let next = plan(registration("Tenant"), &tenant, &world);
            prop_assert_eq!(check::violation(&next), None);
            let touched = next.desired.iter().map(tenantry_core::object::Desired::key).chain(next.adjustments.iter().map(|one| &one.key));
            for key in touched {
                let target = standings.iter().find(|(target, _)| *target == key.failure_domain());
                let Some((target, there)) = target else { continue };
                // Its own name may be made where there is nothing, unless the spec says that there is something.
                let own = *target == "acme-prod" && *there == Standing::Nothing;
                prop_assert!(*target != "kube-public" && (*there == Standing::Consents || own), "{key} where {there:?}");
            }
            world = applied_for(&next, &world, &tenant);
        }
    }

    #[test]
    fn copies_are_those_that_are_listed_and_no_others(
        tenant in tenant("acme"), replicas in replicas(), is_listed in prop::bool::ANY, blind in prop::bool::ANY,
    ) {
        let mut tenant = tenant;
        let mut world = settled(&tenant, base());
        let from = if is_listed { json!([SHARED]) } else { json!([]) };
        world.insert(json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": { "name": "default" },
            "spec": { "replicateFrom": from },
        })).expect("a known kind");
        let entries = replicas.iter().map(|(kind, name, environments, _)| {
            let mut entry = json!({ "kind": kind, "namespace": SHARED, "name": name });
            if let Some(environments) = environments {
                entry["environments"] = json!(environments);
            }
            entry
        });
        tenant["spec"]["replicate"] = entries.collect();
        for (kind, name, _, _) in replicas.iter().filter(|(.., exists)| *exists) {
            let metadata = json!({ "name": name, "namespace": SHARED, "uid": format!("uid-{name}"), "resourceVersion": "7" });
            world.insert(json!({ "apiVersion": "v1", "kind": kind, "metadata": metadata })).expect("a known kind");
        }
        if blind {
            world.forget(&SECRET_ORIGINAL);
            world.forget(&CONFIG_MAP_ORIGINAL);
        }
        let plan = plan(registration("Tenant"), &tenant, &world);
        prop_assert_eq!(check::violation(&plan), None);
        for environment in ENVIRONMENTS.into_iter().chain(["home"]) {
            let namespace = if environment == "home" { "acme".to_owned() } else { format!("acme-{environment}") };
            for (resource, kind) in [(&SECRET, "Secret"), (&CONFIG_MAP, "ConfigMap")] {
                for name in ["pull", "ca", "anything"] {
                    let key = ObjectKey::namespaced(resource, &namespace, name);
                    let is_for_it = |one: &Option<Vec<&str>>| one.as_ref().is_none_or(|names| names.contains(&environment));
                    // Of two entries that would make the same copy the first holds.
                    let first = replicas.iter().find(|(one, named, ..)| *one == kind && *named == name);
                    let listed = first.filter(|(.., to, _)| is_listed && environment != "home" && is_for_it(to));
                    let wanted = plan.desired.iter().any(|object| *object.key() == key);
                    prop_assert!(!wanted || listed.is_some(), "{key} is listed nowhere");
                    prop_assert!(!wanted || !blind, "{key} is made of what nobody sees");
                    // What was refused is not made, and nothing is in it.
                    let lives = world.whole(&ObjectKey::cluster(&NAMESPACE, namespace.clone())).is_some();
                    if lives && listed.is_none() {
                        prop_assert!(plan.decides(&key) && !wanted, "{key} outlives its listing");
                    }
                    if lives && listed.is_some() && blind {
                        prop_assert!(!plan.decides(&key), "{key} goes for want of sight");
                    }
                }
            }
        }
    }

    #[test]
    fn quantities_keep_the_laws(one in quantity(), other in quantity()) {
        let (a, b): (Quantity, Quantity) = (one.parse().expect("one"), other.parse().expect("one"));
        let again: Quantity = a.to_string().parse().expect("its own form");
        prop_assert_eq!(a, again);
        prop_assert_eq!(a.to_string(), again.to_string());
        let sum: Quantity = [a, b].into_iter().sum();
        prop_assert_eq!(sum, [b, a].into_iter().sum::<Quantity>());
        prop_assert!(sum >= a && sum >= b);
        prop_assert!(a.rounded_up() >= a);
    }
}

/// What stands under a name that an environment wants to take over.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Standing {
    Nothing,
    Silent,
    Consents,
    ConsentsToAnother,
    AnothersAndConsents,
    RetainedByOneThatIsGone,
    Ending,
}

const STANDINGS: [Standing; 7] = [
    Standing::Nothing,
    Standing::Silent,
    Standing::Consents,
    Standing::ConsentsToAnother,
    Standing::AnothersAndConsents,
    Standing::RetainedByOneThatIsGone,
    Standing::Ending,
];
/// The last is protected whatever it says.
const TARGETS: [&str; 4] = ["legacy", "other-dev", "acme-prod", "kube-public"];

fn standing(name: &str, standing: Standing) -> Option<Value> {
    let mut namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": name, "uid": format!("uid-{name}"), "labels": {}, "annotations": {},
    } });
    let metadata = &mut namespace["metadata"];
    let consent = |metadata: &mut Value, whom: &str| metadata["annotations"]["tenantry.dev/adoptable-by"] = whom.into();
    let of = |metadata: &mut Value, whom: &str| {
        metadata["labels"] = json!({ "tenantry.dev/tenant": whom, "tenantry.dev/environment": "dev" });
        metadata["annotations"]["tenantry.dev/owner"] = format!("tenants//{whom}/uid-{whom}").into();
    };
    match standing {
        Standing::Nothing => return None,
        Standing::Silent => {}
        Standing::Consents => consent(metadata, "acme"),
        Standing::ConsentsToAnother => consent(metadata, "acme-b"),
        Standing::AnothersAndConsents => {
            of(metadata, "other");
            consent(metadata, "acme");
        }
        Standing::RetainedByOneThatIsGone => {
            of(metadata, "gone");
            metadata["labels"]["tenantry.dev/retained-from"] = "gone".into();
        }
        Standing::Ending => {
            consent(metadata, "acme");
            metadata["deletionTimestamp"] = "2026-05-31T00:00:00Z".into();
        }
    }
    Some(namespace)
}

const SHARED: &str = "platform";

/// Entries of `spec.replicate`: kind, name, environments, and whether the original is there.
fn replicas() -> impl Strategy<Value = Vec<(&'static str, &'static str, Option<Vec<&'static str>>, bool)>> {
    let entry = (
        prop::sample::select(vec!["Secret", "ConfigMap"]),
        prop::sample::select(vec!["pull", "ca"]),
        prop::option::of(prop::sample::subsequence(ENVIRONMENTS.to_vec(), 1..3)),
        prop::bool::ANY,
    );
    prop::collection::vec(entry, 0..4)
}

fn has_environment(tenant: &Value, name: &str) -> bool {
    tenant["spec"]["environments"].as_array().into_iter().flatten().any(|environment| environment["name"] == name)
}

fn quantity() -> impl Strategy<Value = String> {
    "[0-9]{1,6}(\\.[0-9]{1,4})?(n|u|m|k|M|G|T|Ki|Mi|Gi|Ti|e[0-9]|E-[0-9])?"
}
