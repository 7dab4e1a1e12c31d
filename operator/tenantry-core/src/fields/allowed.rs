//! What a tenant may use of the cluster: images, classes, hostnames, kinds of Services. Tenant and TenantClass share these
//! types. They hold what a user wrote; what follows from it is decided in `kinds/tenant/allowed.rs`.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Stage;

/// A registry's host, perhaps a path, and a slash at the end.
pub const REGISTRY: &str =
    r"^(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+|[a-z0-9.-]+:[0-9]{1,5})(/[a-z0-9]+([._-]+[a-z0-9]+)*)*/$";

/// Which images may run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Images {
    /// Where images may come from: a registry's host, perhaps a path, and a slash at the end, such as
    /// `registry.example/acme/`. Images must be written with their registry. Absent: the class's default, else any; an
    /// empty list: none. At most 32.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 32),
        inner(
            length(max = 255),
            regex(pattern = REGISTRY)
        )
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub registries: Option<Vec<String>>,
    /// Always: every container must have `imagePullPolicy: Always`, so that nobody runs another's private image from a
    /// node's cache. Any: no rule. Absent: the class's default, else Any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_policy: Option<PullPolicy>,
    /// Stages in which images must be named by digest (`…@sha256:…`). Absent: the class's default, else none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub require_digest: Option<Vec<Stage>>,
}

/// Which pull policy containers must have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PullPolicy {
    /// No rule.
    #[default]
    Any,
    /// The registry is asked at each start.
    Always,
}

/// Which classes of the cluster may be named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Classes {
    /// StorageClasses of volume claims. Absent: the class's default, else any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<ClassChoice>,
    /// PriorityClasses of pods. Absent: the class's default, else any but `system-*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<ClassChoice>,
    /// RuntimeClasses of pods. Absent: the class's default, else any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<ClassChoice>,
    /// IngressClasses of Ingresses. Absent: the class's default, else any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<ClassChoice>,
    /// GatewayClasses of the tenant's own Gateways. Absent: the class's default, else none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<ClassChoice>,
}

/// Which classes of one kind may be named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClassChoice {
    /// Their names. An empty list: none, so that objects must name no class. At most 32.
    #[schemars(
        length(max = 32),
        inner(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub allowed: Vec<String>,
}

/// Which kinds of Services may be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Services {
    /// Types of Services. Absent: the class's default, else ClusterIP; an empty list: no Services at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub types: Option<Vec<ServiceType>>,
}

/// Type of a Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum ServiceType {
    /// Reached inside the cluster only.
    #[serde(rename = "ClusterIP")]
    ClusterIp,
    /// A port on every node.
    NodePort,
    /// An address outside, from the cloud's or the cluster's load balancer.
    LoadBalancer,
    /// A name for something outside; never for a name inside the cluster.
    ExternalName,
}

impl ServiceType {
    /// The word in `spec.type`.
    pub fn word(self) -> &'static str {
        match self {
            Self::ClusterIp => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
            Self::ExternalName => "ExternalName",
        }
    }
}

/// Whether volumes must be encrypted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Encryption {
    /// Required: only StorageClasses that the platform team says encrypt (`encryptedStorageClasses` of TenantryPlatform)
    /// may be used. Optional: any that `classes.storage` allows. Absent: the class's default, else Optional.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_rest: Option<AtRest>,
}

/// Whether volumes must be encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum AtRest {
    /// They need not be.
    #[default]
    Optional,
    /// They must be.
    Required,
}

/// What of a tenant's requests is kept in the API server's audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Audit {
    /// How much of each write: None, Metadata, Request or RequestResponse. Secrets never more than Metadata. Absent: the
    /// class's default, else Metadata. `tenantry audit-policy` makes the file that the API server needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<AuditLevel>,
}

/// How much of a request is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum AuditLevel {
    /// Nothing.
    None,
    /// Who, what and when.
    #[default]
    Metadata,
    /// And what was sent.
    Request,
    /// And what was answered.
    RequestResponse,
}
