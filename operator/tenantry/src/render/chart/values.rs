//! The values of the Helm chart, for their JSON schema. The values themselves are in `charts/tenantry/values.yaml`.

#![expect(dead_code, reason = "these structs exist for their schema; no value of them is ever made")]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use crate::settings::Settings;

/// Values of the Helm chart `tenantry`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct Values {
    /// Values shared with other charts, when this one is a dependency. Not used.
    global: Anything,
    /// The operator's image.
    image: Image,
    /// Secrets with which the image is pulled.
    image_pull_secrets: Vec<LocalReference>,
    /// How many replicas run; one of them leads, the others stand by.
    #[schemars(range(min = 0, max = 9))]
    replicas: u16,
    /// Namespaces in which the operator may read Secrets and ConfigMaps, to copy them to tenants. They must exist, and be in
    /// spec.replicateFrom of the TenantryPlatform.
    replicate_from: Vec<String>,
    /// Settings of the operator, as `tenantry run --help` explains them. What is left out has the program's default.
    settings: Settings,
    /// The CustomResourceDefinitions.
    crds: Crds,
    /// The admission policies.
    policies: Policies,
    /// Requests and limits of the operator's container.
    resources: Anything,
    /// Labels that nodes must have to run the operator.
    node_selector: BTreeMap<String, String>,
    /// Taints that the operator's pods tolerate.
    tolerations: Vec<Anything>,
    /// Affinity of the operator's pods.
    affinity: Anything,
    /// Priority class of the operator's pods; empty for the cluster's default.
    priority_class_name: String,
    /// Labels to add to the operator's pods.
    pod_labels: BTreeMap<String, String>,
    /// Annotations to add to the operator's pods.
    pod_annotations: BTreeMap<String, String>,
    /// The operator's ServiceAccount.
    service_account: ServiceAccount,
    /// How the API server ranks the operator's requests.
    flow_schemas: Switch,
    /// Bounds how many replicas may be evicted at once.
    pod_disruption_budget: Switch,
    /// How metrics are collected.
    metrics: Metrics,
}

/// An image.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct Image {
    /// Registry and repository.
    repository: String,
    /// Tag; empty for the chart's appVersion.
    tag: String,
    /// Digest such as `sha256:…`; wins over the tag.
    #[schemars(regex(pattern = "^(sha256:[0-9a-f]{64})?$"))]
    digest: String,
    /// When it is pulled.
    pull_policy: PullPolicy,
}

/// When an image is pulled.
#[derive(Serialize, JsonSchema)]
enum PullPolicy {
    Always,
    IfNotPresent,
    Never,
}

/// The name of an object in the operator's namespace.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct LocalReference {
    /// The name.
    name: String,
}

/// How the CustomResourceDefinitions are treated.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Crds {
    /// Whether this chart installs and upgrades them.
    install: bool,
    /// Whether they stay when the release is uninstalled. Without them, all Tenants are gone.
    keep: bool,
}

/// How the admission policies are treated.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Policies {
    /// Whether they stay when the release is uninstalled. Without them, members of tenants keep their rights and nothing limits
    /// what they do with them.
    keep: bool,
}

/// The operator's ServiceAccount.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ServiceAccount {
    /// Annotations to add to it.
    annotations: BTreeMap<String, String>,
}

/// Something that is made or not.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Switch {
    /// Whether it is made.
    enabled: bool,
}

/// How metrics are collected.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct Metrics {
    /// A ServiceMonitor for the Prometheus operator.
    service_monitor: ServiceMonitor,
}

/// A ServiceMonitor.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ServiceMonitor {
    /// Whether it is made.
    enabled: bool,
    /// How often metrics are read.
    interval: String,
    /// Labels by which a Prometheus selects it.
    labels: BTreeMap<String, String>,
}

/// Any map; its own schema is Kubernetes'.
type Anything = BTreeMap<String, Value>;

/// The schema, in the dialect that every Helm understands.
pub(in crate::render) fn schema() -> Value {
    let generator = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true).into_generator();
    let mut schema = generator.into_root_schema_for::<Values>().to_value();
    make_optional(&mut schema);
    schema
}

/// Nothing is required of a user: what is left out comes from `values.yaml`, or from the program.
fn make_optional(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.remove("required");
            fields.values_mut().for_each(make_optional);
        }
        Value::Array(items) => items.iter_mut().for_each(make_optional),
        _ => {}
    }
}
