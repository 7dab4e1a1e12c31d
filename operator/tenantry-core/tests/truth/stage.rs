//! One workload in an environment that is in order, whose Deployments are as a test says. Nothing is written here that the operator's plan
//! does not want; the rest is what the cluster's own controllers, its nodes and the workload itself would tell.

use serde_json::{Value, json};
use tenantry_core::external::Answer;
use tenantry_core::object::ObjectKey;
use tenantry_core::plan::Plan;
use tenantry_core::resources::{ENDPOINT_SLICE, MANAGED_DEPLOYMENT};
use tenantry_core::world::{MemoryWorld, World};

pub use crate::edges::specs::smallest;
use crate::support::{applied, installed_world, now, outcome, plan, registration, status};

pub const NAMESPACE: &str = "acme-dev";

/// A workload called `web`, and the world around it.
#[derive(Clone)]
pub struct Stage {
    pub cr: Value,
    pub world: MemoryWorld,
    kind: &'static str,
}

/// What a Deployment tells.
#[derive(Clone, Copy)]
pub struct Pods {
    pub wanted: i64,
    pub there: i64,
    pub of_the_newest_revision: i64,
    pub available: i64,
    /// Its conditions Available and Progressing, the latter with its reason.
    pub is_available: bool,
    pub progress: (&'static str, &'static str),
    /// Whether any pod, of whichever revision, is behind its Service.
    pub answers: bool,
}

/// As many as are wanted, all well.
pub const WELL: Pods = Pods {
    wanted: 1,
    there: 1,
    of_the_newest_revision: 1,
    available: 1,
    is_available: true,
    progress: ("True", "NewReplicaSetAvailable"),
    answers: true,
};

/// The first of them has not started.
pub const STARTING: Pods =
    Pods { available: 0, is_available: false, progress: ("True", "ReplicaSetUpdated"), answers: false, ..WELL };

/// It never did, and the deadline is over.
pub const LATE: Pods = Pods { progress: ("False", "ProgressDeadlineExceeded"), ..STARTING };

/// It did once, and stopped.
pub const FALLEN: Pods = Pods { available: 0, is_available: false, answers: false, ..WELL };

/// A new pod has not started yet, beside an old one that answers.
pub const ROLLING: Pods = Pods { there: 2, of_the_newest_revision: 1, progress: ("True", "ReplicaSetUpdated"), ..WELL };

