//! Checks every plan before anything of it is written. A violation is a bug of ours, never a user's: nothing is written,
//! the resource is `Stalled` with reason `InternalError`, and one metric counts it.

use serde_json::{Value, json};

mod workload;

use crate::meta;
use crate::object::{Desired, ObjectKey};
use crate::plan::{Adjustment, Leave, Plan, Undecided};
use crate::policies;
use crate::resources::{NAMESPACE, ROLE_BINDING, THEIR_GATEWAY, THEIR_NETWORK_POLICY, Write};
use crate::routing::entries;

/// ClusterRoles that Tenantry may bind.
pub const BINDABLE_ROLES: [&str; 3] = ["tenantry:admin", "tenantry:developer", "tenantry:viewer"];

/// Namespaces no plan may ever touch, whatever the platform's own list says.
pub fn is_protected(namespace: &str) -> bool {
    namespace == "default" || namespace.starts_with("kube-") || namespace == "kube"
}

/// Whether pods of this template run with no more rights than those of workloads may.
pub(crate) fn is_restricted(template: &Value) -> bool {
    workload::broken_template(template).is_none()
}

/// The first rule that the plan breaks, in words that name the object.
pub fn violation(plan: &Plan) -> Option<String> {
    let twice = || {
        let pair = plan.desired.windows(2).find(|pair| pair[0].key() >= pair[1].key())?;
        Some(format!("{} is wanted twice or out of order", pair[1].key()))
    };
    let adjusted_twice = || {
        let pair = plan.adjustments.windows(2).find(|pair| pair[0].key >= pair[1].key)?;
        Some(format!("{} is adjusted twice or out of order", pair[1].key))
    };
    let adjustment = || plan.adjustments.iter().find_map(|one| broken_adjustment(plan, one));
    plan.desired
        .iter()
        .find_map(|object| broken_rule(object, plan))
        .or_else(twice)
        .or_else(adjustment)
        .or_else(adjusted_twice)
}

/// Of what is not ours, nothing is touched but these fields.
fn broken_adjustment(plan: &Plan, adjustment: &Adjustment) -> Option<String> {
    let Adjustment { key, patch, leave, .. } = adjustment;
    let fault = |text: &str| Some(format!("{key}: {text}"));
    if *leave == Leave::Object {
        return broken_listeners(adjustment).and_then(fault);
    }
    if is_protected(key.failure_domain()) || !key.resource.namespaced {
        return fault("is adjusted outside a tenant's namespace");
    }
    if plan.desired.iter().any(|object| object.key() == key) {
        return fault("is wanted and adjusted at once");
    }
    let keys = |value: &Value| -> Vec<String> {
        value.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
    };
    let is_within = |value: &Value, allowed: &[&str]| keys(value).iter().all(|key| allowed.contains(&key.as_str()));
    let is_binding = *key.resource == ROLE_BINDING;
    let is_policy = *key.resource == THEIR_NETWORK_POLICY;
    let fits = is_within(patch, if is_binding { &["metadata", "subjects"] } else { &["metadata", "spec"] })
        && is_within(&patch["metadata"], if is_binding { &["finalizers"] } else { &["annotations"] })
        && is_within(&patch["metadata"]["annotations"], &[meta::RESUME])
        && is_within(&patch["spec"], if is_policy { &["podSelector"] } else { &["replicas", "suspend"] });
    if fits { None } else { fault("is adjusted in more than may be") }
}

/// Outside tenants' namespaces nothing is adjusted but the listeners of Gateways, and of those only one tenant's.
fn broken_listeners(Adjustment { key, seen, patch, .. }: &Adjustment) -> Option<&'static str> {
    let Some(listeners) = patch["spec"]["listeners"].as_array().filter(|_| *key.resource == THEIR_GATEWAY) else {
        return Some("is adjusted outside a tenant's namespace");
    };
    let is_all = *patch == json!({ "spec": { "listeners": listeners } });
    if is_all { entries::fault(seen, listeners) } else { Some("is adjusted in more than may be") }
}

