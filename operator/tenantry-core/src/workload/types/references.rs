//! What a workload calls.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What a workload calls. Each entry becomes environment variables, an entry of `/etc/tenantry/bindings.json`, and a way through
/// the network policies of both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Connections {
    /// Models. The first is also found under `OPENAI_BASE_URL`. At most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub models: Vec<ModelRef>,
    /// MCP servers. At most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub tools: Vec<ToolRef>,
    /// Agents. At most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub peers: Vec<PeerRef>,
}

/// A workload of the same tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    /// Its name.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// Its namespace. Absent: the same. Another one only if it is an environment of the same tenant and the Tenant says
    /// `betweenEnvironments: Allow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub namespace: Option<String>,
}

/// A model to call. Exactly one of modelDeploymentRef and external is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.modelDeploymentRef) != has(self.external)").message("name exactly one of modelDeploymentRef and external"))]
pub struct ModelRef {
    /// What this workload calls it: `TENANTRY_MODEL_<NAME>_URL`.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// A ModelDeployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_deployment_ref: Option<Reference>,
    /// A model outside the cluster. What the Tenant's egress does not open stays closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalModel>,
}

/// A model outside the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalModel {
    /// Its OpenAI-compatible base address, such as `https://models.example/v1`.
    #[schemars(length(min = 8, max = 512), regex(pattern = r"^https?://[^\s]+$"))]
    pub base_url: String,
    /// Name of the model there.
    #[schemars(length(min = 1, max = 128))]
    pub model: String,
    /// Where its key is, in a Secret in the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<super::KeyRef>,
}

/// An MCP server to call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.toolNames) || !has(self.requireApproval) || self.requireApproval.all(one, one in self.toolNames)").message("a tool that needs approval is not among toolNames: add it there, or remove it").field_path(".requireApproval"))]
pub struct ToolRef {
    /// The McpServer.
    pub mcp_server_ref: Reference,
    /// The tools that are meant to be used. Absent: all. At most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 128)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub tool_names: Vec<String>,
    /// The tools that somebody must agree to each time. The workload is told; it must ask. At most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 128)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub require_approval: Vec<String>,
}

/// An agent to call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeerRef {
    /// The Agent.
    pub agent_ref: Reference,
}

/// Which requests are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Match {
    /// Headers that they all carry, with these values. At most 8.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 8, "additionalProperties" = { "type": "string", "maxLength": 256 }))]
    #[x_kube(validation = Rule::new("self.all(key, key.matches('^[A-Za-z0-9-]{1,64}$'))").message("names of headers are letters, digits and dashes, at most 64"))]
    pub headers: BTreeMap<String, String>,
}
