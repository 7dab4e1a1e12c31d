//! CustomResourceDefinitions and the objects of their kinds: defaulting, pruning, and what makes a kind served.

use serde_json::{Map, Value, json};

use super::registry::Resource;
use super::schema::Node;

/// Defaults of a CustomResourceDefinition.
pub fn fill(object: &mut Value) {
    let kind = object["spec"]["names"]["kind"].as_str().unwrap_or_default().to_owned();
    let names = &mut object["spec"]["names"];
    if !kind.is_empty() && names.is_object() {
        for (field, default) in [("singular", kind.to_lowercase()), ("listKind", format!("{kind}List"))] {
            if names.get(field).is_none() {
                names[field] = json!(default);
            }
        }
    }
    if object["spec"].is_object() && object["spec"].get("conversion").is_none() {
        object["spec"]["conversion"] = json!({"strategy": "None"});
    }
}

/// The status that the naming and establishing controllers write.
pub fn established(definition: &Value, stamp: &str) -> Value {
    let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "lastTransitionTime": stamp, "reason": reason, "message": message});
    let versions = definition["spec"]["versions"].as_array();
    let stored = versions.into_iter().flatten().filter(|version| version["storage"] == json!(true));
    let mut stored_versions = definition["status"]["storedVersions"].as_array().cloned().unwrap_or_default();
    for version in stored {
        if !stored_versions.contains(&version["name"]) {
            stored_versions.push(version["name"].clone());
        }
    }
    json!({
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "acceptedNames": definition["spec"]["names"],
        "storedVersions": stored_versions,
    })
}

/// Prune unknown fields of a custom object and fill in defaults; returns the paths that were unknown.
pub fn shape(resource: &Resource, object: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    prune(resource.node(), object, "", &mut unknown, true);
    drop_nulls(resource.node(), object);
    default(resource.node(), object);
    unknown
}

/// As [`shape`] for the outcome of an apply, whose nulls are kept where no default replaces them.
pub fn shape_applied(resource: &Resource, object: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    prune(resource.node(), object, "", &mut unknown, true);
    default(resource.node(), object);
    unknown
}

fn is_stray_null(node: Node<'_>, value: &Value) -> bool {
    value.is_null() && node.schema().is_some_and(|schema| schema["nullable"] != json!(true))
}

/// A null where none is allowed says nothing, so that a default may apply.
fn drop_nulls(node: Node<'_>, value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, below| !node.field(key).is_some_and(|field| is_stray_null(field, below)));
            for (key, below) in map.iter_mut() {
                if let Some(field) = node.field(key) {
                    drop_nulls(field, below);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| drop_nulls(node.items(), item)),
        _ => {}
    }
}

fn prune(node: Node<'_>, value: &mut Value, path: &str, unknown: &mut Vec<String>, is_root: bool) {
    if node.schema().is_none() {
        return;
    }
    match value {
        Value::Object(map) => {
            let keys = map.keys().cloned().collect::<Vec<_>>();
            for key in keys {
                let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let is_known = node.declares(&key)
                    || node.is_free_map()
                    || node.flag("x-kubernetes-preserve-unknown-fields")
                    || (!node.definition().is_empty() && node.is_untyped())
                    || (is_root && ["apiVersion", "kind", "metadata"].contains(&key.as_str()));
                if !is_known {
                    unknown.push(here);
                    map.remove(&key);
                } else if let (Some(field), Some(below)) = (node.field(&key), map.get_mut(&key)) {
                    prune(field, below, &here, unknown, false);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                prune(node.items(), item, &format!("{path}[{index}]"), unknown, false);
            }
        }
        _ => {}
    }
}

fn default(node: Node<'_>, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, schema) in node.properties().into_iter().flatten() {
                let is_absent = map.get(key).is_none_or(|value| value.is_null() && schema["nullable"] != json!(true));
                if let (true, Some(default)) = (is_absent, schema.get("default")) {
                    map.insert(key.clone(), default.clone());
                }
            }
            for (key, below) in map.iter_mut() {
                if let Some(field) = node.field(key) {
                    default(field, below);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| default(node.items(), item)),
        _ => {}
    }
}

/// The metadata of a custom object, decoded: only what ObjectMeta knows, without empties.
pub fn clean_metadata(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        object["metadata"] = json!({});
        return;
    };
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    let keep: Map<String, Value> = metadata
        .iter()
        .filter(|(_, value)| !is_empty(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    *metadata = keep;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::registry::Registry;

    #[test]
    fn prunes_and_defaults() {
        let mut registry = Registry::default();
        let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "mode": {"type": "string", "default": "On"},
            "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"n": {"type": "integer", "default": 3}}}},
        }}}});
        registry.serve(&json!({"spec": {
            "group": "g.example", "scope": "Cluster", "names": {"plural": "things", "kind": "Thing"},
            "versions": [{"name": "v1", "served": true, "schema": {"openAPIV3Schema": schema}}],
        }}));
        let thing = registry.find("g.example", "v1", "things").unwrap();
        let mut object = json!({"kind": "Thing", "metadata": {"name": "x"},
            "spec": {"no": 1, "open": {"any": 1}, "map": {"k": {"z": 1}}}, "extra": {}});
        assert_eq!(shape(&thing, &mut object), ["extra", "spec.map.k.z", "spec.no"]);
        assert_eq!(object["spec"], json!({"mode": "On", "open": {"any": 1}, "map": {"k": {"n": 3}}}));
    }
}
