//! The Service of a workload, at its own ports; and one that is but another name for what is elsewhere.

use serde_json::{Value, json};

use super::Parts;
use crate::names::Place;
use crate::object::{Desired, ObjectKey};
use crate::resources::SERVICE;
use crate::workload::types::{PortProtocol, WorkloadPort};

/// A Service inside the cluster.
pub fn build_service(parts: &Parts, ports: &[WorkloadPort]) -> Desired {
    let ports: Vec<Value> = ports.iter().map(port).collect();
    parts.object(&SERVICE).with(
        "spec",
        json!({
            "internalTrafficPolicy": "Cluster",
            "ports": ports,
            "selector": parts.selector,
            "sessionAffinity": "None",
            "type": "ClusterIP",
        }),
    )
}

/// A name in this namespace for the Service of this full name.
pub fn build_service_alias(place: &Place, name: &str, address: &str) -> Desired {
    Desired::new(ObjectKey::namespaced(&SERVICE, &place.namespace, name))
        .labels(place.labels())
        .with("spec", json!({ "externalName": address, "sessionAffinity": "None", "type": "ExternalName" }))
}

fn port(port: &WorkloadPort) -> Value {
    let (protocol, speaks) = match port.protocol {
        PortProtocol::Http => ("TCP", Some("http")),
        PortProtocol::Grpc => ("TCP", Some("kubernetes.io/h2c")),
        PortProtocol::WebSocket => ("TCP", Some("kubernetes.io/ws")),
        PortProtocol::Tcp => ("TCP", None),
        PortProtocol::Udp => ("UDP", None),
    };
    let mut body = json!({ "name": port.name, "port": port.port, "protocol": protocol, "targetPort": port.port });
    if let Some(speaks) = speaks {
        body["appProtocol"] = json!(speaks);
    }
    body
}
