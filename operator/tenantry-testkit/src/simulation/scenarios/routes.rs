//! Stories of routes through gateways, and of contracts between tenants.

use serde_json::{Value, json};

use super::super::scenario::{Scenario, Step};
use super::established;

const OURS: &str = "/apis/tenantry.dev/v1alpha1/namespaces";
pub(super) const GATEWAY_API: &str = "gateway.networking.k8s.io";

/// The stories.
pub fn routes() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "a contract",
            "an agent refers to tools of another tenant; they are offered later, for a while; then the offer goes and comes again",
            [established(&["dev"]), vec![tools(), borrower(), Step::Settle]].concat(),
            vec![
                offer("tickets"),
                Step::Settle,
                Step::Delete(format!("{OURS}/globex-dev/servicegrants/tickets")),
                Step::Settle,
                offer("again"),
                Step::Settle,
                Step::Delete(format!("{OURS}/acme-dev/agents/borrower")),
            ],
        ),
        Scenario::new(
            "a contract of two resources",
            "an offer is accepted for a whole namespace, first by the wrong tenant's word, and taken back by its other end",
            [established(&["dev"]), vec![tools(), acceptance(), Step::Settle]].concat(),
            vec![offer("tickets"), Step::Settle, Step::Delete(format!("{OURS}/acme-dev/servicegrants/theirs"))],
        ),
        Scenario::new(
            "a contract of some tools",
            "an agent and a whole namespace come to a server through a gate; a grant of all of it comes beside that for a while; the grant goes",
            [established(&["dev"]), vec![bridge(), tools(), borrower(), acceptance(), Step::Settle]].concat(),
            vec![
                some_tools("tickets"),
                Step::Settle,
                offer("whole"),
                Step::Settle,
                Step::Delete(format!("{OURS}/globex-dev/servicegrants/whole")),
                Step::Settle,
                Step::Delete(format!("{OURS}/globex-dev/servicegrants/tickets")),
            ],
        ),
        Scenario::new(
            "a route is renamed",
            "another one of the tenant waits for the path, the first is deleted, and stays until the other is served; one is deleted with nobody after it",
            with_a_route(),
            vec![
                route_called("acme-dev", "table"),
                Step::Settle,
                Step::Delete(format!("{OURS}/acme-dev/serviceroutes/desk")),
                Step::Settle,
                route_called("acme-dev", "chair"),
                Step::Settle,
                Step::Delete(format!("{OURS}/acme-dev/serviceroutes/chair")),
                Step::Settle,
                Step::Delete(format!("{OURS}/acme-dev/serviceroutes/table")),
            ],
        ),
        Scenario::new(
            "routes on a gateway",
            "two tenants ask for the same path; the first lets go of it; a route changes its path, its backend, and goes",
            with_a_route(),
            vec![
                route("globex-dev"),
                Step::Settle,
                Step::Edit(format!("{OURS}/acme-dev/serviceroutes/desk"), json!({"spec": {"api": {"name": "OTHER"}}})),
                Step::Settle,
                Step::Delete(format!("{OURS}/acme-dev/serviceroutes/desk")),
                Step::Settle,
                // Its route stays, and holds the path, until there is a backend again.
                Step::Delete(format!("{OURS}/globex-dev/applications/desk")),
                Step::Settle,
                desk("globex-dev"),
            ],
        ),
    ]
}

/// Two tenants, one of them with a route on the gateway.
fn with_a_route() -> Vec<Step> {
    let platforms = vec![platform(), gateway_class(), gateway()];
    let tenants = vec![desk("acme-dev"), desk("globex-dev"), route("acme-dev"), Step::Settle];
    [established(&["dev"]), definitions(), platforms, tenants].concat()
}

fn made(namespace: &str, plural: &str, kind: &str, name: &str, spec: &Value) -> Step {
    let body = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": kind,
        "metadata": {"name": name, "namespace": namespace}, "spec": spec,
    });
    Step::Create(format!("{OURS}/{namespace}/{plural}"), body)
}

fn tools() -> Step {
    let spec = json!({"image": "registry.example/a:1", "verification": {"mode": "Off"}});
    made("globex-dev", "mcpservers", "McpServer", "tickets", &spec)
}