impl Stage {
    /// The workload is all right: everything is written and seen, its pods answer, and it speaks its protocol.
    pub fn new(kind: &'static str, spec: &Value) -> Self {
        let metadata = json!({ "name": "web", "namespace": NAMESPACE, "uid": "uid-web", "generation": 1 });
        let cr = json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec });
        let mut stage = Self { cr, world: environment(), kind };
        stage.settle();
        stage.run(WELL);
        stage.speak("Verified", "2 tools");
        stage
    }

    /// Nothing runs, and there is no resource yet.
    pub fn in_environment(kind: &'static str) -> Self {
        Self { cr: Value::Null, world: environment(), kind }
    }

    /// The smallest workload of its kind that has a protocol or listens.
    pub fn smallest(kind: &'static str) -> Self {
        Self::new(kind, &smallest(kind))
    }

    pub fn insert(&mut self, object: Value) {
        self.world.insert(object).expect("a known kind");
    }

    pub fn plan(&self) -> Plan {
        plan(registration(self.kind), &self.cr, &self.world)
    }

    /// Writes what is wanted, and lets go of the rest.
    pub fn settle(&mut self) {
        for _ in 0..3 {
            let mut next = applied(&self.plan(), &self.world);
            // What is not this workload's is not its plan's to remove.
            for key in self.world.keys() {
                let object = self.world.whole(key).expect("its own key");
                if !is_owned(object) {
                    next.insert(object.clone()).expect("a known kind");
                }
            }
            self.world = next;
        }
    }

    /// Somebody edits the spec, and the operator writes what follows from that; no other controller has had a look yet.
    pub fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        change(&mut self.cr["spec"]);
        let generation = self.cr["metadata"]["generation"].as_i64().unwrap_or_default() + 1;
        self.cr["metadata"]["generation"] = generation.into();
        let before = self.deployments();
        self.settle();
        // What the server and the controller had put there stays until they look again.
        for earlier in before {
            let Some(mut now) = self.whole(&MANAGED_DEPLOYMENT, &earlier) else { continue };
            now["metadata"]["generation"] = (earlier["metadata"]["generation"].as_i64().unwrap_or_default() + 1).into();
            now["status"] = earlier["status"].clone();
            now["metadata"]["annotations"]["deployment.kubernetes.io/revision"] =
                earlier["metadata"]["annotations"]["deployment.kubernetes.io/revision"].clone();
            self.insert(now);
        }
    }

    /// Has all of its Deployments' pods stand like this, as their controller has seen it just now.
    pub fn run(&mut self, pods: Pods) {
        for mut deployment in self.deployments() {
            let generation = deployment["metadata"]["generation"].as_i64().unwrap_or(1);
            let metadata = &mut deployment["metadata"];
            metadata["generation"] = generation.into();
            metadata["annotations"]["deployment.kubernetes.io/revision"] = generation.to_string().into();
            deployment["spec"]["replicas"] = pods.wanted.into();
            let available = if pods.is_available { "True" } else { "False" };
            deployment["status"] = json!({
                "observedGeneration": generation, "replicas": pods.there, "updatedReplicas": pods.of_the_newest_revision,
                "availableReplicas": pods.available,
                "conditions": [
                    { "type": "Available", "status": available },
                    { "type": "Progressing", "status": pods.progress.0, "reason": pods.progress.1, "message": "ReplicaSet \"web-1\" has timed out progressing." },
                ],
            });
            let service = deployment["metadata"]["name"].clone();
            self.insert(deployment);
            self.insert(json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {
                    "name": format!("{}-x1", service.as_str().unwrap_or_default()), "namespace": NAMESPACE,
                    "labels": { "app.kubernetes.io/managed-by": "tenantry", "kubernetes.io/service-name": service },
                },
                "endpoints": [{ "addresses": ["10.1.2.3"], "conditions": { "ready": pods.answers } }],
            }));
        }
    }

    /// Changes what its Deployments tell.
    pub fn amend_deployments(&mut self, change: impl Fn(&mut Value)) {
        for mut deployment in self.deployments() {
            change(&mut deployment);
            self.insert(deployment);
        }
    }

    /// One of its pods that waits, with the kubelet's words.
    pub fn pod_waits(&mut self, reason: &str, message: &str) {
        let waits =
            json!({ "name": "main", "ready": false, "state": { "waiting": { "reason": reason, "message": message } } });
        self.pod("a", &json!({ "phase": "Pending", "containerStatuses": [waits] }));
    }

    /// One of its pods.
    pub fn pod(&mut self, name: &str, status: &Value) {
        let labels = json!({ "tenantry.dev/kind": self.kind, "tenantry.dev/name": "web" });
        self.insert(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": NAMESPACE, "labels": labels }, "status": status,
        }));
    }

    /// What it answers to whoever asks it by its protocol.
    pub fn speak(&mut self, state: &str, message: &str) {
        let tools = json!([{ "name": "find", "schemaHash": "0".repeat(64) }]);
        let auth = if state == "AuthRequired" { "Required" } else { "None" };
        let mcp = json!({
            "state": state, "message": message, "auth": auth, "verification": {}, "protocolVersions": ["2025-11-25"],
            "toolCount": 1, "tools": tools, "toolsHash": "1".repeat(64),
        });
        let mcp = Answer::Mcp(serde_json::from_value(mcp).expect("a verdict"));
        let a2a = json!({ "state": state, "message": message, "auth": auth });
        let a2a = Answer::A2a(serde_json::from_value(a2a).expect("a verdict"));
        self.world.answers("http://web-mcp.acme-dev.svc:8080/mcp", mcp.clone());
        self.world.answers("https://tools.example/mcp", mcp);
        self.world.answers("http://web-agent.acme-dev.svc:8080", a2a);
    }

    pub fn status(&self) -> Value {
        self.status_of(&self.cr, &self.plan())
    }

    /// The plan of another resource in its place, if it is well-formed.
    pub fn plan_of(&self, cr: &Value) -> Option<Plan> {
        (registration(self.kind).plan)(cr, &World::new(&self.world), now()).ok()
    }

    /// And its status.
    pub fn status_of(&self, cr: &Value, plan: &Plan) -> Value {
        status(registration(self.kind), cr, &self.world, &outcome(plan, &self.world))
    }

    /// Has the status stand as it would be told now.
    pub fn tell(&mut self) {
        self.cr["status"] = self.status();
    }

    pub fn remove(&mut self, key: &ObjectKey) {
        self.world.remove(key);
    }

    fn deployments(&self) -> Vec<Value> {
        let keys = self.world.keys().filter(|key| *key.resource == MANAGED_DEPLOYMENT);
        keys.filter_map(|key| self.world.whole(key)).filter(|one| is_owned(one)).cloned().collect()
    }

    fn whole(&self, resource: &'static tenantry_core::resources::Resource, like: &Value) -> Option<Value> {
        let name = like["metadata"]["name"].as_str().unwrap_or_default();
        self.world.whole(&ObjectKey::namespaced(resource, NAMESPACE, name)).cloned()
    }

    /// Nobody is behind any Service any more.
    pub fn empty_services(&mut self) {
        let slices: Vec<ObjectKey> = self.world.keys().filter(|key| *key.resource == ENDPOINT_SLICE).cloned().collect();
        for slice in slices {
            self.world.remove(&slice);
        }
    }
}

