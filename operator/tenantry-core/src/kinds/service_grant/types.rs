//! The ServiceGrant resource as users write it and as its status tells it.

#![allow(clippy::duplicated_attributes)] // Each print column names its own type; clippy reads them as one list.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::Condition;
use crate::kinds::service_route::types::{Backend, RateLimit};

/// A contract between two teams: one lets another tenant call a service of its own, or accepts what another lets it call. Neither side
/// opens anything alone.
#[derive(Debug, Clone, Default, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "ServiceGrant",
    shortname = "sgrant",
    category = "tenantry",
    namespaced,
    status = "ServiceGrantStatus",
    derive = "PartialEq",
    cel,
    doc = "A contract between two teams: one lets another tenant call a service of its own, or accepts what another lets it call. Neither side opens anything alone.",
    printcolumn(name = "Provider", type_ = "string", json_path = ".status.provider", description = "What is called"),
    printcolumn(name = "Consumer", type_ = "string", json_path = ".status.consumer", description = "Who may call it"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".status.expiresAt", description = "Until when"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state", description = "Offered, Opening, Active or Expired"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status", description = "Usable now"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason", description = "Why"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Since it was created"),
    validation = Rule::new("has(self.spec.accept) != has(self.spec.provider)").message("spec: name either provider and consumer, to let another tenant call something, or accept, to take what another lets you call"),
    validation = Rule::new("has(self.spec.provider) == has(self.spec.consumer)").message("spec: provider and consumer belong together"),
    validation = Rule::new("!has(self.spec.tools) || size(self.spec.tools) == 0 || (has(self.spec.provider) && has(self.spec.provider.mcpServerRef))").message("spec.tools: only an McpServer has tools: name it by provider.mcpServerRef, or remove tools").field_path(".spec.tools"),
    validation = Rule::new("(!has(self.spec.methods) && !has(self.spec.tools) && !has(self.spec.rateLimit)) || self.metadata.name.matches('^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$')").message("metadata.name becomes the name of the gate that holds callers to methods, tools and rateLimit: use at most 63 lower-case letters, digits and dashes, beginning with a letter"),
    validation = Rule::new("!has(self.spec.accept) || (!has(self.spec.expiresAt) && !has(self.spec.methods) && !has(self.spec.tools) && !has(self.spec.rateLimit) && !has(self.spec.terms) && !has(self.spec.version))").message("spec: what is granted is the provider's to say: remove all beside accept"),
)]
#[serde(rename_all = "camelCase")]
pub struct ServiceGrantSpec {
    /// What may be called, in the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Backend>,
    /// Who may call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer: Option<Consumer>,
    /// The ServiceGrant of another tenant that is taken. All pods in this namespace may call what it grants;
    /// `status.binding` says where. A workload that refers to what is granted takes it by that, for itself alone, and needs no ServiceGrant here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept: Option<Accept>,
    /// The HTTP methods that are granted. Absent: all. With it the consumer calls a gate instead of the service, which lets nothing else
    /// through; so it does with `tools` and `rateLimit`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 9), inner(length(max = 16), regex(pattern = r"^[A-Z]+$")))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub methods: Vec<String>,
    /// The tools of an McpServer that are granted, and of what it has besides nothing. Absent: all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 128)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub tools: Vec<String>,
    /// How many requests are granted. What comes after is answered by HTTP 429. The one pod of the gate counts; when it is replaced, it begins
    /// anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// When it ends by itself. Absent: when it is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time", "maxLength" = 64))]
    pub expires_at: Option<jiff::Timestamp>,
    /// The version of the contract, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub version: Option<String>,
    /// What has been agreed upon, for people. Up to 4096 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub terms: Option<String>,
}

/// Who may call it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Consumer {
    /// The tenant.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub tenant: String,
    /// The environment of it. Absent: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub environment: Option<String>,
    /// The ServiceAccounts of it whose workloads may. Absent: all. Which account other pods run as cannot be told, so then
    /// nobody can take it by `accept`, which is for all pods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 100),
        inner(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub service_accounts: Vec<String>,
}

/// A ServiceGrant of another tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accept {
    /// Its namespace.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
}

/// How a ServiceGrant stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceGrantStatus {
    /// Generation of the spec that this status was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Accepted, ResolvedRefs, Applied; Available where a gate holds callers to it; Suspended while a side is in quarantine; Reconciling and Stalled only while True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Whether both sides agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<GrantState>,
    /// What is called, as `Kind namespace/name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200))]
    pub provider: Option<String>,
    /// Who may call it, as `tenant/environment`, with `*` for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200))]
    pub consumer: Option<String>,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time", "maxLength" = 64))]
    pub expires_at: Option<jiff::Timestamp>,
    /// Who makes use of it, as `Kind namespace/name`. The first 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(max = 200)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub consumers: Vec<String>,
    /// Where pods of a namespace that has accepted it call it, in the words of servicebinding.io.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<GrantBinding>,
}

/// Where something is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct GrantBinding {
    /// What is spoken: http.
    #[serde(rename = "type")]
    #[schemars(length(max = 63))]
    pub type_: String,
    /// Who provides the binding: tenantry.
    #[schemars(length(max = 63))]
    pub provider: String,
    /// The address.
    #[schemars(length(max = 512))]
    pub uri: String,
    /// The name in it.
    #[schemars(length(max = 253))]
    pub host: String,
    /// The port in it.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
}

/// Whether both sides agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GrantState {
    /// The provider has offered it, and nobody has taken it: nothing is open.
    Offered,
    /// Both sides agree, and the gate between them is not available yet.
    Opening,
    /// Both sides agree, and the way is open.
    Active,
    /// It has ended by itself.
    Expired,
}
