//! The cases of the admission rules, `tenantry-core/src/policies/cases/<rule>.yaml`: a conforming object, and changes of it,
//! one field at a time, that are accepted or refused by that very rule. The same cases run through CEL here, on the real API
//! server in e2e, and in the isolation suite.

use std::fs;
use std::path::{Path, PathBuf};

use json_patch::merge;
use serde_json::{Map, Value, json};
use tenantry_core::meta;
use tenantry_core::policies::judge::group_of;
use tenantry_core::policies::keys;
use tenantry_core::policies::rule::{Group, Operation};

mod judge;

pub use judge::{Verdict, judge};

/// Who acts where a case does not say.
pub const TENANT: &str = "tenant";
/// Somebody of the platform team, who has the verb `exempt`.
pub const PLATFORM: &str = "platform";

/// One request and what should become of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// The rule that the case is about.
    pub rule: String,
    /// What it tries, in words.
    pub name: String,
    /// What is done.
    pub operation: Operation,
    /// Plural name of the resource, without its subresource.
    pub resource: String,
    /// Subresource, or empty.
    pub subresource: String,
    /// The object that is sent; for a deletion, the one that goes.
    pub object: Value,
    /// What is changed of the conforming object, as a merge patch.
    pub change: Value,
    /// What is there before, made by `maker`.
    pub old: Option<Value>,
    /// Who made what is there before.
    pub maker: String,
    /// What else must be there before, made by the platform.
    pub prepare: Vec<Value>,
    /// Who acts: [`TENANT`], [`PLATFORM`], or a user name.
    pub user: String,
    /// Annotations of the namespace.
    pub annotations: Map<String, Value>,
    /// Labels of the namespace besides tenant and environment.
    pub labels: Map<String, Value>,
    /// Whether the rule should refuse it.
    pub refused: bool,
    /// Why the API server may drop what the case is about before admission sees it; empty if it does not.
    pub dropped_by_server: String,
}

/// Why cases cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct CaseError {
    path: PathBuf,
    why: String,
}

/// Where the files are, relative to the crate that asks.
pub fn folder(repository: &Path) -> PathBuf {
    repository.join("operator/tenantry-core/src/policies/cases")
}

/// All cases, by file and in the order of each file.
pub fn read(folder: &Path) -> Result<Vec<Case>, CaseError> {
    let error = |path: &Path, why: String| CaseError { path: path.to_owned(), why };
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(|source| error(folder, source.to_string()))?;
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|source| error(&path, source.to_string()))?;
        let file: Value = serde_saphyr::from_str(&text).map_err(|source| error(&path, source.to_string()))?;
        let rule = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        for set in file["cases"].as_array().into_iter().flatten() {
            cases.extend(expand(&rule, &file, set));
        }
    }
    Ok(cases)
}

/// One conforming object with its changes.
fn expand(rule: &str, file: &Value, set: &Value) -> Vec<Case> {
    let text = |value: &Value, otherwise: &str| value.as_str().unwrap_or(otherwise).to_owned();
    let mut annotations = permissive();
    for source in [&file["annotations"], &set["annotations"]] {
        for (key, value) in source.as_object().into_iter().flatten() {
            if value.is_null() {
                annotations.remove(key)
            } else {
                annotations.insert(key.clone(), value.clone())
            };
        }
    }
    let mut prepare = set["prepare"].as_array().cloned().unwrap_or_default();
    prepare.extend(set.get("prepare_object").cloned());
    let start = |name: &str, object: &Value, user: &str, refused: bool| Case {
        rule: rule.to_owned(),
        name: name.to_owned(),
        operation: Operation::Create,
        resource: set["subresource_of"].as_str().map_or_else(|| plural(object), str::to_owned),
        subresource: String::new(),
        object: object.clone(),
        change: Value::Null,
        old: None,
        maker: user.to_owned(),
        prepare: prepare.clone(),
        user: user.to_owned(),
        annotations: annotations.clone(),
        labels: set["labels"].as_object().cloned().unwrap_or_default(),
        refused,
        dropped_by_server: String::new(),
    };
    if let Some(object) = set.get("refuse_object") {
        return vec![start("as it is", object, &text(&set["refuse_as"], TENANT), true)];
    }
    let base = &set["object"];
    let maker = text(&set["object_as"], TENANT);
    let mut cases = Vec::new();
    // A scale cannot be created by itself, and a tenant's namespace is made by the operator.
    if set["subresource_of"].is_null() {
        cases.push(start("as it is", base, &maker, false));
    }
    for (refused, changes) in [(false, &set["accept"]), (true, &set["refuse"])] {
        for change in changes.as_array().into_iter().flatten() {
            let mut case = start(&text(&change["name"], ""), base, &text(&change["as"], TENANT), refused);
            if let Some(set) = change.get("set") {
                merge(&mut case.object, set);
                case.change.clone_from(set);
            }
            case.subresource = text(&change["subresource"], "");
            case.dropped_by_server = text(&change["dropped_by_server"], "");
            case.maker.clone_from(&maker);
            case.operation = match change["operation"].as_str() {
                Some("UPDATE") => Operation::Update,
                Some("DELETE") => Operation::Delete,
                _ => Operation::Create,
            };
            case.old = (case.operation != Operation::Create).then(|| base.clone());
            cases.push(case);
        }
    }
    cases
}

