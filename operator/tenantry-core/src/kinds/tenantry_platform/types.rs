//! The TenantryPlatform resource: what the platform team says once for the whole cluster, and what the cluster can do.

#![allow(clippy::duplicated_attributes)] // Each print column names its own type; clippy reads them as one list.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::Condition;
use crate::fields::{Port, Protocol};

mod gateways;

pub(crate) use gateways::Listened;
pub use gateways::{
    DataPlane, Exposure, GatewayMode, GatewayProfile, GatewayRef, Https, Inside, IssuerRef, OwnListeners, PolicyAdapter,
};

/// What the platform team says once for the whole cluster; its status lists what the cluster can do.
#[derive(Debug, Clone, Default, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "TenantryPlatform",
    shortname = "tplat",
    category = "tenantry",
    status = "TenantryPlatformStatus",
    derive = "PartialEq",
    cel,
    doc = "What the platform team says once for the whole cluster; its status lists what the cluster can do.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status", description = "Usable now"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason", description = "Why"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Since it was created"),
    validation = Rule::new("self.metadata.name == 'default'").message("there is one TenantryPlatform: metadata.name must be default"),
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantryPlatformSpec {
    /// Namespaces that no tenant may ever have, by name or as `prefix-*`. `default`, `kube-*` and `tenantry-system` are
    /// protected always. At most 128.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 128),
        inner(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*([a-z0-9]|-\*))?$"))
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub protected_namespaces: Vec<String>,
    /// The pods that answer DNS; every tenant may reach them, and no other pods outside.
    #[serde(default)]
    pub dns: Dns,
    /// Groups of the platform team: they have their rights by other means, and no tenant may name them as members.
    /// At most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253), regex(pattern = r"^\S+( \S+)*$")))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub trusted_groups: Vec<String>,
    /// Where pods reach the cluster's API server. Absent: `network.apiServer: Allow` is refused, as nobody says where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_server: Option<ApiServer>,
    /// The Prometheus that workloads are scaled by. Absent: what asks for that is told that nobody says where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<Prometheus>,
    /// What stands between the network and MCP servers that speak to their standard input and output alone, and between tenants where a
    /// ServiceGrant has tools, methods or a rateLimit. Absent: such servers and grants are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdio_bridge: Option<StdioBridge>,
    /// What runs agents that bring no image of their own. Absent: such agents are refused. At most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub agent_runtimes: Vec<AgentRuntime>,
    /// What replaces the pods of workloads that use it when it changes: ConfigMap, Secret. The operator must be allowed to watch both:
    /// bind it to the ClusterRole `tenantry:watches-configuration`. Absent: pods keep what they were started with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub rollout_on_change: Vec<Configuration>,
    /// The gateways through which environments are reached. Absent: ServiceRoutes are told that there is none. At most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub gateways: Vec<GatewayProfile>,
    /// StorageClasses that encrypt what they store. Kubernetes cannot tell by itself, so the platform team says so, and how
    /// it is known. At most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub encrypted_storage_classes: Vec<EncryptedStorageClass>,
    /// Namespaces whose Secrets and ConfigMaps may be replicated into tenants' environments. The operator reads Secrets in
    /// these and in no others. At most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub replicate_from: Vec<String>,
}

/// A Prometheus. Tenants choose the queries, so it must show each of them no more than all of them may know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prometheus {
    /// Where KEDA asks it, such as `http://prometheus.monitoring.svc:9090`.
    #[schemars(length(min = 8, max = 512), regex(pattern = r"^https?://[^\s]+$"))]
    pub server_address: String,
}

/// The bridge of stdio MCP servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StdioBridge {
    /// Image of `tenantry-bridge`, such as `registry.example/platform/tenantry-bridge:1.0.0`. Tenants must be allowed to use its
    /// registry.
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^[^\s]+$"))]
    pub image: String,
}

