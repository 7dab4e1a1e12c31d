//! A tenant is scaled to zero: its containers end, another's do not, and what there was comes back.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tenantry_e2e::objects;

use crate::stage::Stage;
use crate::team::{AGENT, APPLICATION, OTHERS, TEAM, agent, model, tenant, tools};

impl Stage {
    pub async fn a_suspension_stops_pods_and_gives_them_back(&mut self) {
        let before = self.deployed().await;
        self.suspend(&json!({ "mode": "ScaleToZero", "reason": "over budget" })).await;
        self.holds(&tenant("acme"), "Suspended").await;
        self.has_no_container(TEAM).await;
        self.see(&agent(), "says so", |found| {
            objects::condition(found, "Ready")
                .is_some_and(|seen| seen["status"] == "False" && seen["reason"] == "Suspended")
        })
        .await;
        let others = self.pods(OTHERS, APPLICATION).await;
        self.reaches((OTHERS, objects::name(&others[0])), "http://desk-app:8080/healthz").await;
        self.took("a tenant that is scaled to zero has no container, another's works on");

        self.suspend(&Value::Null).await;
        for workload in [model(), tools(), agent()] {
            self.holds(&workload, "Ready").await;
        }
        assert_eq!(self.deployed().await, before, "as many pods as before");
        let agents = self.pods(TEAM, AGENT).await;
        let told = self.reaches((TEAM, objects::name(&agents[0])), "http://localhost:8080/ask").await;
        assert_eq!(told["models"]["chat"]["answer"], "small: Who are you?", "{told}");
        self.took("and has them back, and they answer");
    }

    async fn suspend(&self, suspend: &Value) {
        let patch = Patch::Merge(json!({ "spec": { "suspend": suspend } }));
        let tenants = objects::collection(&self.client, &tenant("acme"));
        tenants.patch("acme", &PatchParams::default(), &patch).await.expect("patched");
    }

    /// Each Deployment of the team with the number of pods that it asks for.
    async fn deployed(&self) -> Vec<(String, Value)> {
        let all = objects::list(&self.client, "apps/v1", "Deployment", Some(TEAM), "").await.expect("listed");
        assert!(!all.is_empty());
        all.iter().map(|one| (objects::name(one).to_owned(), one["spec"]["replicas"].clone())).collect()
    }
}
