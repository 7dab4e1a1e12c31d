//! A new image that does not work, under load: what worked before comes back, no request is lost, and the status says what runs and why.

use serde_json::{Value, json};
use tenantry_e2e::objects;

use crate::stage::Stage;
use crate::team::{AGENT, TEAM, ours};

const PODS: &str = "tenantry.dev/kind=Application,tenantry.dev/name=shop";

fn shop(image: &str, args: &Value) -> Value {
    let spec = json!({
        "image": format!("registry.example/test/{image}:1"), "args": args,
        "ports": [{ "name": "http", "port": 8080 }],
        "probes": { "readiness": { "httpGet": { "path": "/healthz" } } },
        "scaling": { "minReplicas": 2 },
        "rollout": { "progressDeadline": "20s", "onFailure": "Rollback" },
    });
    ours("Application", Some(TEAM), "shop", spec)
}

impl Stage {
    pub async fn a_failing_rollout_is_rolled_back_under_load(&mut self) {
        let first = shop("model", &json!(["--name", "first"]));
        self.apply(&first).await;
        let before = self.holds(&first, "Ready").await;
        assert_eq!(before["status"]["revision"], "1", "{}", before["status"]);
        let agents = self.pods(TEAM, AGENT).await;
        let agent = (TEAM, objects::name(&agents[0]));
        let url = format!("http://shop-app.{TEAM}.svc:8080/v1/models");

        // It starts, says something, and ends, again and again.
        let failing = shop("fail", &json!([]));
        let back = self.comes_back(&failing, 2, "the database cannot be opened");
        let (answered, found) = self.answers_during(agent, &url, &["--at-once", "1"], back).await;
        assert_eq!(found["status"]["revision"], "3", "the first one, under a new number: {}", found["status"]);
        assert_eq!(self.reaches(agent, &url).await["data"][0]["id"], "first");
        self.took(format!("an image that ends at once was rolled back, {answered} requests, none lost"));

        // There is no such image, and nowhere to get it from.
        let absent = shop("absent", &json!([]));
        let back = self.comes_back(&absent, 4, "registry.example/test/absent:1");
        let (answered, _) = self.answers_during(agent, &url, &["--at-once", "1"], back).await;
        assert_eq!(self.reaches(agent, &url).await["data"][0]["id"], "first");
        self.took(format!("an image that is not there was rolled back, {answered} requests, none lost"));

        // One that works is what runs then.
        let second = shop("model", &json!(["--name", "second"]));
        self.apply(&second).await;
        self.holds(&second, "Ready").await;
        self.pods(TEAM, PODS).await;
        assert_eq!(self.reaches(agent, &url).await["data"][0]["id"], "second");
        self.took("and the next image that works runs");
    }

    /// Asks for what fails, and waits until its pods are gone, and what ran before is available and told.
    async fn comes_back(&self, failing: &Value, number: u32, why: &str) -> Value {
        self.apply(failing).await;
        let deployment = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "shop-app", "namespace": TEAM } });
        // Else it might be that it was never tried.
        self.see(&deployment, "tries it", |found| {
            found["spec"]["template"]["spec"]["containers"][0]["image"] == failing["spec"]["image"]
        })
        .await;
        self.holds(failing, "Available").await;
        let found = self
            .see(failing, "is rolled back", |found| {
                let says = |type_: &str, status: &str, reason: &str| {
                    objects::condition(found, type_).is_some_and(|seen| {
                        seen["status"] == status
                            && seen["reason"] == reason
                            && seen["observedGeneration"] == found["metadata"]["generation"]
                    })
                };
                says("Applied", "False", "RolledBack")
                    && says("Ready", "False", "RolledBack")
                    && says("Available", "True", "Succeeded")
            })
            .await;
        assert_eq!(found["spec"]["image"], failing["spec"]["image"], "the spec is its owner's");
        let told = objects::condition(&found, "Applied").expect("there")["message"].to_string();
        println!("    told: {told}");
        assert!(told.contains(&format!("revision {number} has failed")) && told.contains(why), "{told}");
        let seen = self
            .see(&deployment, "has the old pods alone", |found| {
                found["status"]["replicas"] == 2
                    && found["status"]["readyReplicas"] == 2
                    && found["status"]["updatedReplicas"] == 2
            })
            .await;
        assert_eq!(seen["spec"]["template"]["spec"]["containers"][0]["args"], json!(["--name", "first"]));
        found
    }
}
