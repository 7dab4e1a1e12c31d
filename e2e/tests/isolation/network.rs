//! Every way between namespaces, and to some addresses, by the algebra of network policies: as the Tenants grant, and not
//! more with any policy of a tenant's own that admission lets through.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use serde_json::{Value, json};
use tenantry_core::meta;

use crate::check::{Check, Expected, Kind};
use crate::reach::{Direction, End, Grants};
use crate::request::Request;
use crate::stage::{self, Stage, Tenant};

/// Row of the matrix: what is there.
pub const REACH: &str = "network";
/// Row of the matrix: what tenants may add.
pub const OPENINGS: &str = "own network policies";
const DNS: &str = "DNS of the cluster";

/// What the Tenants on the stage grant.
pub fn grants(stage: &Stage) -> Grants {
    let mut ends: Vec<End> = stage.tenants.iter().flat_map(Tenant::namespaces).map(|name| End::pods(&name)).collect();
    ends.push(End::pods(&stage.stranger));
    ends.push(End::pods("default"));
    ends.push(End::pods_with(DNS, "kube-system", json!({ "k8s-app": "kube-dns" })));
    ends.push(End::pods_with("other pods of kube-system", "kube-system", json!({ "k8s-app": "other" })));
    ends.push(End::address("metadata service", Ipv4Addr::new(169, 254, 169, 254)));
    ends.push(End::address("internet", Ipv4Addr::new(198, 51, 100, 7)));
    ends.push(End::address("partner", Ipv4Addr::new(203, 0, 113, 7)));
    ends.push(End::address("private network", Ipv4Addr::new(192, 168, 1, 7)));
    let mut open = BTreeSet::new();
    for tenant in &stage.tenants {
        for at in tenant.namespaces() {
            let mut allow = |direction, end: &str| open.insert((at.clone(), direction, end.to_owned()));
            allow(Direction::Egress, DNS);
            if tenant.egress && at != tenant.name {
                allow(Direction::Egress, "partner");
            }
            // The home is no environment, and opens nothing on its side.
            let is_environment = at != tenant.name;
            for other in tenant.namespaces().iter().filter(|other| (tenant.between && is_environment) || **other == at)
            {
                allow(Direction::Egress, other);
                allow(Direction::Ingress, other);
            }
        }
    }
    Grants { ends, open }
}

/// The static matrix, and tenants' own policies.
pub fn checks(stage: &Stage) -> Vec<Check> {
    let grants = grants(stage);
    let mut checks = Vec::new();
    for at in stage.tenants.iter().flat_map(Tenant::namespaces) {
        for direction in Direction::BOTH {
            for end in &grants.ends {
                let reach = |other: &End| Request::Reach { at: at.clone(), direction, other: other.clone() };
                let expected = if grants.allow(&at, direction, end) { "open" } else { "closed" };
                let name = format!("{at} {direction:?} {}", end.name);
                let check =
                    Check::new(REACH, name, &stage::nobody(), reach(end), Expected::Answer(expected.to_owned()));
                // The algebra can say both: pods of the same namespace reach each other.
                checks.push(check.with_answer(reach(&End::pods(&at)), "open"));
            }
        }
    }
    for (index, tenant) in stage.tenants.iter().enumerate() {
        let other = stage.tenants[1 - index].dev();
        for who in Kind::MEMBERS.map(|kind| stage.member(index, "admin", kind)) {
            let conforming = own_policy(&tenant.dev(), Direction::Ingress, &json!([{ "podSelector": {} }]));
            for (name, peers, within) in peers(tenant, &other) {
                for direction in Direction::BOTH {
                    let policy = own_policy(&tenant.dev(), direction, &peers);
                    let request = Request::Opening { policy, grants: grants.clone() };
                    let rule = match direction {
                        Direction::Ingress => "network-ingress",
                        Direction::Egress => "network-egress",
                    };
                    let expected = if within {
                        Expected::Answer("accepted, opens nothing".to_owned())
                    } else {
                        Expected::refused_by("tenantry-network", rule)
                    };
                    let name = format!("{}, {direction:?}: {name}", tenant.dev());
                    let check = Check::new(OPENINGS, name, &who, request, expected);
                    checks.push(check.with_control(Request::Create(conforming.clone())));
                }
            }
        }
    }
    checks
}

/// Peers that tenants may think of, and whether they stay within what is granted.
fn peers(tenant: &Tenant, other: &str) -> Vec<(&'static str, Value, bool)> {
    let by_name =
        |name: &str| json!([{ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": name } } }]);
    let by_label = |key: &str, value: &str| json!([{ "namespaceSelector": { "matchLabels": { key: value } } }]);
    let by_expression = |expression: Value| json!([{ "namespaceSelector": { "matchExpressions": [expression] } }]);
    let block = |cidr: &str| json!([{ "ipBlock": { "cidr": cidr } }]);
    let sibling = format!("{}-{}", tenant.name, tenant.environments[1]);
    vec![
        ("all pods of the own namespace", json!([{ "podSelector": {} }]), true),
        ("the own namespace by name", by_name(&tenant.dev()), true),
        ("a sibling by name", by_name(&sibling), tenant.between),
        ("siblings by the tenant's label", by_label(meta::TENANT, &tenant.name), tenant.between),
        ("nothing named", Value::Null, false),
        ("nobody in the list", json!([]), false),
        ("all namespaces", json!([{ "namespaceSelector": {} }]), false),
        (
            "some pods of all namespaces",
            json!([{ "namespaceSelector": {}, "podSelector": { "matchLabels": { "app": "x" } } }]),
            false,
        ),
        ("another tenant by name", by_name(other), false),
        ("another tenant by its label", by_label(meta::TENANT, other.split("-dev").next().unwrap_or_default()), false),
        ("every environment of that name", by_label(meta::ENVIRONMENT, "dev"), false),
        (
            "every namespace but one",
            by_expression(json!({ "key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["x"] })),
            false,
        ),
        ("every tenant", by_expression(json!({ "key": meta::TENANT, "operator": "Exists" })), false),
        ("the own pods, and all namespaces", json!([{ "podSelector": {} }, { "namespaceSelector": {} }]), false),
        ("kube-system", by_name("kube-system"), false),
        ("all addresses", block("0.0.0.0/0"), false),
        ("all addresses of IPv6", block("::/0"), false),
        ("addresses of pods", block("10.0.0.0/8"), false),
        ("the metadata service", block("169.254.169.254/32"), false),
    ]
}

/// A tenant's own policy with one rule.
fn own_policy(namespace: &str, direction: Direction, peers: &Value) -> Value {
    let (rules, field, word) = match direction {
        Direction::Ingress => ("ingress", "from", "Ingress"),
        Direction::Egress => ("egress", "to", "Egress"),
    };
    let rule = if peers.is_null() { json!({}) } else { json!({ field: peers }) };
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "own", "namespace": namespace },
        "spec": { "podSelector": {}, "policyTypes": [word], rules: [rule] },
    })
}
