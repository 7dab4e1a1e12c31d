//! Sets of field paths, and their `fieldsV1` form: what a field manager owns. It knows nothing of schemas or objects.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// `f:name`: a field of a map or struct.
    Field(String),
    /// `k:{…}`: an item of a list that is a map, by its keys (canonical JSON).
    Key(String),
    /// `v:…`: an item of a list that is a set (canonical JSON).
    Value(String),
}

impl Step {
    fn encode(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(keys) => format!("k:{keys}"),
            Self::Value(value) => format!("v:{value}"),
        }
    }

    fn decode(text: &str) -> Option<Self> {
        let (class, rest) = text.split_once(':')?;
        match class {
            "f" => Some(Self::Field(rest.to_owned())),
            "k" => Some(Self::Key(canonical(&serde_json::from_str(rest).ok()?))),
            "v" => Some(Self::Value(canonical(&serde_json::from_str(rest).ok()?))),
            _ => None,
        }
    }

    /// As conflicts print it: `.name`, `[name="x"]`, `["x"]`.
    fn display(&self) -> String {
        match self {
            Self::Field(name) => format!(".{name}"),
            Self::Value(value) => format!("[={value}]"),
            Self::Key(keys) => {
                let parsed: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                let sorted: BTreeMap<_, _> = parsed.iter().collect();
                let parts = sorted.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>();
                format!("[{}]", parts.join(","))
            }
        }
    }
}

/// JSON with sorted keys, so that equal values have equal text.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            let parts = sorted
                .iter()
                .map(|(key, value)| format!("{}:{}", Value::String((*key).clone()), canonical(value)))
                .collect::<Vec<_>>();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// A set of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    members: BTreeSet<Step>,
    children: BTreeMap<Step, FieldSet>,
}

impl FieldSet {
    /// Whether no path is in it.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.values().all(Self::is_empty)
    }

    /// Add one path.
    pub fn insert(&mut self, path: &[Step]) {
        match path {
            [] => {}
            [last] => {
                self.members.insert(last.clone());
            }
            [first, rest @ ..] => self.children.entry(first.clone()).or_default().insert(rest),
        }
    }

    /// Whether the one-step path is a member.
    pub fn has(&self, step: &Step) -> bool {
        self.members.contains(step)
    }

    /// What lies below a step; none if nothing does.
    pub fn below(&self, step: &Step) -> Option<&Self> {
        self.children.get(step).filter(|child| !child.is_empty())
    }

    /// Paths in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut out = self.clone();
        out.members.extend(other.members.iter().cloned());
        for (step, child) in &other.children {
            let merged = out.children.get(step).map_or_else(|| child.clone(), |own| own.union(child));
            out.children.insert(step.clone(), merged);
        }
        out
    }

    /// Paths in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let members = self.members.intersection(&other.members).cloned().collect();
        let children = self.children.iter().filter_map(|(step, child)| {
            let both = child.intersection(other.children.get(step)?);
            (!both.is_empty()).then(|| (step.clone(), both))
        });
        Self { members, children: children.collect() }
    }

    /// Paths of `self` that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let members = self.members.difference(&other.members).cloned().collect();
        let children = self.children.iter().filter_map(|(step, child)| {
            let left = other.children.get(step).map_or_else(|| child.clone(), |without| child.difference(without));
            (!left.is_empty()).then(|| (step.clone(), left))
        });
        Self { members, children: children.collect() }
    }

    /// As `difference`, but a member of `other` removes everything below it as well.
    #[must_use]
    pub fn recursive_difference(&self, other: &Self) -> Self {
        let members = self.members.difference(&other.members).cloned().collect();
        let children = self.children.iter().filter_map(|(step, child)| {
            if other.members.contains(step) {
                return None;
            }
            let left =
                other.children.get(step).map_or_else(|| child.clone(), |without| child.recursive_difference(without));
            (!left.is_empty()).then(|| (step.clone(), left))
        });
        Self { members, children: children.collect() }
    }

    /// Members and children, for those who walk a schema alongside.
    pub fn parts(&self) -> (&BTreeSet<Step>, &BTreeMap<Step, FieldSet>) {
        (&self.members, &self.children)
    }

    /// Build from parts.
    pub fn from_parts(members: BTreeSet<Step>, children: BTreeMap<Step, FieldSet>) -> Self {
        Self { members, children }
    }

    /// Every path as conflicts print it, in order.
    pub fn display_paths(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.collect_paths("", &mut out);
        out
    }

    fn collect_paths(&self, prefix: &str, out: &mut Vec<String>) {
        let steps: BTreeSet<_> = self.members.iter().chain(self.children.keys()).collect();
        for step in steps {
            let path = format!("{prefix}{}", step.display());
            if self.members.contains(step) {
                out.push(path.clone());
            }
            if let Some(child) = self.children.get(step) {
                child.collect_paths(&path, out);
            }
        }
    }

    /// The `fieldsV1` form.
    pub fn encode(&self) -> Value {
        let mut out = Map::new();
        let steps: BTreeSet<_> = self.members.iter().chain(self.children.keys()).collect();
        for step in steps {
            let below = self.children.get(step).filter(|child| !child.is_empty());
            let mut value = below.map_or_else(Map::new, |child| match child.encode() {
                Value::Object(map) => map,
                _ => Map::new(),
            });
            if self.members.contains(step) {
                if below.is_some() {
                    value.insert(".".to_owned(), Value::Object(Map::new()));
                }
            } else if below.is_none() {
                continue;
            }
            out.insert(step.encode(), Value::Object(value));
        }
        Value::Object(out)
    }

    /// Read `fieldsV1`; none when it is not one.
    pub fn decode(value: &Value) -> Option<Self> {
        let mut out = Self::default();
        for (key, below) in value.as_object()? {
            if key == "." {
                continue;
            }
            let step = Step::decode(key)?;
            let child = Self::decode(below)?;
            if child.is_empty() || below.get(".").is_some() {
                out.members.insert(step.clone());
            }
            if !child.is_empty() {
                out.children.insert(step, child);
            }
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_v1_goes_round() {
        let fields = json!({
            "f:metadata": {"f:labels": {".": {}, "f:a": {}}, "f:finalizers": {"v:\"x\"": {}}},
            "f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}},
        });
        let set = FieldSet::decode(&fields).unwrap();
        assert_eq!(set.encode(), fields);
        assert_eq!(set.display_paths()[2], ".metadata.labels.a");
        assert!(set.display_paths().contains(&".spec.ports[port=80,protocol=\"TCP\"].port".to_owned()));
    }

    #[test]
    fn set_algebra() {
        let decode = |value| FieldSet::decode(&value).unwrap();
        let a = decode(json!({"f:x": {"f:y": {}, "f:z": {}}, "f:w": {}}));
        let b = decode(json!({"f:x": {"f:y": {}}}));
        assert_eq!(a.difference(&b), decode(json!({"f:x": {"f:z": {}}, "f:w": {}})));
        assert_eq!(a.intersection(&b), b);
        assert_eq!(b.union(&a), a);
        let whole = decode(json!({"f:x": {}}));
        assert_eq!(a.difference(&whole), a);
        assert_eq!(a.recursive_difference(&whole), decode(json!({"f:w": {}})));
    }
}
