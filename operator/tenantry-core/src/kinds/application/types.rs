//! The Application resource as users write it and as its status tells it.

#![allow(clippy::duplicated_attributes)] // Each print column names its own type; clippy reads them as one list.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::workload::types::{Bound, Connections, Trunk, TrunkStatus};

/// A program of a team: placed, scaled, isolated, and connected to the models, MCP servers and agents it names.
#[derive(Debug, Clone, Default, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "Application",
    shortname = "tapp",
    category = "tenantry",
    namespaced,
    status = "ApplicationStatus",
    derive = "PartialEq",
    cel,
    scale(spec_replicas_path = ".spec.scaling.minReplicas", status_replicas_path = ".status.replicas", label_selector_path = ".status.selector"),
    doc = "A program of a team: placed, scaled, isolated, and connected to the models, MCP servers and agents it names.",
    printcolumn(name = "Image", type_ = "string", json_path = ".spec.image", description = "What runs"),
    printcolumn(name = "Replicas", type_ = "integer", json_path = ".status.replicas", description = "Pods that there are"),
    printcolumn(name = "URL", type_ = "string", json_path = ".status.url", description = "Where it is called inside the cluster"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status", description = "Usable now"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason", description = "Why"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Since it was created"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$')").message("metadata.name becomes the name of a Service: use at most 63 lower-case letters, digits and dashes, beginning with a letter"),
    validation = Rule::new("has(self.spec.image)").message("spec.image: name the image to run"),
)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationSpec {
    /// What runs, and how.
    #[serde(flatten)]
    pub trunk: Trunk,
    /// What it calls.
    #[serde(flatten)]
    pub connections: Connections,
}

/// How an Application stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationStatus {
    /// What all workloads tell.
    #[serde(flatten)]
    pub trunk: TrunkStatus,
    /// What it is bound to.
    #[serde(flatten)]
    pub bound: Bound,
}
