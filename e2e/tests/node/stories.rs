//! What a team lives through on a real cluster, with the operator under its own rights.

use std::cell::Cell;
use std::fmt::Write as _;
use std::future::Future;

use serde_json::{Value, json};
use tenantry_e2e::node::pods::{Place, address, ask_from};
use tenantry_e2e::objects;

use crate::room::{is_inside, programs};
use crate::stage::{Stage, wait};
use crate::team::{AGENT, APPLICATION, MODEL, OTHERS, TEAM, TOOLS, agent, application, model, ours, tenant, tools};

#[tokio::test(flavor = "multi_thread")]
async fn tenants_on_a_real_node() {
    let programs = match programs() {
        Ok(programs) => programs,
        Err(reason) => tenantry_e2e::skip!("{reason}"),
    };
    if !is_inside("stories::tenants_on_a_real_node") {
        return;
    }
    let mut stage = Stage::start(programs).await;
    let mut operator = stage.operator().await;

    stage.two_tenants().await;
    stage.an_agent_uses_what_it_is_bound_to().await;
    stage.another_tenant_reaches_nothing().await;
    stage.protocols_are_verified().await;
    stage.load_scales_the_model_up_and_down().await;
    stage.a_failing_rollout_is_rolled_back_under_load().await;
    stage.what_configures_pods_replaces_them_once().await;
    stage.a_suspension_stops_pods_and_gives_them_back().await;
    stage.deletion_leaves_nothing().await;
    assert!(!operator.has_ended(), "{}", operator.log());
    stage.node.check_alive().expect("all of the node runs");
    stage.print_times();
}

impl Stage {
    pub async fn two_tenants(&mut self) {
        let bounds = json!({ "podSecurity": ["Restricted"] });
        self.apply(&ours("TenantClass", None, "wide", json!({ "bounds": bounds }))).await;
        for name in ["acme", "globex"] {
            self.apply(&tenant(name)).await;
        }
        for name in ["acme", "globex"] {
            self.holds(&tenant(name), "Ready").await;
        }
        self.took("two tenants are Ready");
    }

    async fn an_agent_uses_what_it_is_bound_to(&mut self) {
        let team = [model(), tools(), agent(), application()];
        for workload in &team {
            self.apply(workload).await;
        }
        for workload in &team {
            self.holds(workload, "Ready").await;
        }
        self.took("model, MCP server, agent, application are Ready");
        // The node is no pod: it may ask the agent, which must ask the others through their Services.
        let agents = self.pods(TEAM, AGENT).await;
        let url = format!("http://{}:8080/ask", address(&agents[0]));
        let told = self.reaches((TEAM, objects::name(&agents[0])), &url).await;
        assert_eq!(told["models"]["chat"]["answer"], "small: Who are you?", "{told}");
        assert_eq!(told["tools"]["tickets"]["answer"], "whoami of tickets", "{told}");
        self.took("an agent read its bindings and was answered by both");
    }

    async fn another_tenant_reaches_nothing(&mut self) {
        let (agents, strangers) = (self.pods(TEAM, AGENT).await, self.pods(OTHERS, APPLICATION).await);
        let (agent, stranger) = ((TEAM, objects::name(&agents[0])), (OTHERS, objects::name(&strangers[0])));
        let (models, tools) = (self.pods(TEAM, MODEL).await, self.pods(TEAM, TOOLS).await);
        let (models, tools) = (address(&models[0]), address(&tools[0]));
        let service = |name: &str| json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": TEAM } });
        let of = async |name: &str| {
            let found = self.see(&service(name), "exists", |_| true).await;
            found["spec"]["clusterIP"].as_str().expect("has an address").to_owned()
        };
        let (model_service, tools_service) = (of("small-model").await, of("tickets-mcp").await);
        let ways = [
            format!("http://{models}:8000/v1/models"),
            format!("http://{model_service}:8000/v1/models"),
            format!("http://small-model.{TEAM}.svc:8000/v1/models"),
            format!("http://{tools}:8080/healthz"),
            format!("http://{tools_service}:8080/healthz"),
            format!("http://tickets-mcp.{TEAM}.svc.cluster.local:8080/healthz"),
        ];
        // At home the stranger finds names and is answered: what follows is not for want of a network.
        self.reaches(stranger, "http://desk-app:8080/healthz").await;
        for way in &ways {
            self.reaches(agent, way).await;
            self.does_not_reach(stranger, way).await;
        }
        // Nor the other way round, nor the API server, which nobody has opened.
        let stranger_address = address(&strangers[0]);
        self.does_not_reach(agent, &format!("http://{stranger_address}:8080/healthz")).await;
        let server = "http://10.96.0.1:443/";
        // It answers those whom no policy binds, if only that this is no way to ask.
        wait("the API server answers", async || {
            match ask_from(&self.cluster, ("kube-system", "dns"), server).await? {
                said if said["status"] == 400 => Ok(()),
                said => Err(said.to_string()),
            }
        })
        .await;
        self.does_not_reach(agent, server).await;
        self.took("another tenant reached neither by pod, Service, nor name");
    }

