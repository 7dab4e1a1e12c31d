//! The stories that are played with faults: what happens to tenants in their lives. Quotas are set everywhere, so that the
//! oracle for role bindings has something to look at.

use std::time::Duration;

use serde_json::{Value, json};

use super::scenario::{Scenario, Step};
use crate::server::Verb;

const TENANTS: &str = "/apis/tenantry.dev/v1alpha1/tenants";
const CLASSES: &str = "/apis/tenantry.dev/v1alpha1/tenantclasses";
const ACME: &str = "/apis/tenantry.dev/v1alpha1/tenants/acme";
const CLASS: &str = "/apis/tenantry.dev/v1alpha1/tenantclasses/standard";
const NAMESPACES: &str = "/api/v1/namespaces";

/// All of them. The first is played with faults from the very first call on.
pub fn all() -> Vec<Scenario> {
    let mut all = lives();
    all.extend(deaths());
    all.extend(troubles());
    all
}

fn lives() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "create",
            "two tenants, one with three environments",
            vec![],
            vec![class(), create(tenant("globex", &["dev"])), create(tenant("acme", &["dev", "stage", "prod"]))],
        ),
        Scenario::new(
            "shrink",
            "an environment is removed from the spec and its namespace retained",
            established(&["dev", "stage"]),
            vec![edit(json!({"environments": environments(&["dev"])}))],
        ),
        Scenario::new(
            "shrink and grow",
            "an environment is removed, comes back, and gets its retained namespace back",
            established(&["dev", "stage"]),
            vec![
                edit(json!({"environments": environments(&["dev"])})),
                Step::Settle,
                edit(json!({"environments": environments(&["dev", "stage"])})),
            ],
        ),
        Scenario::new(
            "quota",
            "an environment's quota is changed",
            established(&["dev", "stage"]),
            vec![edit(json!({"environments": [environment("dev", "20"), environment("stage", "5")]}))],
        ),
        Scenario::new(
            "members",
            "a member is added for two minutes, another one removed; the first expires",
            established(&["dev", "stage"]),
            vec![
                edit(json!({"members": [
                    member("acme", "admins", "Admin"),
                    {"name": "guest", "role": "Viewer", "until": "2026-01-01T00:02:00Z",
                        "subjects": [{"kind": "User", "name": "guest@acme.example"}]},
                ]})),
                Step::Settle,
                Step::Pass(Duration::from_secs(140)),
            ],
        ),
        Scenario::new(
            "class",
            "the class opens the network between environments and changes the default limits",
            established(&["dev", "stage"]),
            vec![Step::Edit(
                CLASS.into(),
                json!({"spec": {"defaults": {
                    "network": {"betweenEnvironments": "Allow"},
                    "limits": {"default": {"cpu": "250m"}},
                }}}),
            )],
        ),
    ]
}

fn deaths() -> Vec<Scenario> {
    let confirm = || Step::Confirm(ACME.into());
    let mut deaths = vec![
        Scenario::new(
            "retain and return",
            "a tenant is deleted, its namespaces stay; made again, it takes them back",
            established(&["dev"]),
            vec![delete(), Step::Settle, create(tenant("acme", &["dev"]))],
        ),
        Scenario::new(
            "delete",
            "a tenant is deleted with all its namespaces, as confirmed before",
            mortal(&["dev", "stage"]),
            vec![confirm(), delete()],
        ),
        Scenario::new(
            "delete, then confirm",
            "a tenant is deleted; its namespaces go only when that is confirmed",
            mortal(&["dev"]),
            vec![delete(), Step::Settle, confirm()],
        ),
        Scenario::new(
            "delete and make again",
            "a tenant is deleted with its namespaces and made again under the same name once it is gone",
            mortal(&["dev"]),
            vec![confirm(), delete(), Step::Settle, create(tenant("acme", &["dev"]))],
        ),
        Scenario::new(
            "namespace deleted",
            "somebody deletes a namespace of a tenant; it is made again, as safely as the first time",
            established(&["dev", "stage"]),
            vec![Step::Delete(format!("{NAMESPACES}/acme-dev"))],
        ),
    ];
    for (name, writes) in [("delete in birth 2", 2), ("delete in birth 7", 7), ("delete in birth 15", 15)] {
        deaths.push(Scenario::new(
            name,
            "a tenant is deleted while it is being created",
            vec![class(), create(tenant("globex", &["dev"])), Step::Settle],
            vec![create(doomed("acme", &["dev", "stage"])), confirm(), Step::Writes(writes), delete()],
        ));
    }
    deaths
}

