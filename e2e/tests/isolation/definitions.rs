//! Kinds of others that the admission rules cover, with no schema of their own: enough to try the rules on them.

use serde_json::{Value, json};

const KINDS: [(&str, &str, &str, &str); 10] = [
    ("gateway.networking.k8s.io", "v1", "Gateway", "gateways"),
    ("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
    ("gateway.networking.k8s.io", "v1", "GRPCRoute", "grpcroutes"),
    ("gateway.networking.k8s.io", "v1", "TLSRoute", "tlsroutes"),
    ("gateway.networking.k8s.io", "v1", "TCPRoute", "tcproutes"),
    ("gateway.networking.k8s.io", "v1", "UDPRoute", "udproutes"),
    ("gateway.networking.k8s.io", "v1", "ListenerSet", "listenersets"),
    ("gateway.networking.k8s.io", "v1", "ReferenceGrant", "referencegrants"),
    ("gateway.networking.x-k8s.io", "v1alpha1", "XListenerSet", "xlistenersets"),
    ("snapshot.storage.k8s.io", "v1", "VolumeSnapshot", "volumesnapshots"),
];

/// Their definitions.
pub fn all() -> impl Iterator<Item = Value> {
    KINDS.into_iter().map(|(group, version, kind, plural)| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {
                "name": format!("{plural}.{group}"),
                // Only groups of Kubernetes itself ask for this.
                "annotations": { "api-approved.kubernetes.io": "unapproved, for tests" },
            },
            "spec": {
                "group": group, "scope": "Namespaced",
                "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase() },
                "versions": [{ "name": version, "served": true, "storage": true, "schema": { "openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true } } }],
            },
        })
    })
}
