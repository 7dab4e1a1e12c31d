//! Walks a value along its schema: which paths it has, and how two values differ. Ported from structured-merge-diff; it never writes.

use serde_json::Value;

use super::fieldset::{FieldSet, Step};
use super::schema::{Node, Shape};

/// What a change added, modified and removed.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Paths only the new value has.
    pub added: FieldSet,
    /// Paths both have, with different values.
    pub modified: FieldSet,
    /// Paths only the old value has.
    pub removed: FieldSet,
}

/// The paths a value sets.
pub fn field_set(node: Node<'_>, value: &Value) -> FieldSet {
    let mut out = FieldSet::default();
    collect(node, value, &mut Vec::new(), &mut out);
    out
}

fn collect(node: Node<'_>, value: &Value, path: &mut Vec<Step>, out: &mut FieldSet) {
    let shape = node.shape(value);
    match (&shape, value) {
        (Shape::Scalar | Shape::AtomicList | Shape::AtomicMap, _) => out.insert(path),
        (Shape::Map, Value::Object(map)) => {
            for (key, below) in map {
                path.push(Step::Field(key.clone()));
                collect(node.field(key).unwrap_or_else(Node::untyped), below, path, out);
                let is_empty_map = below.as_object().is_some_and(serde_json::Map::is_empty);
                if below.is_null() || is_empty_map || !node.declares(key) {
                    out.insert(path);
                }
                path.pop();
            }
        }
        (Shape::SetList | Shape::MapList(_), Value::Array(items)) => {
            let steps = items.iter().map(|item| node.item_step(&shape, item).ok()).collect::<Vec<_>>();
            for (item, step) in items.iter().zip(&steps) {
                let Some(step) = step else { continue };
                path.push(step.clone());
                if steps.iter().filter(|other| other.as_ref() == Some(step)).count() == 1 {
                    collect(node.items(), item, path, out);
                }
                out.insert(path);
                path.pop();
            }
        }
        _ => {}
    }
}

/// How `new` differs from `old`.
pub fn compare(node: Node<'_>, old: &Value, new: &Value) -> Comparison {
    let mut out = Comparison::default();
    compare_at(node, Some(old), Some(new), &mut Vec::new(), &mut out);
    out
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    }
}

fn compare_at(node: Node<'_>, old: Option<&Value>, new: Option<&Value>, path: &mut Vec<Step>, out: &mut Comparison) {
    let Some(sample) = new.filter(|value| !value.is_null()).or(old).or(new) else { return };
    let shape = node.shape(sample);
    let is_leaf = matches!(shape, Shape::Scalar | Shape::AtomicList | Shape::AtomicMap)
        || (is_empty(old) && is_empty(new))
        || [old, new].iter().flatten().any(|value| !value.is_null() && node.shape(value) != shape);
    if is_leaf {
        match (old, new) {
            (None, Some(_)) => out.added.insert(path),
            (Some(_), None) => out.removed.insert(path),
            (Some(before), Some(after)) if before != after => out.modified.insert(path),
            _ => {}
        }
        return;
    }
    if shape == Shape::Map {
        let empty = serde_json::Map::new();
        let before = old.and_then(Value::as_object).unwrap_or(&empty);
        let after = new.and_then(Value::as_object).unwrap_or(&empty);
        for key in before.keys().chain(after.keys().filter(|key| !before.contains_key(*key))) {
            path.push(Step::Field(key.clone()));
            let below = node.field(key).unwrap_or_else(Node::untyped);
            compare_at(below, before.get(key), after.get(key), path, out);
            path.pop();
        }
    } else {
        compare_items(node, &shape, old, new, path, out);
    }
    match (old, new) {
        (None, Some(_)) => out.added.insert(path),
        (Some(_), None) => out.removed.insert(path),
        _ => {}
    }
}

fn compare_items(
    node: Node<'_>,
    shape: &Shape,
    old: Option<&Value>,
    new: Option<&Value>,
    path: &mut Vec<Step>,
    out: &mut Comparison,
) {
    let before = named_items(node, shape, old);
    let after = named_items(node, shape, new);
    for (step, item) in &before {
        path.push(step.clone());
        compare_at(node.items(), Some(item), find(&after, step), path, out);
        path.pop();
    }
    for (step, item) in after.iter().filter(|(step, _)| find(&before, step).is_none()) {
        path.push(step.clone());
        compare_at(node.items(), None, Some(item), path, out);
        path.pop();
    }
}

/// Items of a list with their names; of several with one name the first.
pub fn named_items<'v>(node: Node<'_>, shape: &Shape, list: Option<&'v Value>) -> Vec<(Step, &'v Value)> {
    let mut out: Vec<(Step, &Value)> = Vec::new();
    for item in list.and_then(Value::as_array).into_iter().flatten() {
        if let Ok(step) = node.item_step(shape, item)
            && find(&out, &step).is_none()
        {
            out.push((step, item));
        }
    }
    out
}

/// The item with a name.
pub fn find<'v>(items: &[(Step, &'v Value)], step: &Step) -> Option<&'v Value> {
    items.iter().find(|(name, _)| name == step).map(|(_, item)| *item)
}

/// Add the declared fields that only appear as parents, as structured-merge-diff does before it removes fields.
pub fn with_named_parents(node: Node<'_>, set: &FieldSet) -> FieldSet {
    let (members, children) = set.parts();
    let mut members = members.clone();
    for step in children.keys() {
        if matches!(step, Step::Field(name) if node.declares(name)) {
            members.insert(step.clone());
        }
    }
    let children = children.iter().map(|(step, below)| (step.clone(), with_named_parents(node.step(step), below)));
    FieldSet::from_parts(members, children.collect())
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
    fn paths_of_an_applied_policy() {
        let value =
            json!({"metadata": {"labels": {"a": "b"}}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}});
        let set = field_set(root("networking.k8s.io/v1/NetworkPolicy"), &value);
        let expected =
            json!({"f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": {"f:podSelector": {}, "f:policyTypes": {}}});
        assert_eq!(set.encode(), expected);
    }

    #[test]
    fn an_update_owns_the_new_parents_too() {
        let new = json!({"metadata": {"labels": {"a": "b"}}, "data": {"k": "v"}});
        let compared = compare(root("/v1/ConfigMap"), &json!({"metadata": {}}), &new);
        let expected = json!({
            "f:metadata": {"f:labels": {".": {}, "f:a": {}}}, "f:data": {".": {}, "f:k": {}},
        });
        assert_eq!(compared.added.encode(), expected);
        assert!(compared.removed.is_empty() && compared.modified.is_empty());
    }
}
