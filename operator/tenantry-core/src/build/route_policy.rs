//! The network policy of a route: from the gateway's data plane to just the pods and ports that it leads to.

use serde_json::json;

use super::http_route::RouteParts;
use super::network_policy::gateway_pods;
use crate::kinds::tenantry_platform::types::DataPlane;
use crate::names::child_name;
use crate::object::Desired;
use crate::resources::NETWORK_POLICY;
use crate::routing::Served;

/// One policy for each Service: a policy selects by one selector alone.
pub(crate) fn build_route_policies(parts: &RouteParts, from: &DataPlane, to: &[Served]) -> Vec<Desired> {
    let peer = gateway_pods(from);
    let policy = |served: &Served| {
        let ports = [json!({ "port": served.target, "protocol": "TCP" })];
        let name = child_name(&format!("{}-to-{}", parts.name, served.service), &served.port.to_string());
        parts.named(&NETWORK_POLICY, name).with(
            "spec",
            json!({
                "podSelector": { "matchLabels": served.selector },
                "policyTypes": ["Ingress"],
                "ingress": [{ "from": [peer], "ports": ports }],
            }),
        )
    };
    let mut policies: Vec<Desired> = Vec::new();
    for served in to {
        let policy = policy(served);
        // A workload's Service can be named as such, too.
        if policies.iter().all(|one| one.key() != policy.key()) {
            policies.push(policy);
        }
    }
    policies
}