fn is_owned(object: &Value) -> bool {
    object["metadata"]["annotations"]["tenantry.dev/owner"].as_str().is_some_and(|owner| owner.ends_with("/uid-web"))
}

/// Value, reason and message of a condition.
pub fn condition(status: &Value, type_: &str) -> (String, String, String) {
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let found = conditions.into_iter().find(|one| one["type"] == type_).cloned().unwrap_or_default();
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    (text("status"), text("reason"), text("message"))
}

/// An environment of tenant acme, with its network closed and its sibling in reach.
fn environment() -> MemoryWorld {
    let mut world = installed_world();
    let labels = json!({ "app.kubernetes.io/managed-by": "tenantry", "tenantry.dev/tenant": "acme", "tenantry.dev/environment": "dev" });
    let annotations = json!({
        "tenantry.dev/owner": "tenants//acme/uid-acme", "tenantry.dev/namespaces": "acme,acme-dev,acme-prod",
        "tenantry.dev/between-environments": "Allow", "tenantry.dev/image-pull-policy": "Any", "tenantry.dev/storage-classes": "*",
    });
    let marks = json!({ "app.kubernetes.io/managed-by": "tenantry", "tenantry.dev/tenant": "acme" });
    let owner = json!({ "tenantry.dev/owner": "tenants//acme/uid-acme" });
    let egress =
        json!([{ "to": [{ "ipBlock": { "cidr": "203.0.113.0/24" } }], "ports": [{ "port": 443, "protocol": "TCP" }] }]);
    for object in [
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE, "uid": "uid-acme-dev", "labels": labels, "annotations": annotations } }),
        json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": { "name": "tenantry-default-deny", "namespace": NAMESPACE, "labels": marks, "annotations": owner },
            "spec": { "podSelector": {}, "policyTypes": ["Ingress", "Egress"] } }),
        json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": { "name": "tenantry-allow", "namespace": NAMESPACE, "labels": marks, "annotations": owner },
            "spec": { "podSelector": {}, "policyTypes": ["Egress"], "egress": egress } }),
    ] {
        world.insert(object).expect("a known kind");
    }
    world
}

/// What a platform may offer: KEDA, VerticalPodAutoscalers, a Prometheus, a bridge, runtimes.
pub fn offers(world: &mut MemoryWorld) {
    for (group, version) in [("keda.sh", "v1alpha1"), ("autoscaling.k8s.io", "v1")] {
        let available = json!({ "conditions": [{ "type": "Available", "status": "True" }] });
        world
            .insert(json!({
                "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": { "name": format!("{version}.{group}") },
                "spec": { "group": group, "version": version }, "status": available,
            }))
            .expect("a known kind");
    }
    world
        .insert(json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": { "name": "default" },
            "spec": {
                "prometheus": { "serverAddress": "http://prometheus.monitoring.svc:9090" },
                "stdioBridge": { "image": "registry.example/platform/bridge:1" },
                "agentRuntimes": [
                    { "name": "default", "image": "registry.example/platform/runtime:1" },
                    { "name": "other", "image": "registry.example/platform/other:1" },
                ],
            },
        }))
        .expect("a known kind");
}
