//! The two kinds of these tests.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tenantry_core::access::Access;
use tenantry_core::conditions::Reason;
use tenantry_core::kind::{Children, Example, Kind, Outcome, Registration};
use tenantry_core::meta;
use tenantry_core::object::{Desired, ObjectKey};
use tenantry_core::plan::{Plan, Undecided};
use tenantry_core::resources::{Keep, NAMESPACE, RESOURCE_QUOTA, ROLE_BINDING, Resource, Watch, Wave, Write};
use tenantry_core::world::{Lookup, World};

pub(super) static KINDS: &[Registration] = &[Registration::of::<SizeKind>(), Registration::of::<TeamKind>()];

const fn resource(kind: &'static str, plural: &'static str) -> Resource {
    Resource {
        group: "test.dev",
        version: "v1",
        kind,
        plural,
        namespaced: false,
        write: Write::Never,
        watch: Watch::All,
        keep: Keep::Whole,
        wave: Wave::Namespace,
        filled: &[],
        index: None,
    }
}

pub(super) static SIZE: Resource = resource("Size", "sizes");
static TEAM: Resource = resource("Team", "teams");

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Nothing {}

/// How much.
#[derive(Debug, Clone, CustomResource, Serialize, Deserialize, JsonSchema)]
#[kube(group = "test.dev", version = "v1", kind = "Size", status = "Nothing")]
pub struct SizeSpec {
    pods: String,
}

/// Who.
#[derive(Debug, Clone, CustomResource, Serialize, Deserialize, JsonSchema)]
#[kube(group = "test.dev", version = "v1", kind = "Team", status = "Nothing")]
pub struct TeamSpec {
    size: Option<String>,
    group: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

struct SizeKind;

impl Kind for SizeKind {
    type Cr = Size;
    const RESOURCE: &'static Resource = &SIZE;
    const CHILDREN: Children = Children::None;
    const ACCESS: &'static [Access] = &[];

    fn plan(_: &Size, _: &World, _: Timestamp) -> Plan {
        Plan::default()
    }

    fn status(_: &Size, _: &World, _: &Outcome, _: Timestamp) -> Nothing {
        Nothing {}
    }

    fn examples() -> Vec<Example<Size>> {
        Vec::new()
    }
}

struct TeamKind;

impl Kind for TeamKind {
    type Cr = Team;
    const RESOURCE: &'static Resource = &TEAM;
    const CHILDREN: Children = Children::Recorded;
    const ACCESS: &'static [Access] =
        &[Access::read(&SIZE), Access::own(&NAMESPACE), Access::own(&RESOURCE_QUOTA), Access::own(&ROLE_BINDING)];

    fn plan(team: &Team, world: &World, _: Timestamp) -> Plan {
        let name = team.metadata.name.clone().unwrap_or_default();
        let mut plan = Plan::default();
        let object = |key| Desired::new(key).label(meta::TENANT, &name);
        let labels = team.spec.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        plan.want(object(ObjectKey::cluster(&NAMESPACE, &name)).labels(labels));
        if team.metadata.deletion_timestamp.is_some() {
            plan.release = true;
            return plan;
        }
        let Some(size) = &team.spec.size else { return plan };
        let Lookup::Found(size) = world.get_kind::<SizeKind>("", size) else {
            plan.wait(Reason::RefNotFound, format!("Size {size} does not exist"));
            plan.undecided.push(Undecided::Kind(&RESOURCE_QUOTA, name.clone()));
            return plan;
        };
        let quota = ObjectKey::namespaced(&RESOURCE_QUOTA, &name, "quota");
        let hard = json!({ "pods": size.spec.pods });
        plan.want(object(quota.clone()).with("spec", json!({ "hard": hard })));
        let Some(group) = &team.spec.group else { return plan };
        if world.get(&quota).found().is_some_and(|quota| quota["status"]["hard"] == hard) {
            let role =
                json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "tenantry:admin" });
            let subject = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group });
            let binding = object(ObjectKey::namespaced(&ROLE_BINDING, &name, "admins"));
            plan.want(binding.with("roleRef", role).with("subjects", [subject]));
        } else {
            plan.wait(Reason::Pending, "the quota has not taken hold");
        }
        plan
    }

    fn status(_: &Team, _: &World, _: &Outcome, _: Timestamp) -> Nothing {
        Nothing {}
    }

    fn examples() -> Vec<Example<Team>> {
        Vec::new()
    }
}
