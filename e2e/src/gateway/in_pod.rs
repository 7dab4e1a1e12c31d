//! Traefik as a pod of a real node, as a platform team would run it: with an account of its own, behind a Service. Beside it in its pod is
//! somebody who asks what a test wants to know from just the address that network policies know the gateway by.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};

use super::traefik::{self, GatewayError, Listening, Programs, arguments, class, gateway, only};
use super::{definitions, rights};
use crate::image::Image;
use crate::node::pods::{self, Place, address};
use crate::node::{Node, NodeError};
use crate::objects;
use crate::wait::{NotInTime, eventually};

/// The pod's port for requests. Traefik takes on a listener only where it has an entry point itself, so it is the listener's, too.
pub const PORT: u16 = 8000;
/// Where the pod answers for itself.
pub const OWN_PORT: u16 = traefik::OWN_PORT;

const IMAGE: &str = "registry.example/test/traefik:1";

/// One of them. Several beside each other are in one namespace, whose account they share, and each serves its own Gateway alone.
#[derive(Clone, Copy, Debug)]
pub struct InPod {
    /// Namespace of all of it.
    pub namespace: &'static str,
    /// Name of the Gateway, the pod and the Service.
    pub name: &'static str,
}

/// Gives the node their image. Blocks.
pub fn import(node: &Node, programs: &Programs) -> Result<(), NodeError> {
    let image = Image { tag: IMAGE.to_owned(), entrypoint: vec!["/traefik".to_owned()] };
    node.import_program(&programs.traefik, "traefik", &[image])
}

impl InPod {
    /// Makes all that it consists of, definitions first.
    pub async fn apply(&self, client: &Client, programs: &Programs) -> Result<(), GatewayError> {
        definitions::install(client, programs).await?;
        let own = [self.service(), class(), self.gateway(), self.pod()];
        for object in rights::objects(self.namespace).into_iter().chain(own) {
            objects::apply(client, &object).await?;
        }
        Ok(())
    }

    /// Waits until its pod is Ready, and answers where requests are made.
    pub async fn listens(&self, client: &Client, within: Duration) -> Result<SocketAddr, NotInTime> {
        let what = format!("the pod of gateway {} is Ready", self.name);
        eventually(within, &what, async || {
            let pods = pods::ready(client, self.namespace, &format!("app={}", self.name)).await?;
            let address: IpAddr = address(&pods[0]).parse().map_err(|error| format!("its address: {error}"))?;
            Ok::<_, String>(SocketAddr::new(address, PORT))
        })
        .await
    }

    /// Its pod, as one that asks.
    pub fn place(&self) -> Place<'static> {
        (self.namespace, self.name)
    }

    /// Full name of the Service. It serves HTTP at port 80, and at the listener's, which the addresses of routes name.
    pub fn address(&self) -> String {
        format!("{}.{}.svc.cluster.local", self.name, self.namespace)
    }

    /// What the platform says of it in a profile: which Gateway it is, whose its pods are, and where pods of tenants find it.
    pub fn profile(&self) -> Value {
        json!({
            "gatewayRef": { "namespace": self.namespace, "name": self.name },
            "dataPlane": {
                "namespaceLabels": { "kubernetes.io/metadata.name": self.namespace },
                "podLabels": { "app": self.name },
            },
            "inside": { "address": self.address(), "ports": [PORT] },
        })
    }

    /// The pod.
    pub fn pod(&self) -> Value {
        let listening = Listening {
            web: format!(":{PORT}"),
            websecure: ":8443".to_owned(),
            own: format!(":{OWN_PORT}"),
            address: format!("hostname={}", self.address()),
        };
        let told: Vec<String> = arguments(&listening).into_iter().chain(only(self.namespace, self.name)).collect();
        let mut pod = self.named("v1", "Pod");
        pod["metadata"]["labels"] = json!({ "app": self.name });
        pod["metadata"]["annotations"] = json!({ "kubectl.kubernetes.io/default-container": "asks" });
        pod["spec"] = json!({
            "serviceAccountName": rights::ACCOUNT,
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "traefik", "image": IMAGE, "args": told,
                    "readinessProbe": { "httpGet": { "path": "/ping", "port": OWN_PORT }, "periodSeconds": 1 },
                },
                { "name": "asks", "image": "registry.example/test/pause:1" },
            ],
        });
        pod
    }

    /// The Gateway, which takes HTTP routes of all namespaces.
    pub fn gateway(&self) -> Value {
        gateway(self.namespace, self.name, PORT)
    }

    /// The Service in front of the pod.
    pub fn service(&self) -> Value {
        let port = |name: &str, port: u16| json!({ "name": name, "port": port, "targetPort": PORT });
        let mut service = self.named("v1", "Service");
        service["spec"] =
            json!({ "selector": { "app": self.name }, "ports": [port("http", 80), port("listener", PORT)] });
        service
    }

    fn named(&self, version: &str, kind: &str) -> Value {
        json!({ "apiVersion": version, "kind": kind, "metadata": { "name": self.name, "namespace": self.namespace } })
    }
}
