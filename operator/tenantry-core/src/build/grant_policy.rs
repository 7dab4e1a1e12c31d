//! The network policies of a contract between two teams: one at each end, each opening just its own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::names::{Place, child_name};
use crate::object::{Desired, ObjectKey};
use crate::resources::NETWORK_POLICY;

/// The pods that a contract is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GrantedPods {
    /// Their namespace.
    pub(crate) namespace: String,
    /// Labels that select them.
    pub(crate) selector: BTreeMap<String, String>,
    /// Their port, by number or name.
    pub(crate) port: Value,
}

/// At the provider's end: from all pods in these namespaces.
pub(crate) fn build_grant_ingress<'a>(
    place: &Place,
    grant: &str,
    to: &GrantedPods,
    from: impl IntoIterator<Item = &'a String>,
) -> Desired {
    let peers: Vec<Value> =
        from.into_iter().map(|namespace| json!({ "namespaceSelector": named(namespace) })).collect();
    object(place, grant, key(place, grant)).with(
        "spec",
        json!({
            "podSelector": { "matchLabels": to.selector },
            "policyTypes": ["Ingress"],
            "ingress": [{ "from": peers, "ports": [port(to)] }],
        }),
    )
}

/// At the consumer's end: from all pods of its namespace.
pub(crate) fn build_grant_egress(place: &Place, grant: &str, to: &GrantedPods) -> Desired {
    let peer = json!({ "namespaceSelector": named(&to.namespace), "podSelector": { "matchLabels": to.selector } });
    object(place, grant, key(place, grant)).with(
        "spec",
        json!({
            "podSelector": {},
            "policyTypes": ["Egress"],
            "egress": [{ "to": [peer], "ports": [port(to)] }],
        }),
    )
}

pub(super) fn key(place: &Place, grant: &str) -> ObjectKey {
    ObjectKey::namespaced(&NETWORK_POLICY, &place.namespace, child_name(grant, "grant"))
}

pub(super) fn object(place: &Place, grant: &str, key: ObjectKey) -> Desired {
    Desired::new(key)
        .labels(place.labels())
        .label("app.kubernetes.io/name", grant)
        .label("app.kubernetes.io/component", "grant")
}

pub(super) fn named(namespace: &str) -> Value {
    json!({ "matchLabels": { "kubernetes.io/metadata.name": namespace } })
}

pub(super) fn port(to: &GrantedPods) -> Value {
    json!({ "port": to.port, "protocol": "TCP" })
}
