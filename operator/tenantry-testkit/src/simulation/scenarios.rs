//! The stories that are played with faults: what happens to tenants in their lives. Quotas are set everywhere, so that the
//! oracle for role bindings has something to look at.

mod addons;
mod deaths;
mod listeners;
mod lives;
mod rights;
mod routes;
mod strangers;
mod suspensions;
mod workloads;

use serde_json::{Value, json};

pub use listeners::crowd;

use super::scenario::{Scenario, Step};

const TENANTS: &str = "/apis/tenantry.dev/v1alpha1/tenants";
const CLASSES: &str = "/apis/tenantry.dev/v1alpha1/tenantclasses";
const ACME: &str = "/apis/tenantry.dev/v1alpha1/tenants/acme";
const CLASS: &str = "/apis/tenantry.dev/v1alpha1/tenantclasses/standard";
const NAMESPACES: &str = "/api/v1/namespaces";

/// All of them. The first is played with faults from the very first call on.
pub fn all() -> Vec<Scenario> {
    let mut all = lives::lives();
    all.extend(deaths::deaths());
    all.extend(strangers::strangers());
    all.extend(rights::rights());
    all.extend(suspensions::suspensions());
    all.extend(workloads::workloads());
    all.extend(addons::addons());
    all.extend(routes::routes());
    all.extend(listeners::listeners());
    all
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
    let mut patch = json!({});
    patch["spec"] = spec;
    Step::Edit(ACME.into(), patch)
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

/// A tenant whose environments share a total without maxima of their own.
fn sharing(names: &[&str]) -> Value {
    let mut tenant = tenant("acme", names);
    tenant["spec"]["environments"] = open(names);
    tenant["spec"]["quota"] = json!({"configmaps": "20"});
    tenant
}

fn open(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"name": name})).collect()
}

/// Somebody makes so many ConfigMaps.
fn fill(namespace: &str, count: usize) -> Vec<Step> {
    let create = |number: usize| {
        let metadata = json!({"name": format!("map-{number}"), "namespace": namespace});
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
        Step::Create(format!("{NAMESPACES}/{namespace}/configmaps"), map)
    };
    (0..count).map(create).collect()
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
