//! The fields that all workloads have, as users write them and as their status tells them. Doc comments become `kubectl explain`.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::Condition;
use crate::fields::Quantities;

mod affinity;
mod pod;
mod references;
mod rollout;
mod scaling;
mod span;

pub use affinity::{
    Affinity, NodeAffinity, NodeOperator, NodeRequirement, NodeTerm, NodeTerms, PodAffinity, PodSelector, PodTerm,
    PreferredNode, PreferredPods,
};
pub use pod::{
    EnvFrom, EnvValue, EnvVar, ExecAction, FieldRef, File, HttpGet, KeyRef, NameRef, Placement, Probe, Probes,
    SocketAction, Spread, Toleration, TolerationEffect, TolerationOperator,
};
pub use references::{Connections, ExternalModel, Match, ModelRef, PeerRef, Reference, ToolRef};
pub use rollout::{OnFailure, Rollout, Strategy};
pub use scaling::{DescribedObject, Metric, MetricType, Provider, Scaling, ScalingBehavior, Vertical};
pub use span::Span;

/// What a workload runs, and how. The same in every kind of workload.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trunk {
    /// Container image, such as `registry.example/acme/agent@sha256:…`. It must run as a user that is not root; the Tenant says
    /// from which registries it may come.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^[^\s]+$"))]
    pub image: Option<String>,
    /// The program to run instead of the image's own. At most 64 words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 4096)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub command: Vec<String>,
    /// Arguments of the program. At most 128.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128), inner(length(max = 4096)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub args: Vec<String>,
    /// The folder in which the program starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub working_dir: Option<String>,
    /// Ports it listens on; the first is the one it is called at. At most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]), validation = Rule::new("self.all(one, self.exists_one(other, other.port == one.port))").message("two entries have the same port: give each port one entry"))]
    pub ports: Vec<WorkloadPort>,
    /// Environment variables. Those that follow from references are set besides; of the same name, these win. At most 128.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<EnvVar>,
    /// Secrets and ConfigMaps whose every key becomes an environment variable. At most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub env_from: Vec<EnvFrom>,
    /// Secrets and ConfigMaps that are files, one for each key, in a folder. At most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["mountPath".into()]))]
    pub files: Vec<File>,
    /// What each pod gets and may use. Absent: what the Tenant's limits say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Accelerators for each pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<Gpu>,
    /// How it is known that a pod has started, can be called, and is alive. Absent: it can be called when its first port
    /// accepts connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probes: Option<Probes>,
    /// On which nodes it may run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// The identity of its pods. Absent: one of its own, without a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<ServiceAccount>,
    /// How many pods there are. Absent: one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Scaling>,
    /// How pods are replaced when the spec changes. Absent: one after another, within ten minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// Publishes it on the environment's gateway: makes a ServiceRoute `<name>-<role>` for it. For anything beyond that, write one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expose: Option<Expose>,
}

/// One port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!self.name.contains('--')").message("names of ports have no two dashes in a row: choose another name").field_path(".name"))]
pub struct WorkloadPort {
    /// Its name, up to 15 characters.
    #[schemars(length(min = 1, max = 15), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// Its number, 1 to 65535; below 1024 only root may listen, which restricted pods are not.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// What is spoken there: HTTP (default), GRPC, WebSocket, TCP or UDP.
    #[serde(default)]
    pub protocol: PortProtocol,
}

/// What is spoken at a port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PortProtocol {
    /// HTTP/1.1 or HTTP/2 in clear text.
    #[default]
    #[serde(rename = "HTTP")]
    Http,
    /// gRPC in clear text.
    #[serde(rename = "GRPC")]
    Grpc,
    /// WebSocket.
    WebSocket,
    /// Any stream.
    #[serde(rename = "TCP")]
    Tcp,
    /// Datagrams.
    #[serde(rename = "UDP")]
    Udp,
}

/// What each pod gets and may use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What is kept free for each pod, such as `cpu: 500m` and `memory: 512Mi`. At most 8 entries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 8))]
    pub requests: Quantities,
    /// What no pod can use more of. At most 8 entries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 8))]
    pub limits: Quantities,
}

/// Accelerators for each pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gpu {
    /// How many for each pod, 1 to 64.
    #[schemars(range(min = 1, max = 64))]
    pub count: i32,
    /// The resource that nodes offer them as. Default: nvidia.com/gpu.
    #[serde(default = "gpu_resource")]
    #[schemars(
        length(min = 3, max = 128),
        regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
    )]
    pub resource_name: String,
}

fn gpu_resource() -> String {
    "nvidia.com/gpu".to_owned()
}

/// The identity of a workload's pods.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.name) || !has(self.annotations)").message("annotations are for the ServiceAccount that is made when there is no name: remove one of the two"))]
pub struct ServiceAccount {
    /// One that is there already, in the same namespace. Absent: one is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: Option<String>,
    /// Annotations of the one that is made, such as a cloud's identity. Not supported yet: refused. At most 16.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16, "additionalProperties" = { "type": "string", "maxLength": 1024 }))]
    #[x_kube(validation = Rule::new("self.all(key, !key.startsWith('tenantry.dev/'))").message("keys under tenantry.dev/ are Tenantry's own: remove them"))]
    pub annotations: BTreeMap<String, String>,
    /// Whether pods get a token for the cluster's API. Default: they do not. Network policies may close the API all the same.
    #[serde(default)]
    pub automount_token: bool,
}

/// Publishes a workload on the environment's gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Expose {
    /// The API under which it is published.
    pub api: ExposedApi,
}

/// A published API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExposedApi {
    /// Its name, such as `SERVICE_A`.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[A-Za-z]([-A-Za-z0-9_]*[A-Za-z0-9])?$"))]
    pub name: String,
    /// Its version, such as `v1`.
    #[schemars(length(min = 1, max = 16), regex(pattern = r"^v[0-9]+([a-z]+[0-9]+)?$"))]
    pub version: String,
}

/// How a workload stands. The same in every kind of workload.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrunkStatus {
    /// Generation of the spec that this status was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Accepted, ResolvedRefs, Applied, Available; ScalingReady where something scales it, Verified where it has a protocol
    /// to verify; Reconciling and Stalled only while True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Where it is called from inside the cluster. Absent while nobody answers there, and where it does not listen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub url: Option<String>,
    /// Pods that there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Label selector of its pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub selector: Option<String>,
    /// Number of the revision that was last rolled out, counted by its Deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub revision: Option<String>,
    /// Who refers to it, as `Kind namespace/name`: they lose it when it is deleted. The first 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(max = 160)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub used_by: Vec<String>,
}

/// What a workload is bound to, as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bound {
    /// The models it refers to, by the names it gives them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub models: Vec<BoundStatus>,
    /// The MCP servers it refers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub tools: Vec<BoundStatus>,
    /// The agents it refers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub peers: Vec<BoundStatus>,
}

/// Something that a workload refers to, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct BoundStatus {
    /// Its name in the workload's spec.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Where it is called. Absent: it may not be, or does not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub url: Option<String>,
    /// Whether it says itself that it is ready. Absent: nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
}
