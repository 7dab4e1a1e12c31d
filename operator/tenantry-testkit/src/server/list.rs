//! GET and LIST: snapshots, pages, and the metadata-only form. It never waits.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::error::{ApiError, ApiResult};
use super::registry::Resource;
use super::request::ApiRequest;
use super::selector::Selector;
use super::state::{Key, State};

/// Answer a GET.
pub fn get(state: &State, resource: &Arc<Resource>, request: &ApiRequest) -> ApiResult<Value> {
    let asked = revision(request.option("resourceVersion"))?;
    if asked > state.revision {
        return Err(ApiError::too_large_resource_version(asked, state.revision));
    }
    let key = Key::new(resource, &request.call.namespace, &request.call.name);
    let found = state.get(&key).ok_or_else(|| ApiError::not_found(&resource.group, &resource.plural, &key.name))?;
    Ok(present(resource, found, request.wants_metadata_only()))
}

/// Answer a LIST.
pub fn list(state: &State, resource: &Arc<Resource>, request: &ApiRequest) -> ApiResult<Value> {
    let selector = Selector::parse(request.option("labelSelector"), request.option("fieldSelector"))?;
    let namespace = &request.call.namespace;
    let (snapshot, after) = start(state, request)?;
    let objects: BTreeMap<Key, Arc<Value>> = if snapshot == state.revision {
        let found = state.of_kind(&resource.group, &resource.plural, namespace);
        found.into_iter().map(|(key, object)| (key.clone(), object.clone())).collect()
    } else {
        let mut found = state.at_revision(&resource.group, &resource.plural, snapshot);
        found.retain(|key, _| namespace.is_empty() || key.namespace == *namespace);
        found
    };
    let order = |key: &Key| format!("{}/{}", key.namespace, key.name);
    let mut left = objects.iter().filter(|(key, object)| order(key) > after && selector.matches(object)).peekable();
    let limit = request.option("limit").parse::<usize>().unwrap_or(0);
    let mut items = Vec::new();
    let mut last = String::new();
    while let Some((key, object)) = left.peek() {
        if limit > 0 && items.len() == limit {
            break;
        }
        items.push(list_item(resource, object, request.wants_metadata_only()));
        last = order(key);
        left.next();
    }
    let mut metadata = json!({"resourceVersion": snapshot.to_string()});
    let remaining = left.count();
    if remaining > 0 {
        metadata["continue"] = json!(format!("{snapshot}:{last}"));
        if request.option("labelSelector").is_empty() && request.option("fieldSelector").is_empty() {
            metadata["remainingItemCount"] = json!(remaining);
        }
    }
    let (kind, api_version) = if request.wants_metadata_only() {
        ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned())
    } else {
        (format!("{}List", resource.kind), resource.api_version())
    };
    Ok(json!({"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": items}))
}

/// From which snapshot and after which key to list.
fn start(state: &State, request: &ApiRequest) -> ApiResult<(u64, String)> {
    let token = request.option("continue");
    if !token.is_empty() {
        let parsed = token.split_once(':').and_then(|(revision, key)| Some((revision.parse().ok()?, key.to_owned())));
        let (snapshot, after): (u64, String) =
            parsed.ok_or_else(|| ApiError::bad_request("continue key is not valid: invalid token"))?;
        if snapshot < state.kept_from {
            return Err(ApiError::expired(
                "The provided continue parameter is too old to display a consistent list result. You can start a new list \
                 without the continue parameter.",
            ));
        }
        return Ok((snapshot, after));
    }
    let asked = revision(request.option("resourceVersion"))?;
    if asked > state.revision {
        return Err(ApiError::too_large_resource_version(asked, state.revision));
    }
    if request.option("resourceVersionMatch") == "Exact" {
        if asked < state.kept_from {
            return Err(ApiError::expired("The resourceVersion for the provided list is too old."));
        }
        return Ok((asked, String::new()));
    }
    Ok((state.revision, String::new()))
}

/// A resourceVersion parameter as a number; absent is 0.
pub fn revision(text: &str) -> ApiResult<u64> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        let why = format!("Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax");
        ApiError::bad_request(format!("resourceVersion: {why}"))
    })
}

/// An object as one answer: whole, or its metadata.
pub fn present(resource: &Resource, object: &Value, metadata_only: bool) -> Value {
    if metadata_only {
        return json!({
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
        });
    }
    let mut object = object.clone();
    object["apiVersion"] = json!(resource.api_version());
    object
}

/// An object as an item of a list: built-in kinds leave out kind and apiVersion there.
fn list_item(resource: &Resource, object: &Value, metadata_only: bool) -> Value {
    let mut item = present(resource, object, metadata_only);
    if !metadata_only
        && !resource.is_custom
        && let Some(map) = item.as_object_mut()
    {
        map.remove("kind");
        map.remove("apiVersion");
    }
    item
}
