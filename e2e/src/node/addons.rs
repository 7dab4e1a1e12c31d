//! What a cluster has besides its nodes: names and metrics. DNS runs in a pod of `kube-system`, because network policies know it by its
//! labels; metrics are served to the API server's aggregator on loopback.

use std::net::{Ipv4Addr, TcpListener};

use serde_json::{Value, json};

use super::config::DNS;
use super::{Node, NodeError};
use crate::cluster::Cluster;
use crate::netns::ADDRESS;
use crate::objects;

/// Starts both and waits until they answer.
pub(super) async fn start(node: &mut Node, cluster: &Cluster) -> Result<(), NodeError> {
    let client = cluster.client().await?;
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|source| NodeError::Files { doing: "looking for a free port".to_owned(), source })?
        .port();
    node.run("metrics", |command| {
        command
            .arg(format!("--kubeconfig={}", cluster.kubeconfig_path().display()))
            .arg(format!("--kubelet={ADDRESS}:10250"))
            .arg(format!("--listen=127.0.0.1:{port}"));
    })?;
    let program = node.programs.node().display().to_string();
    for object in dns(&program).into_iter().chain(metrics(port)) {
        objects::apply(&client, &object).await?;
    }
    let pods = objects::collection_of(&client, "v1", "Pod", Some("kube-system"));
    let services = objects::collection_of(&client, "apiregistration.k8s.io/v1", "APIService", None);
    node.wait("DNS and metrics answer", async || {
        let dns = pods.get("dns").await.map_err(|error| error.to_string())?;
        holds(&serde_json::to_value(dns).unwrap_or_default(), "Ready")?;
        let service = services.get("v1beta1.metrics.k8s.io").await.map_err(|error| error.to_string())?;
        holds(&serde_json::to_value(service).unwrap_or_default(), "Available")
    })
    .await
}

fn holds(object: &Value, condition: &str) -> Result<(), String> {
    match objects::condition(object, condition) {
        Some(found) if found["status"] == "True" => Ok(()),
        _ => Err(format!("{}: {}", objects::title(object), object["status"])),
    }
}

/// The node's own program in a pod: it is static and needs no image.
fn dns(program: &str) -> [Value; 5] {
    let metadata = json!({ "name": "dns", "namespace": "kube-system", "labels": { "k8s-app": "kube-dns" } });
    [
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": "test-dns" },
            "rules": [
                { "apiGroups": [""], "resources": ["services"], "verbs": ["list", "watch"] },
                { "apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"] },
            ],
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "test-dns" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "test-dns" },
            "subjects": [{ "kind": "ServiceAccount", "name": "dns", "namespace": "kube-system" }],
        }),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "kube-dns", "namespace": "kube-system" },
            "spec": {
                "clusterIP": DNS, "selector": { "k8s-app": "kube-dns" },
                "ports": [{ "name": "dns", "port": 53, "protocol": "UDP" }],
            },
        }),
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {
                "serviceAccountName": "dns", "dnsPolicy": "Default",
                "containers": [{
                    "name": "dns", "image": "registry.example/test/pause:1", "command": ["/node", "dns"],
                    "securityContext": { "runAsUser": 0 },
                    "volumeMounts": [{ "name": "program", "mountPath": "/node", "readOnly": true }],
                }],
                "volumes": [{ "name": "program", "hostPath": { "path": program, "type": "File" } }],
            },
        }),
    ]
}

fn metrics(port: u16) -> [Value; 2] {
    [
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "metrics", "namespace": "kube-system" },
            "spec": { "type": "ExternalName", "externalName": "localhost", "ports": [{ "port": port, "protocol": "TCP" }] },
        }),
        json!({
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": { "name": "v1beta1.metrics.k8s.io" },
            "spec": {
                "group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
                "insecureSkipTLSVerify": true,
                "service": { "name": "metrics", "namespace": "kube-system", "port": port },
            },
        }),
    ]
}