fn borrower() -> Step {
    let spec = json!({
        "image": "registry.example/a:1",
        "tools": [{"mcpServerRef": {"name": "tickets", "namespace": "globex-dev"}}],
    });
    made("acme-dev", "agents", "Agent", "borrower", &spec)
}

fn offer(name: &str) -> Step {
    let provider = json!({"mcpServerRef": {"name": "tickets"}});
    let spec = json!({"provider": provider, "consumer": {"tenant": "acme", "environment": "dev"}});
    made("globex-dev", "servicegrants", "ServiceGrant", name, &spec)
}

fn some_tools(name: &str) -> Step {
    let provider = json!({"mcpServerRef": {"name": "tickets"}});
    let spec = json!({"provider": provider, "consumer": {"tenant": "acme", "environment": "dev"}, "tools": ["search"]});
    made("globex-dev", "servicegrants", "ServiceGrant", name, &spec)
}

fn bridge() -> Step {
    let body = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": {"name": "default"},
        "spec": {"stdioBridge": {"image": "registry.example/bridge:1"}},
    });
    Step::Create("/apis/tenantry.dev/v1alpha1/tenantryplatforms".into(), body)
}

fn acceptance() -> Step {
    let spec = json!({"accept": {"namespace": "globex-dev", "name": "tickets"}});
    made("acme-dev", "servicegrants", "ServiceGrant", "theirs", &spec)
}

fn desk(namespace: &str) -> Step {
    let spec = json!({"image": "registry.example/a:1", "ports": [{"name": "http", "port": 8080}]});
    made(namespace, "applications", "Application", "desk", &spec)
}

fn route(namespace: &str) -> Step {
    route_called(namespace, "desk")
}

fn route_called(namespace: &str, name: &str) -> Step {
    let spec = json!({"backend": {"applicationRef": {"name": "desk"}}, "api": {"name": "DESK", "version": "v1"}});
    made(namespace, "serviceroutes", "ServiceRoute", name, &spec)
}

fn platform() -> Step {
    let profile = json!({
        "name": "all", "hosts": ["infra-proxy"], "gatewayRef": {"namespace": "default", "name": "shared"},
    });
    let body = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": {"name": "default"},
        "spec": {"gateways": [profile]},
    });
    Step::Create("/apis/tenantry.dev/v1alpha1/tenantryplatforms".into(), body)
}

pub(super) fn definitions() -> Vec<Step> {
    let kinds = [
        ("GatewayClass", "gatewayclasses", "Cluster"),
        ("Gateway", "gateways", "Namespaced"),
        ("HTTPRoute", "httproutes", "Namespaced"),
        ("GRPCRoute", "grpcroutes", "Namespaced"),
    ];
    kinds.into_iter().map(|(kind, plural, scope)| definition(kind, plural, scope)).collect()
}

fn definition(kind: &str, plural: &str, scope: &str) -> Step {
    let schema: Value = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}});
    let body = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{GATEWAY_API}")},
        "spec": {
            "group": GATEWAY_API, "scope": scope, "versions": [version],
            "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List")},
        },
    });
    Step::Create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions".into(), body)
}

/// Of a controller that has taken it: here nobody else writes a status.
pub(super) fn gateway_class() -> Step {
    let features = ["HTTPRoutePathRewrite"].map(|name| json!({"name": name}));
    let body = json!({
        "apiVersion": format!("{GATEWAY_API}/v1"), "kind": "GatewayClass", "metadata": {"name": "any"},
        "spec": {"controllerName": "example.com/any"},
        "status": {"conditions": [{"type": "Accepted", "status": "True"}], "supportedFeatures": features},
    });
    Step::Create(format!("/apis/{GATEWAY_API}/v1/gatewayclasses"), body)
}

fn gateway() -> Step {
    let body = json!({
        "apiVersion": format!("{GATEWAY_API}/v1"), "kind": "Gateway", "metadata": {"name": "shared", "namespace": "default"},
        "spec": {"gatewayClassName": "any", "listeners": [{"name": "web", "port": 80, "protocol": "HTTP"}]},
        "status": {"conditions": [{"type": "Programmed", "status": "True"}]},
    });
    Step::Create(format!("/apis/{GATEWAY_API}/v1/namespaces/default/gateways"), body)
}
