//! The LimitRange of a namespace, completed as the API server completes it.

use serde_json::json;

use crate::fields::{ContainerAmounts, Limits, Quantities};
use crate::names::{LIMITS, Place};
use crate::object::{Desired, ObjectKey};
use crate::resources::LIMIT_RANGE;

/// A limit range; `None` when it would say nothing.
pub fn build_limit_range(place: &Place, limits: &Limits) -> Option<Desired> {
    let (mut default, mut request) = (amounts(limits.default.as_ref()), amounts(limits.default_request.as_ref()));
    let (max, min) = (amounts(limits.max.as_ref()), amounts(limits.min.as_ref()));
    // The order of SetDefaults_LimitRangeItem in k8s.io/kubernetes/pkg/apis/core/v1/defaults.go.
    fill(&mut default, &max);
    fill(&mut request, &default);
    fill(&mut request, &min);
    let mut item = json!({ "type": "Container" });
    let parts = [("default", default), ("defaultRequest", request), ("max", max), ("min", min)];
    if parts.iter().all(|(_, amounts)| amounts.is_empty()) {
        return None;
    }
    for (field, amounts) in parts.into_iter().filter(|(_, amounts)| !amounts.is_empty()) {
        item[field] = json!(amounts);
    }
    let key = ObjectKey::namespaced(&LIMIT_RANGE, &place.namespace, LIMITS);
    Some(Desired::new(key).labels(place.labels()).with("spec", json!({ "limits": [item] })))
}

fn amounts(of: Option<&ContainerAmounts>) -> Quantities {
    let Some(of) = of else { return Quantities::new() };
    [("cpu", of.cpu), ("memory", of.memory), ("ephemeral-storage", of.ephemeral_storage)]
        .into_iter()
        .filter_map(|(name, amount)| Some((name.to_owned(), amount?.rounded_up())))
        .collect()
}

fn fill(amounts: &mut Quantities, from: &Quantities) {
    for (name, amount) in from {
        amounts.entry(name.clone()).or_insert(*amount);
    }
}
