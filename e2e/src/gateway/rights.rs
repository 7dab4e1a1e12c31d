//! What Traefik may: read routes, services, endpoints, secrets and its own kinds, and write the status of what it routes. No more, so that
//! a test notices what a real installation would lack.

use serde_json::{Value, json};

/// Name of its ServiceAccount.
pub(super) const ACCOUNT: &str = "traefik";

const GATEWAY_API: &str = "gateway.networking.k8s.io";
/// Kinds of Gateway API that it reads, and whose status it writes.
const ROUTED: &[&str] = &["gatewayclasses", "gateways", "httproutes", "grpcroutes", "tlsroutes", "backendtlspolicies"];

/// Namespace, ServiceAccount, ClusterRole and binding.
pub(super) fn objects(namespace: &str) -> [Value; 4] {
    let named = |version: &str, kind: &str, name: &str| json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name } });
    let mut account = named("v1", "ServiceAccount", ACCOUNT);
    account["metadata"]["namespace"] = namespace.into();
    let mut role = named("rbac.authorization.k8s.io/v1", "ClusterRole", ACCOUNT);
    role["rules"] = rules();
    let mut binding = named("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", ACCOUNT);
    binding["roleRef"] = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ACCOUNT });
    binding["subjects"] = json!([{ "kind": "ServiceAccount", "namespace": namespace, "name": ACCOUNT }]);
    [named("v1", "Namespace", namespace), account, role, binding]
}

fn rules() -> Value {
    let status: Vec<String> = ROUTED.iter().map(|kind| format!("{kind}/status")).collect();
    let rule = |group: &str, resources: Value, verbs: &[&str]| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
    let read = ["get", "list", "watch"];
    let mut routed = ROUTED.to_vec();
    routed.push("referencegrants");
    json!([
        rule("", json!(["namespaces", "nodes", "services", "secrets", "configmaps"]), &read),
        rule("discovery.k8s.io", json!(["endpointslices"]), &read),
        rule(GATEWAY_API, json!(routed), &read),
        rule(GATEWAY_API, json!(status), &["update"]),
        rule("traefik.io", json!(super::definitions::TRAEFIK_KINDS.map(|(_, plural)| plural)), &read),
    ])
}
