//! The network policy of a workload: the ways that its references and its callers give a reason for, and no other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Parts;
use crate::meta;
use crate::names::OPERATOR_PODS;
use crate::object::Desired;
use crate::resources::NETWORK_POLICY;
use crate::workload::Edge;

/// Opens the ways from callers and to what is called; and, where its protocol is verified, from the operator in its namespace to the
/// port that it asks.
pub(crate) fn build_workload_policy(
    parts: &Parts,
    from: &BTreeSet<Edge>,
    to: &BTreeSet<Edge>,
    verifier: Option<(&str, i32)>,
) -> Desired {
    let mut ingress: Vec<Value> = rules(from, "from");
    ingress.extend(verifier.map(|(namespace, port)| rule("from", &[operator(namespace)], port)));
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
    by_port.into_iter().map(|(port, peers)| rule(end, &peers, port)).collect()
}

fn rule(end: &str, peers: &[Value], port: i32) -> Value {
    json!({ end: peers, "ports": [{ "port": port, "protocol": "TCP" }] })
}

fn operator(namespace: &str) -> Value {
    json!({
        "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace } },
        "podSelector": { "matchLabels": BTreeMap::from(OPERATOR_PODS) },
    })
}

pub(super) fn peer(edge: &Edge) -> Value {
    let labels = json!({ meta::WORKLOAD_KIND: edge.kind, meta::WORKLOAD_NAME: edge.name });
    let mut peer = json!({ "podSelector": { "matchLabels": labels } });
    if let Some(namespace) = &edge.namespace {
        peer["namespaceSelector"] = json!({ "matchLabels": { "kubernetes.io/metadata.name": namespace } });
    }
    peer
}
