//! The VerticalPodAutoscaler of a workload.

use serde_json::json;

use super::Parts;
use crate::object::Desired;
use crate::resources::{MANAGED_DEPLOYMENT, VERTICAL_POD_AUTOSCALER};

/// Looks at the size of the workload's pods. `mode` is `Off` to say what would fit, `Recreate` to make pods anew with it.
pub fn build_vertical_pod_autoscaler(parts: &Parts, mode: &str) -> Desired {
    let spec = json!({
        "targetRef": { "apiVersion": MANAGED_DEPLOYMENT.api_version(), "kind": MANAGED_DEPLOYMENT.kind, "name": parts.name },
        // It would leave a workload of one pod alone, which the tenant has not asked for.
        "updatePolicy": { "updateMode": mode, "minReplicas": 1 },
    });
    parts.object(&VERTICAL_POD_AUTOSCALER).with("spec", spec)
}
