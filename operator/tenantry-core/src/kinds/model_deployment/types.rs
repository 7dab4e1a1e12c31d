//! The ModelDeployment resource as users write it and as its status tells it.

#![allow(clippy::duplicated_attributes)] // Each print column names its own type; clippy reads them as one list.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::Quantity;
use crate::workload::types::{Trunk, TrunkStatus};

/// A model that is served: an image that speaks a common protocol, told which model to load.
#[derive(Debug, Clone, Default, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "ModelDeployment",
    shortname = "mdep",
    category = "tenantry",
    namespaced,
    status = "ModelDeploymentStatus",
    derive = "PartialEq",
    cel,
    scale(spec_replicas_path = ".spec.scaling.minReplicas", status_replicas_path = ".status.replicas", label_selector_path = ".status.selector"),
    doc = "A model that is served: an image that speaks a common protocol, told which model to load.",
    printcolumn(name = "Model", type_ = "string", json_path = ".spec.model.name", description = "Name of the model, as callers know it"),
    printcolumn(name = "Revision", type_ = "string", json_path = ".status.revision", description = "Number of the revision"),
    printcolumn(name = "Replicas", type_ = "integer", json_path = ".status.replicas", description = "Pods that there are"),
    printcolumn(name = "URL", type_ = "string", json_path = ".status.url", description = "Where it is called inside the cluster"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status", description = "Usable now"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason", description = "Why"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Since it was created"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$')").message("metadata.name becomes the name of a Service: use at most 63 lower-case letters, digits and dashes, beginning with a letter"),
    validation = Rule::new("!has(self.spec.image)").message("spec.image: the image of a model is spec.runtime.image: name it there"),
    validation = Rule::new("!has(self.spec.args)").message("spec.args: the arguments of a model's image are spec.runtime.args: name them there"),
)]
#[serde(rename_all = "camelCase")]
pub struct ModelDeploymentSpec {
    /// What runs, and how; but for the image, which `runtime` names.
    #[serde(flatten)]
    pub trunk: Trunk,
    /// Which model.
    pub model: Model,
    /// What serves it.
    pub runtime: Runtime,
    /// The path of its API. Default: /v1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = r"^/[^\s?#]*$"))]
    pub path: Option<String>,
    /// Keeps what was loaded, for the next pod. Not supported yet: refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    /// Several versions side by side. Not supported yet: refused. At most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub versions: Vec<Version>,
}

/// Which model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// Where it is: `hf://owner/name`, `oci://registry/name:tag`, `s3://bucket/path`, which the image loads by itself; or
    /// `pvc://claim/path`, a volume of the same namespace, which is mounted at /models.
    #[schemars(length(min = 6, max = 512), regex(pattern = r"^(hf|oci|s3|pvc)://[^\s]+$"))]
    pub uri: String,
    /// What callers call it. Default: the name of this resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub name: Option<String>,
    /// Its revision, such as a commit or a tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub revision: Option<String>,
}

/// What serves a model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Runtime {
    /// Container image. It finds the model in TENANTRY_MODEL_URI, TENANTRY_MODEL_NAME and TENANTRY_MODEL_REVISION, and may write to
    /// /models.
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^[^\s]+$"))]
    pub image: String,
    /// Its arguments; `$(TENANTRY_MODEL_URI)` and so on stand for the values. At most 128.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128), inner(length(max = 4096)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub args: Vec<String>,
    /// What it speaks: OpenAI (default), KServeV2 or Custom. It decides how it is known that a pod can be called.
    #[serde(default)]
    pub protocol: ModelProtocol,
}

/// What a model's image speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ModelProtocol {
    /// The OpenAI API: it can be called when it lists its models at /v1/models.
    #[default]
    OpenAI,
    /// The open inference protocol: it can be called when /v2/health/ready says so.
    KServeV2,
    /// Something else: it can be called when its port accepts connections.
    Custom,
}

/// Keeps what was loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cache {
    /// How much, such as 100Gi.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Quantity>,
    /// A StorageClass that the Tenant allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,
}

/// One of several versions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// Its name.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// Which model. Absent: the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Model>,
    /// Per cent of the traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub traffic_percent: Option<i32>,
}

/// How a ModelDeployment stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelDeploymentStatus {
    /// What all workloads tell.
    #[serde(flatten)]
    pub trunk: TrunkStatus,
}
