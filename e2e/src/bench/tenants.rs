//! The tenants that are measured: one class, and tenants with three environments, three groups of members, quotas and limits. It
//! sends nothing.

use serde_json::{Value, json};

/// Label by which the tenants of one round are watched.
pub(crate) const ROUND: &str = "tenantry-bench/round";
/// All names have this length, so that one tenant's objects are another's with the name replaced.
const CLASS: &str = "bench";

/// The class they belong to.
pub(crate) fn class() -> Value {
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantClass",
        "metadata": { "name": CLASS },
        "spec": {
            "description": "What the benchmark's tenants get",
            "defaults": { "limits": {
                "default": { "cpu": "500m", "memory": "512Mi" },
                "defaultRequest": { "cpu": "100m", "memory": "128Mi" },
            } },
        },
    })
}

/// Name of one tenant: `series` says whose and which round.
pub(crate) fn name(series: &str, index: usize) -> String {
    format!("{series}-{index:04}")
}

/// One tenant.
pub(crate) fn tenant(series: &str, index: usize) -> Value {
    let environment = |name: &str, stage: &str, cpu: &str, memory: &str, pods: &str| {
        json!({
            "name": name, "stage": stage,
            "quota": { "max": {
                "requests.cpu": cpu, "limits.cpu": cpu, "requests.memory": memory, "limits.memory": memory, "pods": pods,
            } },
        })
    };
    let member = |name: &str, role: &str| json!({ "name": name, "role": role, "subjects": [{ "kind": "Group", "name": format!("{}-{name}", self::name(series, index)) }] });
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant",
        "metadata": { "name": name(series, index), "labels": { ROUND: series } },
        "spec": {
            "className": CLASS,
            "members": [member("leads", "Admin"), member("makers", "Developer"), member("guests", "Viewer")],
            "environments": [
                environment("dev", "Development", "4", "8Gi", "50"),
                environment("stage", "Staging", "4", "8Gi", "50"),
                environment("prod", "Production", "8", "16Gi", "100"),
            ],
        },
    })
}
