//! A cursor over OpenAPI schemas: what kind of thing lies at a path, for apply, pruning and validation. It never changes a value.

use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::fieldset::{Step, canonical};

/// Schemas of the built-in kinds: the published OpenAPI of Kubernetes, cut down to the kinds served here.
const BUILT_IN: &str = include_str!("builtin.json");

/// The built-in document: `roots` (`group/version/kind` to definition) and `definitions`.
pub fn built_in() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| serde_json::from_str(BUILT_IN).unwrap_or_default())
}

/// How server-side apply treats what lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A number, string, boolean, or null.
    Scalar,
    /// A list replaced as a whole.
    AtomicList,
    /// A list of distinct scalars.
    SetList,
    /// A list of objects known by these keys.
    MapList(Vec<String>),
    /// A map or struct replaced as a whole.
    AtomicMap,
    /// A map or struct merged field by field.
    Map,
}

/// A place in a schema. Without a schema (unknown fields kept), shapes are taken from the value.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    definitions: Option<&'a Value>,
    outer: Option<&'a Value>,
    schema: Option<&'a Value>,
}

impl<'a> Node<'a> {
    /// A place with a schema; `$ref`s are looked up in the definitions.
    pub fn new(schema: &'a Value, definitions: &'a Value) -> Self {
        Self { definitions: Some(definitions), outer: None, schema: None }.at(schema)
    }

    /// A place where anything is allowed.
    pub fn untyped() -> Self {
        Self { definitions: None, outer: None, schema: None }
    }

    fn at(self, schema: &'a Value) -> Self {
        let mut resolved = schema;
        while let Some(name) = resolved.get("$ref").and_then(Value::as_str) {
            let found = self.definitions.and_then(|all| all.get(name));
            match found.or_else(|| built_in()["definitions"].get(name)) {
                Some(next) => resolved = next,
                None => break,
            }
        }
        Self { definitions: self.definitions, outer: Some(schema), schema: Some(resolved) }
    }

