//! What the cluster can do beyond Kubernetes itself, read from the API groups it serves. It asks nothing by itself.

use std::cmp::Reverse;
use std::sync::Arc;

use serde_json::Value;

use super::types::Capability;

/// Add-ons that Tenantry can make use of: name and API group, in order of name.
const KNOWN: [(&str, &str); 9] = [
    ("CertManager", "cert-manager.io"),
    ("EnvoyGateway", "gateway.envoyproxy.io"),
    ("GatewayAPI", "gateway.networking.k8s.io"),
    ("Istio", "security.istio.io"),
    ("Keda", "keda.sh"),
    ("Linkerd", "policy.linkerd.io"),
    ("ResourceMetrics", "metrics.k8s.io"),
    ("Traefik", "traefik.io"),
    ("VerticalPodAutoscaler", "autoscaling.k8s.io"),
];

/// One entry for each known add-on, served or not.
pub(super) fn capabilities(api_services: &[Arc<Value>]) -> Vec<Capability> {
    KNOWN.map(|(name, group)| capability(name, group, api_services)).into()
}

fn capability(name: &str, group: &str, api_services: &[Arc<Value>]) -> Capability {
    // An answering version before one that does not, then the newest.
    let best = api_services
        .iter()
        .filter(|service| service["spec"]["group"] == group)
        .filter_map(|service| Some((service["available"] == true, service["spec"]["version"].as_str()?)))
        .max_by_key(|(available, version)| (*available, rank(version)));
    Capability {
        name: name.to_owned(),
        group: group.to_owned(),
        version: best.map(|(_, version)| version.to_owned()),
        available: best.is_some_and(|(available, _)| available),
    }
}

/// Kubernetes' own order of versions: stable over beta over alpha, then higher numbers.
fn rank(version: &str) -> (u8, u32, u32, Reverse<String>) {
    let number = |text: &str| text.parse().unwrap_or(0);
    let rest = version.strip_prefix('v').unwrap_or(version);
    let (stability, major, minor) = if let Some((major, minor)) = rest.split_once("beta") {
        (2, number(major), number(minor))
    } else if let Some((major, minor)) = rest.split_once("alpha") {
        (1, number(major), number(minor))
    } else if rest.bytes().all(|digit| digit.is_ascii_digit()) {
        (3, number(rest), 0)
    } else {
        (0, 0, 0)
    };
    (stability, major, minor, Reverse(version.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn served(group: &str, version: &str, available: bool) -> Arc<Value> {
        Arc::new(json!({ "spec": { "group": group, "version": version }, "available": available }))
    }

    #[test]
    fn the_newest_stable_version_that_answers_counts() {
        let services = [
            served("gateway.networking.k8s.io", "v1beta1", true),
            served("gateway.networking.k8s.io", "v1", true),
            served("gateway.networking.k8s.io", "v2alpha1", true),
            served("keda.sh", "v1alpha1", false),
        ];
        let all = capabilities(&services);
        let find = |name: &str| all.iter().find(|capability| capability.name == name).cloned().expect("known");
        assert_eq!(find("GatewayAPI").version.as_deref(), Some("v1"));
        assert!(find("GatewayAPI").available);
        assert_eq!((find("Keda").version.as_deref(), find("Keda").available), (Some("v1alpha1"), false));
        assert_eq!((find("Istio").version, find("Istio").available), (None, false));
    }
}
