//! Stories of add-ons that a cluster may have or not: they come, are used, and go.

use serde_json::{Value, json};

use super::super::scenario::{Scenario, Step};
use super::established;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const MAPS: &str = "/api/v1/namespaces/acme-dev/configmaps";
const APPLICATIONS: &str = "/apis/tenantry.dev/v1alpha1/namespaces/acme-dev/applications";

/// The stories.
pub fn addons() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "an add-on comes and goes",
            "an application is to be scaled by KEDA, which is installed later, asked for more, and removed again",
            [established(&["dev"]), vec![platform(), scaled()]].concat(),
            vec![
                keda(),
                Step::Settle,
                Step::Edit(format!("{APPLICATIONS}/web"), json!({"spec": {"scaling": {"maxReplicas": 6}}})),
                Step::Settle,
                Step::Delete(format!("{DEFINITIONS}/scaledobjects.keda.sh")),
            ],
        ),
        Scenario::new(
            "an add-on is no longer wanted",
            "an application is scaled by KEDA, then by nothing, while the add-on stays",
            [established(&["dev"]), vec![platform(), keda(), scaled(), Step::Settle]].concat(),
            vec![Step::Edit(format!("{APPLICATIONS}/web"), json!({"spec": {"scaling": null}}))],
        ),
        Scenario::new(
            "configuration changes",
            "an application uses a ConfigMap that comes later, is changed, and goes; its pods are replaced for each",
            [established(&["dev"]), vec![watchful(), configured(), Step::Settle]].concat(),
            vec![
                Step::Create(MAPS.into(), settings("a")),
                Step::Settle,
                Step::Edit(format!("{MAPS}/settings"), json!({"data": {"key": "b"}})),
                Step::Settle,
                Step::Delete(format!("{MAPS}/settings")),
            ],
        ),
    ]
}

/// A platform that wants pods replaced for what they are configured by.
fn watchful() -> Step {
    let body = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": {"name": "default"},
        "spec": {"rolloutOnChange": ["ConfigMap", "Secret"]},
    });
    Step::Create("/apis/tenantry.dev/v1alpha1/tenantryplatforms".into(), body)
}

fn configured() -> Step {
    let body = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": "web", "namespace": "acme-dev"},
        "spec": {"image": "registry.example/a:1", "envFrom": [{"configMapRef": {"name": "settings", "optional": true}}]},
    });
    Step::Create(APPLICATIONS.into(), body)
}

fn settings(value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"key": value}})
}

fn platform() -> Step {
    let body = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": {"name": "default"},
        "spec": {"prometheus": {"serverAddress": "http://prometheus.monitoring.svc:9090"}},
    });
    Step::Create("/apis/tenantry.dev/v1alpha1/tenantryplatforms".into(), body)
}

fn scaled() -> Step {
    let metric = json!({"type": "Prometheus", "query": "sum(asked)", "value": "5"});
    let body = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": "web", "namespace": "acme-dev"},
        "spec": {"image": "registry.example/a:1", "scaling": {"maxReplicas": 3, "metrics": [metric]}},
    });
    Step::Create(APPLICATIONS.into(), body)
}

fn keda() -> Step {
    let schema: Value = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let version = json!({"name": "v1alpha1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}});
    let body = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "scaledobjects.keda.sh"},
        "spec": {
            "group": "keda.sh", "scope": "Namespaced", "versions": [version],
            "names": {"kind": "ScaledObject", "plural": "scaledobjects", "singular": "scaledobject", "listKind": "ScaledObjectList"},
        },
    });
    Step::Create(DEFINITIONS.into(), body)
}
