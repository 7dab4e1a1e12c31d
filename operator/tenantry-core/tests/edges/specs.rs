//! Specs of workloads that between them have every field.

use serde_json::{Value, json};

/// The smallest spec of each kind.
pub fn smallest(kind: &str) -> Value {
    match kind {
        "Application" => json!({ "image": "registry.example/web:1", "ports": [{ "name": "http", "port": 8080 }] }),
        "Agent" => json!({ "image": "registry.example/agent:1", "a2a": { "enabled": true } }),
        "McpServer" => json!({ "image": "registry.example/tools:1" }),
        _ => json!({ "model": { "uri": "hf://example/small" }, "runtime": { "image": "registry.example/model:1" } }),
    }
}

/// Specs in which all fields have a place. What a kind refuses is in none of them, so that nothing hides behind it; of that only the least
/// that the schema requires is put in.
pub fn hosts(kind: &str) -> Vec<Value> {
    let mut hosts = vec![with(smallest(kind), &trunk()), with(smallest(kind), &json!({ "scaling": by_cpu() }))];
    hosts.push(with(smallest(kind), &json!({ "placement": { "affinity": affinity() } })));
    for [startup, readiness, liveness] in probes() {
        let probes = json!({ "startup": startup, "readiness": readiness, "liveness": liveness });
        hosts.push(with(smallest(kind), &json!({ "probes": probes })));
    }
    for metric in metrics() {
        hosts.push(with(
            smallest(kind),
            &json!({ "scaling": { "minReplicas": 2, "maxReplicas": 5, "metrics": [metric] } }),
        ));
    }
    let connections = json!({
        "models": [
            { "name": "chat", "modelDeploymentRef": { "name": "small" } },
            { "name": "far", "external": { "baseUrl": "https://models.example/v1", "model": "large", "secretRef": { "name": "keys", "key": "a" } } },
        ],
        "tools": [{ "mcpServerRef": { "name": "tickets" }, "toolNames": ["search"] }],
        "peers": [{ "agentRef": { "name": "helper" } }],
    });
    match kind {
        "Application" => hosts.push(with(smallest(kind), &connections)),
        "Agent" => {
            hosts.push(with(smallest(kind), &connections));
            let skill = json!({ "id": "sums", "name": "Sums", "description": "adds", "tags": ["sum"] });
            hosts.push(with(smallest(kind), &json!({ "a2a": { "enabled": true, "skills": [skill] } })));
            hosts.push(json!({ "type": "Declarative", "declarative": { "systemMessage": "be kind" } }));
            hosts.push(json!({ "type": "Declarative", "declarative": { "systemMessageFrom": { "name": "words", "key": "a" } } }));
        }
        "McpServer" => {
            hosts.push(with(smallest(kind), &json!({ "verification": { "mode": "Enforce", "pinTools": true } })));
            hosts.push(
                json!({ "image": "registry.example/tools:1", "command": ["tools"], "transport": "Stdio", "stdio": {} }),
            );
            let headers = json!([{ "name": "Authorization", "secretRef": { "name": "keys", "key": "a" } }]);
            hosts.push(
                json!({ "remote": { "url": "https://tools.example/mcp", "headersFrom": headers }, "verification": {} }),
            );
        }
        _ => {
            let version = json!({ "name": "beside", "model": { "uri": "hf://example/next" }, "image": "registry.example/next:1", "match": {} });
            hosts.push(with(smallest(kind), &json!({ "versions": [version] })));
            let scaled = metrics().into_iter().zip(["a", "b", "c", "d", "e"]).map(|(metric, name)| {
                json!({ "name": name, "scaling": { "minReplicas": 2, "maxReplicas": 5, "metrics": [metric] } })
            });
            hosts.push(with(smallest(kind), &json!({ "versions": scaled.collect::<Vec<_>>() })));
            hosts.push(with(smallest(kind), &json!({ "cache": { "size": "1Gi" } })));
        }
    }
    hosts
}

