//! What decides how many pods a workload has, and how many the tenant's quota leaves room for. Where something else decides, the
//! number is nobody's of ours: it is taken as it is seen.

use serde_json::{Value, json};

use super::pods::amounts;
use super::types::{Metric, MetricType, Provider, Scaling, Trunk, Vertical};
use crate::conditions::{Reason, Truth};
use crate::names::QUOTA;
use crate::object::ObjectKey;
use crate::quantity::Quantity;
use crate::resources::RESOURCE_QUOTA;
use crate::world::{Lookup, World};

/// What decides.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scaler {
    /// The spec: so many.
    Fixed(i32),
    /// A HorizontalPodAutoscaler.
    Hpa {
        /// Fewest.
        min: i32,
        /// Most, as far as the quota goes.
        max: i32,
        /// Its metrics, as it is told them.
        metrics: Vec<Value>,
        /// Its behaviour; null for the default one.
        behavior: Value,
    },
}

/// What decides, and what is to be said about it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decided {
    /// What decides.
    pub(crate) scaler: Scaler,
    /// What cannot be done as it is asked: value of the condition ScalingReady.
    pub(crate) shortfall: Option<(Truth, Reason, String)>,
    /// What was chosen, for people; none where nothing scales.
    pub(crate) choice: Option<String>,
}

/// Decides for a workload.
pub(crate) fn decide(trunk: &Trunk, namespace: &str, world: &World) -> Decided {
    let scaling = trunk.scaling.clone().unwrap_or_default();
    let fixed = |shortfall| Decided { scaler: Scaler::Fixed(scaling.min_replicas), shortfall, choice: None };
    let missing = |what: &str| Some((Truth::False, Reason::ProviderMissing, what.to_owned()));
    let grows = scaling.max_replicas.is_some_and(|max| max > scaling.min_replicas);
    if scaling.provider == Provider::None || !grows {
        return Decided { shortfall: vertical(&scaling), ..fixed(None) };
    }
    let needs_keda = scaling.metrics.iter().any(|metric| metric.type_ == MetricType::Prometheus);
    if scaling.provider == Provider::Keda || needs_keda {
        let what = format!(
            "KEDA is not used yet, so nothing scales it and {} pods run: scale it by Cpu, Memory, Pods, Object or External, or set provider: None",
            scaling.min_replicas
        );
        return fixed(missing(&what));
    }
    let wanted = scaling.max_replicas.unwrap_or(scaling.min_replicas);
    let room = room(trunk, namespace, world);
    let max = room.as_ref().map_or(wanted, |(most, _)| wanted.min(*most)).max(scaling.min_replicas.max(1));
    let limited = room.filter(|(most, _)| *most < wanted).map(|(most, resource)| {
        let text = format!(
            "the environment's quota of {resource} has room for {most} pods, so that is the most instead of {wanted}: raise the quota, or lower scaling.maxReplicas"
        );
        (Truth::True, Reason::Limited, text)
    });
    Decided {
        scaler: Scaler::Hpa {
            min: scaling.min_replicas,
            max,
            metrics: metrics(&scaling),
            behavior: behavior(&scaling),
        },
        shortfall: vertical(&scaling).or(limited),
        choice: Some("a HorizontalPodAutoscaler".to_owned()),
    }
}

fn vertical(scaling: &Scaling) -> Option<(Truth, Reason, String)> {
    (scaling.vertical != Vertical::Off).then(|| {
        let text =
            "VerticalPodAutoscalers are not used yet, so nothing looks at the size of pods: set scaling.vertical: Off";
        (Truth::False, Reason::ProviderMissing, text.to_owned())
    })
}

/// For how many pods the quota of the namespace has room at all, and which resource says so. By what it may have, not by what is
/// free now: that changes all the time.
fn room(trunk: &Trunk, namespace: &str, world: &World) -> Option<(i32, String)> {
    let Lookup::Found(quota) = world.get(&ObjectKey::namespaced(&RESOURCE_QUOTA, namespace, QUOTA)) else {
        return None;
    };
    let (requests, limits) = amounts(trunk);
    let one = || "1".parse::<Quantity>().ok();
    let needs = |name: &str| -> Option<Quantity> {
        match name.split_once('.') {
            None if name == "pods" => one(),
            Some(("requests", resource)) => requests.get(resource).or_else(|| limits.get(resource)).copied(),
            Some(("limits", resource)) => limits.get(resource).copied(),
            _ if name == "cpu" || name == "memory" => requests.get(name).copied(),
            _ => None,
        }
    };
    let hard = quota["status"]["hard"].as_object()?;
    let rooms = hard.iter().filter_map(|(name, amount)| {
        let (hard, need) = (amount.as_str()?.parse::<Quantity>().ok()?, needs(name)?);
        let most = hard.nanos().checked_div(need.nanos())?;
        Some((i32::try_from(most).unwrap_or(i32::MAX), name.clone()))
    });
    rooms.min()
}

fn metrics(scaling: &Scaling) -> Vec<Value> {
    if scaling.metrics.is_empty() {
        let target = json!({ "type": "Utilization", "averageUtilization": 80 });
        return vec![json!({ "type": "Resource", "resource": { "name": "cpu", "target": target } })];
    }
    scaling.metrics.iter().map(metric).collect()
}

fn metric(metric: &Metric) -> Value {
    let mut target = json!({});
    if let Some(utilization) = metric.average_utilization {
        target = json!({ "type": "Utilization", "averageUtilization": utilization });
    } else if let Some(value) = metric.average_value {
        target = json!({ "type": "AverageValue", "averageValue": value });
    } else if let Some(value) = metric.value {
        target = json!({ "type": "Value", "value": value });
    }
    let mut named = json!({ "name": metric.metric });
    if !metric.selector.is_empty() {
        named["selector"] = json!({ "matchLabels": metric.selector });
    }
    let resource = |name: &str| json!({ "type": "Resource", "resource": { "name": name, "target": target } });
    match metric.type_ {
        MetricType::Cpu => resource("cpu"),
        MetricType::Memory => resource("memory"),
        MetricType::Pods => json!({ "type": "Pods", "pods": { "metric": named, "target": target } }),
        MetricType::Object => {
            let object = json!({ "describedObject": metric.described_object, "metric": named, "target": target });
            json!({ "type": "Object", "object": object })
        }
        // Prometheus goes another way.
        MetricType::External | MetricType::Prometheus => {
            json!({ "type": "External", "external": { "metric": named, "target": target } })
        }
    }
}

/// With the rules that the API server fills in where any is given.
fn behavior(scaling: &Scaling) -> Value {
    let Some(behavior) = &scaling.behavior else { return Value::Null };
    let up = behavior.scale_up_stabilization.map_or(0, super::types::Span::seconds).min(3600);
    let mut down = json!({
        "selectPolicy": "Max",
        "policies": [{ "type": "Percent", "value": 100, "periodSeconds": 15 }],
    });
    if let Some(span) = behavior.scale_down_stabilization {
        down["stabilizationWindowSeconds"] = json!(span.seconds().min(3600));
    }
    json!({
        "scaleUp": {
            "stabilizationWindowSeconds": up,
            "selectPolicy": "Max",
            "policies": [
                { "type": "Pods", "value": 4, "periodSeconds": 15 },
                { "type": "Percent", "value": 100, "periodSeconds": 15 },
            ],
        },
        "scaleDown": down,
    })
}
