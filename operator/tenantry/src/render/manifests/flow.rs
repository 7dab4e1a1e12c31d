//! How the API server ranks the operator's requests. Without these they share `workload-low` with every tenant's
//! ServiceAccounts, and a noisy tenant could make the leader lose its Lease.

use serde_json::{Value, json};

use super::{NAME, metadata};

/// For the Lease, and for everything else.
pub(super) fn schemas(namespace: &str) -> [Value; 2] {
    let lease = json!({
        "verbs": ["get", "create", "update"],
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "namespaces": [namespace],
    });
    let everything = json!({
        "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": true, "namespaces": ["*"],
    });
    [
        schema("tenantry-leader-election", namespace, "leader-election", 150, &lease),
        schema("tenantry", namespace, "workload-high", 1100, &everything),
    ]
}

fn schema(name: &str, namespace: &str, level: &str, precedence: u16, rule: &Value) -> Value {
    json!({
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "metadata": metadata(name, None),
        "spec": {
            "priorityLevelConfiguration": { "name": level },
            "matchingPrecedence": precedence,
            "distinguisherMethod": { "type": "ByUser" },
            "rules": [{
                "subjects": [{ "kind": "ServiceAccount", "serviceAccount": { "name": NAME, "namespace": namespace } }],
                "resourceRules": [rule],
            }],
        },
    })
}
