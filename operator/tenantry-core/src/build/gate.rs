//! The gate of a contract: one pod of ours beside a service, through which the consumer calls it, and which lets through just what is
//! granted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::grant_policy::{GrantedPods, key, named, object, port};
use super::workload_policy::peer;
use super::{Parts, build_deployment, build_service, build_service_account};
use crate::fields::Quantities;
use crate::grants::gate::{HEALTH, PORT, ROLE, child};
use crate::names::Place;
use crate::object::{Desired, ObjectKey};
use crate::resources::{NETWORK_POLICY, SERVICE_GRANT};
use crate::workload::types::{HttpGet, PortProtocol, Probe, Probes, Resources, Rollout, Trunk, WorkloadPort};
use crate::workload::{Edge, Extras, Pods};

/// Where the program is in its image.
const PROGRAM: &str = "/tenantry-bridge";
/// Streams may last for ever: they are broken off when the gate goes, as the contract has gone.
const GRACE: i32 = 5;

/// What a gate is made from.
pub(crate) struct Gate<'a> {
    /// Where it is.
    pub(crate) place: &'a Place,
    /// The name of its grant.
    pub(crate) grant: &'a str,
    /// Its image.
    pub(crate) image: String,
    /// Whether images are pulled each time.
    pub(crate) pulls_always: bool,
    /// How many pods: one, or none while the tenant is scaled to zero. One alone, as each counts for itself.
    pub(crate) replicas: i32,
    /// What it is told besides where to listen and which grant it is of.
    pub(crate) rules: Vec<String>,
}

impl Gate<'_> {
    fn parts(&self) -> Parts {
        Parts {
            place: self.place.clone(),
            name: child(self.grant),
            instance: self.grant.to_owned(),
            role: ROLE,
            selector: gate_labels(self.grant),
        }
    }

    fn trunk(&self) -> Trunk {
        let fixed = [
            PROGRAM.to_owned(),
            "gate".to_owned(),
            format!("--listen=0.0.0.0:{PORT}"),
            format!("--health=0.0.0.0:{HEALTH}"),
            format!("--grant={}/{}", self.place.namespace, self.grant),
        ];
        // The kubelet takes `$(NAME)` for a variable.
        let rules = self.rules.iter().map(|rule| rule.replace('$', "$$"));
        let healthy =
            Probe { http_get: Some(HttpGet { path: "/healthz".to_owned(), port: Some(HEALTH) }), ..Probe::default() };
        Trunk {
            image: Some(self.image.clone()),
            command: fixed.into_iter().chain(rules).collect(),
            resources: Some(Resources {
                requests: amounts(&[("cpu", "10m"), ("memory", "32Mi")]),
                limits: amounts(&[("cpu", "500m"), ("memory", "192Mi")]),
            }),
            probes: Some(Probes { readiness: Some(healthy.clone()), liveness: Some(healthy), ..Probes::default() }),
            ..Trunk::default()
        }
    }

    fn template(&self, parts: &Parts) -> Value {
        let pods = Pods {
            trunk: &self.trunk(),
            ports: &[entrance()],
            selector: &parts.selector,
            labels: &parts.labels(),
            account: &parts.name,
            pulls_always: self.pulls_always,
            bindings: None,
            extras: &Extras::default(),
        };
        let mut template = pods.template();
        template["spec"]["terminationGracePeriodSeconds"] = json!(GRACE);
        template
    }
}

/// Labels that the pods of a grant's gate carry, that nobody else can give to a pod.
pub(crate) fn gate_labels(grant: &str) -> BTreeMap<&'static str, String> {
    let labels = [(crate::meta::WORKLOAD_KIND, SERVICE_GRANT.kind), (crate::meta::WORKLOAD_NAME, grant)];
    labels.map(|(key, value)| (key, value.to_owned())).into()
}

/// The pods of a gate, as those who call it see them.
pub(crate) fn gate_pods(namespace: &str, grant: &str) -> GrantedPods {
    let selector = gate_labels(grant).into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    GrantedPods { namespace: namespace.to_owned(), selector, port: json!(PORT) }
}

/// What a gate consists of, besides its ways.
pub(crate) fn build_gate(gate: &Gate) -> [Desired; 3] {
    let parts = gate.parts();
    let deployment = build_deployment(&parts, gate.replicas, &[], &Rollout::default(), 0, &gate.template(&parts));
    [build_service_account(&parts), build_service(&parts, &[entrance()]), deployment]
}

/// The ways of a gate: into it from all pods of these namespaces and from these workloads, and from it to what is granted, at both ends.
pub(crate) fn build_gate_ways(
    place: &Place,
    grant: &str,
    to: &GrantedPods,
    namespaces: &BTreeSet<String>,
    workloads: &BTreeSet<Edge>,
) -> [Desired; 2] {
    let from: Vec<Value> = namespaces
        .iter()
        .map(|namespace| json!({ "namespaceSelector": named(namespace) }))
        .chain(workloads.iter().map(peer))
        .collect();
    let gate = json!({ "podSelector": { "matchLabels": gate_labels(grant) } });
    let server = json!({ "podSelector": { "matchLabels": to.selector } });
    let around = ObjectKey::namespaced(&NETWORK_POLICY, &place.namespace, child(grant));
    let around_gate = object(place, grant, around).with(
        "spec",
        json!({
            "podSelector": gate["podSelector"],
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{ "from": from, "ports": [{ "port": PORT, "protocol": "TCP" }] }],
            "egress": [{ "to": [server], "ports": [port(to)] }],
        }),
    );
    let at_server = object(place, grant, key(place, grant)).with(
        "spec",
        json!({
            "podSelector": server["podSelector"],
            "policyTypes": ["Ingress"],
            "ingress": [{ "from": [gate], "ports": [port(to)] }],
        }),
    );
    [around_gate, at_server]
}

fn entrance() -> WorkloadPort {
    WorkloadPort { name: "http".to_owned(), port: PORT, protocol: PortProtocol::Http }
}

fn amounts(given: &[(&str, &str)]) -> Quantities {
    given.iter().filter_map(|(name, amount)| Some(((*name).to_owned(), amount.parse().ok()?))).collect()
}
