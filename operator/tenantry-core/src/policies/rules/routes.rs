//! Every way in from outside: hostnames must be granted, and no hand-made route may attach to a gateway that others share.
//! Kinds whose definitions come later are listed already: they are covered from the moment they exist.

use crate::policies::rule::{Exempt, Group, Rule, Target, WRITE};

/// Kinds of the Gateway API that bring something in from outside; members may have their own (`roles.rs`), within these rules.
pub const GATEWAY_API: &[&str] =
    &["gateways", "grpcroutes", "httproutes", "listenersets", "referencegrants", "tcproutes", "tlsroutes", "udproutes"];

const ROUTES_WITH_PARENTS: &[&str] = &["httproutes", "grpcroutes", "tlsroutes", "tcproutes", "udproutes"];

/// Routes, gateways and Ingresses.
pub const ROUTES: Group = Group {
    name: "routes",
    targets: &[
        Target { groups: &["networking.k8s.io"], resources: &["ingresses"] },
        Target { groups: &["gateway.networking.k8s.io"], resources: GATEWAY_API },
        Target { groups: &["gateway.networking.x-k8s.io"], resources: &["xlistenersets"] },
    ],
    pod: "",
    template: "",
    rules: &[
        Rule {
            name: "route-hostnames",
            expression: "has(object.spec.hostnames) && object.spec.hostnames.size() > 0 && object.spec.hostnames.all(h, {host})",
            operations: WRITE,
            resources: &["httproutes", "grpcroutes", "tlsroutes"],
            exempt: Exempt::Platform,
            field: "spec.hostnames",
            allowed: "hostnames",
            message: "each route must name hostnames, in lower case, that are granted to this tenant",
        },
        Rule {
            name: "route-parents",
            expression: "!has(object.spec.parentRefs) || object.spec.parentRefs.all(p, (!has(p.namespace) || p.namespace == '' || p.namespace == request.namespace) && !p.name.startsWith('tenantry-'))",
            operations: WRITE,
            resources: ROUTES_WITH_PARENTS,
            exempt: Exempt::Platform,
            field: "",
            allowed: "",
            message: "a route may not attach itself to a gateway that others share: name a Gateway of this namespace, not called tenantry-…",
        },
        Rule {
            name: "route-backends",
            // Some gateways lead to what is their own by kinds of theirs, such as Traefik's `api@internal`.
            expression: "!has(object.spec.rules) || object.spec.rules.all(r, !has(r.backendRefs) || r.backendRefs.all(b, (!has(b.group) || b.group == '') && (!has(b.kind) || b.kind == 'Service')))",
            operations: WRITE,
            resources: ROUTES_WITH_PARENTS,
            exempt: Exempt::Platform,
            field: "",
            allowed: "",
            message: "a route may lead to Services only: other kinds of backends can be the gateway's own",
        },
        Rule {
            name: "ingress-hosts",
            expression: "!has(object.spec.defaultBackend) && has(object.spec.rules) && object.spec.rules.size() > 0 && object.spec.rules.all(r, has(r.host) && [r.host].all(h, {host})) && (!has(object.spec.tls) || object.spec.tls.all(t, !has(t.hosts) || t.hosts.all(h, {host})))",
            operations: WRITE,
            resources: &["ingresses"],
            exempt: Exempt::Platform,
            field: "spec.hostnames",
            allowed: "hostnames",
            message: "each rule of an Ingress must name a host, in lower case, that is granted to this tenant, and there may be no defaultBackend",
        },
        Rule {
            name: "ingress-class",
            expression: "{ingress-classes} == '*' || (has(object.spec.ingressClassName) && object.spec.ingressClassName in {ingress-classes}.split(',') && (!has(object.metadata.annotations) || !('kubernetes.io/ingress.class' in object.metadata.annotations) || object.metadata.annotations['kubernetes.io/ingress.class'] in {ingress-classes}.split(',')))",
            operations: WRITE,
            resources: &["ingresses"],
            exempt: Exempt::Platform,
            field: "spec.classes.ingress",
            allowed: "ingress-classes",
            message: "this ingressClassName is not allowed to this tenant, or none is named: name one that is",
        },
        Rule {
            name: "gateway-class",
            expression: "has(object.spec.gatewayClassName) && ({gateway-classes} == '*' || object.spec.gatewayClassName in {gateway-classes}.split(','))",
            operations: WRITE,
            resources: &["gateways"],
            exempt: Exempt::Platform,
            field: "spec.classes.gateway",
            allowed: "gateway-classes",
            message: "a Gateway of this class is not allowed to this tenant: use a class that is",
        },
        Rule {
            name: "gateway-listeners",
            expression: "!has(object.spec.listeners) || object.spec.listeners.all(l, ((has(l.protocol) && l.protocol in ['TCP', 'UDP']) || (has(l.hostname) && [l.hostname].all(h, {host}))) && (!has(l.allowedRoutes) || !has(l.allowedRoutes.namespaces) || !has(l.allowedRoutes.namespaces.from) || l.allowedRoutes.namespaces.from == 'Same'))",
            operations: WRITE,
            resources: &["gateways", "listenersets", "xlistenersets"],
            exempt: Exempt::Platform,
            field: "spec.hostnames",
            allowed: "hostnames",
            message: "each listener must name a hostname, in lower case, that is granted to this tenant, and take routes of its own namespace only",
        },
        Rule {
            name: "listener-parents",
            expression: "!has(object.spec.parentRef) || ((!has(object.spec.parentRef.namespace) || object.spec.parentRef.namespace == '' || object.spec.parentRef.namespace == request.namespace) && !object.spec.parentRef.name.startsWith('tenantry-'))",
            operations: WRITE,
            resources: &["listenersets", "xlistenersets"],
            exempt: Exempt::Platform,
            field: "",
            allowed: "",
            message: "listeners may not attach themselves to a gateway that others share: name a Gateway of this namespace, not called tenantry-…",
        },
        Rule {
            name: "reference-grant",
            expression: "!has(object.spec.from) || object.spec.from.all(f, has(f.namespace) && f.namespace in {namespaces}.split(','))",
            operations: WRITE,
            resources: &["referencegrants"],
            exempt: Exempt::Platform,
            field: "",
            allowed: "namespaces",
            message: "a ReferenceGrant may let in the tenant's own namespaces only: use a ServiceGrant for other tenants",
        },
    ],
};
