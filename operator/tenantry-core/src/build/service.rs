//! The Service of a workload, at its own ports.

use serde_json::{Value, json};

use super::Parts;
use crate::object::Desired;
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
