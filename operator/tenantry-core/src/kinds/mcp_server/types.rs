//! The McpServer resource as users write it and as its status tells it.

#![allow(clippy::duplicated_attributes)] // Each print column names its own type; clippy reads them as one list.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry_protocol::challenge::Challenge;
use tenantry_protocol::mcp::{Auth, Era, ServerInfo, Tool, Verification as Rules};

use crate::workload::types::{KeyRef, Span, Trunk, TrunkStatus};

/// Tools that agents call by the Model Context Protocol: a container that is run here, or a server elsewhere.
#[derive(Debug, Clone, Default, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "McpServer",
    shortname = "tmcp",
    category = "tenantry",
    namespaced,
    status = "McpServerStatus",
    derive = "PartialEq",
    cel,
    scale(spec_replicas_path = ".spec.scaling.minReplicas", status_replicas_path = ".status.replicas", label_selector_path = ".status.selector"),
    doc = "Tools that agents call by the Model Context Protocol: a container that is run here, or a server elsewhere.",
    printcolumn(name = "Transport", type_ = "string", json_path = ".spec.transport", description = "How it is called"),
    printcolumn(name = "Protocol", type_ = "string", json_path = ".status.verification.revision", description = "Revision of the protocol that it speaks"),
    printcolumn(name = "Tools", type_ = "integer", json_path = ".status.toolCount", description = "How many tools it has"),
    printcolumn(name = "Verified", type_ = "string", json_path = ".status.conditions[?(@.type=='Verified')].status", description = "Whether its protocol was checked"),
    printcolumn(name = "URL", type_ = "string", json_path = ".status.url", description = "Where it is called inside the cluster"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status", description = "Usable now"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason", description = "Why"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Since it was created"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$')").message("metadata.name becomes the name of a Service: use at most 63 lower-case letters, digits and dashes, beginning with a letter"),
    validation = Rule::new("!has(self.spec.stdio) || (has(self.spec.transport) && self.spec.transport == 'Stdio')").message("stdio belongs to transport Stdio: set that, or remove stdio").field_path(".spec.stdio"),
    validation = Rule::new("!has(self.spec.transport) || self.spec.transport != 'Stdio' || (has(self.spec.command) && size(self.spec.command) > 0)").message("transport Stdio needs command: the program in the image to run, as the bridge cannot know the image's own").field_path(".spec.command"),
    validation = Rule::new("has(self.spec.image) != has(self.spec.remote)").message("spec: name exactly one of image, which is run here, and remote, which is not"),
)]
#[serde(rename_all = "camelCase")]
pub struct McpServerSpec {
    /// What runs, and how. With `remote`, nothing of it counts.
    #[serde(flatten)]
    pub trunk: Trunk,
    /// StreamableHttp (default), Sse (deprecated by the protocol), or Stdio: `command` is run behind the platform's bridge, which
    /// serves it as StreamableHttp.
    #[serde(default)]
    pub transport: Transport,
    /// How a Stdio server is run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdio: Option<Stdio>,
    /// The path it is called at. Default: /mcp.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = r"^/[^\s?#]*$"))]
    pub path: Option<String>,
    /// A server that is not run here. What the Tenant's egress does not open stays closed, also to the operator that verifies it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<Remote>,
    /// Which of its tools agents may see. Not supported yet: refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<ToolFilter>,
    /// How it is checked. Absent: it is checked every five minutes, and what is wrong is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
}

/// How a server is called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Transport {
    /// HTTP requests whose answers may be streams.
    #[default]
    StreamableHttp,
    /// Its standard input and output.
    Stdio,
    /// Server-sent events, as in the protocol's first revision.
    Sse,
}

/// How a Stdio server is run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stdio {
    /// PerSession (default): each session of a client has a process of its own. Shared: one process for all, for servers that keep
    /// nothing of their clients.
    #[serde(default)]
    pub sessions: Sessions,
}

/// How processes and sessions belong together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Sessions {
    /// A process for each session.
    #[default]
    PerSession,
    /// One for all.
    Shared,
}

