//! DELETE of one object or a collection: preconditions, finalizers, and what namespaces and definitions do differently.

use std::sync::Arc;

use serde_json::{Value, json};

use super::error::{ApiError, ApiResult};
use super::meta;
use super::registry::Resource;
use super::request::ApiRequest;
use super::selector::Selector;
use super::state::{Key, State};
use super::store::parse;

/// What `DeleteOptions` ask for.
#[derive(Debug, Default)]
pub struct Options {
    /// `preconditions.uid`.
    pub uid: String,
    /// `preconditions.resourceVersion`.
    pub resource_version: String,
    /// `propagationPolicy`.
    pub propagation: String,
}

/// Read the options of a delete.
pub fn options(request: &ApiRequest) -> ApiResult<Options> {
    let body = if request.body.is_empty() { Value::Null } else { parse(&request.body)? };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut propagation = text(&body["propagationPolicy"]);
    if propagation.is_empty() {
        request.option("propagationPolicy").clone_into(&mut propagation);
    }
    let preconditions = &body["preconditions"];
    Ok(Options {
        uid: text(&preconditions["uid"]),
        resource_version: text(&preconditions["resourceVersion"]),
        propagation,
    })
}

/// Answer a DELETE of one object.
pub fn delete(state: &mut State, resource: &Arc<Resource>, request: &ApiRequest) -> ApiResult<(u16, Value)> {
    let options = options(request)?;
    let key = Key::new(resource, &request.call.namespace, &request.call.name);
    let Some(old) = state.get(&key).cloned() else {
        return Err(ApiError::not_found(&resource.group, &resource.plural, &key.name));
    };
    check_preconditions(resource, &key, &old, &options)?;
    if request.is_dry_run() {
        return Ok((200, answer(resource, &old, true)));
    }
    Ok((
        200,
        match begin(state, resource, &key, &options) {
            Some(Left::Held(object)) => Value::clone(&object),
            Some(Left::Gone(last)) => answer(resource, &last, true),
            None => answer(resource, &old, true),
        },
    ))
}

/// Answer a DELETE of a collection.
pub fn delete_collection(state: &mut State, resource: &Arc<Resource>, request: &ApiRequest) -> ApiResult<(u16, Value)> {
    let options = options(request)?;
    let selector = Selector::parse(request.option("labelSelector"), request.option("fieldSelector"))?;
    let found = state.of_kind(&resource.group, &resource.plural, &request.call.namespace);
    let keys = found.into_iter().filter(|(_, object)| selector.matches(object)).map(|(key, _)| key.clone());
    let keys = keys.collect::<Vec<_>>();
    let mut items = Vec::new();
    for key in keys {
        if let Some(Left::Held(object) | Left::Gone(object)) = begin(state, resource, &key, &options) {
            items.push(Value::clone(&object));
        }
    }
    let list = json!({
        "kind": format!("{}List", resource.kind), "apiVersion": resource.api_version(),
        "metadata": {"resourceVersion": state.revision.to_string()}, "items": items,
    });
    Ok((200, list))
}

fn check_preconditions(resource: &Resource, key: &Key, old: &Value, options: &Options) -> ApiResult<()> {
    let is_special = resource.kind == "Namespace" || resource.kind == "CustomResourceDefinition";
    let pairs = [("UID", &options.uid, "uid"), ("ResourceVersion", &options.resource_version, "resourceVersion")];
    for (label, wanted, field) in pairs {
        let found = meta::text(old, field);
        if !wanted.is_empty() && wanted != found {
            if is_special && !resource.is_custom {
                let why =
                    format!("Precondition failed: {label} in precondition: {wanted}, {label} in object meta: {found}");
                return Err(ApiError::conflict(&resource.group, &resource.plural, &key.name, &why));
            }
            let hint = if label == "UID" { "deleted and then recreated" } else { "modified" };
            let why = format!(
                "the {label} in the precondition ({wanted}) does not match the {label} in record ({found}). The object might \
                 have been {hint}"
            );
            return Err(ApiError::conflict(&resource.group, &resource.kind, &key.name, &why));
        }
    }
    Ok(())
}

/// What a deletion comes to.
pub enum Left {
    /// Something holds the object: it is still there.
    Held(Arc<Value>),
    /// It is gone; this is how it was last.
    Gone(Arc<Value>),
}

/// Begin a deletion; none if the object is not there.
pub fn begin(state: &mut State, resource: &Resource, key: &Key, options: &Options) -> Option<Left> {
    let old = state.get(key)?.clone();
    let mut object = Value::clone(&old);
    let mut finalizers = meta::finalizers(&old).iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    finalizers.retain(|name| name != "foregroundDeletion" && name != "orphan" || options.propagation.is_empty());
    match options.propagation.as_str() {
        "Foreground" => finalizers.push("foregroundDeletion".to_owned()),
        "Orphan" => finalizers.push("orphan".to_owned()),
        _ => {}
    }
    let is_namespace = resource.plural == "namespaces" && resource.group.is_empty();
    let is_held = is_namespace && old["spec"]["finalizers"].as_array().is_some_and(|list| !list.is_empty());
    if is_held && meta::is_deleting(&old) {
        return Some(Left::Held(old));
    }
    let is_definition = resource.plural == "customresourcedefinitions" && !resource.is_custom;
    if is_definition && !meta::is_deleting(&old) {
        finalizers.push("customresourcecleanup.apiextensions.k8s.io".to_owned());
    }
    if finalizers != meta::finalizers(&old) {
        if finalizers.is_empty() {
            object["metadata"].as_object_mut().map(|map| map.remove("finalizers"));
        } else {
            object["metadata"]["finalizers"] = json!(finalizers);
        }
    }
    if is_namespace && meta::is_deleting(&old) {
        object["metadata"]["deletionGracePeriodSeconds"] = json!(0);
    }
    if !meta::is_deleting(&old) {
        object["metadata"]["deletionTimestamp"] = json!(state.clock.stamp());
        if is_namespace {
            object["status"]["phase"] = json!("Terminating");
        } else if !is_definition {
            object["metadata"]["deletionGracePeriodSeconds"] = json!(0);
            if let Some(generation) = old["metadata"]["generation"].as_i64() {
                object["metadata"]["generation"] = json!(generation + 1);
            }
        }
    }
    // A namespace is first marked, and vanishes with the next request or when its last finalizer goes.
    let is_first = is_namespace && !meta::is_deleting(&old);
    if meta::may_vanish(resource, &object) && !is_first {
        return state.remove(key).map(Left::Gone);
    }
    if object == *old {
        return Some(Left::Held(old));
    }
    Some(Left::Held(state.put(key.clone(), object)))
}

fn answer(resource: &Resource, object: &Value, is_gone: bool) -> Value {
    if !is_gone || resource.returns_deleted {
        return object.clone();
    }
    let mut details =
        json!({"name": meta::text(object, "name"), "kind": resource.plural, "uid": meta::text(object, "uid")});
    if !resource.group.is_empty() {
        details["group"] = json!(resource.group);
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
