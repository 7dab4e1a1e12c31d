//! What a test of the gateway needs: the network, a control plane with nodes that do not exist, Traefik, pods that answer, and a shared
//! Gateway.

use std::fmt::Display;
use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};
use tenantry_e2e::gateway::{Answer, CLASS, Caller, Gateway, NAMESPACE, PodServer, Programs, WEB_PORT, programs};
use tenantry_e2e::netns::{self, Entered, enter};
use tenantry_e2e::{Cluster, Options, eventually, objects};

pub const SOON: Duration = Duration::from_mins(1);
/// The Gateway that the stage makes.
pub const SHARED: &str = "shared";
/// Where the tests' routes and pods are.
pub const TEAM: &str = "team";
/// Where all pods answer.
pub const PORT: u16 = 8080;

/// Programs, once this process is in a network of its own. `Ok(None)`: the test was done in another process. `Err`: why it cannot be done.
pub async fn entered(test: &'static str) -> Result<Option<Programs>, String> {
    let entered = entered_with(test, || Ok::<_, String>(())).await?;
    Ok(entered.map(|(programs, ())| programs))
}

/// The same with further programs, which are found before the network is left behind.
pub async fn entered_with<T: Send + 'static, E: Display>(
    test: &'static str,
    further: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<Option<(Programs, T)>, String> {
    let enter = move || {
        // Before the network is left behind.
        let programs = programs().map_err(|reason| reason.to_string())?;
        let further = further().map_err(|reason| reason.to_string())?;
        match enter(test) {
            Entered::Inside => Ok(Some((programs, further))),
            Entered::Passed => Ok(None),
            Entered::Failed(output) => panic!("{output}"),
            Entered::Impossible(reason) => Err(reason),
        }
    };
    match tokio::task::spawn_blocking(enter).await {
        Ok(entered) => entered,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Everything that runs. Fields in the order in which they end.
pub struct Stage {
    pub gateway: Gateway,
    pub pods: PodServer,
    pub client: Client,
    pub cluster: Cluster,
}

impl Stage {
    /// Starts all of it, with an HTTP listener that takes routes of all namespaces.
    pub async fn start(programs: &Programs) -> Self {
        let options = Options { address: netns::ADDRESS, ..Options::with_nodes(1) };
        let cluster = Cluster::start(options).await.expect("starts");
        let client = cluster.client().await.expect("client");
        let gateway = Gateway::start(&cluster, programs).await.expect("starts");
        let pods = PodServer::start(client.clone());
        pods.listen(PORT).await.expect("listens");
        let stage = Self { gateway, pods, client, cluster };
        stage.apply(&namespace(TEAM)).await;
        stage.apply(&shared_gateway()).await;
        stage.condition(&shared_gateway(), "Programmed", "True").await;
        stage
    }

    /// Writes an object.
    pub async fn apply(&self, object: &Value) -> Value {
        objects::apply(&self.client, object).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Reads an object.
    pub async fn read(&self, object: &Value) -> Value {
        let found = objects::collection(&self.client, object).get(objects::name(object)).await.expect("is there");
        serde_json::to_value(found).expect("JSON")
    }

    /// Waits until an object's condition has this status.
    pub async fn condition(&self, object: &Value, type_: &str, status: &str) -> Value {
        let title = objects::title(object);
        eventually(SOON, &format!("{title} is {type_}={status}"), async || {
            let found = self.read(object).await;
            let is = objects::condition(&found, type_).is_some_and(|condition| condition["status"] == status);
            if is { Ok(found) } else { Err(format!("{}, Traefik said:\n{}", found["status"], self.gateway.log())) }
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"))
    }

    /// A Deployment of fake pods with a Service in front, in [`TEAM`]; waits until they are endpoints.
    pub async fn workload(&self, name: &str, replicas: usize) {
        for object in workload(TEAM, name, replicas) {
            self.apply(&object).await;
        }
        self.endpoints(TEAM, name, replicas).await;
    }

    /// Waits until a Service has that many ready endpoints.
    pub async fn endpoints(&self, namespace: &str, service: &str, wanted: usize) {
        let label = format!("kubernetes.io/service-name={service}");
        eventually(SOON, &format!("{namespace}/{service} has {wanted} endpoints"), async || {
            let slices = objects::list(&self.client, "discovery.k8s.io/v1", "EndpointSlice", Some(namespace), &label);
            let slices = slices.await.map_err(|error| error.to_string())?;
            let all = slices.iter().filter_map(|slice| slice["endpoints"].as_array()).flatten();
            let ready = all.filter(|endpoint| endpoint["conditions"]["ready"] == true).count();
            if ready == wanted { Ok(()) } else { Err(format!("it has {ready}")) }
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
    }

    /// Asks until the answer is as wanted: routes take effect some moments after they are written.
    pub async fn until(&self, what: &str, path: &str, is_wanted: impl Fn(&Answer) -> bool) -> Answer {
        until(&self.gateway.caller(), HOST, what, path, is_wanted).await
    }
}

/// The host of the platform's pattern.
pub const HOST: &str = "infra-proxy";

/// The host of GRPCRoutes.
pub const RPC_HOST: &str = "rpc.example";

/// Asks until the answer is as wanted.
pub async fn until(caller: &Caller, host: &str, what: &str, path: &str, is_wanted: impl Fn(&Answer) -> bool) -> Answer {
    eventually(SOON, &format!("{host}{path} {what}"), async || match caller.get(host, path).await {
        Ok(answer) if is_wanted(&answer) => Ok(answer),
        Ok(answer) => Err(format!("{} {}", answer.status, answer.text())),
        Err(error) => Err(error.to_string()),
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"))
}

pub fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
}

fn shared_gateway() -> Value {
    let everybody = json!({ "namespaces": { "from": "All" } });
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": { "namespace": NAMESPACE, "name": SHARED },
        "spec": { "gatewayClassName": CLASS, "listeners": [
            { "name": "web", "port": WEB_PORT, "protocol": "HTTP", "allowedRoutes": everybody },
        ] },
    })
}

/// An HTTPRoute of [`TEAM`] on the shared Gateway.
pub fn route(name: &str, rules: Value) -> Value {
    route_of("HTTPRoute", name, rules)
}

/// A route of some kind.
pub fn route_of(kind: &str, name: &str, rules: Value) -> Value {
    // Not the same for both: a Gateway takes on either HTTPRoutes or GRPCRoutes for one hostname.
    let host = if kind == "GRPCRoute" { RPC_HOST } else { HOST };
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": kind,
        "metadata": { "namespace": TEAM, "name": name },
        "spec": { "parentRefs": [{ "namespace": NAMESPACE, "name": SHARED }], "hostnames": [host], "rules": rules },
    })
}

/// Everything at and under this path.
pub fn under(path: &str) -> Value {
    json!({ "path": { "type": "PathPrefix", "value": path } })
}

/// A Service of [`workload`].
pub fn backend(name: &str) -> Value {
    json!({ "name": name, "port": PORT })
}

/// A Deployment whose pods fake nodes run, and its Service.
pub fn workload(namespace: &str, name: &str, replicas: usize) -> [Value; 2] {
    let labels = json!({ "app": name });
    let container = json!({ "name": "app", "image": "registry.example/app:1", "ports": [{ "containerPort": PORT }] });
    let template = json!({ "metadata": { "labels": labels }, "spec": { "containers": [container] } });
    let metadata = json!({ "namespace": namespace, "name": name });
    [
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": { "replicas": replicas, "selector": { "matchLabels": labels }, "template": template },
        }),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": { "selector": labels, "ports": [{ "name": "http", "port": PORT, "targetPort": PORT }] },
        }),
    ]
}
