//! Services: which types, and no way to answer for addresses or names that are not the tenant's.

use crate::policies::rule::{Exempt, Group, Rule, Target, WRITE};

/// Services.
pub const SERVICES: Group = Group {
    name: "services",
    targets: &[Target { groups: &[""], resources: &["services"] }],
    pod: "",
    template: "",
    rules: &[
        Rule {
            name: "service-type",
            expression: "has(object.spec.type) && object.spec.type in {service-types}.split(',')",
            operations: WRITE,
            resources: &[],
            exempt: Exempt::Platform,
            field: "spec.services.types",
            allowed: "service-types",
            message: "Services of this type are not allowed to this tenant: use one that is",
        },
        Rule {
            name: "external-ips",
            expression: "!has(object.spec.externalIPs) || object.spec.externalIPs.size() == 0",
            operations: WRITE,
            resources: &[],
            exempt: Exempt::Platform,
            field: "",
            allowed: "",
            message: "externalIPs can take over traffic to any address and are not for tenants: leave them out",
        },
        Rule {
            name: "external-name",
            expression: "!has(object.spec.externalName) || object.spec.externalName == '' || (object.spec.externalName.contains('.') && !object.spec.externalName.lowerAscii().matches('(^|[.])(svc|cluster[.]local|local|localhost|internal)[.]?$') && !object.spec.externalName.matches('^[0-9.]+$'))",
            operations: WRITE,
            resources: &[],
            exempt: Exempt::Platform,
            field: "spec.services.types",
            allowed: "",
            message: "externalName must be a name outside the cluster, and no address: write a full public name",
        },
        Rule {
            name: "load-balancer",
            expression: "(!has(object.spec.loadBalancerIP) || object.spec.loadBalancerIP == '') && (!has(object.spec.loadBalancerClass) || object.spec.loadBalancerClass == '')",
            operations: WRITE,
            resources: &[],
            exempt: Exempt::Platform,
            field: "",
            allowed: "",
            message: "loadBalancerIP and loadBalancerClass are the platform's to choose: leave them out",
        },
    ],
};
