//! The TenantView resource: what members may know of their own Tenant. The operator writes all of it. Nothing in it is
//! another tenant's, and nobody's identity is: it names member entries, not their subjects.

#![allow(clippy::duplicated_attributes)] // Each print column names its own type; clippy reads them as one list.

use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::Condition;
use crate::fields::{AtRest, AuditLevel, Images, Limits, Permission, PodSecurity, ServiceType, Stage};
use crate::kinds::tenant::types::{
    Contact, EffectiveClasses, Egress, QuotaStatus, ReplicaKind, Role, Suspend, TotalQuota,
};

/// What members may know of their own Tenant: what is in force, and how it stands. Written by the operator.
#[derive(Debug, Clone, Default, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "TenantView",
    shortname = "tview",
    category = "tenantry",
    namespaced,
    status = "TenantViewStatus",
    derive = "PartialEq",
    cel,
    doc = "What members may know of their own Tenant: what is in force, and how it stands. It has the Tenant's name and lives in its home namespace; the operator writes it, nobody else.",
    printcolumn(
        name = "Environments",
        type_ = "string",
        json_path = ".status.ready",
        description = "Ready of all environments"
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
pub struct TenantViewSpec {
    /// Name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub display_name: Option<String>,
    /// Whom to ask about this tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// Name of the TenantClass that defaults and bounds come from.
    #[schemars(length(max = 63))]
    pub class_name: String,
    /// The environments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub environments: Vec<ViewedEnvironment>,
    /// The entries of the Tenant's members that give rights now. Who is behind each is in the RoleBindings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub members: Vec<ViewedMember>,
    /// What each container gets and may ask for. Absent: no limits of Tenantry's, unless named in `unsettled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// What may be reached besides the own environment and DNS. Absent only if named in `unsettled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<ViewedNetwork>,
    /// Which images may run. Absent only if named in `unsettled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<Images>,
    /// Which classes of the cluster may be named. Absent only if named in `unsettled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<EffectiveClasses>,
    /// Hostnames that routes may claim; none if empty, unless named in `unsettled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub hostnames: Vec<String>,
    /// Which types of Services may be made; none if empty, unless named in `unsettled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub service_types: Vec<ServiceType>,
    /// Secrets and ConfigMaps of the platform that are copied into environments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub replicated: Vec<ViewedReplica>,
    /// Whether volumes must be encrypted. Absent only if named in `unsettled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_at_rest: Option<AtRest>,
    /// How much of this tenant's writes is kept in the audit log, where the API server was given the policy for it.
    pub audit_level: AuditLevel,
    /// How the tenant is stopped. Absent: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<Suspend>,
    /// Parts of the Tenant's spec in which something was refused. What is shown of them is in force; of what is not shown,
    /// what was in force before is in force still. A namespace whose pod security is unsettled keeps its images, classes and
    /// so on as well. The platform team sees why in the Tenant's condition Accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128), inner(length(max = 128)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub unsettled: Vec<String>,
}

/// One environment, as it is meant to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ViewedEnvironment {
    /// Its name.
    #[schemars(length(max = 63))]
    pub name: String,
    /// What it is for.
    pub stage: Stage,
    /// Pod security level in force. Absent only if named in `unsettled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_security: Option<PodSecurity>,
}

/// One entry of the members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ViewedMember {
    /// Name of the entry.
    #[schemars(length(max = 63))]
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Names of the environments they may act in. Absent: all of them, and the home namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub environments: Option<Vec<String>>,
    /// When it ends. Absent: it does not end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub until: Option<Timestamp>,
}

/// What may be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ViewedNetwork {
    /// Whether the tenant's environments may reach each other.
    pub between_environments: Permission,
    /// Whether the internet may be reached.
    pub internet: Permission,
    /// Whether pods may reach the cluster's own API server.
    pub api_server: Permission,
    /// Networks outside the cluster that may be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub egress: Vec<Egress>,
}

/// Something of the platform that is copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ViewedReplica {
    /// Secret or ConfigMap.
    pub kind: ReplicaKind,
    /// Its name in the environments.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Names of the environments that get a copy. Absent: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub environments: Option<Vec<String>>,
}

/// How the tenant stands, told from the Tenant's own status whenever that is written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantViewStatus {
    /// Generation of this view that this status was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready; Reconciling only while True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Ready environments of all, such as 3/3.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub ready: Option<String>,
    /// One entry for each environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub environments: Vec<ViewedEnvironmentStatus>,
    /// The tenant's quota over all environments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<TotalQuota>,
}

/// How one environment is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ViewedEnvironmentStatus {
    /// Name of the environment.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Its namespace, once the tenant has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub namespace: Option<String>,
    /// Whether everything in it is as wanted.
    pub ready: bool,
    /// Why, in one word.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// Why, for people. Absent when ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// Its quota.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaStatus>,
}
