//! The HorizontalPodAutoscaler of a workload.

use serde_json::{Value, json};

use super::Parts;
use crate::object::Desired;
use crate::resources::{HORIZONTAL_POD_AUTOSCALER, MANAGED_DEPLOYMENT};

/// What an autoscaler is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// Fewest pods.
    pub min: i32,
    /// Most pods.
    pub max: i32,
    /// Its metrics or triggers, as its API takes them.
    pub metrics: Vec<Value>,
    /// Its behaviour, as a HorizontalPodAutoscaler has it; null for the default one.
    pub behavior: Value,
}

/// Scales the workload's Deployment.
pub fn build_horizontal_pod_autoscaler(parts: &Parts, bounds: &Bounds) -> Desired {
    let mut spec = json!({
        "minReplicas": bounds.min,
        "maxReplicas": bounds.max,
        "metrics": bounds.metrics,
        "scaleTargetRef": {
            "apiVersion": MANAGED_DEPLOYMENT.api_version(),
            "kind": MANAGED_DEPLOYMENT.kind,
            "name": parts.name,
        },
    });
    if !bounds.behavior.is_null() {
        spec["behavior"] = bounds.behavior.clone();
    }
    parts.object(&HORIZONTAL_POD_AUTOSCALER).with("spec", spec)
}
