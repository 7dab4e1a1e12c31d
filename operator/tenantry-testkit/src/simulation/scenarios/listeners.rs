//! Stories of listeners of tenants' own in a Gateway that is somebody else's.

use serde_json::{Value, json};

use super::super::scenario::{Scenario, Step};
use super::routes::{GATEWAY_API, definitions, gateway_class};
use super::{TENANTS, class, create, delete, edit, established, namespace, tenant};

const PLATFORM: &str = "/apis/tenantry.dev/v1alpha1/tenantryplatforms";

/// The stories.
pub fn listeners() -> Vec<Scenario> {
    let globex = format!("{TENANTS}/globex");
    let hosts = |names: Value| json!({"spec": {"hostnames": names}});
    let mode = |mode: &str| json!({"spec": {"gateways": [profile(mode)]}});
    vec![Scenario::new(
        "listeners in a gateway",
        "its owner consents, puts it back as it was and takes the consent away again; hostnames change, tenants go, the platform chooses another mode and returns",
        [established(&["dev"]), definitions(), vec![platform(), gateway_class(), namespace("gateways")]].concat(),
        vec![
            gateway(&json!({})),
            edit(json!({"hostnames": ["acme.example"]})),
            Step::Edit(globex.clone(), hosts(json!(["*.globex.example"]))),
            Step::Settle,
            consent(&json!("true")),
            Step::Settle,
            // What is in an owner's own files has no listeners of tenants'.
            Step::Edit(gateway_path(), json!({"spec": {"listeners": [web(), other()]}})),
            Step::Settle,
            edit(json!({"hostnames": ["*.acme.example"]})),
            Step::Settle,
            consent(&Value::Null),
            Step::Settle,
            consent(&json!("true")),
            Step::Settle,
            delete(),
            Step::Settle,
            Step::Edit(format!("{PLATFORM}/default"), mode("SharedListener")),
            Step::Settle,
            Step::Edit(format!("{PLATFORM}/default"), mode("ManagedListener")),
        ],
    )]
}

/// So many tenants that want a listener in one Gateway at once; every other one goes again.
pub fn crowd(count: usize) -> Scenario {
    let names: Vec<String> = (0..count).map(|number| format!("team-{number:02}")).collect();
    let one = |name: &String| {
        let mut tenant = tenant(name, &["dev"]);
        tenant["spec"]["hostnames"] = json!([format!("{name}.example")]);
        create(tenant)
    };
    let arrivals = names.iter().map(one);
    let departures = names.iter().step_by(2).map(|name| Step::Delete(format!("{TENANTS}/{name}")));
    let steps = arrivals.chain([Step::Settle]).chain(departures);
    Scenario::new(
        "a crowd at a gateway",
        "tenants want a listener in one Gateway at once; every other one goes again",
        [
            vec![class()],
            definitions(),
            vec![platform(), gateway_class(), namespace("gateways"), gateway(&json!({MANAGED: "true"})), Step::Settle],
        ]
        .concat(),
        steps.collect(),
    )
}

const MANAGED: &str = "tenantry.dev/managed-listeners";

fn profile(mode: &str) -> Value {
    json!({
        "name": "all", "hosts": ["infra-proxy"], "gatewayRef": {"namespace": "gateways", "name": "shared"}, "mode": mode,
    })
}

fn platform() -> Step {
    let body = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": {"name": "default"},
        "spec": {"gateways": [profile("ManagedListener")]},
    });
    Step::Create(PLATFORM.into(), body)
}

fn gateway_path() -> String {
    format!("/apis/{GATEWAY_API}/v1/namespaces/gateways/gateways/shared")
}

fn consent(value: &Value) -> Step {
    Step::Edit(gateway_path(), json!({"metadata": {"annotations": {MANAGED: value}}}))
}

fn web() -> Value {
    json!({"name": "web", "port": 80, "protocol": "HTTP"})
}

fn other() -> Value {
    json!({"name": "other", "port": 8080, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}})
}

fn gateway(annotations: &Value) -> Step {
    let body = json!({
        "apiVersion": format!("{GATEWAY_API}/v1"), "kind": "Gateway",
        "metadata": {"name": "shared", "namespace": "gateways", "annotations": annotations},
        "spec": {"gatewayClassName": "any", "listeners": [web()]},
        "status": {"conditions": [{"type": "Programmed", "status": "True"}]},
    });
    Step::Create(format!("/apis/{GATEWAY_API}/v1/namespaces/gateways/gateways"), body)
}
