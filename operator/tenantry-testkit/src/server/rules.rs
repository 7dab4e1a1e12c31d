//! The content rules of built-in kinds, as far as Tenantry writes them: ported from Kubernetes' validation. They change nothing.

mod bindings;
mod limits;
mod network;
mod plain;
mod quotas;

use serde_json::Value;

use super::error::FieldError;
use super::registry::Resource;

/// What is wrong with a built-in object; `old` is what it replaces.
pub fn problems(
    resource: &Resource,
    subresource: &str,
    object: &Value,
    old: Option<&Value>,
    errors: &mut Vec<FieldError>,
) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Namespace") => plain::namespace(subresource, object, errors),
        ("", "ConfigMap") => plain::config_map(object, old, errors),
        ("", "Secret") => plain::secret(object, old, errors),
        ("", "ResourceQuota") => quotas::quota(subresource, object, old, errors),
        ("", "LimitRange") => limits::limit_range(object, errors),
        ("networking.k8s.io", "NetworkPolicy") => network::policy(object, errors),
        ("rbac.authorization.k8s.io", "RoleBinding") => bindings::binding(true, object, old, errors),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding") => bindings::binding(false, object, old, errors),
        ("rbac.authorization.k8s.io", "Role") => bindings::role(true, object, errors),
        ("rbac.authorization.k8s.io", "ClusterRole") => bindings::role(false, object, errors),
        ("coordination.k8s.io", "Lease") => plain::lease(object, errors),
        _ => {}
    }
}

/// A string, empty if absent.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Items of a list, none if absent.
fn items(value: &Value) -> impl Iterator<Item = (usize, &Value)> {
    value.as_array().into_iter().flatten().enumerate()
}

/// Entries of a map, none if absent.
fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}
