//! The Agent resource as users write it and as its status tells it.

#![allow(clippy::duplicated_attributes)] // Each print column names its own type; clippy reads them as one list.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry_protocol::a2a::Card;
use tenantry_protocol::check::Issue;

use crate::workload::types::{Bound, Connections, KeyRef, Trunk, TrunkStatus};

/// A program that acts by models and tools: placed, scaled, isolated, and connected to the models, MCP servers and agents it names.
#[derive(Debug, Clone, Default, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "Agent",
    shortname = "ag",
    category = "tenantry",
    namespaced,
    status = "AgentStatus",
    derive = "PartialEq",
    cel,
    scale(spec_replicas_path = ".spec.scaling.minReplicas", status_replicas_path = ".status.replicas", label_selector_path = ".status.selector"),
    doc = "A program that acts by models and tools: placed, scaled, isolated, and connected to the models, MCP servers and agents it names.",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type", description = "How it is made"),
    printcolumn(name = "Model", type_ = "string", json_path = ".spec.models[0].name", description = "Its first model"),
    printcolumn(name = "Tools", type_ = "string", json_path = ".spec.tools[0].mcpServerRef.name", description = "Its first MCP server"),
    printcolumn(name = "URL", type_ = "string", json_path = ".status.url", description = "Where it is called inside the cluster"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status", description = "Usable now"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason", description = "Why"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Since it was created"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$')").message("metadata.name becomes the name of a Service: use at most 63 lower-case letters, digits and dashes, beginning with a letter"),
    validation = Rule::new("(self.spec.type == 'Container') == has(self.spec.image)").message("spec.image: an agent of type Container needs an image, and a declarative one has that of the platform's runtime"),
    validation = Rule::new("(self.spec.type == 'Declarative') == has(self.spec.declarative)").message("spec.declarative belongs to type Declarative, which needs it"),
)]
#[serde(rename_all = "camelCase")]
pub struct AgentSpec {
    /// Container (default): an image of your own. Declarative: the platform's runtime, told what to do.
    #[serde(rename = "type", default)]
    pub type_: AgentType,
    /// What a declarative agent is to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declarative: Option<Declarative>,
    /// What runs, and how.
    #[serde(flatten)]
    pub trunk: Trunk,
    /// What it calls.
    #[serde(flatten)]
    pub connections: Connections,
    /// Where it keeps what it remembers. Not supported yet: refused. At most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub stores: Vec<Store>,
    /// Whether other agents may call it by the A2A protocol, and what for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a2a: Option<A2a>,
}

/// How an agent is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AgentType {
    /// An image of your own.
    #[default]
    Container,
    /// The platform's runtime, told what to do.
    Declarative,
}

/// What a declarative agent is to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.systemMessage) != has(self.systemMessageFrom)").message("name exactly one of systemMessage and systemMessageFrom"))]
pub struct Declarative {
    /// Which of the platform's runtimes. Default: default.
    #[serde(default = "default_runtime")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub runtime: String,
    /// What it is told before everything else, up to 16384 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16384))]
    pub system_message: Option<String>,
    /// The same, from a key of a ConfigMap in the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_message_from: Option<KeyRef>,
    /// How often it may call a model for one request, 1 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_turns: Option<i32>,
}

fn default_runtime() -> String {
    "default".to_owned()
}

/// Where an agent keeps what it remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Store {
    /// What the agent calls it.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// The store.
    pub store_ref: StoreRef,
}

/// A store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreRef {
    /// Its kind.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// Its name.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
}

/// Whether other agents may call it by the A2A protocol, and what for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct A2a {
    /// Whether it serves a card at /.well-known/agent-card.json. The card is looked at every five minutes, and the agent is Ready only
    /// while it is right. Default: it serves none.
    #[serde(default)]
    pub enabled: bool,
    /// What it can be asked for. The agent is told, so that its card can say so. At most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".into()]))]
    pub skills: Vec<Skill>,
}

/// Something that an agent can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Skill {
    /// Its identifier.
    #[schemars(length(min = 1, max = 63))]
    pub id: String,
    /// Its name for people.
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// What it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub description: Option<String>,
    /// Words to find it by. At most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub tags: Vec<String>,
}

/// How an Agent stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentStatus {
    /// What all workloads tell.
    #[serde(flatten)]
    pub trunk: TrunkStatus,
    /// What it is bound to.
    #[serde(flatten)]
    pub bound: Bound,
    /// What it says of itself.
    #[serde(flatten)]
    pub presented: Presented,
}

/// What an agent's card says, and which rules it breaks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Presented {
    /// Its card, as it was last seen. Absent where no card is looked at, and of one that is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<Card>,
    /// Rules that the card breaks, worst first. The first 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub card_issues: Vec<Issue>,
}
