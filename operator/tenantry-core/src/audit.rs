//! The API server's audit policy that records tenants' writes at the level each Tenant asks for. A file for the API server, not
//! an object of the cluster: it knows namespaces, not labels, so it is made again when tenants come or go.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::check;
use crate::fields::AuditLevel;
use crate::kinds::tenant::types::Tenant;
use crate::kinds::tenant_class::types::TenantClass;
use crate::names::{OPERATOR_NAMESPACE, Place};
use crate::resources::TENANT;

/// What counts as a write.
const WRITES: [&str; 5] = ["create", "delete", "deletecollection", "patch", "update"];
/// Whose writes are the cluster's own work: what they do in a tenant's namespace follows from what the tenant wrote.
const CONTROL_PLANE_USERS: [&str; 3] = ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler"];
const CONTROL_PLANE_GROUPS: [&str; 2] = ["system:nodes", "system:serviceaccounts:kube-system"];

/// The level at which each namespace of each tenant is recorded.
pub type Levels = BTreeMap<String, AuditLevel>;

/// Levels of all namespaces that these Tenants have or ask for. What a Tenant does not say, its class says, else `Metadata`.
/// A namespace that two ask for is recorded at the higher level, so that no Tenant can silence another; and one that a Tenant
/// asks for and does not hold is not silenced at all.
pub fn levels(tenants: &[Tenant], classes: &[TenantClass]) -> Levels {
    let mut levels = Levels::new();
    for tenant in tenants {
        let level = level_of(tenant, classes);
        for namespace in namespaces(tenant, level) {
            let known = levels.entry(namespace).or_insert(level);
            *known = level.max(*known);
        }
    }
    levels
}

/// What a Tenant's class, if it is there, makes of its level.
fn level_of(tenant: &Tenant, classes: &[TenantClass]) -> AuditLevel {
    let class = classes.iter().find(|class| class.metadata.name.as_ref() == Some(&tenant.spec.class_name));
    let own = tenant.spec.audit.as_ref().and_then(|audit| audit.level);
    let default = || class?.spec.defaults.audit.as_ref()?.level;
    own.or_else(default).unwrap_or_default()
}

fn namespaces(tenant: &Tenant, level: AuditLevel) -> impl Iterator<Item = String> {
    let name = tenant.metadata.name.clone().unwrap_or_default();
    let told = tenant.status.as_ref();
    let environments = tenant.spec.environments.iter().filter_map(|environment| {
        let told = told.and_then(|told| told.environments.iter().find(|told| told.name == environment.name));
        if level == AuditLevel::None && told.is_some_and(|told| told.uid.is_none()) {
            return None;
        }
        let named = || Place::environment(&name, &environment.name).namespace;
        Some(told.map_or_else(
            || environment.adopt.as_ref().map_or_else(named, |adopt| adopt.namespace.clone()),
            |told| told.namespace.clone(),
        ))
    });
    let all: Vec<String> = environments.chain([name.clone()]).collect();
    all.into_iter().filter(|namespace| !check::is_protected(namespace) && namespace != OPERATOR_NAMESPACE)
}

/// The policy, `audit.k8s.io/v1`. `rest` is the level of all other writes: `Metadata`, so that a tenant which has come since is
/// not in the dark, or `None`, for rules of the platform's own to follow.
pub fn policy(levels: &Levels, rest: AuditLevel) -> Value {
    let at = |level: AuditLevel| -> Vec<&String> {
        levels.iter().filter(|(_, asked)| **asked == level).map(|(namespace, _)| namespace).collect()
    };
    let recorded: Vec<&String> =
        levels.iter().filter(|(_, asked)| **asked != AuditLevel::None).map(|(namespace, _)| namespace).collect();
    let all: Vec<&String> = levels.keys().collect();
    let mut rules = Vec::new();
    // A rule without namespaces would be one for all of them: every rule for tenants goes through here.
    let mut add = |namespaces: &[&String], mut rule: Value| {
        if !namespaces.is_empty() {
            rule["namespaces"] = json!(namespaces);
            rules.push(rule);
        }
    };
    add(&at(AuditLevel::None), json!({ "level": "None" }));
    add(&all, json!({ "level": "None", "users": CONTROL_PLANE_USERS }));
    add(&all, json!({ "level": "None", "userGroups": CONTROL_PLANE_GROUPS }));
    // Before what records bodies: those of secrets and tokens are never among them.
    add(&recorded, json!({ "level": "Metadata", "verbs": WRITES, "resources": secret_bodies() }));
    // Going into a container, or through to a port, is asked for by GET as well.
    let ways_in = json!([{
        "group": "",
        "resources": ["pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "services/proxy"],
    }]);
    add(&recorded, json!({ "level": "Metadata", "resources": ways_in }));
    for level in [AuditLevel::RequestResponse, AuditLevel::Request, AuditLevel::Metadata] {
        add(&at(level), json!({ "level": level, "verbs": WRITES }));
    }
    rules.push(json!({ "level": "Request", "verbs": WRITES, "resources": [{
        "group": TENANT.group, "resources": ["tenants", "tenantclasses", "tenantryplatforms"],
    }] }));
    if rest != AuditLevel::None {
        rules.extend(everything_else(rest));
    }
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "omitManagedFields": true,
        "rules": rules,
    })
}

/// What carries secrets and tokens in its body.
fn secret_bodies() -> Value {
    json!([
        { "group": "", "resources": ["secrets", "secrets/*", "serviceaccounts/token"] },
        { "group": "authentication.k8s.io", "resources": ["tokenreviews"] },
    ])
}

/// Writes elsewhere, but the cluster's own and its heartbeat.
fn everything_else(level: AuditLevel) -> Vec<Value> {
    let heartbeat = json!([
        { "group": "", "resources": ["events"] },
        { "group": "events.k8s.io", "resources": ["events"] },
        { "group": "coordination.k8s.io", "resources": ["leases"] },
    ]);
    vec![
        json!({ "level": "None", "users": CONTROL_PLANE_USERS }),
        json!({ "level": "None", "userGroups": CONTROL_PLANE_GROUPS }),
        json!({ "level": "None", "resources": heartbeat }),
        json!({ "level": "Metadata", "verbs": WRITES, "resources": secret_bodies() }),
        json!({ "level": level, "verbs": WRITES }),
    ]
}

#[cfg(test)]
mod tests;
