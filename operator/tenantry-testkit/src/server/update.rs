//! PUT on objects and their subresources. It creates only for the kinds whose PUT does.

use std::sync::Arc;

use serde_json::{Value, json};

use super::create;
use super::error::{ApiError, ApiResult, FieldError};
use super::managed::{Entry, Writer, after_update, decode};
use super::merge;
use super::meta;
use super::request::Verb;
use super::state::State;
use super::store::Write;

/// Answer a PUT.
pub fn update(state: &mut State, write: &Write<'_>) -> ApiResult<(u16, Value)> {
    let mut object = write.body()?;
    write.shape(&mut object)?;
    let (group, plural, name) = write.names();
    let given = meta::text(&object, "name");
    if given != name {
        let message = format!("the name of the object ({given}) does not match the name on the URL ({name})");
        return Err(ApiError::bad_request(if given.is_empty() { "name must be provided".to_owned() } else { message }));
    }
    let given = meta::text(&object, "namespace");
    let namespace = &write.request.call.namespace;
    if !given.is_empty() && given != namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let Some(old) = state.get(&write.key()).cloned() else {
        if write.resource.creates_on_update && write.request.call.subresource.is_empty() {
            let given = meta::text(&object, "uid");
            if !given.is_empty() {
                let why = format!(
                    "StorageError: invalid object, Code: 4, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in \
                     precondition: {given}, UID in object meta: "
                );
                return Err(ApiError::conflict(group, plural, name, &why));
            }
            return create::create(state, write);
        }
        return Err(ApiError::not_found(group, plural, name));
    };
    Ok((200, replace(state, write, &old, object)?))
}

/// Put a shaped object in the place of an old one.
pub fn replace(state: &mut State, write: &Write<'_>, old: &Arc<Value>, mut object: Value) -> ApiResult<Value> {
    let (group, plural, name) = write.names();
    let given_uid = meta::text(&object, "uid").to_owned();
    let uid = meta::text(old, "uid");
    let is_put = write.request.call.verb == Verb::Update;
    if is_put && !given_uid.is_empty() && given_uid != uid {
        let why = format!("Precondition failed: UID in precondition: {given_uid}, UID in object meta: {uid}");
        return Err(ApiError::conflict(group, plural, name, &why));
    }
    let given = meta::text(&object, "resourceVersion");
    if given.is_empty() && write.resource.needs_version {
        let error = FieldError::invalid("metadata.resourceVersion", &json!(0), "must be specified for an update");
        return Err(ApiError::invalid(group, plural, name, &[error]));
    }
    if !given.is_empty() && given != meta::text(old, "resourceVersion") {
        return Err(ApiError::stale(group, plural, name));
    }
    if write.resource.namespaced {
        object["metadata"]["namespace"] = json!(write.request.call.namespace);
    }
    let entries = entries_after(state, write, old, &mut object);
    write.finish(state, old, object, entries)
}

fn entries_after(state: &State, write: &Write<'_>, old: &Arc<Value>, object: &mut Value) -> Vec<Entry> {
    let subresource = &write.request.call.subresource;
    let given = object["metadata"]["managedFields"].as_array().cloned();
    let is_reset = given.as_ref().is_some_and(|list| list.is_empty() || *list == [json!({})]);
    let entries = if !subresource.is_empty() {
        decode(old)
    } else if is_reset {
        Vec::new()
    } else {
        let sent = decode(object);
        if sent.is_empty() { decode(old) } else { sent }
    };
    let (manager, stamp, reset) = (write.request.field_manager(), state.clock.stamp(), write.reset());
    let api_version = write.resource.api_version();
    let writer = Writer { manager: &manager, subresource, api_version: &api_version, time: &stamp, reset: &reset };
    let mut bare = Value::clone(old);
    for value in [&mut bare, object] {
        if let Some(metadata) = value["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
    }
    // What cannot be read along its schema cannot be tracked: the server then forgets who owned what.
    let is_readable = merge::check(write.resource.node(), object).iter().all(|why| why.contains("duplicate entries"));
    if is_readable { after_update(write.resource.node(), &bare, object, entries, &writer) } else { Vec::new() }
}
