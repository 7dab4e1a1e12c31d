//! Bodies for the kinds Tenantry writes: mostly valid, some not, few distinct values so that writers collide.

use fastrand::Rng;
use serde_json::{Value, json};

/// A kind under test.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// `apiVersion`.
    pub api_version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Plural name.
    pub plural: &'static str,
    /// Whether it lives in namespaces.
    pub namespaced: bool,
    /// Whether `/status` is tried.
    pub has_status: bool,
    /// Makes everything but apiVersion, kind and metadata.
    pub content: fn(&mut Rng) -> Value,
}

/// The kinds under test.
pub const SUBJECTS: &[Subject] = &[
    Subject {
        api_version: "v1",
        kind: "Namespace",
        plural: "namespaces",
        namespaced: false,
        has_status: true,
        content: namespace,
    },
    Subject {
        api_version: "v1",
        kind: "ConfigMap",
        plural: "configmaps",
        namespaced: true,
        has_status: false,
        content: config_map,
    },
    Subject {
        api_version: "v1",
        kind: "Secret",
        plural: "secrets",
        namespaced: true,
        has_status: false,
        content: secret,
    },
    Subject {
        api_version: "v1",
        kind: "ServiceAccount",
        plural: "serviceaccounts",
        namespaced: true,
        has_status: false,
        content: account,
    },
    Subject {
        api_version: "v1",
        kind: "ResourceQuota",
        plural: "resourcequotas",
        namespaced: true,
        has_status: true,
        content: quota,
    },
    Subject {
        api_version: "v1",
        kind: "LimitRange",
        plural: "limitranges",
        namespaced: true,
        has_status: false,
        content: limits,
    },
    Subject {
        api_version: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        plural: "networkpolicies",
        namespaced: true,
        has_status: false,
        content: network_policy,
    },
    Subject {
        api_version: "rbac.authorization.k8s.io/v1",
        kind: "RoleBinding",
        plural: "rolebindings",
        namespaced: true,
        has_status: false,
        content: binding,
    },
    Subject {
        api_version: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        plural: "roles",
        namespaced: true,
        has_status: false,
        content: role,
    },
    Subject {
        api_version: "coordination.k8s.io/v1",
        kind: "Lease",
        plural: "leases",
        namespaced: true,
        has_status: false,
        content: lease,
    },
    Subject {
        api_version: "conformance.tenantry.dev/v1",
        kind: "Thing",
        plural: "things",
        namespaced: false,
        has_status: true,
        content: thing,
    },
];

fn pick<T: Clone>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())].clone()
}

/// One of the values; the later half is rarer.
fn mostly(rng: &mut Rng, good: &[Value], bad: &[Value]) -> Value {
    if bad.is_empty() || rng.u8(..100) < 85 { pick(rng, good) } else { pick(rng, bad) }
}

/// Labels, annotations, finalizers: mostly absent.
pub fn metadata(rng: &mut Rng, name: &str) -> Value {
    let mut metadata = json!({"name": name});
    if rng.u8(..100) < 50 {
        let good = [json!({"x": "1"}), json!({"x": "2"}), json!({"y": "1"}), json!({"x": "1", "y": ""}), json!({})];
        let bad =
            [json!({"x": "not valid"}), json!({"-": "1"}), json!({"a/b/c": "1"}), json!({"x": null}), json!({"x": 1})];
        metadata["labels"] = mostly(rng, &good, &bad);
    }
    if rng.u8(..100) < 20 {
        metadata["annotations"] =
            mostly(rng, &[json!({"n": "1"}), json!({"n": "2"}), json!({})], &[json!({"a b": "1"})]);
    }
    if rng.u8(..100) < 8 {
        metadata["finalizers"] = mostly(rng, &[json!(["example.com/hold"]), json!([])], &[json!(["plain"])]);
    }
    metadata
}

fn namespace(rng: &mut Rng) -> Value {
    mostly(
        rng,
        &[json!({}), json!({"spec": {}})],
        &[json!({"spec": {"finalizers": ["example.com/x"]}}), json!({"unknown": 1})],
    )
}

fn config_map(rng: &mut Rng) -> Value {
    let good = [
        json!({"data": {"a": "1"}}),
        json!({"data": {"a": "2", "b": "1"}}),
        json!({"data": {"b": "2"}}),
        json!({"data": {}}),
        json!({}),
        json!({"data": {"a": ""}}),
        json!({"data": {"a": null}}),
    ];
    let bad =
        [json!({"data": {"a": 1}}), json!({"data": "x"}), json!({"spec": {"a": 1}}), json!({"data": {"a/b": "1"}})];
    mostly(rng, &good, &bad)
}

fn secret(rng: &mut Rng) -> Value {
    let good = [
        json!({"data": {"a": "YQ=="}}),
        json!({"stringData": {"a": "b"}}),
        json!({"type": "Opaque", "data": {"b": "Yg=="}}),
        json!({}),
    ];
    let bad =
        [json!({"data": {"a": "not base64!"}}), json!({"type": "example.com/other"}), json!({"data": {"a b": "YQ=="}})];
    mostly(rng, &good, &bad)
}

