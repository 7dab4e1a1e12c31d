//! The TenantClass resource: what its tenants get by default and what they may not exceed.

#![allow(clippy::duplicated_attributes)] // Each print column names its own type; clippy reads them as one list.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::conditions::Condition;
use crate::fields::{
    AtRest, Audit, Classes, DeletionPolicy, Encryption, EnvironmentQuota, Images, Limits, Metadata, Permission,
    PodSecurity, Quantities, REGISTRY, ServiceType, Services, Stage,
};

/// Defaults and bounds for tenants.
#[derive(Debug, Clone, Default, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "TenantClass",
    plural = "tenantclasses",
    shortname = "tclass",
    category = "tenantry",
    status = "TenantClassStatus",
    derive = "PartialEq",
    cel,
    doc = "Defaults and bounds for tenants.",
    printcolumn(
        name = "Description",
        type_ = "string",
        json_path = ".spec.description",
        description = "For people",
        priority = 1
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status",
        description = "Usable now"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason",
        description = "Why"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Since it was created"
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantClassSpec {
    /// What this class is for. Up to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub description: Option<String>,
    /// What tenants of this class get where their own spec says nothing.
    #[serde(default)]
    pub defaults: Defaults,
    /// What tenants of this class may not exceed. What exceeds it is refused; what exists stays as it is.
    #[serde(default)]
    pub bounds: Bounds,
}

/// What tenants get where their own spec says nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Defaults {
    /// Total quota of a tenant. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 64))]
    pub quota: Option<Quantities>,
    /// Defaults of environments, by stage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["stage".into()]))]
    pub environments: Vec<StageDefaults>,
    /// What each container gets and may ask for. Absent: no LimitRange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// What may be reached. Absent: nothing but DNS and the own environment.
    #[serde(default)]
    pub network: NetworkDefaults,
    /// Labels and annotations for every namespace; a tenant's own entries win.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Which images may run. Absent: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<Images>,
    /// Which classes may be named. Absent: any but gateway classes and the priority classes `system-*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Classes>,
    /// Which kinds of Services may be made. Absent: ClusterIP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Services>,
    /// Whether volumes must be encrypted. Absent: Optional.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// What is kept in the audit log. Absent: Metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,
}

/// Defaults of environments of one stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StageDefaults {
    /// Which stage.
    pub stage: Stage,
    /// Quota of one environment. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<EnvironmentQuota>,
    /// Pod security level. Absent: Restricted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_security: Option<PodSecurity>,
}

/// What may be reached where a tenant says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkDefaults {
    /// Whether the tenant's environments may reach each other. Default Deny.
    #[serde(default)]
    pub between_environments: Permission,
    /// Whether the internet may be reached. Default Deny.
    #[serde(default)]
    pub internet: Permission,
    /// Whether pods may reach the cluster's own API server. Default Deny.
    #[serde(default)]
    pub api_server: Permission,
}

/// What tenants may not exceed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bounds {
    /// The most a tenant's total quota may be, by resource name; a resource named here must be in the tenant's quota.
    /// Absent: no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 64))]
    pub quota: Option<Quantities>,
    /// How many environments a tenant may have, 0 to 64. Absent: 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 64))]
    pub environments: Option<i32>,
    /// Which pod security levels may be chosen. Absent: Restricted and Baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 3))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub pod_security: Option<Vec<PodSecurity>>,
    /// Which deletion policies may be chosen. Absent: both.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub deletion_policies: Option<Vec<DeletionPolicy>>,
    /// What a tenant may open.
    #[serde(default)]
    pub network: NetworkBounds,
    /// Labels and annotations that a tenant must or must not set.
    #[serde(default)]
    pub metadata: MetadataBounds,
    /// Registries that a tenant's `images.registries` must lie in, such as `registry.example/`. Absent: any. At most 32.
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
    /// Classes that a tenant may allow itself. Absent: any but the priority classes `system-*`.
    #[serde(default)]
    pub classes: Classes,
    /// Hostnames that a tenant may have: `shop.example`, or `*.example` for all below. Absent: any. At most 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 64),
        inner(
            length(max = 253),
            regex(pattern = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$")
        )
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub hostnames: Option<Vec<String>>,
    /// Types of Services that a tenant may have. Absent: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub service_types: Option<Vec<ServiceType>>,
    /// Required: a tenant may not set `encryption.atRest: Optional`.
    #[serde(default)]
    pub encryption_at_rest: AtRest,
}

/// What a tenant may open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkBounds {
    /// Whether a tenant may set `internet: Allow`. Default Deny.
    #[serde(default)]
    pub internet: Permission,
    /// Whether a tenant may set `apiServer: Allow`. Default Deny.
    #[serde(default)]
    pub api_server: Permission,
    /// Networks that `egress` entries must lie in. Absent: none, so no egress entry is accepted. At most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 43)))]
    #[x_kube(merge_strategy = ListMerge::Set, validation = Rule::new("self.all(e, isCIDR(e))").message("each entry must be a network in CIDR notation such as 203.0.113.0/24; 0.0.0.0/0 allows every IPv4 network"))]
    pub egress: Vec<String>,
}

/// Labels and annotations that a tenant must or must not set in `spec.metadata`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetadataBounds {
    /// Label keys that a tenant must set. At most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        inner(
            length(min = 1, max = 317),
            regex(pattern = r"^([a-z0-9.-]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
        )
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub required_labels: Vec<String>,
    /// Label and annotation keys that a tenant must not set; `example.com/*` names a whole prefix. At most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(
            length(min = 1, max = 317),
            regex(pattern = r"^([a-z0-9.-]+/)?([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?|\*)$")
        )
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub forbidden_keys: Vec<String>,
}

/// What the operator last saw.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantClassStatus {
    /// Generation of the spec that this status was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}
