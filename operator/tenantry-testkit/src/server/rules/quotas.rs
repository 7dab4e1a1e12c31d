//! Rules of ResourceQuotas, and the resource names that quotas and limits share.

use serde_json::{Value, json};

use super::{entries, items, text};
use crate::server::error::FieldError;
use crate::server::{meta, quantity};

const COUNTED: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];
const MEASURED: [&str; 11] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "storage",
];
const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];

/// ResourceQuota.
pub fn quota(subresource: &str, object: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    if subresource == "status" {
        for field in ["hard", "used"] {
            amounts(&format!("status.{field}"), &object["status"][field], errors);
        }
        return;
    }
    let spec = &object["spec"];
    amounts("spec.hard", &spec["hard"], errors);
    let scopes = items(&spec["scopes"]).map(|(_, scope)| text(scope)).collect::<Vec<_>>();
    for scope in &scopes {
        if !SCOPES.contains(scope) {
            errors.push(FieldError::invalid("spec.scopes", &spec["scopes"], "unsupported scope"));
        }
        for (name, _) in entries(&spec["hard"]) {
            if is_quota_name(name) && !scope_fits(scope, name) {
                let why = "unsupported scope applied to resource";
                errors.push(FieldError::invalid("spec.scopes", &spec["scopes"], why));
            }
        }
    }
    for pair in [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]] {
        if pair.iter().all(|scope| scopes.contains(scope)) {
            errors.push(FieldError::invalid("spec.scopes", &spec["scopes"], "conflicting scopes"));
        }
    }
    if let Some(old) = old {
        let sorted = |value: &Value| {
            let mut list = items(value).map(|(_, scope)| text(scope).to_owned()).collect::<Vec<_>>();
            list.sort();
            list
        };
        if sorted(&old["spec"]["scopes"]) != sorted(&spec["scopes"]) {
            errors.push(FieldError::invalid("spec.scopes", &spec["scopes"], "field is immutable"));
        }
    }
}

fn is_quota_name(name: &str) -> bool {
    COUNTED.contains(&name) || MEASURED[..10].contains(&name)
}

fn scope_fits(scope: &str, name: &str) -> bool {
    let is_compute = MEASURED[..10].contains(&name) && name != "requests.storage";
    match scope {
        "BestEffort" => name == "pods",
        "VolumeAttributesClass" => ["persistentvolumeclaims", "requests.storage"].contains(&name),
        "Terminating" | "NotTerminating" | "NotBestEffort" | "PriorityClass" | "CrossNamespacePodAffinity" => {
            name == "pods" || is_compute
        }
        _ => true,
    }
}

fn amounts(path: &str, amounts: &Value, errors: &mut Vec<FieldError>) {
    for (name, amount) in entries(amounts) {
        let here = format!("{path}[{name}]");
        name_problems(&here, name, errors);
        if !name.contains('/') && !is_quota_name(name) {
            let why = "must be a standard resource for quota";
            errors.push(FieldError::invalid(&here, &json!(name), why));
        }
        let nanos = quantity::nanos(text(amount)).unwrap_or_default();
        if nanos < 0 {
            errors.push(FieldError::invalid(&here, amount, "must be greater than or equal to 0"));
        }
        let is_extended = name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.");
        if (COUNTED.contains(&name.as_str()) || is_extended) && nanos % 1_000_000_000 != 0 {
            errors.push(FieldError::invalid(&here, amount, "must be an integer"));
        }
    }
}

/// What is wrong with the name of a compute resource.
pub fn name_problems(path: &str, name: &str, errors: &mut Vec<FieldError>) {
    let before = errors.len();
    meta::label_problems(path, &json!({name: ""}), errors);
    if errors.len() == before && !name.contains('/') && !COUNTED.contains(&name) && !MEASURED.contains(&name) {
        let why = "must be a standard resource type or fully qualified";
        errors.push(FieldError::invalid(path, &json!(name), why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_name_their_faults() {
        let faults = |object: Value, old: Option<&Value>| {
            let mut errors = Vec::new();
            quota("", &object, old, &mut errors);
            errors.into_iter().map(|error| error.field).collect::<Vec<_>>()
        };
        let good =
            json!({"spec": {"hard": {"pods": "1", "requests.nvidia.com/gpu": "1", "count/deployments.apps": "5"}}});
        assert!(faults(good.clone(), None).is_empty());
        assert_eq!(faults(json!({"spec": {"hard": {"pods": "-1"}}}), None), ["spec.hard[pods]"]);
        assert_eq!(faults(json!({"spec": {"hard": {"pods": "1500m"}}}), None), ["spec.hard[pods]"]);
        assert_eq!(faults(json!({"spec": {"scopes": ["BestEffort"]}}), Some(&good)), ["spec.scopes"]);
    }
}