fn troubles() -> Vec<Scenario> {
    let policies = "/apis/networking.k8s.io/v1/namespaces/acme-dev/networkpolicies";
    let bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/acme-dev/rolebindings";
    vec![
        Scenario::new(
            "drift",
            "somebody deletes a policy, widens a binding, strips labels, and changes a quota",
            established(&["dev"]),
            vec![
                Step::Delete(format!("{policies}/tenantry-default-deny")),
                Step::Edit(
                    format!("{bindings}/tenantry-admin"),
                    json!({"subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "intruders"}]}),
                ),
                Step::Edit(
                    format!("{NAMESPACES}/acme-dev"),
                    json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}),
                ),
                Step::Edit(
                    "/api/v1/namespaces/acme/resourcequotas/tenantry".into(),
                    json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": null}}}),
                ),
            ],
        ),
        Scenario::new(
            "taken",
            "somebody else has the namespace of an environment; it is left alone, and used once it is gone",
            vec![class(), create(tenant("globex", &["dev"])), namespace("acme-stage"), Step::Settle],
            vec![
                create(tenant("acme", &["dev", "stage"])),
                Step::Settle,
                Step::Delete(format!("{NAMESPACES}/acme-stage")),
            ],
        ),
        Scenario::new(
            "installed late",
            "the operator starts before its definitions are there",
            vec![],
            vec![
                Step::Pass(Duration::from_secs(20)),
                Step::Install,
                class(),
                create(tenant("globex", &["dev"])),
                create(tenant("acme", &["dev"])),
            ],
        )
        .not_installed(),
        Scenario::new(
            "right to write lost",
            "for half a minute the operator may not create role bindings",
            vec![class(), create(tenant("globex", &["dev"])), Step::Settle],
            vec![
                Step::Forbid(Verb::Create, "rolebindings"),
                create(tenant("acme", &["dev"])),
                Step::Pass(Duration::from_secs(30)),
                Step::Allow,
            ],
        ),
        Scenario::new(
            "right to close lost",
            "for half a minute the operator may not create network policies",
            vec![class(), create(tenant("globex", &["dev"])), Step::Settle],
            vec![
                Step::Forbid(Verb::Create, "networkpolicies"),
                create(tenant("acme", &["dev"])),
                Step::Pass(Duration::from_secs(30)),
                Step::Allow,
            ],
        ),
        Scenario::new(
            "blind deletion",
            "a tenant is deleted while a freshly started operator may not list namespaces",
            established(&["dev"]),
            vec![
                Step::Forbid(Verb::List, "namespaces"),
                Step::Crash,
                Step::Pass(Duration::from_secs(5)),
                delete(),
                Step::Pass(Duration::from_secs(30)),
                Step::Allow,
            ],
        ),
        Scenario::new(
            "stranger's object",
            "somebody made a LimitRange of the name that the operator comes to want: it is left alone",
            vec![bare_class(), create(tenant("globex", &["dev"])), create(tenant("acme", &["dev"])), Step::Settle],
            vec![
                Step::Create(
                    "/api/v1/namespaces/acme-dev/limitranges".into(),
                    json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "tenantry"},
                        "spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}}),
                ),
                Step::Edit(CLASS.into(), json!({"spec": {"defaults": {"limits": {"default": {"cpu": "250m"}}}}})),
            ],
        ),
        Scenario::new(
            "forged mark",
            "an object elsewhere carries our labels and the owner mark of an earlier tenant: it is left alone",
            established(&["dev"]),
            vec![
                namespace("elsewhere"),
                Step::Create(
                    "/api/v1/namespaces/elsewhere/limitranges".into(),
                    json!({"apiVersion": "v1", "kind": "LimitRange",
                        "metadata": {
                            "name": "tenantry",
                            "labels": {"app.kubernetes.io/managed-by": "tenantry", "tenantry.dev/tenant": "acme"},
                            "annotations": {"tenantry.dev/owner": "tenants//acme/an-earlier-uid"},
                        },
                        "spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}}),
                ),
                Step::Settle,
                edit(json!({"environments": environments(&["dev", "stage"])})),
            ],
        ),
        Scenario::new(
            "right to look lost",
            "for half a minute the operator may not watch quotas",
            vec![class(), create(tenant("globex", &["dev"])), Step::Settle],
            vec![
                Step::Forbid(Verb::List, "resourcequotas"),
                Step::Delete(format!("{NAMESPACES}/globex-dev")),
                create(tenant("acme", &["dev"])),
                Step::Pass(Duration::from_secs(30)),
                Step::Allow,
            ],
        ),
        Scenario::new(
            "two operators",
            "two replicas with a Lease; a tenant is made and changed",
            vec![],
            vec![
                class(),
                create(tenant("globex", &["dev"])),
                create(tenant("acme", &["dev"])),
                Step::Settle,
                edit(json!({"environments": environments(&["dev", "stage"])})),
            ],
        )
        .with_two_operators(),
    ]
}

fn established(names: &[&str]) -> Vec<Step> {
    vec![class(), create(tenant("globex", &["dev"])), create(tenant("acme", names)), Step::Settle]
}

fn mortal(names: &[&str]) -> Vec<Step> {
    vec![class(), create(tenant("globex", &["dev"])), create(doomed("acme", names)), Step::Settle]
}

fn delete() -> Step {
    Step::Delete(ACME.into())
}

fn bare_class() -> Step {
    let body = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantClass", "metadata": {"name": "standard"}, "spec": {},
    });
    Step::Create(CLASSES.into(), body)
}

