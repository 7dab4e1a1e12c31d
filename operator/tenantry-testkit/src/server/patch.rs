//! PATCH: JSON patch, merge patch and server-side apply. Strategic merge patch is not spoken here.

use std::sync::Arc;

use json_patch::{AddOperation, PatchOperation};
use serde_json::{Value, json};

use super::create;
use super::error::{ApiError, ApiResult, FieldError};
use super::managed::{Conflict, Writer, after_apply};
use super::merge;
use super::meta;
use super::state::State;
use super::store::{Write, parse};
use super::update;

/// Answer a PATCH.
pub fn patch(state: &mut State, write: &Write<'_>) -> ApiResult<(u16, Value)> {
    if write.request.content_type == "application/apply-patch+yaml" {
        return apply(state, write);
    }
    let (group, plural, name) = write.names();
    let Some(old) = state.get(&write.key()).cloned() else {
        return Err(ApiError::not_found(group, plural, name));
    };
    let mut object = Value::clone(&old);
    match write.request.content_type.as_str() {
        "application/json-patch+json" => json_patch(write, &mut object)?,
        "application/merge-patch+json" => json_patch::merge(&mut object, &parse(&write.request.body)?),
        other => {
            let message = format!(
                "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, \
                 application/merge-patch+json, application/apply-patch+yaml (got {other})"
            );
            return Err(ApiError::new(415, "UnsupportedMediaType", message));
        }
    }
    write.shape(&mut object).map_err(|error| unpatchable(&object, &error))?;
    if meta::text(&object, "name") != name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({name})",
            meta::text(&object, "name")
        )));
    }
    Ok((200, update::replace(state, write, &old, object)?))
}

/// A patch whose result cannot be decoded: 422 on the patch itself.
fn unpatchable(object: &Value, error: &ApiError) -> ApiError {
    let why = error.message.rsplit(": ").next().unwrap_or_default().to_owned();
    let cause = FieldError::invalid("patch", &json!(object.to_string()), why);
    ApiError::invalid("", "", "", &[cause])
}

/// An apply whose result cannot be decoded: a plain 500, as Kubernetes has it.
fn unconvertible(write: &Write<'_>, error: ApiError) -> ApiError {
    if error.message.contains("strict decoding error") {
        return error;
    }
    let kind = format!("{}, Kind={}", write.resource.api_version(), write.resource.kind);
    let why = error.message.rsplit(": ").next().unwrap_or_default();
    let message = format!(
        "failed to convert new object (/; {kind}) to proper version: unable to convert unstructured object to {kind}: {why}"
    );
    ApiError { details: json!({}), ..ApiError::new(500, "", message) }
}

fn json_patch(write: &Write<'_>, object: &mut Value) -> ApiResult<()> {
    let operations: json_patch::Patch = serde_json::from_slice(&write.request.body)
        .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}")))?;
    let refused = |_| {
        let message = "the server rejected our request due to an error in our request";
        ApiError { details: json!({}), ..ApiError::new(422, "Invalid", message) }
    };
    for operation in operations.0 {
        // As in the library Kubernetes uses, to replace what is absent is to add it.
        let operation = match operation {
            PatchOperation::Replace(replace) if object.pointer(replace.path.as_str()).is_none() => {
                PatchOperation::Add(AddOperation { path: replace.path, value: replace.value })
            }
            other => other,
        };
        json_patch::patch(object, &[operation]).map_err(refused)?;
    }
    Ok(())
}

