//! Cuts Kubernetes' published OpenAPI down to the kinds the in-memory API server serves: `builtin.json`. It keeps the list of
//! kinds that file has; to serve another, add its line to `roots` and run this again:
//!
//! `cargo run -p tenantry-testkit --example cut_openapi -- $(cd e2e/cluster && go list -m -f '{{.Dir}}' k8s.io/kubernetes)/api/openapi-spec/swagger.json`

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;

use serde_json::{Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/server/builtin.json");
const KEPT: [&str; 10] = [
    "type",
    "format",
    "required",
    "enum",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-int-or-string",
    "default",
];

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("name the swagger.json of Kubernetes")?;
    let published: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let present: Value = serde_json::from_str(&std::fs::read_to_string(FILE)?)?;
    let (mut roots, mut kept) = (BTreeMap::new(), BTreeMap::new());
    for (name, schema) in published["definitions"].as_object().into_iter().flatten() {
        for kind in schema["x-kubernetes-group-version-kind"].as_array().into_iter().flatten() {
            let text = |field: &str| kind[field].as_str().unwrap_or_default();
            let key = format!("{}/{}/{}", text("group"), text("version"), text("kind"));
            if present["roots"].get(&key).is_some() {
                roots.insert(key, name.clone());
                keep(name, &published["definitions"], &mut kept);
            }
        }
    }
    say_what_go_knows(&mut kept);
    let mut out =
        format!("{{\"kubernetes\":{},\n\"roots\":{},\n\"definitions\":{{\n", present["kubernetes"], json!(roots));
    let lines = kept.iter().map(|(name, schema)| format!("{}:{schema}", json!(name))).collect::<Vec<_>>();
    writeln!(out, "{}\n}}}}", lines.join(",\n"))?;
    std::fs::write(FILE, out)?;
    println!("{} kinds, {} definitions", roots.len(), kept.len());
    Ok(())
}

fn keep(name: &str, all: &Value, kept: &mut BTreeMap<String, Value>) {
    if kept.contains_key(name) {
        return;
    }
    kept.insert(name.to_owned(), Value::Null);
    let schema = cut(&all[name], all, kept);
    kept.insert(name.to_owned(), schema);
}

fn cut(schema: &Value, all: &Value, kept: &mut BTreeMap<String, Value>) -> Value {
    let mut out = json!({});
    for key in KEPT {
        if let Some(value) = schema.get(key) {
            out[key] = value.clone();
        }
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        out["$ref"] = json!(name);
        keep(name, all, kept);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        out["properties"][name] = cut(field, all, kept);
    }
    for key in ["items", "additionalProperties"] {
        if schema[key].is_object() {
            out[key] = cut(&schema[key], all, kept);
        }
    }
    out
}

/// What the Go types say and the document does not: lists that are written when empty, and the default of a list's key.
fn say_what_go_knows(kept: &mut BTreeMap<String, Value>) {
    for name in ["io.k8s.api.rbac.v1.Role", "io.k8s.api.rbac.v1.ClusterRole"] {
        if let Some(schema) = kept.get_mut(name) {
            schema["required"] = json!(["rules"]);
        }
    }
    for name in ["io.k8s.api.core.v1.ServicePort", "io.k8s.api.core.v1.ContainerPort"] {
        if let Some(schema) = kept.get_mut(name) {
            schema["properties"]["protocol"]["default"] = json!("TCP");
        }
    }
}
