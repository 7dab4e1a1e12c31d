//! A class that most tenants can use.

use crate::kind::Example;

use super::types::TenantClass;

/// One class: `standard`.
pub(super) fn examples() -> Vec<Example<TenantClass>> {
    crate::kinds::example_list(&[(
        "10-class-standard",
        "What most tenants get: restricted pods, a quota by stage, no internet unless the tenant asks for it. A tenant \
         fills in what it wants otherwise, within the bounds.",
        include_str!("examples/standard.json"),
    )])
}
