//! Everything that `tenantry install` puts into a cluster, in the order in which it is applied. The Helm chart says the
//! same in templates (a test compares them); what varies between clusters is in [`Installation`].

mod admission;
mod flow;
mod rights;
mod workload;

use serde_json::{Value, json};
use tenantry_core::kind::Registration;
use tenantry_core::names::OPERATOR_PODS;

use super::crds;
use crate::format::FormatError;

pub use admission::{policies, self_guard};
pub use rights::{
    EXEMPT_ROLE, OPERATOR_ROLE, OwnRule, Place, cluster_role_rules, own_rules, reader_rules, roles_for_others,
};

/// Name of the operator's Deployment, ServiceAccount and so on.
pub const NAME: &str = "tenantry";
/// Port of /healthz, /readyz and /metrics.
pub const PORT: u16 = 8080;

/// What differs from one installation to the next.
#[derive(Debug, Clone, clap::Args)]
pub struct Installation {
    /// Namespace of the operator.
    #[arg(long, default_value = "tenantry-system", value_name = "NAME")]
    pub namespace: String,

    /// Image of the operator.
    #[arg(long, default_value = concat!("ghcr.io/tenantry/tenantry:", env!("CARGO_PKG_VERSION")), value_name = "IMAGE")]
    pub image: String,

    /// How many replicas run; one of them leads, the others stand by.
    #[arg(long, default_value_t = 2, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(0..=9))]
    pub replicas: u16,

    /// Namespace in which the operator may read Secrets and ConfigMaps, to copy them to tenants; repeatable. It must exist,
    /// and be in spec.replicateFrom of the TenantryPlatform.
    #[arg(long, value_name = "NAMESPACE")]
    pub replicate_from: Vec<String>,
}

/// The objects of an installation.
pub fn all(kinds: &[Registration], installation: &Installation) -> Result<Vec<Value>, FormatError> {
    let namespace = installation.namespace.as_str();
    let mut objects = crds::all(kinds)?;
    // Before anybody has a right that they limit: members of tenants, and the operator itself.
    objects.extend(policies());
    objects.extend(self_guard(namespace));
    objects.push(workload::namespace(namespace));
    objects.push(workload::service_account(namespace));
    objects.extend(roles_for_others());
    objects.extend(rights::operator(kinds, namespace));
    objects.extend(installation.replicate_from.iter().flat_map(|from| rights::reader(kinds, from, namespace)));
    objects.extend(flow::schemas(namespace));
    objects.push(workload::service(namespace));
    objects.push(workload::disruption_budget(namespace));
    objects.push(workload::deployment(installation));
    Ok(objects)
}

/// Labels by which the operator's own objects are found. Not `managed-by`: that label marks what the operator writes.
fn labels() -> Value {
    json!({
        "app.kubernetes.io/name": NAME,
        "app.kubernetes.io/part-of": NAME,
        "app.kubernetes.io/component": "operator",
    })
}

/// Labels that select the operator's pods.
fn selector() -> Value {
    OPERATOR_PODS.into_iter().collect()
}

fn metadata(name: &str, namespace: Option<&str>) -> Value {
    let mut metadata = json!({ "name": name, "labels": labels() });
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
    }
    metadata
}
