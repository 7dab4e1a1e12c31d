//! The admission rules that hold while the operator is down: a fixed set of ValidatingAdmissionPolicies, the same for one
//! tenant and for ten thousand. Rules are written by concern and compiled by resource, so that a request meets few policies.

use serde_json::Value;

mod compile;
pub mod judge;
pub mod keys;
mod probe;
pub mod rule;
pub mod rules;
pub mod text;

pub use compile::rules_of;
pub use probe::{PROBED, probe};

/// Verb on `tenants.tenantry.dev` that exempts from the rules that bind tenants. Whoever may do everything has it, and the
/// operator; give it to controllers of the platform that must write into tenants' namespaces.
pub const EXEMPT_VERB: &str = "exempt";

/// What the names of all policies and bindings begin with.
pub const NAME_PREFIX: &str = "tenantry-";

/// The policies and bindings that bind tenants, as they are installed, with every default spelt out; a policy before its
/// binding.
pub fn objects() -> Vec<Value> {
    rules::GROUPS.iter().map(compile::tenants).chain([compile::namespaces()]).flatten().collect()
}

/// The policy and binding that bind the operator itself, whose namespace this is. The operator can neither change nor remove
/// them: only whoever installs Tenantry can.
pub fn self_guard(operator_namespace: &str) -> Vec<Value> {
    compile::self_guard(operator_namespace).into()
}
