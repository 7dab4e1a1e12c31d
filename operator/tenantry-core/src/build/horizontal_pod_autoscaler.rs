//! The HorizontalPodAutoscaler of a workload.

use serde_json::{Value, json};

use super::Parts;
use crate::object::Desired;
use crate::resources::{HORIZONTAL_POD_AUTOSCALER, MANAGED_DEPLOYMENT};

/// Scales the workload's Deployment between two numbers by metrics, which are given as the API takes them.
pub fn build_horizontal_pod_autoscaler(
    parts: &Parts,
    min: i32,
    max: i32,
    metrics: &[Value],
    behavior: &Value,
) -> Desired {
    let mut spec = json!({
        "minReplicas": min,
        "maxReplicas": max,
        "metrics": metrics,
        "scaleTargetRef": {
            "apiVersion": MANAGED_DEPLOYMENT.api_version(),
            "kind": MANAGED_DEPLOYMENT.kind,
            "name": parts.name,
        },
    });
    if !behavior.is_null() {
        spec["behavior"] = behavior.clone();
    }
    parts.object(&HORIZONTAL_POD_AUTOSCALER).with("spec", spec)
}
