//! The workloads of tenants, as plans see them while a tenant is scaled to zero or comes back from it. They are their
//! owners': never made, never removed, adjusted in one field. Watched on demand, so a cluster without such a tenant pays nothing.

use serde_json::{Value, json};

use super::{Keep, Resource, Watch, Wave, Write, judged};
use crate::meta;

/// `apps/v1 Deployment`.
pub static DEPLOYMENT: Resource = workload("apps", "Deployment", "deployments");
/// `apps/v1 StatefulSet`.
pub static STATEFUL_SET: Resource = workload("apps", "StatefulSet", "statefulsets");
/// `apps/v1 ReplicaSet`.
pub static REPLICA_SET: Resource = workload("apps", "ReplicaSet", "replicasets");
/// `v1 ReplicationController`.
pub static REPLICATION_CONTROLLER: Resource = workload("", "ReplicationController", "replicationcontrollers");
/// `batch/v1 CronJob`.
pub static CRON_JOB: Resource = workload("batch", "CronJob", "cronjobs");
/// `batch/v1 Job`.
pub static JOB: Resource = workload("batch", "Job", "jobs");
/// `apps/v1 DaemonSet`.
pub static DAEMON_SET: Resource = workload("apps", "DaemonSet", "daemonsets");
/// `v1 Pod`.
pub static POD: Resource = workload("", "Pod", "pods");

const fn workload(group: &'static str, kind: &'static str, plural: &'static str) -> Resource {
    Resource {
        group,
        version: "v1",
        kind,
        plural,
        namespaced: true,
        write: Write::Never,
        watch: Watch::OnDemand,
        keep: Keep::Projection(workload_facts),
        wave: Wave::Contents,
        filled: &[],
        index: None,
    }
}

/// Controllers that are named in the place of what they make, and what they make can be told from their templates.
pub const SPEAKING: [&str; 8] =
    ["Deployment", "ReplicaSet", "StatefulSet", "ReplicationController", "CronJob", "Job", "DaemonSet", "Node"];

/// Shape: `{name, replicas?, suspend?, note?, controller?, ended, deleting, judged?}`, with the kind of its controller, whether it
/// has run to its end, and, of what none of the others speaks for, what admission rules look at.
fn workload_facts(workload: &Value) -> Value {
    let metadata = &workload["metadata"];
    let (ended, controller) = (has_ended(workload), controller(workload));
    let mut facts = json!({
        "name": metadata["name"],
        "ended": ended,
        "deleting": !metadata["deletionTimestamp"].is_null(),
    });
    let optional = [
        ("replicas", &workload["spec"]["replicas"]),
        ("suspend", &workload["spec"]["suspend"]),
        ("note", &metadata["annotations"][meta::RESUME]),
        ("controller", controller),
    ];
    for (field, value) in optional.into_iter().filter(|(_, value)| !value.is_null()) {
        facts[field] = value.clone();
    }
    if !ended && !is_spoken_for(workload) {
        facts["judged"] = judged(workload);
    }
    facts
}

/// Whether it has run to its end.
pub fn has_ended(workload: &Value) -> bool {
    let status = &workload["status"];
    let is_end = |condition: &Value| {
        condition["status"] == "True" && (condition["type"] == "Complete" || condition["type"] == "Failed")
    };
    status["phase"] == "Succeeded"
        || status["phase"] == "Failed"
        || status["conditions"].as_array().into_iter().flatten().any(is_end)
}

/// Whether what has made it tells of it.
pub fn is_spoken_for(object: &Value) -> bool {
    controller(object).as_str().is_some_and(|kind| SPEAKING.contains(&kind))
}

/// The kind of its controller; null if it has none.
fn controller(object: &Value) -> &Value {
    let mut owners = object["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    owners.find(|owner| owner["controller"] == true).map_or(&Value::Null, |owner| &owner["kind"])
}