impl Case {
    /// `rule: name (OPERATION resource/subresource)`.
    pub fn title(&self) -> String {
        let slash = if self.subresource.is_empty() { "" } else { "/" };
        let kind = self.object["kind"].as_str().unwrap_or_default();
        format!("{}: {} ({} {kind}{slash}{})", self.rule, self.name, self.operation.word(), self.subresource)
    }

    /// API group of the object.
    pub fn api_group(&self) -> &str {
        if self.subresource == "scale" {
            return if self.resource == "replicationcontrollers" { "" } else { "apps" };
        }
        let version = self.object["apiVersion"].as_str().unwrap_or_default();
        version.split_once('/').map_or("", |(group, _)| group)
    }

    /// The same case in a namespace of this name, which stands as `{namespace}` in the file.
    pub fn placed_in(&self, namespace: &str) -> Self {
        let mut placed = self.clone();
        let place = |value: &mut Value| *value = replaced(value, namespace);
        place(&mut placed.object);
        place(&mut placed.change);
        placed.old.iter_mut().for_each(place);
        placed.prepare.iter_mut().for_each(place);
        for value in placed.annotations.values_mut() {
            place(value);
        }
        if !self.is_namespace() {
            let set = |object: &mut Value| object["metadata"]["namespace"] = namespace.into();
            set(&mut placed.object);
            placed.old.iter_mut().for_each(set);
        }
        placed
    }

    /// Whether it is about a namespace itself.
    pub fn is_namespace(&self) -> bool {
        self.resource == "namespaces"
    }

    /// The namespace that it happens in, as the operator would have made it.
    pub fn namespace(&self, name: &str) -> Value {
        let mut labels = self.labels.clone();
        labels.insert(meta::TENANT.into(), "acme".into());
        labels.insert(meta::ENVIRONMENT.into(), "dev".into());
        json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": name, "labels": labels, "annotations": self.annotations },
        })
    }

    /// The group of resources that the request falls into.
    pub fn group(&self) -> &'static Group {
        if self.subresource.is_empty() {
            return group_of(self.api_group(), &self.resource);
        }
        group_of(self.api_group(), &format!("{}/{}", self.resource, self.subresource))
    }
}

/// Annotations of a namespace in which much is allowed, so that each case is about its own rule.
fn permissive() -> Map<String, Value> {
    let entries = [
        (keys::CONTACT, "team-acme <team@acme.example>"),
        (keys::NAMESPACES, "acme,{namespace}"),
        (keys::REGISTRIES, "*"),
        (keys::PULL_POLICY, "Any"),
        (keys::DIGEST, "Optional"),
        (keys::STORAGE_CLASSES, "*"),
        (keys::PRIORITY_CLASSES, "*"),
        (keys::RUNTIME_CLASSES, "*"),
        (keys::INGRESS_CLASSES, "*"),
        (keys::GATEWAY_CLASSES, "*"),
        (keys::HOSTNAMES, ""),
        (keys::SERVICE_TYPES, "ClusterIP"),
        (keys::BETWEEN_ENVIRONMENTS, "Deny"),
    ];
    entries.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect()
}

fn replaced(value: &Value, namespace: &str) -> Value {
    match value {
        Value::String(text) => text.replace("{namespace}", namespace).into(),
        Value::Array(items) => items.iter().map(|item| replaced(item, namespace)).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), replaced(value, namespace))).collect(),
        other => other.clone(),
    }
}

/// `NetworkPolicy` -> `networkpolicies`.
fn plural(object: &Value) -> String {
    let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
    if kind == "endpoints" {
        return kind;
    }
    match kind.strip_suffix('y') {
        Some(stem) if !kind.ends_with("ay") => format!("{stem}ies"),
        _ if kind.ends_with("ss") => format!("{kind}es"),
        _ => format!("{kind}s"),
    }
}
