//! Rules of Namespaces, ConfigMaps, Secrets and Leases.

use serde_json::{Value, json};

use super::{entries, items, text};
use crate::server::error::FieldError;

/// Namespace.
pub fn namespace(subresource: &str, object: &Value, errors: &mut Vec<FieldError>) {
    for (index, finalizer) in items(&object["spec"]["finalizers"]) {
        if text(finalizer) != "kubernetes" && !text(finalizer).contains('/') {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(FieldError::invalid(format!("spec.finalizers[{index}]"), finalizer, why));
        }
    }
    if subresource == "status" {
        let is_deleting = !text(&object["metadata"]["deletionTimestamp"]).is_empty();
        let phase = &object["status"]["phase"];
        let (wanted, why) = if is_deleting {
            ("Terminating", "may only be 'Terminating' if `deletionTimestamp` is not empty")
        } else {
            ("Active", "may only be 'Active' if `deletionTimestamp` is empty")
        };
        if text(phase) != wanted {
            errors.push(FieldError::invalid("status.Phase", &json!(text(phase)), why));
        }
    }
}

/// ConfigMap.
pub fn config_map(object: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    frozen(&["data", "binaryData"], object, old, errors);
    keys("data", &object["data"], errors);
    keys("binaryData", &object["binaryData"], errors);
    for (key, _) in entries(&object["data"]) {
        if object["binaryData"].get(key).is_some() {
            let why = "duplicate of key present in binaryData";
            errors.push(FieldError::invalid(format!("data[{key}]"), &json!(key), why));
        }
    }
}

/// Secret.
pub fn secret(object: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    if old.is_some_and(|old| old["type"] != object["type"]) {
        errors.push(FieldError::invalid("type", &object["type"], "field is immutable"));
    }
    frozen(&["data"], object, old, errors);
    keys("data", &object["data"], errors);
    let needed: &[&str] = match text(&object["type"]) {
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        _ => &[],
    };
    for key in needed.iter().filter(|key| object["data"].get(**key).is_none()) {
        errors.push(FieldError::required(format!("data[{key}]"), ""));
    }
}

fn frozen(fields: &[&str], object: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    const WHY: &str = "field is immutable when `immutable` is set";
    let Some(old) = old.filter(|old| old["immutable"] == json!(true)) else { return };
    if object["immutable"] != json!(true) {
        errors.push(FieldError::forbidden("immutable", WHY));
    }
    for field in fields {
        if object[*field] != old[*field] {
            errors.push(FieldError::forbidden(*field, WHY));
        }
    }
}

fn keys(path: &str, map: &Value, errors: &mut Vec<FieldError>) {
    for (key, _) in entries(map) {
        let is_good = key.chars().all(|character| character.is_ascii_alphanumeric() || "-._".contains(character))
            && !key.is_empty()
            && key.len() <= 253
            && key != "."
            && !key.starts_with("..");
        if !is_good {
            let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
                       'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
            errors.push(FieldError::invalid(format!("{path}[{key}]"), &json!(key), why));
        }
    }
}

/// Lease.
pub fn lease(object: &Value, errors: &mut Vec<FieldError>) {
    let spec = &object["spec"];
    if spec["leaseDurationSeconds"].as_i64().is_some_and(|seconds| seconds <= 0) {
        let value = &spec["leaseDurationSeconds"];
        errors.push(FieldError::invalid("spec.leaseDurationSeconds", value, "must be greater than 0"));
    }
    if spec["leaseTransitions"].as_i64().is_some_and(|count| count < 0) {
        let value = &spec["leaseTransitions"];
        errors.push(FieldError::invalid("spec.leaseTransitions", value, "must be greater than or equal to 0"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_phases() {
        let mut errors = Vec::new();
        config_map(&json!({"data": {"a/b": "1"}}), None, &mut errors);
        namespace("status", &json!({"metadata": {}, "status": {}}), &mut errors);
        secret(&json!({"type": "x"}), Some(&json!({"type": "Opaque"})), &mut errors);
        let fields = errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>();
        assert_eq!(fields, ["data[a/b]", "status.Phase", "type"]);
    }
}
