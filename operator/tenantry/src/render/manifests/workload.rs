//! The operator's pods and what stands around them: namespace, ServiceAccount, Deployment, Service, PodDisruptionBudget.

use serde_json::{Value, json};

use super::{Installation, NAME, PORT, metadata, selector};

pub(super) fn namespace(name: &str) -> Value {
    let mut metadata = metadata(name, None);
    for mode in ["enforce", "warn", "audit"] {
        metadata["labels"][format!("pod-security.kubernetes.io/{mode}")] = "restricted".into();
    }
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata })
}

pub(super) fn service_account(namespace: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(NAME, Some(namespace)),
        // The Deployment asks for the token where it is needed.
        "automountServiceAccountToken": false,
    })
}

pub(super) fn service(namespace: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata("tenantry-metrics", Some(namespace)),
        "spec": {
            "selector": selector(),
            "ports": [{ "name": "http", "port": PORT, "targetPort": "http", "protocol": "TCP" }],
        },
    })
}

pub(super) fn disruption_budget(namespace: &str) -> Value {
    json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(NAME, Some(namespace)),
        // Never stands in the way of draining a node, also with one replica: tenants stay isolated while the operator is away.
        "spec": { "maxUnavailable": 1, "selector": { "matchLabels": selector() }, "unhealthyPodEvictionPolicy": "AlwaysAllow" },
    })
}

pub(super) fn deployment(installation: &Installation) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(NAME, Some(&installation.namespace)),
        "spec": {
            "replicas": installation.replicas,
            "selector": { "matchLabels": selector() },
            "template": {
                "metadata": { "labels": super::labels() },
                "spec": {
                    "serviceAccountName": NAME,
                    "automountServiceAccountToken": true,
                    "terminationGracePeriodSeconds": 30,
                    "securityContext": {
                        "runAsNonRoot": true,
                        "runAsUser": 65532,
                        "runAsGroup": 65532,
                        "seccompProfile": { "type": "RuntimeDefault" },
                    },
                    "topologySpreadConstraints": [{
                        "maxSkew": 1,
                        "topologyKey": "kubernetes.io/hostname",
                        "whenUnsatisfiable": "ScheduleAnyway",
                        "labelSelector": { "matchLabels": selector() },
                    }],
                    "containers": [container(&installation.image)],
                },
            },
        },
    })
}

fn container(image: &str) -> Value {
    let from_pod =
        |name: &str, field: &str| json!({ "name": name, "valueFrom": { "fieldRef": { "fieldPath": field } } });
    let probe = |path: &str| json!({ "httpGet": { "path": path, "port": "http" } });
    json!({
        "name": NAME,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["run"],
        "env": [from_pod("POD_NAME", "metadata.name"), from_pod("POD_NAMESPACE", "metadata.namespace")],
        "ports": [{ "name": "http", "containerPort": PORT, "protocol": "TCP" }],
        "livenessProbe": probe("/healthz"),
        "readinessProbe": probe("/readyz"),
        "resources": {
            "requests": { "cpu": "50m", "memory": "64Mi" },
            "limits": { "memory": "512Mi" },
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
    })
}
