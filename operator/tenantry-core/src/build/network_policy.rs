//! Network policies: one that denies by default, one that opens what the Tenant names, one that leads to the gateway. They add up, so
//! none can take away what another allows.

use serde_json::{Value, json};

use crate::cidr::Cidr;
use crate::fields::{Port, Protocol};
use crate::kinds::tenantry_platform::types::{DataPlane, Dns};
use crate::meta;
use crate::names::{ALLOW, DEFAULT_DENY, Place, TO_GATEWAY};
use crate::object::{Desired, ObjectKey};
use crate::resources::NETWORK_POLICY;

/// A network outside that pods may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Which network.
    pub network: Cidr,
    /// What of it stays closed; each lies inside and is smaller.
    pub except: Vec<Cidr>,
    /// Which ports; none means all.
    pub ports: Vec<Port>,
}

/// Denies everything, in and out, but DNS and pods of the same environment.
pub fn build_default_deny(place: &Place, dns: &Dns) -> Desired {
    let ports: Vec<Value> = dns.ports.iter().map(port).collect();
    policy(place, DEFAULT_DENY).with(
        "spec",
        json!({
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{ "from": [{ "podSelector": {} }] }],
            "egress": [
                { "to": [{ "podSelector": {} }] },
                {
                    "to": [{
                        "namespaceSelector": { "matchLabels": dns.namespace_labels },
                        "podSelector": { "matchLabels": dns.pod_labels },
                    }],
                    "ports": ports,
                },
            ],
        }),
    )
}

/// Denies everything, in and out, without exception; takes the place of [`build_default_deny`].
pub fn build_quarantine(place: &Place) -> Desired {
    policy(place, DEFAULT_DENY).with("spec", json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] }))
}

/// A pod selector that selects no pod, whatever their labels.
pub fn no_pods() -> Value {
    let clause = |operator: &str| json!({ "key": meta::RESUME, "operator": operator });
    json!({ "matchExpressions": [clause("Exists"), clause("DoesNotExist")] })
}

/// Opens what the Tenant names; `None` when it names nothing.
pub fn build_allow(place: &Place, between_environments: bool, openings: &[Opening]) -> Option<Desired> {
    if !between_environments && openings.is_empty() {
        return None;
    }
    let siblings = json!([{
        "namespaceSelector": {
            "matchLabels": { meta::TENANT: place.tenant },
            "matchExpressions": [{ "key": meta::RETAINED_FROM, "operator": "DoesNotExist" }],
        },
    }]);
    let mut egress: Vec<Value> = openings.iter().map(egress_rule).collect();
    let mut spec = json!({ "podSelector": {}, "policyTypes": ["Egress"] });
    if between_environments {
        spec["policyTypes"] = json!(["Ingress", "Egress"]);
        spec["ingress"] = json!([{ "from": siblings }]);
        egress.insert(0, json!({ "to": siblings }));
    }
    spec["egress"] = Value::from(egress);
    Some(policy(place, ALLOW).with("spec", spec))
}

/// Lets all pods out to the gateway's, at these ports of theirs.
pub fn build_to_gateway(place: &Place, gateway: &DataPlane, ports: &[i32]) -> Desired {
    let ports: Vec<Value> = ports.iter().map(|port| json!({ "port": port, "protocol": "TCP" })).collect();
    policy(place, TO_GATEWAY).with(
        "spec",
        json!({
            "podSelector": {},
            "policyTypes": ["Egress"],
            "egress": [{ "to": [gateway_pods(gateway)], "ports": ports }],
        }),
    )
}

/// The pods of a gateway, as a peer.
pub(super) fn gateway_pods(gateway: &DataPlane) -> Value {
    let mut peer = json!({ "namespaceSelector": { "matchLabels": gateway.namespace_labels } });
    if !gateway.pod_labels.is_empty() {
        peer["podSelector"] = json!({ "matchLabels": gateway.pod_labels });
    }
    peer
}

fn policy(place: &Place, name: &str) -> Desired {
    Desired::new(ObjectKey::namespaced(&NETWORK_POLICY, &place.namespace, name)).labels(place.labels())
}

fn egress_rule(opening: &Opening) -> Value {
    let mut block = json!({ "cidr": opening.network.to_string() });
    if !opening.except.is_empty() {
        block["except"] = opening.except.iter().map(Cidr::to_string).collect();
    }
    let mut rule = json!({ "to": [{ "ipBlock": block }] });
    if !opening.ports.is_empty() {
        rule["ports"] = opening.ports.iter().map(port).collect();
    }
    rule
}

fn port(port: &Port) -> Value {
    let protocol = match port.protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
        Protocol::Sctp => "SCTP",
    };
    let mut body = json!({ "port": port.port, "protocol": protocol });
    if let Some(end) = port.end_port {
        body["endPort"] = Value::from(end);
    }
    body
}
