//! How many pods a workload has, and what decides it.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;
use crate::quantity::Quantity;

/// How many pods there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.maxReplicas) || self.maxReplicas >= self.minReplicas").message("maxReplicas must not be smaller than minReplicas: raise it, or leave it out").field_path(".maxReplicas"))]
pub struct Scaling {
    /// Fewest pods, 0 to 1000. Default: 1. None at all only with a Prometheus metric, as KEDA can then start the first.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1000))]
    pub min_replicas: i32,
    /// Most pods, 1 to 1000. Absent: as many as minReplicas, and nothing scales it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_replicas: Option<i32>,
    /// What scales it. Auto (default) takes what the metrics need.
    #[serde(default)]
    pub provider: Provider,
    /// What it is scaled by. Absent: 80 % of the CPU that pods request. At most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub metrics: Vec<Metric>,
    /// How fast it is scaled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behavior: Option<ScalingBehavior>,
    /// Whether the size of pods is adjusted as well. Default: Off.
    #[serde(default)]
    pub vertical: Vertical,
}

impl Default for Scaling {
    fn default() -> Self {
        Self {
            min_replicas: 1,
            max_replicas: None,
            provider: Provider::default(),
            metrics: Vec::new(),
            behavior: None,
            vertical: Vertical::default(),
        }
    }
}

fn one() -> i32 {
    1
}

/// What scales a workload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Provider {
    /// What the metrics need.
    #[default]
    Auto,
    /// A HorizontalPodAutoscaler.
    Hpa,
    /// A KEDA ScaledObject, where KEDA is served.
    Keda,
    /// Nothing: there are minReplicas.
    None,
}

/// What a workload is scaled by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.type in ['Cpu', 'Memory'] ? (has(self.averageUtilization) != has(self.averageValue)) : true").message("Cpu and Memory need exactly one of averageUtilization and averageValue"))]
#[x_kube(validation = Rule::new("self.type in ['Pods', 'Object', 'External'] ? has(self.metric) : true").message("name the metric").field_path(".metric"))]
#[x_kube(validation = Rule::new("self.type == 'Pods' ? has(self.averageValue) && !has(self.value) : true").message("Pods needs averageValue, and no value").field_path(".averageValue"))]
#[x_kube(validation = Rule::new("self.type in ['Object', 'External', 'Prometheus'] ? (has(self.value) != has(self.averageValue)) : true").message("Object, External and Prometheus need exactly one of value and averageValue"))]
#[x_kube(validation = Rule::new("self.type in ['Cpu', 'Memory'] ? !has(self.value) : !has(self.averageUtilization)").message("value belongs to types other than Cpu and Memory, averageUtilization to these two: remove it"))]
#[x_kube(validation = Rule::new("self.type in ['Pods', 'Object', 'External'] || !(has(self.metric) || has(self.selector))").message("metric and selector belong to Pods, Object and External: remove them"))]
#[x_kube(validation = Rule::new("(self.type == 'Object') == has(self.describedObject)").message("describedObject belongs to type Object, which needs it").field_path(".describedObject"))]
#[x_kube(validation = Rule::new("(self.type == 'Prometheus') == has(self.query)").message("query belongs to type Prometheus, which needs it").field_path(".query"))]
pub struct Metric {
    /// Cpu, Memory, Pods, Object, External or Prometheus (which needs KEDA).
    #[serde(rename = "type")]
    pub type_: MetricType,
    /// Of Cpu and Memory: per cent of what pods request, 1 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub average_utilization: Option<i32>,
    /// The amount for each pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_value: Option<Quantity>,
    /// The amount for all pods together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Quantity>,
    /// Name of the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub metric: Option<String>,
    /// Labels that select the metric. At most 16.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16, "additionalProperties" = { "type": "string", "maxLength": 63 }))]
    pub selector: BTreeMap<String, String>,
    /// Of Object: what the metric is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub described_object: Option<DescribedObject>,
    /// Of Prometheus: a query whose answer is one number. It goes to the Prometheus that the platform names.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub query: Option<String>,
}

/// What a metric is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DescribedObject {
    /// Group and version, such as `networking.k8s.io/v1`.
    #[schemars(length(min = 1, max = 253))]
    pub api_version: String,
    /// Its kind.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// Its name, in the same namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Sorts of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MetricType {
    /// Processor time.
    Cpu,
    /// Memory.
    Memory,
    /// What pods tell of themselves (custom metrics API).
    Pods,
    /// What is told of another object (custom metrics API).
    Object,
    /// What is told of something outside (external metrics API).
    External,
    /// The answer to a query of the platform's Prometheus. Needs KEDA.
    Prometheus,
}

/// How fast a workload is scaled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScalingBehavior {
    /// How long a higher need must hold. Default: 0s. At most 1h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_up_stabilization: Option<Span>,
    /// How long a lower need must hold. Default: 5m. At most 1h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down_stabilization: Option<Span>,
}

/// Whether the size of pods is adjusted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Vertical {
    /// No.
    #[default]
    Off,
    /// It is only said what would fit.
    Recommend,
    /// Pods are made anew with what fits.
    Auto,
}
