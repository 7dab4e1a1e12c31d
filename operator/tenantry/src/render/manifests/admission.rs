//! The admission policies as they are installed: those that bind tenants, which the operator keeps, and the one that binds the
//! operator, which only an installation changes.

use serde_json::Value;
use tenantry_core::policies;

/// What binds tenants; the same on every cluster.
pub fn policies() -> Vec<Value> {
    policies::objects()
}

/// What binds the operator in this namespace.
pub fn self_guard(operator_namespace: &str) -> Vec<Value> {
    policies::self_guard(operator_namespace)
}
