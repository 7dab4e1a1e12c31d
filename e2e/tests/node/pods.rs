//! Pods as the tests use them: made, found, and asked to ask. What one pod gets from another is what it says itself.

use std::time::Duration;

use serde_json::{Value, json};
use tenantry_e2e::{eventually, objects};
use tokio::time::timeout;

use crate::stage::{SOON, Stage, wait};

/// Long enough for an answer on a busy machine, as the control beside each refusal shows.
const PATIENCE: &str = "3000";
/// On a machine that hardly gets its turn a call into a pod may hang. That says nothing about who reaches whom: it is made again.
const CALL_LIMIT: Duration = Duration::from_secs(20);

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

/// Address of a pod that is Ready.
pub fn address(pod: &Value) -> String {
    pod["status"]["podIP"].as_str().expect("has an address").to_owned()
}

impl Stage {
    /// The Ready pods with these labels; there is one at least.
    pub async fn pods(&self, namespace: &str, labels: &str) -> Vec<Value> {
        wait(&format!("pods {labels} of {namespace} are Ready"), async || {
            let found = objects::list(&self.client, "v1", "Pod", Some(namespace), labels).await;
            let mut found = found.map_err(|error| error.to_string())?;
            found.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
            let ready = |pod: &Value| objects::condition(pod, "Ready").is_some_and(|seen| seen["status"] == "True");
            if !found.is_empty() && found.iter().all(ready) { Ok(found) } else { Err(format!("{} exist", found.len())) }
        })
        .await
    }

    /// What a program in a pod answers that asks this URL once: `status` and `body`, or `error`. `Err` if there was no such program.
    pub async fn ask_from(&self, from: (&str, &str), url: &str) -> Result<Value, String> {
        let arguments = ["exec", "-n", from.0, from.1, "--", "/programs", "ask", url, "--patience", PATIENCE];
        let said = timeout(CALL_LIMIT, self.cluster.kubectl(&arguments)).await;
        let said = said.map_err(|_| "the call into the pod hangs")?.map_err(|error| error.to_string())?;
        serde_json::from_str(&said).map_err(|error| format!("{error}: {said}"))
    }

    /// Waits until the pod is answered.
    pub async fn reaches(&self, from: (&str, &str), url: &str) -> Value {
        let what = format!("{}/{} reaches {url}", from.0, from.1);
        let reached = eventually(SOON, &what, async || {
            let said = self.ask_from(from, url).await?;
            if said["status"] == 200 { Ok(said["body"].clone()) } else { Err(said.to_string()) }
        });
        reached.await.unwrap_or_else(|late| panic!("{late}\n{}", self.node.rules().unwrap_or_default()))
    }

    /// Waits until the pod gets no answer. A name that is unknown, or a connection that is refused, is another fault and none of these.
    pub async fn does_not_reach(&self, from: (&str, &str), url: &str) {
        let what = format!("{}/{} does not reach {url}", from.0, from.1);
        let denied = eventually(SOON, &what, async || {
            let said = self.ask_from(from, url).await?;
            if said["error"] == "no answer in time" { Ok(()) } else { Err(said.to_string()) }
        });
        denied.await.unwrap_or_else(|late| panic!("{late}\n{}", self.node.rules().unwrap_or_default()));
    }
}
