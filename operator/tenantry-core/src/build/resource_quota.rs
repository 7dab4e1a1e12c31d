//! The ResourceQuota of a namespace, in the server's own canonical quantities.

use serde_json::json;

use crate::fields::Quantities;
use crate::names::{Place, QUOTA};
use crate::object::{Desired, ObjectKey};
use crate::resources::RESOURCE_QUOTA;

/// A quota; `None` when it would bound nothing.
pub fn build_resource_quota(place: &Place, hard: &Quantities) -> Option<Desired> {
    if hard.is_empty() {
        return None;
    }
    let hard: Quantities = hard.iter().map(|(name, amount)| (name.clone(), amount.rounded_up())).collect();
    let key = ObjectKey::namespaced(&RESOURCE_QUOTA, &place.namespace, QUOTA);
    Some(Desired::new(key).labels(place.labels()).with("spec", json!({ "hard": hard })))
}
