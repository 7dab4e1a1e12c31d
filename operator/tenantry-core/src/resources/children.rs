//! What a workload of ours consists of, in its own namespace. All of it carries an owner reference. The kinds of the server that
//! plans only look at are here too.

use serde_json::{Value, json};

use super::{Keep, Resource, Watch, Wave, Write};
use crate::meta;

/// `v1 ServiceAccount`.
pub static SERVICE_ACCOUNT: Resource = Resource {
    wave: Wave::Configuration,
    keep: Keep::Digest,
    // Some clusters add these to every account.
    filled: &["/secrets", "/imagePullSecrets"],
    ..child("", "v1", "ServiceAccount", "serviceaccounts")
};

/// `v1 Service`.
pub static SERVICE: Resource = Resource {
    wave: Wave::Configuration,
    keep: Keep::Digest,
    filled: &["/spec/clusterIP", "/spec/clusterIPs", "/spec/ipFamilies", "/spec/ipFamilyPolicy"],
    ..child("", "v1", "Service", "services")
};

/// `apps/v1 Deployment` that we have made. Of others' Deployments, see [`super::DEPLOYMENT`].
pub static MANAGED_DEPLOYMENT: Resource =
    Resource { keep: Keep::Projection(deployment_facts), ..child("apps", "v1", "Deployment", "deployments") };

/// `policy/v1 PodDisruptionBudget`.
pub static POD_DISRUPTION_BUDGET: Resource =
    Resource { keep: Keep::Digest, ..child("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets") };

/// `autoscaling/v2 HorizontalPodAutoscaler`.
pub static HORIZONTAL_POD_AUTOSCALER: Resource = Resource {
    keep: Keep::Projection(autoscaler_facts),
    ..child("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
};

/// `v1 PersistentVolumeClaim` that keeps what can be loaded again. Of its spec the server lets nothing be changed but the size, so only
/// what its annotation says of that is compared.
pub static VOLUME_CLAIM: Resource = Resource {
    write: Write::Merge,
    keep: Keep::Projection(claim_facts),
    wave: Wave::Configuration,
    ..child("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
};

/// `discovery.k8s.io/v1 EndpointSlice` of Services that we have made, whose labels the server puts on it.
pub static ENDPOINT_SLICE: Resource = Resource {
    write: Write::Never,
    keep: Keep::Projection(endpoint_facts),
    wave: Wave::Contents,
    ..child("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
};

pub(super) const fn child(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
) -> Resource {
    Resource {
        group,
        version,
        kind,
        plural,
        namespaced: true,
        write: Write::Replace,
        watch: Watch::Managed,
        keep: Keep::Digest,
        wave: Wave::Workloads,
        filled: &[],
        index: None,
    }
}

/// Shape: `{generation, replicas, note?, revision?, rollout?, template?, status: {observedGeneration, replicas, updatedReplicas, availableReplicas},
/// conditions: [{type, status, reason, message}]}`; numbers that are absent are 0. The template is kept only of what may be rolled back.
fn deployment_facts(deployment: &Value) -> Value {
    let (metadata, status) = (&deployment["metadata"], &deployment["status"]);
    let number = |value: &Value| value.as_i64().unwrap_or_default();
    let mut facts = json!({
        "generation": number(&metadata["generation"]),
        "replicas": deployment["spec"]["replicas"].as_i64().unwrap_or(1),
        "status": {
            "observedGeneration": number(&status["observedGeneration"]),
            "replicas": number(&status["replicas"]),
            "updatedReplicas": number(&status["updatedReplicas"]),
            "availableReplicas": number(&status["availableReplicas"]),
        },
        "conditions": conditions(status),
    });
    let annotations = &metadata["annotations"];
    for (field, key) in [("note", meta::RESUME), ("revision", meta::REVISION_NUMBER), ("rollout", meta::ROLLOUT)] {
        if !annotations[key].is_null() {
            facts[field] = annotations[key].clone();
        }
    }
    if !facts["rollout"].is_null() {
        facts["template"] = deployment["spec"]["template"].clone();
    }
    facts
}

/// Shape: `{conditions: [{type, status, reason, message}]}`. Not the metrics, which never stand still.
fn autoscaler_facts(autoscaler: &Value) -> Value {
    // The message of what is well tells figures that change all the time.
    let mut conditions = conditions(&autoscaler["status"]);
    for condition in conditions.as_array_mut().into_iter().flatten() {
        let well = if condition["type"] == "ScalingLimited" { "False" } else { "True" };
        if condition["status"] == well {
            condition["message"] = Value::Null;
        }
    }
    json!({ "conditions": conditions })
}

/// Shape: `{owned}`: labels and annotations that are ours.
fn claim_facts(claim: &Value) -> Value {
    json!({ "owned": crate::content::kept_fields(claim) })
}

/// Shape: `{service, ready}`: the name of its Service, and whether anybody answers there.
fn endpoint_facts(slice: &Value) -> Value {
    let answers = |endpoint: &Value| endpoint["conditions"]["ready"] != false;
    json!({
        "service": slice["metadata"]["labels"]["kubernetes.io/service-name"],
        "ready": slice["endpoints"].as_array().into_iter().flatten().any(answers),
    })
}

/// Conditions without their times.
pub(super) fn conditions(status: &Value) -> Value {
    let conditions = status["conditions"].as_array().into_iter().flatten();
    conditions
        .map(|one| json!({ "type": one["type"], "status": one["status"], "reason": one["reason"], "message": one["message"] }))
        .collect()
}
