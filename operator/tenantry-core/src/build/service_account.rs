//! The ServiceAccount of a workload: an identity without a token.

use super::Parts;
use crate::object::Desired;
use crate::resources::SERVICE_ACCOUNT;

/// A ServiceAccount. That its pods get a token, they must say themselves.
pub fn build_service_account(parts: &Parts) -> Desired {
    parts.object(&SERVICE_ACCOUNT).with("automountServiceAccountToken", false)
}
