//! POST, and the create half of server-side apply. It never changes an object that exists.

use serde_json::{Value, json};

use super::defaults;
use super::error::{ApiError, ApiResult};
use super::managed::{Entry, Writer, after_update, encode};
use super::meta;
use super::request::Verb;
use super::state::{Key, State};
use super::store::Write;
use super::validate;

/// Answer a POST.
pub fn create(state: &mut State, write: &Write<'_>) -> ApiResult<(u16, Value)> {
    let mut object = write.body()?;
    write.shape(&mut object)?;
    let namespace = &write.request.call.namespace;
    let given = meta::text(&object, "namespace");
    if !given.is_empty() && given != namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let is_put = write.request.call.verb == Verb::Update;
    if !is_put && !meta::text(&object, "resourceVersion").is_empty() {
        return Err(ApiError::internal("resourceVersion should not be set on objects to be created"));
    }
    let (manager, stamp) = (write.request.field_manager(), state.clock.stamp());
    let reset = write.reset();
    let api_version = write.resource.api_version();
    let writer = Writer { manager: &manager, subresource: "", api_version: &api_version, time: &stamp, reset: &reset };
    strip_managed(&mut object);
    let entries = after_update(write.resource.node(), &write.blank(), &object, Vec::new(), &writer);
    let stored = insert(state, write, object, entries)?;
    Ok((201, stored))
}

fn strip_managed(object: &mut Value) {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
}

/// Store an object that is not there yet.
pub fn insert(state: &mut State, write: &Write<'_>, mut object: Value, entries: Vec<Entry>) -> ApiResult<Value> {
    let resource = &write.resource;
    let namespace = write.request.call.namespace.clone();
    object["apiVersion"] = json!(resource.api_version());
    object["kind"] = json!(resource.kind);
    if meta::text(&object, "name").is_empty() && !meta::text(&object, "generateName").is_empty() {
        let name = format!("{}{}", meta::text(&object, "generateName"), state.next_suffix());
        object["metadata"]["name"] = json!(name);
    }
    let name = meta::text(&object, "name").to_owned();
    if resource.namespaced {
        object["metadata"]["namespace"] = json!(namespace);
        admit_to_namespace(state, write, &name)?;
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink"] {
            metadata.remove(field);
        }
        if !write.request.is_dry_run() {
            metadata.remove("resourceVersion");
        }
    }
    object["metadata"]["uid"] = json!(state.next_uid());
    object["metadata"]["creationTimestamp"] = json!(state.clock.stamp());
    if resource.has_generation {
        object["metadata"]["generation"] = json!(1);
    }
    if resource.has_status {
        object.as_object_mut().map(|map| map.remove("status"));
    }
    if !resource.is_custom {
        defaults::settle(resource.node(), &mut object);
    }
    encode(&mut object, entries);
    first_status(write, &mut object);
    validate::check(resource, "", &object, None, Vec::new())?;
    let key = Key::new(resource, &namespace, &name);
    if let Some(found) = state.get(&key) {
        let mut error = ApiError::already_exists(&resource.group, &resource.plural, &name);
        if meta::is_deleting(found) {
            error.message = format!("object is being deleted: {}", error.message);
        }
        return Err(error);
    }
    if write.request.is_dry_run() {
        return Ok(object);
    }
    let stored = state.put(key.clone(), object);
    write.after_store(state, &stored);
    Ok(state.get(&key).map_or_else(|| Value::clone(&stored), |stored| Value::clone(stored)))
}

/// The status a new object begins with.
fn first_status(write: &Write<'_>, object: &mut Value) {
    match write.resource.kind.as_str() {
        "Namespace" => {
            let mut finalizers = object["spec"]["finalizers"].as_array().cloned().unwrap_or_default();
            if !finalizers.contains(&json!("kubernetes")) {
                finalizers.push(json!("kubernetes"));
            }
            object["spec"] = json!({"finalizers": finalizers});
            object["status"] = json!({"phase": "Active"});
        }
        "Pod" => object["status"] = json!({"phase": "Pending", "qosClass": "BestEffort"}),
        _ if write.resource.has_status && !write.resource.is_custom => {
            let blank = write.blank();
            if let Some(status) = blank.get("status") {
                object["status"] = status.clone();
            }
        }
        _ => {}
    }
}

/// Nothing is created in a namespace that is absent or on its way out.
fn admit_to_namespace(state: &State, write: &Write<'_>, name: &str) -> ApiResult<()> {
    let namespace = &write.request.call.namespace;
    let key = Key {
        group: String::new(),
        plural: "namespaces".to_owned(),
        namespace: String::new(),
        name: namespace.clone(),
    };
    let Some(found) = state.get(&key) else {
        return Err(ApiError::not_found("", "namespaces", namespace));
    };
    if meta::is_deleting(found) {
        let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut error = ApiError::forbidden(&write.resource.group, &write.resource.plural, name, &why);
        error.details["causes"] = json!([{
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        }]);
        return Err(error);
    }
    Ok(())
}
