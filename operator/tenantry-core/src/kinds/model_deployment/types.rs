//! The ModelDeployment resource as users write it and as its status tells it.

#![allow(clippy::duplicated_attributes)] // Each print column names its own type; clippy reads them as one list.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::Quantity;
use crate::workload::types::{Match, Scaling, Trunk, TrunkStatus};

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
    /// A volume at /models that keeps what was loaded for the next pod. What is in it can be loaded again, and so it is deleted with this
    /// resource, and when the class or the access mode changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    /// Further versions beside the one that this resource describes, each with a Deployment and a Service of its own,
    /// `<name>-<version>-model`. Who refers to this resource calls the one that it describes; shares of traffic are for routes. At most 8.
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

/// A volume that keeps what was loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cache {
    /// How much, such as 100Gi. It can grow where the class lets it.
    pub size: Quantity,
    /// A StorageClass that the Tenant allows. Absent: the cluster's default, if the Tenant may have any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub storage_class_name: Option<String>,
    /// ReadWriteOnce (default): one node at a time, so one pod, which is replaced by Recreate. ReadWriteMany: any number of pods,
    /// where the class offers it.
    #[serde(default)]
    pub access_mode: AccessMode,
}

/// Who may mount a volume.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AccessMode {
    /// One node at a time.
    #[default]
    ReadWriteOnce,
    /// Any number of nodes.
    ReadWriteMany,
}

/// A further version. What it does not say is as the resource says it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// Its name; `default` is that of the one that the resource describes.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    #[x_kube(validation = Rule::new("self != 'default'").message("default is the version that the resource itself describes: name this one otherwise"))]
    pub name: String,
    /// Which model. Absent: the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Model>,
    /// What serves it. Absent: the same image.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^[^\s]+$"))]
    pub image: Option<String>,
    /// How many pods there are. Absent: the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Scaling>,
    /// Per cent of the traffic that routes are to send to it, 0 to 100; the rest is for the default version. Default: 0.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    pub traffic_percent: i32,
    /// Which requests routes are to send to it whatever the share.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub match_: Option<Match>,
}

/// How a ModelDeployment stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelDeploymentStatus {
    /// What all workloads tell; of several versions, the default one's address, replicas and revision.
    #[serde(flatten)]
    pub trunk: TrunkStatus,
    /// What routes are to do, and what they lead to; only where there are further versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 9))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["version".into()]))]
    pub traffic: Vec<Traffic>,
    /// The model, as far as its pods tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_status: Option<ModelStatus>,
}

/// What one version gets of the traffic, and how it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// Its name; `default` for the one that the resource describes.
    #[schemars(length(max = 32))]
    pub version: String,
    /// Per cent of the traffic.
    pub percent: i32,
    /// Headers of requests that go to it whatever the share.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 8, "additionalProperties" = { "type": "string", "maxLength": 256 }))]
    pub headers: BTreeMap<String, String>,
    /// Whether enough of its pods are available.
    pub ready: bool,
    /// Where it is called inside the cluster. Absent while nobody answers there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub url: Option<String>,
}

/// A model, as far as its pods tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelStatus {
    /// What callers call it.
    #[schemars(length(max = 128))]
    pub name: String,
    /// Why a pod does not serve it. Absent once they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<ModelFailure>,
}

/// Why a pod does not serve a model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelFailure {
    /// Of which version.
    #[schemars(length(max = 32))]
    pub version: String,
    /// In one word of the cluster, such as `CrashLoopBackOff`, `ImagePullBackOff`, `OOMKilled` or `Unschedulable`.
    #[schemars(length(max = 128))]
    pub reason: String,
    /// The exit code and the last of what the program wrote, or the cluster's own words. The last 512 bytes or so.
    #[schemars(length(max = 1024))]
    pub message: String,
}
