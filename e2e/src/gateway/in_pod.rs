//! Traefik as a pod of a real node, as a platform team would run it: with an account of its own, behind a Service. Beside it in its pod is
//! somebody who asks what a test wants to know from just the address that network policies know the gateway by.

use kube::Client;
use serde_json::{Value, json};

use super::traefik::{self, CLASS, GatewayError, Listening, Programs, arguments, class};
use super::{definitions, rights};
use crate::image::Image;
use crate::node::{Node, NodeError};
use crate::objects;

/// Namespace of all of it.
pub const NAMESPACE: &str = "gateways";
/// Name of the Gateway, the pod and the Service.
pub const NAME: &str = "proxy";
/// Full name of the Service. It serves HTTP at port 80, and at the listener's, which the addresses of routes name.
pub const ADDRESS: &str = "proxy.gateways.svc.cluster.local";
/// The pod's port for requests. Traefik takes on a listener only where it has an entry point itself, so it is the listener's, too.
pub const PORT: u16 = 8000;
/// Where the pod answers for itself.
pub const OWN_PORT: u16 = traefik::OWN_PORT;

const IMAGE: &str = "registry.example/test/traefik:1";

/// Gives the node its image. Blocks.
pub fn import(node: &Node, programs: &Programs) -> Result<(), NodeError> {
    let image = Image { tag: IMAGE.to_owned(), entrypoint: vec!["/traefik".to_owned()] };
    node.import_program(&programs.traefik, "traefik", &[image])
}

/// Makes all that it consists of, definitions first.
pub async fn apply(client: &Client, programs: &Programs) -> Result<(), GatewayError> {
    definitions::install(client, programs).await?;
    for object in rights::objects(NAMESPACE).into_iter().chain([service(), class(), gateway(), pod()]) {
        objects::apply(client, &object).await?;
    }
    Ok(())
}

/// The pod.
pub fn pod() -> Value {
    let listening = Listening {
        web: format!(":{PORT}"),
        websecure: ":8443".to_owned(),
        own: format!(":{OWN_PORT}"),
        address: format!("hostname={ADDRESS}"),
    };
    let mut pod = named("v1", "Pod");
    pod["metadata"]["labels"] = json!({ "app": NAME });
    pod["metadata"]["annotations"] = json!({ "kubectl.kubernetes.io/default-container": "asks" });
    pod["spec"] = json!({
        "serviceAccountName": rights::ACCOUNT,
        "terminationGracePeriodSeconds": 0,
        "containers": [
            {
                "name": "traefik", "image": IMAGE, "args": arguments(&listening),
                "readinessProbe": { "httpGet": { "path": "/ping", "port": OWN_PORT }, "periodSeconds": 1 },
            },
            { "name": "asks", "image": "registry.example/test/pause:1" },
        ],
    });
    pod
}

/// The Gateway, which takes HTTP routes of all namespaces.
pub fn gateway() -> Value {
    let everybody = json!({ "namespaces": { "from": "All" } });
    let listener = json!({ "name": "web", "port": PORT, "protocol": "HTTP", "allowedRoutes": everybody });
    let mut gateway = named("gateway.networking.k8s.io/v1", "Gateway");
    gateway["spec"] = json!({ "gatewayClassName": CLASS, "listeners": [listener] });
    gateway
}

/// The Service in front of the pod.
pub fn service() -> Value {
    let port = |name: &str, port: u16| json!({ "name": name, "port": port, "targetPort": PORT });
    let mut service = named("v1", "Service");
    service["spec"] = json!({ "selector": { "app": NAME }, "ports": [port("http", 80), port("listener", PORT)] });
    service
}

fn named(version: &str, kind: &str) -> Value {
    json!({ "apiVersion": version, "kind": kind, "metadata": { "name": NAME, "namespace": NAMESPACE } })
}
