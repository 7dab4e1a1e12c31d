//! Two tenants with three environments each, a gateway for each stage, and the operator.

use kube::Client;
use serde_json::{Value, json};
use tenantry_e2e::gateway::{Answer, CLASS, Gateway, NAMESPACE, PodServer, Programs, WEB_PORT, WEBSECURE_PORT};
use tenantry_e2e::{Cluster, Options, eventually, netns, objects};

use super::truth::BARE;
use crate::program::{self, Operator};
use crate::stage::{PORT, SOON};

/// Tenants, and what they call their API.
pub const TENANTS: [(&str, &str); 2] = [("acme", "SHOP_ACME"), ("globex", "SHOP_GLOBEX")];
/// Environments, and their stages.
pub const STAGES: [(&str, &str); 3] = [("dev", "Development"), ("stage", "Staging"), ("prod", "Production")];

/// The profile by which each environment of the first stage has a Gateway of its own, for its tenant alone.
pub const OWN: &str = "own";
/// Where those Gateways take TLS that backends end themselves.
pub const OWN_TLS_PORT: u16 = 9443;
/// Where they take TCP.
pub const OWN_TCP_PORT: u16 = 5432;

/// Everything that runs. Fields in the order in which they end.
pub struct Scene {
    pub operator: Option<Operator>,
    gateways: Vec<Gateway>,
    pub pods: PodServer,
    pub client: Client,
    pub cluster: Cluster,
}

impl Scene {
    /// What runs before the operator: a cluster that it is installed in, a gateway for each of these stages, and pods that answer.
    pub async fn prepared(programs: &Programs, stages: &[(&str, &str)]) -> Self {
        let options = Options { address: netns::ADDRESS, ..Options::with_nodes(2) };
        let cluster = Cluster::start(options).await.expect("starts");
        let client = cluster.client().await.expect("client");
        program::prepare(&cluster).await;
        let mut gateways = Vec::new();
        for (number, (environment, _)) in (2..).zip(stages) {
            let gateway = Gateway::start_for(&cluster, programs, number, NAMESPACE, environment).await;
            gateways.push(gateway.expect("starts"));
        }
        let pods = PodServer::start(client.clone());
        pods.listen(PORT).await.expect("listens");
        Self { operator: None, gateways, pods, client, cluster }
    }

    pub async fn start(programs: &Programs) -> Self {
        let mut scene = Self::prepared(programs, &STAGES).await;
        let profiles = STAGES.map(|(environment, stage)| {
            json!({
                "name": environment, "stages": [stage], "hosts": ["infra-proxy"],
                "gatewayRef": { "namespace": NAMESPACE, "name": environment },
            })
        });
        let mut profiles: Vec<Value> = profiles.into();
        profiles.push(json!({
            "name": OWN, "stages": ["Development"], "exposures": ["Tenant"], "hosts": ["infra-proxy"],
            "mode": "GatewayPerEnvironment", "gatewayClassName": CLASS,
            "dataPlane": { "namespaceLabels": { "kubernetes.io/metadata.name": NAMESPACE } },
            "listeners": {
                "http": WEB_PORT, "https": { "port": WEBSECURE_PORT, "secretName": "own-tls" },
                "tlsPassthrough": OWN_TLS_PORT, "tcp": [OWN_TCP_PORT],
            },
        }));
        profiles.push(json!({
            "name": BARE, "stages": ["Development"], "exposures": ["Public"], "hosts": ["bare-proxy"],
            "gatewayRef": { "namespace": NAMESPACE, "name": BARE },
        }));
        scene.apply(&ours("TenantryPlatform", None, "default", json!({ "gateways": profiles }))).await;
        scene.apply(&ours("TenantClass", None, "wide", json!({ "bounds": { "podSecurity": ["Restricted"] } }))).await;
        scene.operator = Some(Operator::start(&scene.cluster).await);
        for (tenant, _) in TENANTS {
            let environments = STAGES.map(|(name, stage)| json!({ "name": name, "stage": stage }));
            let spec = json!({
                "className": "wide", "deletionPolicy": "Delete", "hostnames": [format!("*.{tenant}.example")],
                "quota": { "pods": "60" }, "classes": { "gateway": { "allowed": [CLASS] } }, "environments": environments,
                "members": [{ "name": "team", "role": "Developer", "subjects": [{ "kind": "Group", "name": format!("{tenant}-dev") }] }],
            });
            scene.apply(&ours("Tenant", None, tenant, spec)).await;
        }
        for (tenant, _) in TENANTS {
            scene.condition_of(&ours("Tenant", None, tenant, json!({})), "Ready", "True").await;
        }
        scene
    }

    pub fn stop(mut self) {
        for gateway in &mut self.gateways {
            gateway.check_alive().expect("it runs");
        }
        drop(self.operator.take());
    }

