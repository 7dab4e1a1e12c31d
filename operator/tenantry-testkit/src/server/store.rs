//! What every write shares: reading the body, shaping the object, and the last steps before it is stored.

use std::cell::Cell;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::defaults;
use super::error::{ApiError, ApiResult, FieldError};
use super::fieldset::{FieldSet, Step};
use super::managed::{Entry, decode, encode, same_fields};
use super::meta;
use super::registry::Resource;
use super::request::{ApiRequest, Verb};
use super::schema::Node;
use super::state::{Key, State};
use super::{crd, validate};

/// One write in progress.
pub struct Write<'a> {
    /// The kind written.
    pub resource: Arc<Resource>,
    /// The request.
    pub request: &'a ApiRequest,
    /// Whether the request spells out empty lists or maps where storage keeps nothing.
    spells_empties: Cell<bool>,
}

impl<'a> Write<'a> {
    /// A write of one kind.
    pub fn new(resource: Arc<Resource>, request: &'a ApiRequest) -> Self {
        Self { resource, request, spells_empties: Cell::new(false) }
    }

    /// Where the named object is stored.
    pub fn key(&self) -> Key {
        Key::new(&self.resource, &self.request.call.namespace, &self.request.call.name)
    }

    /// The API's name for the resource and object, for refusals.
    pub fn names(&self) -> (&str, &str, &str) {
        (&self.resource.group, &self.resource.plural, &self.request.call.name)
    }

    /// Fields this endpoint resets, and so nobody owns by writing here.
    pub fn reset(&self) -> FieldSet {
        let mut set = FieldSet::default();
        let field = |name: &str| [Step::Field(name.to_owned())];
        match self.request.call.subresource.as_str() {
            "" | "finalize" if self.resource.has_status => set.insert(&field("status")),
            "status" if self.resource.is_custom => {
                set.insert(&field("metadata"));
                set.insert(&field("spec"));
            }
            "status" => set.insert(&field("spec")),
            _ => {}
        }
        set
    }

    /// Whether unknown fields are refused.
    pub fn is_strict(&self) -> bool {
        self.request.option("fieldValidation") == "Strict"
    }

    /// Decode, prune and default an object.
    pub fn shape(&self, object: &mut Value) -> ApiResult<()> {
        if self.resource.is_custom {
            defaults::decode_metadata(&self.resource, object)?;
            let is_apply = self.request.content_type == "application/apply-patch+yaml";
            let shape = if is_apply { crd::shape_applied } else { crd::shape };
            let unknown = shape(&self.resource, object);
            crd::clean_metadata(object);
            return defaults::refuse_unknown(&self.resource, &unknown, self.is_strict());
        }
        let spec = self.resource.node().field("spec");
        self.spells_empties.set(spec.is_some_and(|node| has_empties(node, &object["spec"])));
        defaults::decode(&self.resource, object, self.is_strict())
    }

    /// What an object of this kind is before anything was written to it.
    pub fn blank(&self) -> Value {
        let mut object = json!({"apiVersion": self.resource.api_version(), "kind": self.resource.kind, "metadata": {}});
        if !self.resource.is_custom {
            defaults::blank(&self.resource, &mut object);
        }
        object
    }

    /// The body as an object of this kind.
    pub fn body(&self) -> ApiResult<Value> {
        let object = parse(&self.request.body)?;
        if !object.is_object() {
            return Err(ApiError::bad_request("the object provided is unrecognized (must be of type Object)"));
        }
        let kind = object["kind"].as_str().unwrap_or_default();
        let api_version = object["apiVersion"].as_str().unwrap_or_default();
        let (wanted_kind, wanted_version) = (&self.resource.kind, self.resource.api_version());
        if !kind.is_empty() && kind != wanted_kind || !api_version.is_empty() && api_version != wanted_version {
            let group_version = |version: &str, kind: &str| format!("{version}, Kind={kind}");
            return Err(ApiError::bad_request(format!(
                "{wanted_kind} in version {:?} cannot be handled as a {wanted_kind}: no kind {kind:?} is registered for the \
                 internal version of group {:?} in scheme ({})",
                self.resource.version,
                self.resource.group,
                group_version(api_version, kind)
            )));
        }
        Ok(object)
    }

