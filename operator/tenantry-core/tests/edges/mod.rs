//! Every field of a kind at the edges that its schema names, made from the schema itself: at the edge, which must be accepted, and one beyond,
//! which must be refused with the field's path. `truth/limits.rs` judges them offline and plans what is accepted; `e2e/tests/operator/edges.rs` has a
//! real API server judge the same.
#![allow(dead_code)] // Each program that includes it uses a part.

pub mod specs;
mod values;

use std::collections::BTreeSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::{Value, json};
use tenantry_core::kind::Registration;
use tenantry_core::kinds::KINDS;
use tenantry_core::schema;

/// The kinds whose fields are tried.
pub const TRIED: [&str; 6] = ["Agent", "Application", "McpServer", "ModelDeployment", "ServiceRoute", "ServiceGrant"];

/// One field at one edge, or beyond it.
#[derive(Debug, Clone)]
pub struct Edge {
    /// What is tried, such as `Agent spec.ports[].port maximum`.
    pub title: String,
    /// The whole resource.
    pub cr: Value,
    /// The path by which a refusal names the field, if it is to be refused.
    pub refused_at: Option<String>,
}

/// All edges of a kind, and those that no resource here can be at, as rules forbid it everywhere.
pub fn edges(kind: &str) -> (Vec<Edge>, BTreeSet<String>) {
    let registration = KINDS.iter().find(|one| one.resource.kind == kind).expect("a registered kind");
    let crd = (registration.crd)();
    let schema = crd.spec.versions[0].schema.as_ref().and_then(|one| one.open_api_v3_schema.as_ref());
    let spec = schema.and_then(|schema| schema.properties.as_ref()?.get("spec").cloned()).expect("a spec");
    let (mut edges, mut done, mut unreached) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for base in bases(registration) {
        let mut found = Vec::new();
        walk(&spec, &base, "/spec", "spec", &mut found);
        for (path, pointer, part) in found {
            for (bound, value, is_accepted) in values::at_edges(&part, base.pointer(&pointer)) {
                let title = format!("{kind} {path} {bound}");
                if done.contains(&title) {
                    continue;
                }
                let Some(cr) = with(&base, &pointer, value) else { continue };
                if is_accepted && !schema::faults(&crd, &cr).is_empty() {
                    unreached.insert(title);
                    continue;
                }
                let refused_at = (!is_accepted).then(|| dotted(&pointer));
                done.insert(title.clone());
                edges.push(Edge { title, cr, refused_at });
            }
        }
    }
    unreached.retain(|title| !done.contains(title));
    (edges, unreached)
}

/// Complete resources that between them have most fields.
fn bases(registration: &Registration) -> Vec<Value> {
    let kind = registration.resource.kind;
    let named = |spec: Value| {
        let metadata = json!({ "name": "web", "namespace": "acme-dev", "uid": "uid-web", "generation": 1 });
        json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec })
    };
    let examples = (registration.examples)().into_iter().map(|example| example.cr["spec"].clone());
    let hosts = if TRIED[..4].contains(&kind) { specs::hosts(kind) } else { specs::of_routes(kind) };
    hosts.into_iter().chain(examples).map(named).collect()
}

/// Each field with its schema that is in a value, or could be put where others are: its path without indices, and where it is.
fn walk(
    schema: &JSONSchemaProps,
    base: &Value,
    pointer: &str,
    path: &str,
    found: &mut Vec<(String, String, JSONSchemaProps)>,
) {
    found.push((path.to_owned(), pointer.to_owned(), schema.clone()));
    for (name, part) in schema.properties.iter().flatten() {
        walk_if_there(part, base, &format!("{pointer}/{name}"), &format!("{path}.{name}"), found);
    }
    let value = base.pointer(pointer);
    if let Some(JSONSchemaPropsOrArray::Schema(part)) = &schema.items {
        for index in 0..value.and_then(Value::as_array).map_or(0, Vec::len) {
            walk(part, base, &format!("{pointer}/{index}"), &format!("{path}[]"), found);
        }
    }
    if let Some(JSONSchemaPropsOrBool::Schema(part)) = &schema.additional_properties {
        for name in value.and_then(Value::as_object).into_iter().flat_map(|fields| fields.keys()) {
            walk(part, base, &format!("{pointer}/{}", name.replace('/', "~1")), &format!("{path}{{}}"), found);
        }
    }
}

/// What has further fields is not made up.
fn walk_if_there(
    schema: &JSONSchemaProps,
    base: &Value,
    pointer: &str,
    path: &str,
    found: &mut Vec<(String, String, JSONSchemaProps)>,
) {
    if base.pointer(pointer).is_some() || schema.properties.is_none() {
        walk(schema, base, pointer, path, found);
    }
}

fn with(base: &Value, pointer: &str, value: Value) -> Option<Value> {
    let (parent, name) = pointer.rsplit_once('/')?;
    let mut cr = base.clone();
    match cr.pointer_mut(parent)? {
        Value::Object(fields) => drop(fields.insert(name.replace("~1", "/"), value)),
        Value::Array(items) => *items.get_mut(name.parse::<usize>().ok()?)? = value,
        _ => return None,
    }
    Some(cr)
}

/// `/spec/env/0/name` -> `spec.env[0].name`, as the API server writes it.
fn dotted(pointer: &str) -> String {
    let mut text = String::new();
    for step in pointer.split('/').skip(1) {
        if step.parse::<usize>().is_ok() {
            text.extend(["[", step, "]"]);
        } else {
            text += if text.is_empty() { "" } else { "." };
            text += &step.replace("~1", "/");
        }
    }
    text
}