    /// The schema itself, `$ref` followed.
    pub fn schema(self) -> Option<&'a Value> {
        self.schema
    }

    /// The name of the definition this place refers to, empty if it is written out here.
    pub fn definition(self) -> &'a str {
        self.outer.and_then(|outer| outer.get("$ref")).and_then(Value::as_str).unwrap_or_default()
    }

    fn keyword(self, name: &str) -> Option<&'a Value> {
        let own = self.outer.and_then(|outer| outer.get(name));
        own.or_else(|| self.schema.and_then(|schema| schema.get(name)))
    }

    /// The declared type, empty when there is none.
    pub fn type_name(self) -> &'a str {
        self.keyword("type").and_then(Value::as_str).unwrap_or_default()
    }

    /// The declared format, empty when there is none.
    pub fn format(self) -> &'a str {
        self.keyword("format").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether a boolean keyword is set.
    pub fn flag(self, name: &str) -> bool {
        self.keyword(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Whether the value may be an integer or a string.
    pub fn is_int_or_string(self) -> bool {
        self.flag("x-kubernetes-int-or-string") || self.format() == "int-or-string"
    }

    /// Declared fields.
    pub fn properties(self) -> Option<&'a Map<String, Value>> {
        self.schema?.get("properties")?.as_object()
    }

    fn additional(self) -> Option<&'a Value> {
        self.schema?.get("additionalProperties").filter(|extra| extra.is_object())
    }

    /// Whether this is a map with free keys.
    pub fn is_free_map(self) -> bool {
        self.additional().is_some()
    }

    /// Whether any content is allowed below.
    pub fn is_untyped(self) -> bool {
        match self.schema {
            None => true,
            Some(schema) => {
                let is_object = matches!(self.type_name(), "object" | "");
                let is_bare = schema.get("properties").is_none() && self.additional().is_none();
                is_object && is_bare && !self.is_int_or_string()
            }
        }
    }

    /// Whether a field is declared by name.
    pub fn declares(self, field: &str) -> bool {
        self.properties().is_some_and(|properties| properties.contains_key(field))
    }

    /// The place of a field; none if the schema does not know it.
    pub fn field(self, name: &str) -> Option<Self> {
        if let Some(found) = self.properties().and_then(|properties| properties.get(name)) {
            return Some(self.at(found));
        }
        if let Some(extra) = self.additional() {
            return Some(self.at(extra));
        }
        let is_open = self.is_untyped() || self.flag("x-kubernetes-preserve-unknown-fields");
        is_open.then(Self::untyped)
    }

    /// The place of list items.
    pub fn items(self) -> Self {
        self.schema.and_then(|schema| schema.get("items")).map_or_else(Self::untyped, |items| self.at(items))
    }

    /// The place one step down, untyped if unknown.
    pub fn step(self, step: &Step) -> Self {
        match step {
            Step::Field(name) => self.field(name).unwrap_or_else(Self::untyped),
            Step::Key(_) | Step::Value(_) => self.items(),
        }
    }

    /// How apply treats a value here.
    pub fn shape(self, value: &Value) -> Shape {
        let list_type = self.keyword("x-kubernetes-list-type").and_then(Value::as_str);
        match self.type_name() {
            "array" => match list_type {
                Some("set") => Shape::SetList,
                Some("map") => Shape::MapList(self.list_keys()),
                _ => Shape::AtomicList,
            },
            "object" if self.keyword("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic") => {
                Shape::AtomicMap
            }
            "object" => Shape::Map,
            "" if self.is_int_or_string() => Shape::Scalar,
            "" => match value {
                Value::Object(_) => Shape::Map,
                Value::Array(_) => Shape::AtomicList,
                _ => Shape::Scalar,
            },
            _ => Shape::Scalar,
        }
    }

    fn list_keys(self) -> Vec<String> {
        let keys = self.keyword("x-kubernetes-list-map-keys").and_then(Value::as_array);
        keys.into_iter().flatten().filter_map(|key| key.as_str().map(ToOwned::to_owned)).collect()
    }

    /// The step that names an item of a list that is a set or a map; an error in Go's words when it has no name.
    pub fn item_step(self, shape: &Shape, item: &Value) -> Result<Step, String> {
        let Shape::MapList(keys) = shape else {
            return Ok(Step::Value(canonical(item)));
        };
        let object = item.as_object().ok_or("associative list may not have non-map elements")?;
        let mut named = Map::new();
        for key in keys {
            let default = self.items().field(key).and_then(|field| field.keyword("default"));
            match object.get(key).filter(|value| !value.is_null()).or(default) {
                Some(value) => named.insert(key.clone(), value.clone()),
                None => continue,
            };
        }
        if named.is_empty() {
            let all = keys.iter().map(|key| format!("{key:?}")).collect::<Vec<_>>().join(" ");
            return Err(format!(
                "associative list with keys has an element that omits all key fields [{all}] (and doesn't have default \
                 values for any key fields)"
            ));
        }
        Ok(Step::Key(canonical(&Value::Object(named))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn root(kind: &str) -> Node<'static> {
        let document = built_in();
        let name = document["roots"][kind].as_str().unwrap();
        Node::new(&document["definitions"][name], &document["definitions"])
    }

    #[test]
    fn knows_the_shapes_of_built_in_kinds() {
        let policy = root("networking.k8s.io/v1/NetworkPolicy");
        let spec = policy.field("spec").unwrap();
        assert_eq!(spec.field("egress").unwrap().shape(&json!([])), Shape::AtomicList);
        assert_eq!(spec.field("podSelector").unwrap().shape(&json!({})), Shape::AtomicMap);
        assert!(spec.field("nonsense").is_none());
        let metadata = policy.field("metadata").unwrap();
        assert_eq!(
            metadata.field("ownerReferences").unwrap().shape(&json!([])),
            Shape::MapList(vec!["uid".to_owned()])
        );
        assert!(metadata.field("labels").unwrap().field("any").is_some());
    }

    #[test]
    fn names_list_items_with_defaulted_keys() {
        let ports = root("/v1/Service").field("spec").unwrap().field("ports").unwrap();
        let shape = ports.shape(&json!([]));
        let step = ports.item_step(&shape, &json!({"port": 80})).unwrap();
        assert_eq!(step, Step::Key("{\"port\":80,\"protocol\":\"TCP\"}".to_owned()));
    }
}
