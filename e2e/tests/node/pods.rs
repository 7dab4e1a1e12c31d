//! Pods as the tests use them: made, found, and asked to ask. What is not as it should be fails the test.

use serde_json::{Value, json};
use tenantry_e2e::node::pods::{self, Place};

use crate::stage::{SOON, Stage, wait};

/// A pod that listens on 8080, with the port's name `http`.
pub fn pod(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": namespace, "labels": { "app": name } },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{
                "name": "main", "image": "registry.example/test/model:1",
                "args": ["--name", name],
                "ports": [{ "name": "http", "containerPort": 8080 }],
                "readinessProbe": { "httpGet": { "path": "/healthz", "port": 8080 }, "periodSeconds": 1 },
            }],
        },
    })
}

impl Stage {
    /// The Ready pods with these labels; there is one at least.
    pub async fn pods(&self, namespace: &str, labels: &str) -> Vec<Value> {
        let what = format!("pods {labels} of {namespace} are Ready");
        wait(&what, async || pods::ready(&self.client, namespace, labels).await).await
    }

    /// Waits until the pod is answered.
    pub async fn reaches(&self, from: Place<'_>, url: &str) -> Value {
        let reached = pods::reaches(&self.cluster, from, url, SOON).await;
        reached.unwrap_or_else(|late| panic!("{late}\n{}", self.node.rules().unwrap_or_default()))
    }

    /// Waits until the pod gets no answer.
    pub async fn does_not_reach(&self, from: Place<'_>, url: &str) {
        let denied = pods::does_not_reach(&self.cluster, from, url, SOON).await;
        denied.unwrap_or_else(|late| panic!("{late}\n{}", self.node.rules().unwrap_or_default()));
    }
}
