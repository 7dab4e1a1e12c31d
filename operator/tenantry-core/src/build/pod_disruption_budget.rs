//! The PodDisruptionBudget of a workload with more than one pod.

use serde_json::json;

use super::Parts;
use crate::object::Desired;
use crate::resources::POD_DISRUPTION_BUDGET;

/// Of several pods one may be taken away at a time.
pub fn build_pod_disruption_budget(parts: &Parts) -> Desired {
    let spec = json!({ "maxUnavailable": 1, "selector": { "matchLabels": parts.selector } });
    parts.object(&POD_DISRUPTION_BUDGET).with("spec", spec)
}