fn account(rng: &mut Rng) -> Value {
    let good = [
        json!({}),
        json!({"automountServiceAccountToken": false}),
        json!({"automountServiceAccountToken": true}),
        json!({"imagePullSecrets": [{"name": "a"}]}),
        json!({"imagePullSecrets": [{"name": "b"}]}),
        json!({"secrets": [{"name": "s"}]}),
    ];
    mostly(rng, &good, &[json!({"automountServiceAccountToken": "no"}), json!({"imagePullSecrets": {}})])
}

fn quota(rng: &mut Rng) -> Value {
    let good = [
        json!({"spec": {"hard": {"requests.cpu": "4000m", "pods": 10}}}),
        json!({"spec": {"hard": {"requests.cpu": "4", "requests.memory": "1024Mi"}}}),
        json!({"spec": {"hard": {"pods": "0"}}}),
        json!({"spec": {"hard": {"requests.nvidia.com/gpu": "1", "count/deployments.apps": "5"}}}),
        json!({"spec": {}}),
        json!({}),
        json!({"spec": {"hard": {"pods": "10"}, "scopes": ["BestEffort"]}}),
        json!({"spec": {"hard": {"limits.cpu": "1.5", "limits.memory": "1.5Gi"}}}),
    ];
    let bad = [
        json!({"spec": {"hard": {"pods": "-1"}}}),
        json!({"spec": {"hard": {"pods": "1500m"}}}),
        json!({"spec": {"hard": {"pods": "many"}}}),
        json!({"spec": {"hard": {"nonsense": "1"}}}),
        json!({"spec": {"hard": {"pods": "1"}, "scopes": ["Nope"]}}),
        json!({"spec": {"hard": {"pods": true}}}),
    ];
    mostly(rng, &good, &bad)
}

