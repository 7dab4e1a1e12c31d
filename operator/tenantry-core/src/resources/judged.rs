//! What the admission rules look at in a workload, and no more: so that many can be kept. A test holds it to the rules: of every
//! case, this part is judged as the whole is.

use serde_json::{Map, Value, json};

use crate::meta;

/// Fields of a pod's spec that rules look at as they are. Where a pod runs, the cluster says and nobody else.
const OF_PODS: [&str; 3] = ["priorityClassName", "runtimeClassName", "tolerations"];
/// The sorts of containers.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Of a pod, of a workload with a template, or of a `CronJob`: the part that rules look at, where they look for it. Absent for
/// whatever has none of these.
pub fn judged(workload: &Value) -> Value {
    let spec = &workload["spec"];
    if spec["containers"].is_array() {
        json!({ "spec": pod(spec) })
    } else if spec["jobTemplate"].is_object() {
        json!({ "spec": { "jobTemplate": { "spec": { "template": template(&spec["jobTemplate"]["spec"]["template"]) } } } })
    } else {
        json!({ "spec": { "template": template(&spec["template"]) } })
    }
}

fn template(template: &Value) -> Value {
    let mut metadata = json!({});
    for section in ["labels", "annotations"] {
        let all = template["metadata"][section].as_object().into_iter().flatten();
        let ours: Map<String, Value> =
            all.filter(|(key, _)| meta::is_managed_key(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
        if !ours.is_empty() {
            metadata[section] = ours.into();
        }
    }
    let mut spec = pod(&template["spec"]);
    let node = &template["spec"]["nodeName"];
    if !node.is_null() {
        spec["nodeName"] = node.clone();
    }
    json!({ "metadata": metadata, "spec": spec })
}

fn pod(spec: &Value) -> Value {
    let mut kept = json!({});
    for field in OF_PODS.into_iter().filter(|field| !spec[*field].is_null()) {
        kept[field] = spec[field].clone();
    }
    for sort in CONTAINERS {
        if let Some(all) = spec[sort].as_array() {
            kept[sort] = all.iter().map(|one| only(one, &["image", "imagePullPolicy"])).collect();
        }
    }
    let images = spec["volumes"].as_array().into_iter().flatten().filter(|volume| !volume["image"].is_null());
    let images: Vec<Value> = images.map(|volume| only(volume, &["image"])).collect();
    if !images.is_empty() {
        kept["volumes"] = images.into();
    }
    kept
}

fn only(object: &Value, fields: &[&str]) -> Value {
    let all = object.as_object().into_iter().flatten();
    all.filter(|(field, _)| fields.contains(&field.as_str()))
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect()
}
