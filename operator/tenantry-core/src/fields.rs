//! Field types that several kinds share. They hold what a user wrote; they decide nothing.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::Quantity;

mod allowed;

pub use allowed::{
    AtRest, Audit, AuditLevel, ClassChoice, Classes, Encryption, Images, PullPolicy, REGISTRY, ServiceType, Services,
};

/// Hard limits by resource name, as in a ResourceQuota: `requests.cpu`, `limits.memory`, `pods`, `count/jobs.batch` …
pub type Quantities = BTreeMap<String, Quantity>;

/// What an environment is for. Decides defaults, and later the order of promotion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Stage {
    /// Work in progress.
    #[default]
    Development,
    /// Rehearsal of production.
    Staging,
    /// What others rely on.
    Production,
    /// Stands in for production.
    DisasterRecovery,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Development, Self::Staging, Self::Production, Self::DisasterRecovery];

    /// The value of the stage label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
            Self::DisasterRecovery => "disaster-recovery",
        }
    }
}

/// Pod security level (Kubernetes Pod Security Standards), enforced by the API server itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum PodSecurity {
    /// Current hardening practice: no root, no privileges, no host access.
    #[default]
    Restricted,
    /// Prevents known privilege escalations only.
    Baseline,
    /// No restriction. Only where the TenantClass allows it.
    Privileged,
}

impl PodSecurity {
    /// The value of the `pod-security.kubernetes.io` labels.
    pub fn label(self) -> &'static str {
        match self {
            Self::Restricted => "restricted",
            Self::Baseline => "baseline",
            Self::Privileged => "privileged",
        }
    }
}

/// Whether something is allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Permission {
    /// No.
    #[default]
    Deny,
    /// Yes.
    Allow,
}

/// What becomes of namespaces when their Tenant or environment is removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// They stay, with their contents, and nobody of the tenant has rights in them any more.
    #[default]
    Retain,
    /// They are deleted with all that is in them, once the Tenant carries the annotation
    /// `tenantry.dev/confirm-delete` with its own uid as the value.
    Delete,
}

/// Quota of one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentQuota {
    /// What this environment always has, whatever the others use, by resource name as in a ResourceQuota. The guaranteed
    /// shares of all environments must add up to no more than the tenant's quota. What is in `max` and not here is not
    /// guaranteed. At most 64 entries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub guaranteed: Quantities,
    /// The most that this environment may ever use, by resource name as in a ResourceQuota. At most 64 entries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub max: Quantities,
}

/// Amounts for one container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(deny_unknown_fields)]
pub struct ContainerAmounts {
    /// CPU in cores, such as 500m or 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Quantity>,
    /// Memory in bytes, such as 512Mi.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Quantity>,
    /// Local disk in bytes, such as 2Gi.
    #[serde(rename = "ephemeral-storage", skip_serializing_if = "Option::is_none")]
    pub ephemeral_storage: Option<Quantity>,
}

/// What each container of a pod gets and may ask for: a LimitRange in every environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// Limits of containers that name none. Absent: `max`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<ContainerAmounts>,
    /// Requests of containers that name none. Absent: `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_request: Option<ContainerAmounts>,
    /// The largest limit a container may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<ContainerAmounts>,
    /// The smallest request a container may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<ContainerAmounts>,
}

/// Transport protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Protocol {
    /// Transmission Control Protocol.
    #[default]
    #[serde(rename = "TCP")]
    Tcp,
    /// User Datagram Protocol.
    #[serde(rename = "UDP")]
    Udp,
    /// Stream Control Transmission Protocol.
    #[serde(rename = "SCTP")]
    Sctp,
}

/// A port and its protocol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("!has(self.endPort) || self.endPort >= self.port").message("endPort must not be smaller than port: swap them, or leave endPort out").field_path(".endPort"))]
pub struct Port {
    /// Port number, 1 to 65535. With `endPort`, the first of a range.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// Last port of a range, up to 65535. Absent: `port` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub end_port: Option<i32>,
    /// TCP (default), UDP or SCTP.
    #[serde(default)]
    pub protocol: Protocol,
}

/// Labels and annotations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Labels. At most 32.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32, "additionalProperties" = { "type": "string", "maxLength": 63 }))]
    pub labels: BTreeMap<String, String>,
    /// Annotations. At most 32, each up to 1024 characters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32, "additionalProperties" = { "type": "string", "maxLength": 1024 }))]
    pub annotations: BTreeMap<String, String>,
}
