//! What of an object is ours, and its hash: the one question "is it as we want it?" is answered by comparing the hash of
//! the wanted body with that of the observed object, both taken here. So a quiet cluster costs no request.

use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::meta;
use crate::object::Desired;
use crate::resources::{Resource, Write};

/// Label that the API server itself puts on every namespace, in the name of whoever created it.
const SERVER_LABEL: &str = "kubernetes.io/metadata.name";

/// Hash of a body that we want.
pub fn hash_desired(resource: &Resource, body: &Value) -> u128 {
    let metadata = match resource.write {
        Write::Merge => json!({ "labels": body["metadata"]["labels"], "annotations": body["metadata"]["annotations"] }),
        Write::ByName => without_installer(body),
        Write::Replace | Write::Never => managed_metadata(body),
    };
    hash(resource, &metadata, body)
}

/// Hash of an object as the API server showed it, comparable with [`hash_desired`].
pub fn hash_observed(resource: &Resource, object: &Value) -> u128 {
    let metadata = match resource.write {
        Write::Merge => kept_fields(object),
        Write::ByName => without_installer(object),
        Write::Replace | Write::Never => managed_metadata(object),
    };
    hash(resource, &metadata, object)
}

/// Hash of what was written where nothing may be read: the body, the state of the original, and the namespace it went to,
/// with which it is gone. Never of what a copy holds.
pub fn hash_blind(object: &Desired, namespace_uid: &str) -> u64 {
    let origin = object.origin().map(|origin| format!("{} {} {}", origin.key, origin.uid, origin.version));
    xxh3_64(json!([object.body(), origin, namespace_uid]).to_string().as_bytes())
}

/// Labels and annotations of an observed object that we set last, by its `managedFields`:
/// `{labels: {…}, annotations: {…}}`. A key that somebody else has overwritten is no longer among them.
pub fn owned_fields(object: &Value) -> Value {
    let entries = || {
        object["metadata"]["managedFields"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|entry| entry["manager"] == meta::MANAGER && entry["subresource"].is_null())
    };
    let owned = |section: &str| -> Map<String, Value> {
        let path = format!("f:{section}");
        object["metadata"][section]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| *key != SERVER_LABEL)
            .filter(|(key, _)| {
                entries().any(|entry| !entry["fieldsV1"]["f:metadata"][&path][format!("f:{key}")].is_null())
            })
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    json!({ "labels": owned("labels"), "annotations": owned("annotations") })
}

/// What of an observed object is ours to keep: [`owned_fields`], and everything under our keys whoever wrote it last. A
/// restored backup, or a value changed there and back, leaves our values in another's name; what becomes of them is still drift.
pub fn kept_fields(object: &Value) -> Value {
    let (mut kept, managed) = (owned_fields(object), managed_metadata(object));
    for section in ["labels", "annotations"] {
        for (key, value) in managed[section].as_object().into_iter().flatten() {
            kept[section][key] = value.clone();
        }
    }
    kept
}

/// Whether `managedFields` say that we wrote some of this object: the proof that remains when its marks were stripped.
pub fn was_written_by_us(object: &Value) -> bool {
    object["metadata"]["managedFields"]
        .as_array()
        .is_some_and(|entries| entries.iter().any(|entry| entry["manager"] == meta::MANAGER))
}

/// Labels and annotations under our keys. What others note on an object that only we write is theirs and harmless.
fn managed_metadata(object: &Value) -> Value {
    let managed = |section: &str| -> Map<String, Value> {
        object["metadata"][section]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| meta::is_managed_key(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    json!({ "labels": managed("labels"), "annotations": managed("annotations"), "ownerReferences": ties(object) })
}

/// Owner references to resources of ours. Others' neither keep an object nor harm it.
fn ties(object: &Value) -> Value {
    let references = object["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    let ours = |one: &&Value| one["apiVersion"].as_str().is_some_and(|version| version.starts_with(meta::PREFIX));
    references
        .filter(ours)
        .map(|one| json!({ "kind": one["kind"], "name": one["name"], "uid": one["uid"], "controller": one["controller"] }))
        .collect()
}

/// The same without the label that names the installer: Helm puts its own on what it installs, and needs it there.
fn without_installer(object: &Value) -> Value {
    let mut metadata = managed_metadata(object);
    metadata["labels"].as_object_mut().and_then(|labels| labels.remove(meta::MANAGED_BY));
    metadata
}

fn hash(resource: &Resource, metadata: &Value, body: &Value) -> u128 {
    let mut content = Map::new();
    content.insert("metadata".into(), metadata.clone());
    if resource.write != Write::Merge {
        for (field, value) in body.as_object().into_iter().flatten() {
            if !matches!(field.as_str(), "apiVersion" | "kind" | "metadata" | "status") {
                content.insert(field.clone(), value.clone());
            }
        }
    }
    let mut content = Value::Object(content);
    for path in resource.filled {
        let (parent, field) = path.rsplit_once('/').unwrap_or_default();
        if let Some(fields) = content.pointer_mut(parent).and_then(Value::as_object_mut) {
            fields.remove(field);
        }
    }
    // Maps are sorted, so equal content gives equal bytes; an absent field and an empty one mean the same to the server.
    xxh3_128(without_empty(content).to_string().as_bytes())
}

/// Whether two values mean the same to the API server.
pub fn is_same(one: &Value, other: &Value) -> bool {
    one == other || without_empty(one.clone()) == without_empty(other.clone())
}

/// Drops nulls and empty lists from maps: the API server does not show them either. Empty maps stay: in a network policy
/// `podSelector: {}` and `namespaceSelector: {}` differ in nothing but the key.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(key, value)| (key, without_empty(value)))
                .filter(|(_, value)| !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty()))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_empty).collect()),
        scalar => scalar,
    }
}
