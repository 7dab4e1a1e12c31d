//! Objects as sparse JSON, and the keys that name them. Sparse, because typed structs serialise their required fields
//! as empty and would claim what we do not mean to say.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::resources::Resource;

/// Names one object of the cluster. Orders by wave, then namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Its kind.
    pub resource: &'static Resource,
    /// Its namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectKey {
    /// Key of an object in a namespace.
    pub fn namespaced(resource: &'static Resource, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { resource, namespace: namespace.into(), name: name.into() }
    }

    /// Key of a cluster-scoped object.
    pub fn cluster(resource: &'static Resource, name: impl Into<String>) -> Self {
        Self { resource, namespace: String::new(), name: name.into() }
    }

    /// The namespace whose fate this object shares: its own, or for a Namespace itself. Empty for other cluster-scoped kinds.
    pub fn failure_domain(&self) -> &str {
        if *self.resource == crate::resources::NAMESPACE { &self.name } else { &self.namespace }
    }
}

/// `Kind namespace/name`, or `Kind name` for cluster-scoped kinds.
impl fmt::Display for ObjectKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(out, "{} {}", self.resource.kind, self.name)
        } else {
            write!(out, "{} {}/{}", self.resource.kind, self.namespace, self.name)
        }
    }
}

/// An object whose content another one is given, and the state of it that was seen. What it holds, plans never know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// What names it.
    pub key: ObjectKey,
    /// Its uid.
    pub uid: String,
    /// Its resourceVersion.
    pub version: String,
}

/// One object that a plan wants: its key and its sparse body with `apiVersion`, `kind` and `metadata` in place.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    key: ObjectKey,
    body: Value,
    takes_over: bool,
    origin: Option<Origin>,
}

impl Desired {
    /// An object with nothing but its name.
    pub fn new(key: ObjectKey) -> Self {
        let mut metadata = Map::new();
        metadata.insert("name".into(), Value::from(key.name.clone()));
        if key.resource.namespaced {
            metadata.insert("namespace".into(), Value::from(key.namespace.clone()));
        }
        let body = json!({
            "apiVersion": key.resource.api_version(),
            "kind": key.resource.kind,
            "metadata": metadata,
        });
        Self { key, body, takes_over: false, origin: None }
    }

    /// A cluster-scoped object that is given whole.
    pub fn whole(resource: &'static Resource, body: Value) -> Self {
        let name = body["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        Self { key: ObjectKey::cluster(resource, name), body, takes_over: false, origin: None }
    }

    /// Sets a top-level field such as `spec` or `subjects`.
    pub fn with(mut self, field: &str, value: impl Serialize) -> Self {
        // Everything a builder passes is made of strings, numbers, maps and lists, which always convert.
        self.body[field] = serde_json::to_value(value).unwrap_or(Value::Null);
        self
    }

    /// Adds one label.
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.body["metadata"]["labels"][key] = Value::from(value);
        self
    }

    /// Adds one annotation.
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.body["metadata"]["annotations"][key] = Value::from(value);
        self
    }

    /// Adds labels.
    pub fn labels<'a>(self, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        labels.into_iter().fold(self, |object, (key, value)| object.label(key, value))
    }

    /// Ties it to a resource in its own namespace: the server removes it when that goes.
    pub fn controlled_by(mut self, resource: &Resource, name: &str, uid: &str) -> Self {
        self.body["metadata"]["ownerReferences"] = json!([{
            "apiVersion": resource.api_version(),
            "kind": resource.kind,
            "name": name,
            "uid": uid,
            "controller": true,
        }]);
        self
    }

    /// Gives it the content of another object, all but its metadata, at the moment of writing.
    pub fn copy_of(self, origin: Origin) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// Whose content it is to have.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// Lets it take the place of a stranger's object that carries [`crate::meta::ADOPTABLE_BY`] with the owner's name at the
    /// moment of writing.
    pub fn taking_over(self, takes_over: bool) -> Self {
        Self { takes_over, ..self }
    }

    /// Whether it may take over a stranger's object that consents.
    pub fn takes_over(&self) -> bool {
        self.takes_over
    }

    /// What names it.
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// The sparse body, ready to be sent.
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// A label's value.
    pub fn label_value(&self, key: &str) -> Option<&str> {
        self.body["metadata"]["labels"][key].as_str()
    }
}
