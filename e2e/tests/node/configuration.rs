//! A Secret and a ConfigMap are rotated: the pods that use them are replaced, once for each, and the new ones have what is new.

use serde_json::{Value, json};
use tenantry_e2e::node::pods::{address, ask_from};
use tenantry_e2e::objects;
use tenantry_e2e::operator::NAMESPACE;

use crate::stage::{Stage, wait};
use crate::team::{AGENT, TEAM, ours};

const PODS: &str = "tenantry.dev/kind=Application,tenantry.dev/name=shown";

/// What a pod was started with is in its name, which it tells: `colour-key`, and then the suffix.
fn shown(suffix: &str) -> Value {
    let from = |source: &str, name: &str, key: &str| json!({ source: { "name": name, "key": key } });
    let spec = json!({
        "image": "registry.example/test/model:1",
        "args": ["--name", format!("$(COLOUR)-$(KEY){suffix}")],
        "ports": [{ "name": "http", "port": 8080 }],
        "probes": { "readiness": { "httpGet": { "path": "/healthz" } } },
        "env": [
            { "name": "COLOUR", "valueFrom": from("configMapKeyRef", "settings", "colour") },
            { "name": "KEY", "valueFrom": from("secretKeyRef", "keys", "key") },
        ],
    });
    ours("Application", Some(TEAM), "shown", spec)
}

fn settings(colour: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings", "namespace": TEAM },
        "data": { "colour": colour },
    })
}

fn keys(key: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "keys", "namespace": TEAM },
        "stringData": { "key": key },
    })
}

impl Stage {
    pub async fn what_configures_pods_replaces_them_once(&mut self) {
        let platform = json!({ "rolloutOnChange": ["ConfigMap", "Secret"] });
        self.apply(&ours("TenantryPlatform", None, "default", platform)).await;
        self.apply(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": { "name": "watches-configuration" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "tenantry:watches-configuration" },
            "subjects": [{ "kind": "ServiceAccount", "name": "tenantry", "namespace": NAMESPACE }],
        }))
        .await;
        for object in [settings("blue"), keys("one"), shown("")] {
            self.apply(&object).await;
        }
        self.holds(&shown(""), "Ready").await;
        self.is_shown("blue-one", 1).await;
        self.apply(&keys("two")).await;
        self.is_shown("blue-two", 2).await;
        self.apply(&settings("red")).await;
        self.is_shown("red-two", 3).await;
        // A second rollout for the same change would have come before this one, and been counted.
        self.apply(&shown("-changed")).await;
        self.is_shown("red-two-changed", 4).await;
        self.holds(&shown("-changed"), "Ready").await;
        self.took("a rotated Secret and a changed ConfigMap replaced pods once each");
    }

    /// Waits until one pod is left, which has this name; it is of the revision with this number, and there have been no others between.
    async fn is_shown(&self, expected: &str, revision: usize) {
        let agents = self.pods(TEAM, AGENT).await;
        let agent = (TEAM, objects::name(&agents[0]));
        wait(&format!("one pod is left and is {expected}"), async || {
            let all =
                objects::list(&self.client, "v1", "Pod", Some(TEAM), PODS).await.map_err(|error| error.to_string())?;
            let [pod] = all.as_slice() else { return Err(format!("{} pods exist", all.len())) };
            let url = format!("http://{}:8080/v1/models", address(pod));
            let said = ask_from(&self.cluster, agent, &url).await?;
            if said["body"]["data"][0]["id"] == expected { Ok(()) } else { Err(said.to_string()) }
        })
        .await;
        // A revision is kept for each; ten of them would be.
        let kept = objects::list(&self.client, "apps/v1", "ReplicaSet", Some(TEAM), PODS).await.expect("listed");
        let names: Vec<&str> = kept.iter().map(objects::name).collect();
        assert_eq!(kept.len(), revision, "{expected}: a rollout too many, or one was not needed: {names:?}");
    }
}
