//! Objects that conform to everything a tenant of the stage is held to, so that each mutation breaks one thing.

use json_patch::merge;
use serde_json::{Value, json};

/// A container as the strictest pod security level wants it.
fn container() -> Value {
    json!({
        "name": "main", "image": "registry.example/mine/app:1", "imagePullPolicy": "Always",
        "resources": {
            "requests": { "cpu": "10m", "memory": "16Mi", "ephemeral-storage": "1Mi" },
            "limits": { "cpu": "10m", "memory": "16Mi", "ephemeral-storage": "1Mi" },
        },
        "securityContext": {
            "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] },
            "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" },
        },
    })
}

/// A pod.
pub fn pod(namespace: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "sample", "namespace": namespace },
        "spec": { "containers": [container()] },
    })
}

/// A pod whose container is changed by a merge patch.
pub fn pod_with_container(namespace: &str, change: &Value) -> Value {
    let mut container = container();
    merge(&mut container, change);
    pod_with(namespace, &json!({ "containers": [container] }))
}

/// A pod whose spec is changed by a merge patch.
pub fn pod_with(namespace: &str, change: &Value) -> Value {
    let mut pod = pod(namespace);
    merge(&mut pod["spec"], change);
    pod
}

/// A pod with a volume of this sort.
pub fn pod_with_volume(namespace: &str, source: &Value) -> Value {
    let mut volume = source.clone();
    volume["name"] = "data".into();
    pod_with(namespace, &json!({ "volumes": [volume] }))
}

/// A Service whose spec is changed by a merge patch.
pub fn service(namespace: &str, change: &Value) -> Value {
    let spec = json!({ "selector": { "app": "x" }, "ports": [{ "port": 80 }], "type": "ClusterIP" });
    object("v1", "Service", namespace, spec, change)
}

/// A volume claim whose spec is changed by a merge patch.
pub fn claim(namespace: &str, change: &Value) -> Value {
    let spec = json!({
        "accessModes": ["ReadWriteOnce"], "storageClassName": "standard", "resources": { "requests": { "storage": "1Gi" } },
    });
    object("v1", "PersistentVolumeClaim", namespace, spec, change)
}

/// An Ingress whose spec is changed by a merge patch.
pub fn ingress(namespace: &str, change: &Value) -> Value {
    let paths = json!([{ "path": "/", "pathType": "Prefix", "backend": { "service": { "name": "x", "port": { "number": 80 } } } }]);
    let spec =
        json!({ "ingressClassName": "public", "rules": [{ "host": "shop.mine.example", "http": { "paths": paths } }] });
    object("networking.k8s.io/v1", "Ingress", namespace, spec, change)
}

/// An HTTPRoute whose spec is changed by a merge patch.
pub fn route(namespace: &str, change: &Value) -> Value {
    let spec =
        json!({ "hostnames": ["shop.mine.example"], "rules": [{ "backendRefs": [{ "name": "x", "port": 80 }] }] });
    object("gateway.networking.k8s.io/v1", "HTTPRoute", namespace, spec, change)
}

/// A Role.
pub fn role(namespace: &str, rules: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": { "name": "sample", "namespace": namespace }, "rules": rules,
    })
}

/// A RoleBinding to a ServiceAccount of the namespace.
pub fn binding(namespace: &str, role: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": { "name": "sample", "namespace": namespace },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": [{ "kind": "ServiceAccount", "name": "viewer", "namespace": namespace }],
    })
}

fn object(version: &str, kind: &str, namespace: &str, mut spec: Value, change: &Value) -> Value {
    if !change.is_null() {
        merge(&mut spec, change);
    }
    json!({ "apiVersion": version, "kind": kind, "metadata": { "name": "sample", "namespace": namespace }, "spec": spec })
}