fn broken_rule(object: &Desired, plan: &Plan) -> Option<String> {
    let key = object.key();
    let body = object.body();
    let fault = |text: String| Some(format!("{key}: {text}"));
    if is_protected(key.failure_domain()) {
        return fault("is in a protected namespace".into());
    }
    let limit = if *key.resource == NAMESPACE { 63 } else { 253 };
    if key.name.is_empty() || key.name.len() > limit {
        return fault(format!("the name has {} characters, not 1 to {limit}", key.name.len()));
    }
    if key.resource.namespaced == key.namespace.is_empty() {
        return fault("the namespace does not fit the kind".into());
    }
    if body["metadata"]["name"] != key.name.as_str() || body["kind"] != key.resource.kind {
        return fault("body and key name different objects".into());
    }
    if key.resource.write == Write::ByName {
        return broken_name(object).and_then(fault);
    }
    if object.label_value(meta::MANAGED_BY) != Some(meta::MANAGER) || meta::Owner::marked_on(body).is_none() {
        return fault("carries no owner mark".into());
    }
    let owner = meta::Owner::marked_on(body)?;
    let Some(tenant) = object.label_value(meta::TENANT) else {
        return fault("carries no tenant label".into());
    };
    if owner.plural == "tenants" && owner.name != tenant {
        return fault(format!("is labelled for tenant {tenant} but owned by {}", owner.name));
    }
    if !owner.namespace.is_empty() {
        return workload::broken_child(object, &owner, plan.lingers).and_then(fault);
    }
    // The home namespace is named as the tenant, every other begins with the tenant's name, or was taken over.
    let domain = key.failure_domain();
    let is_named_so = domain == tenant || domain.strip_prefix(tenant).is_some_and(|rest| rest.starts_with('-'));
    if !is_named_so && !claims(plan, domain, tenant) {
        return fault(format!("is outside the namespaces of tenant {tenant}"));
    }
    if *key.resource == NAMESPACE && !body["metadata"]["ownerReferences"].is_null() {
        return fault("a namespace must not have owner references: a lost CRD would take it away".into());
    }
    if *key.resource == ROLE_BINDING {
        return broken_binding(object).and_then(fault);
    }
    None
}

/// Whether the plan itself says that a namespace of another name is this tenant's: it wants it marked as adopted, or names it
/// as one that stays as it is for now.
fn claims(plan: &Plan, namespace: &str, tenant: &str) -> bool {
    let key = ObjectKey::cluster(&NAMESPACE, namespace);
    let wanted = plan.desired.iter().find(|object| *object.key() == key);
    let adopted = wanted.is_some_and(|object| {
        object.body()["metadata"]["annotations"][meta::ADOPTED] == namespace
            && object.label_value(meta::TENANT) == Some(tenant)
    });
    adopted || plan.undecided.contains(&Undecided::Object(key))
}

/// What is ours by name must have such a name, say whose it is to whoever looks, and claim no owner: it outlives every one.
fn broken_name(object: &Desired) -> Option<String> {
    if !object.key().namespace.is_empty() || !object.key().name.starts_with(policies::NAME_PREFIX) {
        return Some(format!("is kept by name, and its name does not begin with {}", policies::NAME_PREFIX));
    }
    if object.label_value(meta::PART_OF) != Some(meta::MANAGER) || meta::Owner::marked_on(object.body()).is_some() {
        return Some("is kept by name, and must say that it is part of Tenantry and name no owner".into());
    }
    None
}

fn broken_binding(object: &Desired) -> Option<String> {
    let body = object.body();
    let role = body["roleRef"]["name"].as_str().unwrap_or_default();
    if body["roleRef"]["kind"] != "ClusterRole" || !BINDABLE_ROLES.contains(&role) {
        return Some(format!("binds {role:?}, which is not one of Tenantry's roles"));
    }
    for subject in body["subjects"].as_array().into_iter().flatten() {
        let name = subject["name"].as_str().unwrap_or_default();
        if name.is_empty() || name.starts_with("system:") {
            return Some(format!("gives rights to {name:?}"));
        }
    }
    None
}
