//! Merges an applied configuration into a live object, and removes what is owned no longer. Ported from structured-merge-diff.
//!
//! It never looks at managers: `managed.rs` does.

use serde_json::{Map, Value};

use super::fieldset::{FieldSet, Step};
use super::schema::{Node, Shape};
use super::typed::{find, named_items};

/// What an applied configuration may not contain, in Go's words.
pub fn check(node: Node<'_>, value: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    check_at(node, value, "", &mut errors);
    errors
}

fn check_at(node: Node<'_>, value: &Value, path: &str, errors: &mut Vec<String>) {
    if value.is_null() {
        return;
    }
    let shape = node.shape(value);
    match (&shape, value) {
        (Shape::Map | Shape::AtomicMap, Value::Object(map)) => {
            for (key, below) in map {
                let here = format!("{path}.{key}");
                match node.field(key) {
                    Some(field) => check_at(field, below, &here, errors),
                    None => errors.push(format!("{here}: field not declared in schema")),
                }
            }
        }
        (Shape::Map | Shape::AtomicMap, other) => errors.push(format!("{path}: expected map, got {}", go_show(other))),
        (Shape::AtomicList | Shape::SetList | Shape::MapList(_), Value::Array(items)) => {
            check_items(node, &shape, items, path, errors);
        }
        (Shape::AtomicList | Shape::SetList | Shape::MapList(_), other) => {
            errors.push(format!("{path}: expected list, got {}", go_show(other)));
        }
        (Shape::Scalar, other) => check_scalar(node, other, path, errors),
    }
}

fn check_items(node: Node<'_>, shape: &Shape, items: &[Value], path: &str, errors: &mut Vec<String>) {
    let mut seen = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if *shape == Shape::AtomicList {
            check_at(node.items(), item, &format!("{path}[{index}]"), errors);
            continue;
        }
        match node.item_step(shape, item) {
            Err(why) => errors.push(format!("{path}: element {index}: {why}")),
            Ok(step) => {
                let mut named = FieldSet::default();
                named.insert(std::slice::from_ref(&step));
                let name = named.display_paths().concat();
                if seen.contains(&step) {
                    errors.push(format!("{path}: duplicate entries for key {name}"));
                } else {
                    check_at(node.items(), item, &format!("{path}{name}"), errors);
                    seen.push(step);
                }
            }
        }
    }
}

fn check_scalar(node: Node<'_>, value: &Value, path: &str, errors: &mut Vec<String>) {
    let expected = match (node.type_name(), value) {
        _ if is_free_scalar(node) && !value.is_array() && !value.is_object() => return,
        ("string", Value::String(_))
        | ("integer" | "number", Value::Number(_))
        | ("boolean", Value::Bool(_))
        | ("", _) => {
            return;
        }
        ("string", _) => "string",
        ("integer" | "number", _) => "numeric",
        (_, _) => "boolean",
    };
    let got = match value {
        Value::Array(_) => "list",
        Value::Object(_) => "map",
        _ => return errors.push(format!("{path}: expected {expected}, got {}", go_show(value))),
    };
    errors.push(format!("{path}: expected {expected}, got {got}"));
}

/// Numbers or strings, quantities and times: their own decoders say what they take, not the schema.
fn is_free_scalar(node: Node<'_>) -> bool {
    let name = node.definition();
    let is_own = ["resource.Quantity", "meta.v1.Time", "meta.v1.MicroTime", "intstr.IntOrString"];
    node.is_int_or_string() || is_own.iter().any(|own| name.ends_with(own))
}

fn go_show(value: &Value) -> String {
    match value {
        Value::Object(_) => "map".to_owned(),
        Value::Array(_) => "list".to_owned(),
        Value::Bool(flag) => format!("&value.valueUnstructured{{Value:{flag}}}"),
        Value::Number(number) => format!("&value.valueUnstructured{{Value:{number}}}"),
        Value::String(text) => format!("&value.valueUnstructured{{Value:{text:?}}}"),
        Value::Null => "null".to_owned(),
    }
}

/// The live value with the applied one laid over it.
pub fn merge(node: Node<'_>, live: Option<&Value>, applied: Option<&Value>) -> Option<Value> {
    let sample = applied.filter(|value| !value.is_null()).or(live).or(applied)?;
    let is_empty = |value: Option<&Value>| match value {
        None | Some(Value::Null) => true,
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    };
    let shape = node.shape(sample);
    let is_leaf =
        matches!(shape, Shape::Scalar | Shape::AtomicList | Shape::AtomicMap) || (is_empty(live) && is_empty(applied));
    if is_leaf {
        return applied.or(live).cloned();
    }
    if shape == Shape::Map {
        let empty = Map::new();
        let below = live.and_then(Value::as_object).unwrap_or(&empty);
        let above = applied.and_then(Value::as_object).unwrap_or(&empty);
        let mut out = Map::new();
        for key in below.keys().chain(above.keys().filter(|key| !below.contains_key(*key))) {
            let field = node.field(key).unwrap_or_else(Node::untyped);
            if let Some(value) = merge(field, below.get(key), above.get(key)) {
                out.insert(key.clone(), value);
            }
        }
        return (!out.is_empty()).then_some(Value::Object(out));
    }
    let out = merge_items(node, &named_items(node, &shape, live), &named_items(node, &shape, applied));
    (!out.is_empty()).then_some(Value::Array(out))
}