fn apply(state: &mut State, write: &Write<'_>) -> ApiResult<(u16, Value)> {
    let manager = write.request.option("fieldManager").to_owned();
    if manager.is_empty() {
        return Err(ApiError::new(
            422,
            "Invalid",
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
        ));
    }
    let applied = parse(&write.request.body)?;
    let live = state.get(&write.key()).cloned();
    let (group, plural, name) = write.names();
    if live.is_none() && !write.request.call.subresource.is_empty() {
        return Err(ApiError::not_found(group, plural, name));
    }
    check_applied(write, &applied)?;
    let given = meta::text(&applied, "uid");
    if live.is_none() && !given.is_empty() {
        let why = format!("uid mismatch: the provided object specified uid {given}, and no existing object was found");
        return Err(ApiError::conflict(group, plural, name, &why));
    }
    let base = match &live {
        Some(live) => Value::clone(live),
        None => write.blank(),
    };
    let (stamp, reset, api_version) = (state.clock.stamp(), write.reset(), write.resource.api_version());
    let subresource = &write.request.call.subresource;
    let writer = Writer { manager: &manager, subresource, api_version: &api_version, time: &stamp, reset: &reset };
    let force = write.request.is_set("force");
    let (mut object, entries) = after_apply(write.resource.node(), &base, &write.blank(), &applied, &writer, force)
        .map_err(|conflicts| conflict_error(&conflicts))?;
    write.shape(&mut object).map_err(|error| unconvertible(write, error))?;
    // An apply may even take the name away, if the name is all that metadata would keep.
    let unnamed = if live.is_some() { &object } else { &applied };
    if meta::text(unnamed, "name").is_empty() {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )));
    }
    let Some(live) = live else {
        return Ok((201, create::insert(state, write, object, entries)?));
    };
    precondition(write, &live, &applied)?;
    Ok((200, write.finish(state, &live, object, entries)?))
}

fn precondition(write: &Write<'_>, live: &Arc<Value>, applied: &Value) -> ApiResult<()> {
    let (group, plural, name) = write.names();
    let given = meta::text(applied, "resourceVersion");
    if !given.is_empty() && given != meta::text(live, "resourceVersion") {
        return Err(ApiError::stale(group, plural, name));
    }
    Ok(())
}

fn check_applied(write: &Write<'_>, applied: &Value) -> ApiResult<()> {
    let (_, _, name) = write.names();
    let kind = applied["kind"].as_str().unwrap_or_default();
    if kind.is_empty() {
        return Err(ApiError::bad_request("error decoding YAML: Object 'Kind' is missing"));
    }
    let given = applied["apiVersion"].as_str().unwrap_or_default();
    let wanted = write.resource.api_version();
    if given != wanted {
        return Err(ApiError::bad_request(format!(
            "Incorrect version specified in apply patch. Specified patch version: {given}, expected: {wanted}"
        )));
    }
    if !applied["metadata"]["managedFields"].is_null() {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    let given = meta::text(applied, "name");
    if !given.is_empty() && given != name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({name})"
        )));
    }
    let given = meta::text(applied, "namespace");
    if !given.is_empty() && given != write.request.call.namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let problems = merge::check(write.resource.node(), applied);
    if problems.is_empty() {
        return Ok(());
    }
    let namespace = &write.request.call.namespace;
    let identity = format!("{namespace}/{name}; {wanted}, Kind={kind}");
    let list =
        if let [one] = problems.as_slice() { one.clone() } else { format!("errors:\n  {}", problems.join("\n  ")) };
    Err(ApiError {
        details: json!({}),
        ..ApiError::new(500, "", format!("failed to create typed patch object ({identity}): {list}"))
    })
}

fn conflict_error(conflicts: &[Conflict]) -> ApiError {
    let describe = |conflict: &Conflict| {
        let (entry, _) = conflict;
        let mut parts = vec![format!("{:?}", entry.manager)];
        if !entry.subresource.is_empty() {
            parts.push(format!("with subresource {:?}", entry.subresource));
        }
        if entry.operation == "Update" {
            parts.push(format!("using {}", entry.api_version));
            if !entry.time.is_empty() {
                parts.push(format!("at {}", entry.time));
            }
        }
        parts.join(" ")
    };
    let mut causes = Vec::new();
    let mut parts = Vec::new();
    let mut count = 0;
    for conflict in conflicts {
        let who = describe(conflict);
        let mut fields = conflict.1.clone();
        fields.sort();
        count += fields.len();
        for field in &fields {
            causes.push(json!({
                "reason": "FieldManagerConflict", "message": format!("conflict with {who}"), "field": field,
            }));
        }
        let list = match fields.as_slice() {
            [one] => format!(": {one}"),
            many => format!(":\n- {}", many.join("\n- ")),
        };
        parts.push(format!("conflict{} with {who}{list}", if fields.len() == 1 { "" } else { "s" }));
    }
    let noun = if count == 1 { "conflict" } else { "conflicts" };
    let message = if conflicts.len() == 1 {
        format!("Apply failed with {count} {noun}: {}", parts.concat())
    } else {
        format!("Apply failed with {count} {noun}: {}", parts.join("\n"))
    };
    ApiError { details: json!({"causes": causes}), ..ApiError::new(409, "Conflict", message) }
}