// Amounts are spelled as stored: after a PUT of `0.5` the real server finds the list changed by each PUT that follows.
fn limits(rng: &mut Rng) -> Value {
    let good = [
        json!({"spec": {"limits": [{"type": "Container", "default": {"cpu": "500m", "memory": "512Mi"}}]}}),
        json!({"spec": {"limits": [{"type": "Container", "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "100m"}, "max": {"cpu": "2"}}]}}),
        json!({"spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}, "min": {"cpu": "10m"}}]}}),
        json!({"spec": {"limits": [{"type": "PersistentVolumeClaim", "max": {"storage": "1Ti"}}]}}),
        json!({"spec": {"limits": []}}),
        json!({"spec": {"limits": [{"type": "Pod", "max": {"cpu": "4"}}]}}),
    ];
    let bad = [
        json!({"spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}, "min": {"cpu": "2"}}]}}),
        json!({"spec": {"limits": [{"type": "Container", "default": {"cpu": "3"}, "max": {"cpu": "1"}}]}}),
        json!({"spec": {"limits": [{"max": {"cpu": "1"}}]}}),
        json!({"spec": {"limits": [{"type": "Container"}, {"type": "Container"}]}}),
        json!({"spec": {"limits": [{"type": "Container", "default": {"cpu": "x"}}]}}),
    ];
    mostly(rng, &good, &bad)
}

fn network_policy(rng: &mut Rng) -> Value {
    let good = [
        json!({"spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}),
        json!({"spec": {"podSelector": {}}}),
        json!({}),
        json!({"spec": {"podSelector": {"matchLabels": {"a": "b"}}, "ingress": [{}]}}),
        json!({"spec": {"podSelector": {}, "ingress": [], "egress": []}}),
        json!({"spec": {"podSelector": {}, "egress": [{"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53}], "to": [{"namespaceSelector": {}}]}]}}),
        json!({"spec": {"podSelector": {}, "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]}], "policyTypes": ["Egress"]}}),
        json!({"spec": {"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"t": "a"}}, "podSelector": {}}]}]}}),
        json!({"spec": {"podSelector": {}, "egress": [{"ports": [{"port": "http"}, {"port": 1000, "endPort": 2000}]}]}}),
    ];
    let bad = [
        json!({"spec": {"podSelector": {}, "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/33"}}]}]}}),
        json!({"spec": {"podSelector": {}, "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}}]}]}}),
        json!({"spec": {"podSelector": {}, "egress": [{"to": [{}]}]}}),
        json!({"spec": {"podSelector": {}, "egress": [{"ports": [{"port": 70000}]}]}}),
        json!({"spec": {"podSelector": {}, "policyTypes": ["Sideways"]}}),
        json!({"spec": {"podSelector": {"matchLabels": {"a": "b c"}}}}),
        json!({"spec": {"podSelector": {}, "egress": [{"ports": [{"port": 80, "protocol": "ICMP"}]}]}}),
        json!({"spec": {"podSelector": {}, "ingres": []}}),
        json!({"spec": {"podSelector": {}, "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}]}}),
    ];
    mostly(rng, &good, &bad)
}

fn binding(rng: &mut Rng) -> Value {
    let role = |name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name});
    let good = [
        json!({"roleRef": role("view"), "subjects": [{"kind": "Group", "name": "a", "apiGroup": "rbac.authorization.k8s.io"}]}),
        json!({"roleRef": role("view"), "subjects": [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s", "namespace": "c-a"}]}),
        json!({"roleRef": role("view"), "subjects": []}),
        json!({"roleRef": {"kind": "ClusterRole", "name": "view"}}),
        json!({"roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "Group", "name": "b"}]}),
    ];
    let bad = [
        json!({"roleRef": role("edit")}),
        json!({"subjects": []}),
        json!({"roleRef": {"kind": "Robot", "name": "r"}}),
        json!({"roleRef": role("")}),
        json!({"roleRef": role("view"), "subjects": [{"kind": "ServiceAccount", "name": "s"}]}),
        json!({"roleRef": role("view"), "subjects": [{"kind": "Group", "name": ""}]}),
        json!({"roleRef": role("view"), "subjects": [{"kind": "Alien", "name": "x"}]}),
        json!({"roleRef": role("view"), "subjects": [{"kind": "User", "name": "x", "apiGroup": "wrong"}]}),
    ];
    mostly(rng, &good, &bad)
}

fn role(rng: &mut Rng) -> Value {
    let good = [
        json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
        json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"], "resourceNames": ["x"]}]}),
        json!({"rules": []}),
        json!({}),
    ];
    let bad = [
        json!({"rules": [{"apiGroups": [""], "resources": ["pods"]}]}),
        json!({"rules": [{"nonResourceURLs": ["/x"], "verbs": ["get"]}]}),
        json!({"rules": [{"verbs": ["get"], "resources": ["pods"]}]}),
        json!({"rules": [{"verbs": ["get"], "apiGroups": [""]}]}),
    ];
    mostly(rng, &good, &bad)
}

fn lease(rng: &mut Rng) -> Value {
    let good = [
        json!({"spec": {"holderIdentity": "a", "leaseDurationSeconds": 15}}),
        json!({"spec": {"holderIdentity": "b", "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z", "leaseTransitions": 1}}),
        json!({"spec": {}}),
        json!({}),
        json!({"spec": {"holderIdentity": ""}}),
    ];
    let bad = [
        json!({"spec": {"leaseDurationSeconds": 0}}),
        json!({"spec": {"leaseDurationSeconds": "x"}}),
        json!({"spec": {"leaseTransitions": -1}}),
        json!({"spec": {"renewTime": "yesterday"}}),
    ];
    mostly(rng, &good, &bad)
}

fn thing(rng: &mut Rng) -> Value {
    let good = [
        json!({"spec": {"size": 1}}),
        json!({"spec": {"size": 2, "mode": "B"}}),
        json!({"spec": {"size": 3, "items": [{"name": "a", "value": "1"}, {"name": "b"}]}}),
        json!({"spec": {"size": 3, "items": [{"name": "b", "value": "2"}]}}),
        json!({"spec": {"size": 2, "tags": ["x", "y"], "nested": {"deep": {"on": false}}}}),
        json!({"spec": {"size": 2, "tags": ["z"], "open": {"any": {"thing": [1, "2"]}}, "map": {"k": 1}}}),
        json!({"spec": {"size": 2, "port": "http"}}),
        json!({"spec": {"size": 2, "port": 80, "nested": {}}}),
        json!({"spec": {"size": 1, "until": "2027-01-31T00:00:00Z"}, "status": {"ready": true}}),
        json!({"spec": {"size": 1, "map": {"a": 1}, "name": "abc"}}),
        json!({"spec": {"size": 1, "maybe": null}}),
    ];
    let bad = [
        json!({"spec": {}}),
        json!({}),
        json!({"spec": {"size": 0}}),
        json!({"spec": {"size": 101}}),
        json!({"spec": {"size": "1"}}),
        json!({"spec": {"size": 1.5}}),
        json!({"spec": {"size": 1, "mode": "C"}}),
        json!({"spec": {"size": 1, "items": [{"name": "a"}, {"name": "a"}]}}),
        json!({"spec": {"size": 1, "items": [{"value": "1"}]}}),
        json!({"spec": {"size": 1, "tags": ["x", "x"]}}),
        json!({"spec": {"size": 1, "tags": ["a", "b", "c", "d"]}}),
        json!({"spec": {"size": 1, "name": "ABC"}}),
        json!({"spec": {"size": 1, "name": "abcdefghijk"}}),
        json!({"spec": {"size": 1, "name": "forbidden"}}),
        json!({"spec": {"size": 1, "unknown": 1, "nested": {"deep": {"off": 1}}}}),
        json!({"spec": {"size": 1, "until": "soon"}}),
        json!({"spec": {"size": 1, "fixed": "b"}}),
        json!({"spec": {"size": 1, "fixed": "a"}}),
        json!({"spec": {"size": 1, "mode": null}}),
        json!({"spec": {"size": 1, "name": null}}),
        json!({"spec": {"size": 1, "map": {"a": "x"}}}),
    ];
    mostly(rng, &good, &bad)
}
