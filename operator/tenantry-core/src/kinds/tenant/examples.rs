//! Tenants of a plausible company.

use crate::kind::Example;

use super::types::Tenant;

/// Three tenants: a research group, a payments team, and support bots.
pub(super) fn examples() -> Vec<Example<Tenant>> {
    Vec::new()
}