    async fn load_scales_the_model_up_and_down(&mut self) {
        let deployment = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "small-model", "namespace": TEAM } });
        let ready = |found: &Value| found["status"]["readyReplicas"].as_i64().unwrap_or_default();
        self.see(&deployment, "has one pod", |found| ready(found) == 1 && found["status"]["replicas"] == 1).await;
        let agents = self.pods(TEAM, AGENT).await;
        let url = format!("http://small-model.{TEAM}.svc:8000/v1/chat/completions");
        let body = json!({ "model": "small", "messages": [] }).to_string();
        let load = ["--body", &body, "--at-once", "2"];
        let scaled = self.see(&deployment, "has three pods", |found| ready(found) == 3);
        let (answered, _) = self.answers_during((TEAM, objects::name(&agents[0])), &url, &load, scaled).await;
        self.took(format!("load scaled the model to three pods, {answered} requests, none lost"));
        self.see(&deployment, "has one pod again", |found| found["spec"]["replicas"] == 1 && ready(found) == 1).await;
        self.holds(&model(), "Ready").await;
        self.took("without load it went back to one");
    }

    /// Asks a URL from inside a pod until `done` is. No request may fail, and some must be answered: how many, and what came of `done`.
    pub async fn answers_during<T>(
        &self,
        from: Place<'_>,
        url: &str,
        load: &[&str],
        done: impl Future<Output = T>,
    ) -> (u64, T) {
        let arguments = ["exec", "-n", from.0, from.1, "--", "/programs", "load", url, "--seconds", "5"];
        let arguments: Vec<&str> = arguments.iter().chain(load).copied().collect();
        let is_done = Cell::new(false);
        let noted = async {
            let came = done.await;
            is_done.set(true);
            came
        };
        let asked = async {
            let mut answered = 0;
            while !is_done.get() {
                let told = self.cluster.kubectl(&arguments).await.unwrap_or_else(|error| panic!("{error}"));
                let told: Value = serde_json::from_str(&told).expect("JSON");
                assert!(told["answered"].as_u64() > Some(0) && told["failed"] == 0, "no request is lost: {told}");
                answered += told["answered"].as_u64().unwrap_or_default();
            }
            answered
        };
        tokio::join!(asked, noted)
    }

    async fn deletion_leaves_nothing(&mut self) {
        let before = self.pod_namespaces();
        assert!(before.contains(&format!(" {TEAM} ")) && before.contains(&format!(" {OTHERS} ")), "{before}");
        let found = self.holds(&tenant("acme"), "Ready").await;
        let uid = found["metadata"]["uid"].as_str().expect("text").to_owned();
        let confirmed = json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant",
            "metadata": { "name": "acme", "annotations": { "tenantry.dev/confirm-delete": uid } },
        });
        let patch = kube::api::Patch::Merge(&confirmed);
        let collection = objects::collection(&self.client, &confirmed);
        collection.patch("acme", &kube::api::PatchParams::default(), &patch).await.expect("annotated");
        self.gone(&tenant("acme")).await;
        for namespace in ["acme", TEAM] {
            let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
            self.gone(&object).await;
        }
        self.has_no_container(TEAM).await;
        let others = self.pods(OTHERS, APPLICATION).await;
        self.reaches((OTHERS, objects::name(&others[0])), "http://desk-app:8080/healthz").await;
        self.took("a deleted tenant left no namespace and no container; the other one works");
    }

    /// Waits until containerd knows no container of this namespace.
    pub async fn has_no_container(&self, namespace: &str) {
        wait(&format!("no container of {namespace} is left"), async || {
            let now = self.pod_namespaces();
            if now.contains(&format!(" {namespace} ")) { Err(now) } else { Ok(()) }
        })
        .await;
    }

    /// Namespaces of the pods that containerd knows, each between spaces.
    fn pod_namespaces(&self) -> String {
        let listed = self.node.ctr(&["containers", "list", "--quiet"]).unwrap_or_else(|error| panic!("{error}"));
        let mut found = " ".to_owned();
        for container in listed.lines() {
            // Gone since it was listed: then it is not counted.
            let Ok(information) = self.node.ctr(&["containers", "info", container]) else { continue };
            let information: Value = serde_json::from_str(&information).expect("JSON");
            let namespace = information["Labels"]["io.kubernetes.pod.namespace"].as_str().unwrap_or_default();
            write!(found, "{namespace} ").expect("into text");
        }
        found
    }
}
