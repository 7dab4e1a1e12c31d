//! The class's status: whether tenants may use it.

use jiff::Timestamp;

use crate::conditions::{Conditions, Type};
use crate::kind::Outcome;

use super::types::{TenantClass, TenantClassStatus};

/// What the status should say.
pub(super) fn status(class: &TenantClass, done: &Outcome, now: Timestamp) -> TenantClassStatus {
    let before = class.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let mut conditions = Conditions::new(before, class.metadata.generation.unwrap_or_default(), now);
    conditions.set_accepted(done, "the class is consistent");
    TenantClassStatus {
        observed_generation: class.metadata.generation,
        conditions: conditions.summarise(&[Type::Accepted], "tenants can use this class"),
    }
}