    /// The last steps of a change of an existing object: system fields, generation, rules, and the store.
    pub fn finish(&self, state: &mut State, old: &Arc<Value>, mut new: Value, entries: Vec<Entry>) -> ApiResult<Value> {
        let mut found = Vec::new();
        let (given, uid) = (&new["metadata"]["uid"], &old["metadata"]["uid"]);
        if given.is_string() && given != uid {
            found.push(FieldError::invalid("metadata.uid", given, "field is immutable"));
        }
        // As in Kubernetes, times are forgiven before fields are reset: an apply that names fields it cannot set renews its time.
        let mut settled = new.clone();
        if !self.resource.is_custom {
            defaults::settle(self.resource.node(), &mut settled);
        }
        let counts_times = without_managed(old) != without_managed(&settled);
        self.keep_system_fields(old, &mut new);
        let before = decode(old);
        let is_apply = self.request.content_type == "application/apply-patch+yaml";
        let is_same = same_fields(&before, &entries)
            && !(is_apply && counts_times && entries.iter().any(|entry| !before.contains(entry)));
        encode(&mut new, entries);
        let unsettled = new.clone();
        if !self.resource.is_custom {
            defaults::settle(self.resource.node(), &mut new);
        }
        // What is not read back from storage is answered as it was sent.
        let spelled = if self.request.call.verb == Verb::Update { unsettled } else { new.clone() };
        validate::check(&self.resource, &self.request.call.subresource, &new, Some(old), found)?;
        if is_same && without_managed(old) == without_managed(&new) {
            return Ok(Value::clone(old));
        }
        if self.request.is_dry_run() {
            return Ok(spelled);
        }
        let key = self.key();
        if meta::may_vanish(&self.resource, &new) {
            state.remove(&key);
            return Ok(spelled);
        }
        let stored = state.put(key, new);
        self.after_store(state, &stored);
        Ok(Value::clone(&stored))
    }

    fn keep_system_fields(&self, old: &Value, new: &mut Value) {
        new["apiVersion"] = json!(self.resource.api_version());
        new["kind"] = json!(self.resource.kind);
        let is_status = self.request.call.subresource == "status";
        if is_status {
            let mut kept = old.clone();
            copy_field(new, &mut kept, "status");
            if !self.resource.is_custom {
                kept["metadata"] = new["metadata"].clone();
            }
            *new = kept;
        } else if self.resource.has_status {
            copy_field(old, new, "status");
        }
        for field in [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
            "resourceVersion",
        ] {
            let value = old["metadata"].get(field).cloned();
            set_or_remove(&mut new["metadata"], field, value);
        }
        if self.resource.plural == "namespaces" && self.request.call.subresource.is_empty() {
            copy_field(old, new, "spec");
        }
        // NetworkPolicies are compared as Go compares: an empty list is not a missing one, although both are stored alike.
        let counts_empties = self.resource.kind == "NetworkPolicy" && self.spells_empties.get();
        let has_changed = counts_empties || content(&self.resource, old) != content(&self.resource, new);
        if self.resource.has_generation && !is_status && has_changed {
            let generation = old["metadata"]["generation"].as_i64().unwrap_or_default();
            new["metadata"]["generation"] = json!(generation + 1);
        }
    }

    /// What follows from a stored object at once: a definition makes its kind served.
    pub fn after_store(&self, state: &mut State, stored: &Arc<Value>) {
        if self.resource.kind == "CustomResourceDefinition" && !self.resource.is_custom {
            super::controllers::definition_stored(state, stored);
        }
    }
}

/// Whether an empty list, or an empty map that is not a struct, is spelled out below.
fn has_empties(node: Node<'_>, value: &Value) -> bool {
    match value {
        Value::Object(map) if map.is_empty() => node.is_free_map(),
        Value::Object(map) => {
            map.iter().any(|(key, below)| node.field(key).is_some_and(|field| has_empties(field, below)))
        }
        Value::Array(items) => items.is_empty() || items.iter().any(|item| has_empties(node.items(), item)),
        _ => false,
    }
}

/// JSON, or YAML if it is not JSON.
pub fn parse(body: &[u8]) -> ApiResult<Value> {
    if let Ok(value) = serde_json::from_slice(body) {
        return Ok(value);
    }
    let text = std::str::from_utf8(body).map_err(|_| ApiError::bad_request("the body is not UTF-8"))?;
    serde_saphyr::from_str(text)
        .map_err(|error| ApiError::bad_request(format!("couldn't get version/kind; json parse error: {error}")))
}

fn copy_field(from: &Value, to: &mut Value, field: &str) {
    let value = from.get(field).cloned();
    set_or_remove(to, field, value);
}

fn set_or_remove(object: &mut Value, field: &str, value: Option<Value>) {
    match (value, object.as_object_mut()) {
        (Some(value), Some(map)) => {
            map.insert(field.to_owned(), value);
        }
        (None, Some(map)) => {
            map.remove(field);
        }
        (_, None) => {}
    }
}

/// What counts for the generation: everything but metadata, and but status where it is a subresource.
fn content(resource: &Resource, object: &Value) -> Map<String, Value> {
    let mut map = object.as_object().cloned().unwrap_or_default();
    map.remove("metadata");
    map.remove("apiVersion");
    if resource.has_status || !resource.is_custom {
        map.remove("status");
    }
    map
}

fn without_managed(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        metadata.remove("resourceVersion");
    }
    object
}