/// A server that is not run here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Remote {
    /// Its address.
    #[schemars(length(min = 8, max = 512), regex(pattern = r"^https?://[^\s]+$"))]
    pub url: String,
    /// Headers that its clients send, such as Authorization, with values from Secrets. Pods of agents and applications that refer to
    /// this server get each value in an environment variable, from the Secret of that name in their own namespace;
    /// `/etc/tenantry/bindings.json` tells which variable is for which header. The operator reads no Secret, so it asks the server
    /// without them. At most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub headers_from: Vec<HeaderFrom>,
}

/// A header whose value is in a Secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!self.name.matches('(?i)^(host|connection|content-.*|transfer-encoding|accept|mcp-.*)$')").message("this header is the protocol's own, and clients set it themselves: remove it").field_path(".name"))]
pub struct HeaderFrom {
    /// Its name, such as Authorization; letters, digits and dashes.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?$"))]
    pub name: String,
    /// Where its value is, all of it (`Bearer …`).
    pub secret_ref: KeyRef,
}

/// Which tools agents may see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolFilter {
    /// Only these. At most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 128)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub include: Vec<String>,
    /// Not these. At most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 128)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub exclude: Vec<String>,
}

/// How a server is checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("duration(self.interval) >= duration('10s')").message("interval: write 10s or more"))]
#[x_kube(validation = Rule::new("!has(self.approvedToolsHash) || self.pinTools").message("approvedToolsHash approves tools that are pinned: set pinTools to true as well"))]
pub struct Verification {
    /// Report (default): it is Ready only while it speaks its protocol; Verified tells what else is wrong. Enforce: it is Ready only
    /// while nothing is. Off: it is not checked.
    #[serde(default)]
    pub mode: VerificationMode,
    /// How often it is checked, at most every 10s. Default: 5m.
    #[serde(default = "interval")]
    pub interval: Span,
    /// The revision of the protocol it must speak, such as 2025-11-25.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 10, max = 10), regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub required_revision: Option<String>,
    /// Tools it must have. At most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 128)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub required_tools: Vec<String>,
    /// Whether its tools must stay as they are: those of approvedToolsHash, or without it as they were when they were first seen.
    /// Default: they may change.
    #[serde(default)]
    pub pin_tools: bool,
    /// The tools that are approved, as status.toolsHash tells them. Needs pinTools.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 64, max = 64), regex(pattern = r"^[0-9a-f]{64}$"))]
    pub approved_tools_hash: Option<String>,
}

impl Default for Verification {
    fn default() -> Self {
        Self {
            mode: VerificationMode::default(),
            interval: interval(),
            required_revision: None,
            required_tools: Vec::new(),
            pin_tools: false,
            approved_tools_hash: None,
        }
    }
}

fn interval() -> Span {
    Span::of_seconds(300)
}

/// What is done about what is wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VerificationMode {
    /// Verified tells it; what does not speak its protocol at all is not Ready.
    #[default]
    Report,
    /// It is not Ready.
    Enforce,
    /// Nobody looks.
    Off,
}

/// How an McpServer stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct McpServerStatus {
    /// What all workloads tell.
    #[serde(flatten)]
    pub trunk: TrunkStatus,
    /// What it was last seen to be.
    #[serde(flatten)]
    pub seen: Seen,
    /// The tools that it must have, if they are pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Pinned>,
}

/// What a server was last seen to be. Nothing where nobody has seen it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// What it calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_info: Option<ServerInfo>,
    /// Revisions of the protocol that it says it speaks, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 32)))]
    pub protocol_versions: Vec<String>,
    /// Which way of opening it understands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub era: Option<Era>,
    /// Names of what it says it can do, such as `tools`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 64)))]
    pub capabilities: Vec<String>,
    /// Whether it asks for credentials. Then nothing more of it can be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// What it says about them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    /// How many tools it has. Absent: nobody can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_count: Option<i32>,
    /// Its tools by name. The first 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub tools: Vec<Tool>,
    /// SHA-256 over all its tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub tools_hash: Option<String>,
    /// Which rules of the protocol it keeps. The worst 20 that it breaks are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<Rules>,
}

/// Tools that were approved.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pinned {
    /// SHA-256 over all of them.
    #[schemars(length(max = 64))]
    pub tools_hash: String,
    /// The tools by name. The first 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub tools: Vec<Tool>,
}
