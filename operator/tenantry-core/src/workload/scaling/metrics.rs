//! What an autoscaler goes by, in its own words.

use serde_json::{Value, json};

use super::super::types::{Metric, MetricType, Scaling, Span};
use crate::quantity::Quantity;

/// What a HorizontalPodAutoscaler goes by.
pub(super) fn for_hpa(scaling: &Scaling) -> Vec<Value> {
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
        // Prometheus is KEDA's.
        MetricType::External | MetricType::Prometheus => {
            json!({ "type": "External", "external": { "metric": named, "target": target } })
        }
    }
}

/// With the rules that the API server fills in where any is given.
pub(super) fn behavior(scaling: &Scaling) -> Value {
    let Some(behavior) = &scaling.behavior else { return Value::Null };
    let up = behavior.scale_up_stabilization.map_or(0, Span::seconds);
    let mut down = json!({
        "selectPolicy": "Max",
        "policies": [{ "type": "Percent", "value": 100, "periodSeconds": 15 }],
    });
    if let Some(span) = behavior.scale_down_stabilization {
        down["stabilizationWindowSeconds"] = json!(span.seconds());
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

/// What KEDA goes by: one trigger for each metric. `prometheus` is where Prometheus is asked, if it is.
pub(super) fn for_keda(scaling: &Scaling, prometheus: Option<&str>) -> Vec<Value> {
    if scaling.metrics.is_empty() {
        return vec![json!({ "type": "cpu", "metricType": "Utilization", "metadata": { "value": "80" } })];
    }
    scaling.metrics.iter().map(|metric| trigger(metric, prometheus)).collect()
}

fn trigger(metric: &Metric, prometheus: Option<&str>) -> Value {
    let (kind, amount) = match (metric.average_utilization, metric.average_value, metric.value) {
        (Some(utilization), ..) => ("Utilization", utilization.to_string()),
        (None, Some(average), _) => ("AverageValue", average.to_string()),
        (None, None, value) => ("Value", value.unwrap_or(Quantity::ZERO).to_string()),
    };
    let of = |type_: &str| json!({ "type": type_, "metricType": kind, "metadata": { "value": amount } });
    match metric.type_ {
        MetricType::Cpu => of("cpu"),
        MetricType::Memory => of("memory"),
        // The others are refused where KEDA is needed.
        MetricType::Prometheus | MetricType::Pods | MetricType::Object | MetricType::External => {
            let threshold = metric.average_value.or(metric.value).unwrap_or(Quantity::ZERO);
            json!({
                "type": "prometheus",
                "metricType": kind,
                "metadata": { "serverAddress": prometheus, "query": metric.query, "threshold": threshold.decimal() },
            })
        }
    }
}