/// A program that acts as a declarative agent says. It is told by environment variables; see the documentation of workloads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentRuntime {
    /// What agents call it; `default` is that of agents that name none.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// Its image. Tenants must be allowed to use its registry.
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^[^\s]+$"))]
    pub image: String,
}

/// What pods are configured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Configuration {
    /// ConfigMaps.
    ConfigMap,
    /// Secrets. Of both the operator is sent their metadata alone.
    Secret,
}

/// A StorageClass that encrypts what it stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EncryptedStorageClass {
    /// Its name.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: String,
    /// How it is known, for people and for the tenants' status, such as `LUKS, audited 2026-10`. Up to 256 characters.
    #[schemars(length(min = 1, max = 256))]
    pub evidence: String,
}

/// The pods that answer DNS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dns {
    /// Labels of their namespace. Default: `kubernetes.io/metadata.name: kube-system`.
    #[serde(default = "dns_namespace")]
    #[schemars(extend("minProperties" = 1, "maxProperties" = 8, "additionalProperties" = { "type": "string", "maxLength": 63 }))]
    pub namespace_labels: BTreeMap<String, String>,
    /// Labels of the pods. Default: `k8s-app: kube-dns`.
    #[serde(default = "dns_pods")]
    #[schemars(extend("minProperties" = 1, "maxProperties" = 8, "additionalProperties" = { "type": "string", "maxLength": 63 }))]
    pub pod_labels: BTreeMap<String, String>,
    /// Ports they listen on. Default: 53 over UDP and TCP. 1 to 8.
    #[serde(default = "dns_ports")]
    #[schemars(length(min = 1, max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["port".into(), "protocol".into()]))]
    pub ports: Vec<Port>,
}

impl Default for Dns {
    fn default() -> Self {
        Self { namespace_labels: dns_namespace(), pod_labels: dns_pods(), ports: dns_ports() }
    }
}

fn dns_namespace() -> BTreeMap<String, String> {
    BTreeMap::from([("kubernetes.io/metadata.name".into(), "kube-system".into())])
}

fn dns_pods() -> BTreeMap<String, String> {
    BTreeMap::from([("k8s-app".into(), "kube-dns".into())])
}

fn dns_ports() -> Vec<Port> {
    vec![
        Port { port: 53, end_port: None, protocol: Protocol::Udp },
        Port { port: 53, end_port: None, protocol: Protocol::Tcp },
    ]
}

/// Where pods reach the cluster's API server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiServer {
    /// Its addresses behind the Service `kubernetes`, as networks such as 192.0.2.10/32. 1 to 16.
    #[schemars(length(min = 1, max = 16), inner(length(max = 43)))]
    #[x_kube(merge_strategy = ListMerge::Set, validation = Rule::new("self.all(e, isCIDR(e))").message("each entry must be a network in CIDR notation; one address is 192.0.2.10/32"))]
    pub cidrs: Vec<String>,
    /// Its ports. Default: 443 and 6443 over TCP. 1 to 8.
    #[serde(default = "api_server_ports")]
    #[schemars(length(min = 1, max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["port".into(), "protocol".into()]))]
    pub ports: Vec<Port>,
}

fn api_server_ports() -> Vec<Port> {
    [443, 6443].map(|port| Port { port, end_port: None, protocol: Protocol::Tcp }).into()
}

/// What the operator last saw.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantryPlatformStatus {
    /// Generation of the spec that this status was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Accepted, PoliciesEnforced, NetworkEnforcement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// What this cluster can do, beyond Kubernetes itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub capabilities: Vec<Capability>,
}

/// Something this cluster can or cannot do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capability {
    /// What it is, such as GatewayAPI.
    #[schemars(length(max = 63))]
    pub name: String,
    /// API group that brings it.
    #[schemars(length(max = 253))]
    pub group: String,
    /// The newest version served; absent when none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub version: Option<String>,
    /// Whether it is served and answers.
    pub available: bool,
}