fn class() -> Step {
    let body = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantClass", "metadata": {"name": "standard"},
        "spec": {"defaults": {"limits": {"default": {"cpu": "500m", "memory": "512Mi"}}}},
    });
    Step::Create(CLASSES.into(), body)
}

fn create(tenant: Value) -> Step {
    Step::Create(TENANTS.into(), tenant)
}

fn edit(spec: Value) -> Step {
    Step::Edit(ACME.into(), json!({ "spec": spec }))
}

fn namespace(name: &str) -> Step {
    Step::Create(NAMESPACES.into(), json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
}

/// A tenant with these environments, an admin everywhere, and a developer in the first.
fn tenant(name: &str, names: &[&str]) -> Value {
    let mut developers = member(name, "developers", "Developer");
    developers["environments"] = json!([names[0]]);
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": name},
        "spec": {
            "className": "standard",
            "members": [member(name, "admins", "Admin"), developers],
            "environments": environments(names),
            "quota": {"pods": "100"},
        },
    })
}

/// A tenant whose namespaces are deleted with it.
fn doomed(name: &str, names: &[&str]) -> Value {
    let mut tenant = tenant(name, names);
    tenant["spec"]["deletionPolicy"] = json!("Delete");
    tenant
}

fn environments(names: &[&str]) -> Value {
    names.iter().map(|name| environment(name, "10")).collect()
}

fn environment(name: &str, pods: &str) -> Value {
    json!({"name": name, "quota": {"max": {"pods": pods}}})
}

fn member(tenant: &str, name: &str, role: &str) -> Value {
    json!({"name": name, "role": role, "subjects": [{"kind": "Group", "name": format!("{tenant}-{name}")}]})
}