    pub async fn apply(&self, object: &Value) -> Value {
        objects::apply(&self.client, object).await.unwrap_or_else(|error| panic!("{error}"))
    }

    pub async fn delete(&self, object: &Value) {
        objects::delete(&self.client, object).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// What its controller would say of it.
    pub async fn say(&self, object: &Value, status: &Value) {
        objects::say(&self.client, object, status).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// An Application whose pods answer, Ready.
    pub async fn application(&self, namespace: &str, name: &str, replicas: i32) {
        let spec = json!({
            "image": "registry.example/app:1", "ports": [{ "name": "http", "port": PORT }],
            "scaling": { "minReplicas": replicas, "maxReplicas": replicas },
        });
        let application = ours("Application", Some(namespace), name, spec);
        self.apply(&application).await;
        self.condition_of(&application, "Ready", "True").await;
    }

    /// Lets the gateway find a Service by its name, at a pod of it.
    pub async fn resolve(&self, namespace: &str, service: &str) {
        let label = format!("kubernetes.io/service-name={service}");
        let slices = objects::list(&self.client, "discovery.k8s.io/v1", "EndpointSlice", Some(namespace), &label).await;
        let slices = slices.expect("listed");
        let address =
            slices.iter().find_map(|slice| slice["endpoints"][0]["addresses"][0].as_str()).expect("an endpoint");
        netns::resolve(&format!("{service}.{namespace}.svc"), address.parse().expect("an address")).expect("written");
    }

    /// Waits until a ServiceRoute is Ready for its newest spec.
    pub async fn ready(&self, namespace: &str, name: &str) -> Value {
        self.condition_of(&route(namespace, name, json!({})), "Ready", "True").await
    }

    /// Waits until a condition of a ServiceRoute has this status.
    pub async fn condition(&self, namespace: &str, name: &str, type_: &str, status: &str) -> Value {
        let found = self.condition_of(&route(namespace, name, json!({})), type_, status).await;
        objects::condition(&found, type_).cloned().unwrap_or_default()
    }

    /// Waits until a condition has this status for the newest spec.
    pub async fn condition_of(&self, object: &Value, type_: &str, status: &str) -> Value {
        let title = objects::title(object);
        eventually(SOON, &format!("{title} is {type_}={status}"), async || {
            let found = objects::collection(&self.client, object).get(objects::name(object)).await;
            let found = found.map_err(|error| error.to_string())?;
            let found = serde_json::to_value(found).map_err(|error| error.to_string())?;
            let is = objects::condition(&found, type_).is_some_and(|condition| {
                condition["status"] == status && condition["observedGeneration"] == found["metadata"]["generation"]
            });
            if is { Ok(found) } else { Err(format!("{:#}", found["status"])) }
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"))
    }

    /// One request to the gateway of a stage.
    pub async fn get(&self, environment: &str, host: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let answer = self.gateway(environment).caller().request(http::Method::GET, host, path, headers).await;
        answer.unwrap_or_else(|error| panic!("{host}{path}: {error}"))
    }

    /// The first answer from behind the gateway: it says that it has taken a route some moments before it serves it (404), and hears of
    /// endpoints by another way (503).
    pub async fn first(&self, environment: &str, host: &str, path: &str) -> Answer {
        let caller = self.gateway(environment).caller();
        crate::stage::until(&caller, host, "is served", path, |answer| answer.status != 404 && answer.status != 503)
            .await
    }

    pub fn gateway(&self, environment: &str) -> &Gateway {
        let number = STAGES.iter().position(|(name, _)| *name == environment).expect("a stage");
        &self.gateways[number]
    }

    /// Asks until the answer is as wanted.
    pub async fn until(
        &self,
        environment: &str,
        path: &str,
        what: &str,
        is_wanted: impl Fn(&Answer) -> bool,
    ) -> Answer {
        crate::stage::until(&self.gateway(environment).caller(), "infra-proxy", what, path, is_wanted).await
    }
}

/// A resource of ours.
pub fn ours(kind: &str, namespace: Option<&str>, name: &str, spec: Value) -> Value {
    let mut object = json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": kind, "metadata": { "name": name } });
    if let Some(namespace) = namespace {
        object["metadata"]["namespace"] = namespace.into();
    }
    object["spec"] = spec;
    object
}

/// A ServiceRoute.
pub fn route(namespace: &str, name: &str, spec: Value) -> Value {
    ours("ServiceRoute", Some(namespace), name, spec)
}

/// The same with one part set.
pub fn with(mut spec: Value, pointer: &str, part: Value) -> Value {
    *spec.pointer_mut(pointer).expect("is there") = part;
    spec
}

/// One that leads to the Application `shop`.
pub fn to_shop(namespace: &str, name: &str, api: &str) -> Value {
    let spec = json!({ "backend": { "applicationRef": { "name": "shop" } }, "api": { "name": api, "version": "v1" } });
    route(namespace, name, spec)
}
