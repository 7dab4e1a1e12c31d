//! The Deployment of a workload.

use serde_json::{Value, json};

use super::Parts;
use crate::object::Desired;
use crate::resources::MANAGED_DEPLOYMENT;
use crate::workload::types::{Rollout, Strategy};

/// A Deployment with so many pods, made from a template, that must stay up so many seconds to count, with what is noted on it.
pub fn build_deployment(
    parts: &Parts,
    replicas: i32,
    notes: &[(&str, String)],
    rollout: &Rollout,
    settles: i32,
    template: &Value,
) -> Desired {
    let strategy = match rollout.strategy {
        Strategy::Recreate => json!({ "type": "Recreate" }),
        Strategy::RollingUpdate | Strategy::Canary => {
            json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": "25%" } })
        }
    };
    let mut spec = json!({
        "replicas": replicas,
        "revisionHistoryLimit": rollout.history_limit,
        // It must be longer than pods need to settle.
        "progressDeadlineSeconds": rollout.progress_deadline.seconds().max(settles + 1),
        "selector": { "matchLabels": parts.selector },
        "strategy": strategy,
        "template": template,
    });
    if settles > 0 {
        spec["minReadySeconds"] = json!(settles);
    }
    let object = parts.object(&MANAGED_DEPLOYMENT).with("spec", spec);
    notes.iter().fold(object, |object, (key, note)| object.annotation(key, note))
}