/// Keeps the order of both lists as far as they agree; where they do not, the applied order wins.
fn merge_items(node: Node<'_>, live: &[(Step, &Value)], applied: &[(Step, &Value)]) -> Vec<Value> {
    let mut out = Vec::new();
    let mut push = |step: &Step| out.extend(merge(node.items(), find(live, step), find(applied, step)));
    let mut shared = applied.iter().map(|(step, _)| step).filter(|step| find(live, step).is_some());
    let mut next_shared = shared.next();
    let mut merged: Vec<&Step> = Vec::new();
    let (mut left, mut right) = (0, 0);
    while left < live.len() || right < applied.len() {
        if left < live.len() && right < applied.len() {
            let step = &live[left].0;
            if *step == applied[right].0 {
                merged.push(step);
                push(step);
                left += 1;
                right += 1;
                next_shared = shared.next();
                continue;
            }
            if find(applied, step).is_some() && next_shared.is_some_and(|next| next != step) {
                left += 1;
                continue;
            }
        }
        if left < live.len() {
            let step = &live[left].0;
            if find(applied, step).is_none() {
                push(step);
                left += 1;
                continue;
            }
            if merged.contains(&step) {
                left += 1;
            }
        }
        if right < applied.len() {
            let step = &applied[right].0;
            merged.push(step);
            push(step);
            right += 1;
            if next_shared == Some(step) {
                next_shared = shared.next();
            }
        }
    }
    out
}

/// The value without the paths of a set; null if nothing is left.
pub fn remove(node: Node<'_>, value: &Value, paths: &FieldSet) -> Value {
    let shape = node.shape(value);
    match (&shape, value) {
        (Shape::Map, Value::Object(map)) => {
            let mut out = Map::new();
            for (key, below) in map {
                let step = Step::Field(key.clone());
                if paths.has(&step) {
                    continue;
                }
                let field = node.field(key).unwrap_or_else(Node::untyped);
                let kept = paths.below(&step).map_or_else(|| below.clone(), |subset| remove(field, below, subset));
                out.insert(key.clone(), kept);
            }
            if out.is_empty() { Value::Null } else { Value::Object(out) }
        }
        (Shape::SetList | Shape::MapList(_), Value::Array(items)) => {
            let mut out = Vec::new();
            for item in items {
                let Ok(step) = node.item_step(&shape, item) else { continue };
                if paths.has(&step) {
                    continue;
                }
                out.push(paths.below(&step).map_or_else(|| item.clone(), |subset| remove(node.items(), item, subset)));
            }
            if out.is_empty() { Value::Null } else { Value::Array(out) }
        }
        (Shape::Scalar, other) => other.clone(),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::server::schema::built_in;

    fn root(kind: &str) -> Node<'static> {
        let document = built_in();
        let name = document["roots"][kind].as_str().unwrap();
        Node::new(&document["definitions"][name], &document["definitions"])
    }

    #[test]
    fn lists_that_are_maps_merge_by_key() {
        let service = root("/v1/Service");
        let live = json!({"spec": {"ports": [{"port": 80, "protocol": "TCP", "nodePort": 1}, {"port": 81, "protocol": "TCP"}]}});
        let applied = json!({"spec": {"ports": [{"port": 80, "name": "http"}, {"port": 82}]}});
        let merged = merge(service, Some(&live), Some(&applied)).unwrap();
        assert_eq!(
            merged["spec"]["ports"],
            json!([
                {"port": 80, "protocol": "TCP", "nodePort": 1, "name": "http"}, {"port": 81, "protocol": "TCP"}, {"port": 82},
            ])
        );
    }

    #[test]
    fn undeclared_fields_are_named() {
        let errors = check(root("/v1/ConfigMap"), &json!({"data": {"a": "b"}, "spec": {}, "immutable": "x"}));
        assert_eq!(errors.len(), 2);
        assert!(errors.iter().any(|error| error == ".spec: field not declared in schema"));
    }

    #[test]
    fn removes_paths() {
        let mut paths = FieldSet::default();
        paths.insert(&[Step::Field("data".into()), Step::Field("a".into())]);
        let left = remove(root("/v1/ConfigMap"), &json!({"data": {"a": "1", "b": "2"}}), &paths);
        assert_eq!(left, json!({"data": {"b": "2"}}));
    }
}