fn by_cpu() -> Value {
    json!({
        "minReplicas": 2, "maxReplicas": 5, "provider": "Hpa",
        "metrics": [{ "type": "Cpu", "averageUtilization": 70 }],
        "behavior": { "scaleUpStabilization": "10s", "scaleDownStabilization": "60s" },
    })
}

/// Each way to ask for each state.
fn probes() -> [[Value; 3]; 3] {
    let get = || json!({ "httpGet": { "path": "/" } });
    let (socket, grpc) = (|| json!({ "tcpSocket": {} }), || json!({ "grpc": {} }));
    let exec = || json!({ "exec": { "command": ["true"] } });
    [[get(), socket(), exec()], [grpc(), exec(), socket()], [exec(), grpc(), get()]]
}

fn affinity() -> Value {
    let needs =
        |values: &[&str]| json!({ "matchExpressions": [{ "key": "disk", "operator": "In", "values": values }] });
    let near = json!({ "labelSelector": { "matchLabels": { "app": "web" } }, "topologyKey": "kubernetes.io/hostname" });
    let pods = json!({
        "requiredDuringSchedulingIgnoredDuringExecution": [near],
        "preferredDuringSchedulingIgnoredDuringExecution": [{ "weight": 50, "podAffinityTerm": near }],
    });
    json!({
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [needs(&["fast"])] },
            "preferredDuringSchedulingIgnoredDuringExecution": [{ "weight": 50, "preference": needs(&["near"]) }],
        },
        "podAffinity": pods, "podAntiAffinity": pods,
    })
}

fn metrics() -> Vec<Value> {
    let about = json!({ "apiVersion": "v1", "kind": "Service", "name": "queue" });
    vec![
        json!({ "type": "Memory", "averageValue": "1Gi" }),
        json!({ "type": "Pods", "metric": "depth", "averageValue": "5", "selector": {} }),
        json!({ "type": "Object", "metric": "depth", "value": "5", "describedObject": about }),
        json!({ "type": "External", "metric": "depth", "value": "5" }),
        json!({ "type": "Prometheus", "query": "depth", "averageValue": "5" }),
    ]
}

fn trunk() -> Value {
    let probe = |how: &str, at: Value| {
        let mut probe = json!({});
        probe[how] = at;
        probe
    };
    let mut startup = probe("tcpSocket", json!({}));
    startup["initialDelay"] = json!("1s");
    json!({
        "command": ["serve"], "workingDir": "/srv",
        "ports": [{ "name": "http", "port": 8080 }, { "name": "events", "port": 8090 }],
        "env": [
            { "name": "A", "value": "b" },
            { "name": "B", "valueFrom": { "secretKeyRef": { "name": "keys", "key": "a" } } },
            { "name": "C", "valueFrom": { "configMapKeyRef": { "name": "settings", "key": "a" } } },
            { "name": "D", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
        ],
        "envFrom": [{ "secretRef": { "name": "keys" } }, { "configMapRef": { "name": "settings" } }],
        "files": [
            { "mountPath": "/etc/keys", "secretRef": { "name": "keys" } },
            { "mountPath": "/etc/settings", "configMapRef": { "name": "settings" } },
        ],
        "resources": { "requests": { "memory": "1Gi" }, "limits": { "memory": "1Gi" } },
        "gpu": { "count": 1 },
        "probes": { "startup": startup, "readiness": probe("httpGet", json!({ "path": "/" })), "liveness": probe("grpc", json!({})) },
        "placement": { "tolerations": [{ "key": "gpu" }] },
        "serviceAccount": {},
        "rollout": {},
        "scaling": {},
    })
}

fn with(mut spec: Value, more: &Value) -> Value {
    for (field, value) in more.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    spec
}

/// Specs of what is no workload, beside its examples.
pub fn of_routes(kind: &str) -> Vec<Value> {
    match kind {
        "ServiceRoute" => {
            vec![
                json!({ "backend": { "serviceRef": { "name": "shop", "port": 80 } }, "api": { "name": "SHOP", "version": "v1" } }),
            ]
        }
        _ => Vec::new(),
    }
}
