//! The ServiceAccount of a workload: an identity without a token.

use std::collections::BTreeMap;

use super::Parts;
use crate::object::Desired;
use crate::resources::SERVICE_ACCOUNT;

/// A ServiceAccount. That its pods get a token, they must say themselves.
pub fn build_service_account(parts: &Parts, annotations: &BTreeMap<String, String>) -> Desired {
    let object = parts.object(&SERVICE_ACCOUNT).with("automountServiceAccountToken", false);
    annotations.iter().fold(object, |object, (key, value)| object.annotation(key, value))
}
