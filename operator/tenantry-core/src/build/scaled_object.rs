//! The ScaledObject of a workload that KEDA scales.

use serde_json::json;

use super::{Bounds, Parts};
use crate::meta;
use crate::object::Desired;
use crate::resources::{MANAGED_DEPLOYMENT, SCALED_OBJECT};

/// Scales the workload's Deployment. KEDA makes a HorizontalPodAutoscaler of it, which is KEDA's own and must not look like ours.
pub fn build_scaled_object(parts: &Parts, bounds: &Bounds) -> Desired {
    let mut spec = json!({
        "scaleTargetRef": {
            "apiVersion": MANAGED_DEPLOYMENT.api_version(),
            "kind": MANAGED_DEPLOYMENT.kind,
            "name": parts.name,
        },
        "minReplicaCount": bounds.min,
        "maxReplicaCount": bounds.max,
        "triggers": bounds.metrics,
    });
    if !bounds.behavior.is_null() {
        spec["advanced"] = json!({ "horizontalPodAutoscalerConfig": { "behavior": bounds.behavior } });
    }
    // The last pod is KEDA's to take away, which waits as long.
    let patience = &bounds.behavior["scaleDown"]["stabilizationWindowSeconds"];
    if !patience.is_null() {
        spec["cooldownPeriod"] = patience.clone();
    }
    let object = parts.object(&SCALED_OBJECT);
    let labels = object.body()["metadata"]["labels"].as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    let excluded = labels.chain([meta::MANAGED_BY, meta::PART_OF]).collect::<Vec<_>>().join(",");
    object.annotation("scaledobject.keda.sh/hpa-excluded-labels", &excluded).with("spec", spec)
}
