//! The network policy of a workload: the ways that its references and its callers give a reason for, and no other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Parts;
use crate::meta;
use crate::object::Desired;
use crate::resources::NETWORK_POLICY;
use crate::workload::Edge;

/// Opens the ways from callers and to what is called.
pub(crate) fn build_workload_policy(parts: &Parts, from: &BTreeSet<Edge>, to: &BTreeSet<Edge>) -> Desired {
    let ingress: Vec<Value> = rules(from, "from");
    let egress: Vec<Value> = rules(to, "to");
    parts.object(&NETWORK_POLICY).with(
        "spec",
        json!({
            "podSelector": { "matchLabels": parts.selector },
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        }),
    )
}

/// One rule for each port, so that every caller of it is in one list.
fn rules(edges: &BTreeSet<Edge>, end: &str) -> Vec<Value> {
    let mut by_port: BTreeMap<i32, Vec<Value>> = BTreeMap::new();
    for edge in edges {
        by_port.entry(edge.port).or_default().push(peer(edge));
    }
    by_port
        .into_iter()
        .map(|(port, peers)| json!({ end: peers, "ports": [{ "port": port, "protocol": "TCP" }] }))
        .collect()
}

fn peer(edge: &Edge) -> Value {
    let labels = json!({ meta::WORKLOAD_KIND: edge.kind, meta::WORKLOAD_NAME: edge.name });
    let mut peer = json!({ "podSelector": { "matchLabels": labels } });
    if let Some(namespace) = &edge.namespace {
        peer["namespaceSelector"] = json!({ "matchLabels": { "kubernetes.io/metadata.name": namespace } });
    }
    peer
}
