//! Network policies add up, so a tenant's own could open what Tenantry's keep closed; and whoever writes endpoints sends a
//! Service's traffic anywhere.

use crate::policies::rule::{CHANGE, Exempt, Group, Rule, Target, WRITE};

/// Network policies.
pub const NETWORK: Group = Group {
    name: "network",
    targets: &[Target { groups: &["networking.k8s.io"], resources: &["networkpolicies"] }],
    pod: "",
    template: "",
    rules: &[
        Rule {
            name: "network-ingress",
            expression: "!has(object.spec.ingress) || object.spec.ingress.all(r, has(r.from) && r.from.size() > 0 && r.from.all(p, has(p.ipBlock) ? {service-types}.split(',').exists(t, t == 'NodePort' || t == 'LoadBalancer') : (!has(p.namespaceSelector) || ({own-namespaces}))))",
            operations: WRITE,
            resources: &[],
            exempt: Exempt::Platform,
            field: "spec.network",
            allowed: "",
            message: "this policy lets in more than the Tenant allows: name where traffic may come from in each rule; other namespaces by kubernetes.io/metadata.name, only the tenant's own and only with betweenEnvironments: Allow; ipBlock only with Services of type NodePort or LoadBalancer",
        },
        Rule {
            name: "network-egress",
            expression: "!has(object.spec.egress) || object.spec.egress.all(r, has(r.to) && r.to.size() > 0 && r.to.all(p, !has(p.ipBlock) && (!has(p.namespaceSelector) || ({own-namespaces}))))",
            operations: WRITE,
            resources: &[],
            exempt: Exempt::Platform,
            field: "spec.network.egress",
            allowed: "",
            message: "this policy lets out more than the Tenant allows: what the Tenant grants is open for all pods already, and a policy can open nothing besides but pods of the tenant's own namespaces",
        },
    ],
};

/// Where Services send traffic.
pub const ENDPOINTS: Group = Group {
    name: "endpoints",
    targets: &[
        Target { groups: &[""], resources: &["endpoints"] },
        Target { groups: &["discovery.k8s.io"], resources: &["endpointslices"] },
    ],
    pod: "",
    template: "",
    rules: &[Rule {
        name: "endpoints",
        expression: "false",
        operations: CHANGE,
        resources: &[],
        exempt: Exempt::PlatformAndSystem,
        field: "",
        allowed: "",
        message: "endpoints could send a Service's traffic to another tenant's pods and are not for tenants: give the Service a selector",
    }],
};
