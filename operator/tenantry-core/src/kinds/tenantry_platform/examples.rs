//! The platform's settings.

use crate::kind::Example;

use super::types::TenantryPlatform;

/// The one TenantryPlatform.
pub(super) fn examples() -> Vec<Example<TenantryPlatform>> {
    crate::kinds::example_list(&[(
        "00-platform",
        "What the platform team says once for the whole cluster. There is one, named default; without it the defaults \
         of its schema apply.",
        include_str!("examples/default.json"),
    )])
}
