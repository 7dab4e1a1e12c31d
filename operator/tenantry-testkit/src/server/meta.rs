//! Reading metadata, and the rules for names, labels and annotations. It never writes.

use serde_json::Value;

use super::error::FieldError;
use super::registry::Resource;

/// A string below `metadata`, empty if absent.
pub fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// The object's finalizers.
pub fn finalizers(object: &Value) -> Vec<&str> {
    object["metadata"]["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether deletion has begun.
pub fn is_deleting(object: &Value) -> bool {
    !text(object, "deletionTimestamp").is_empty()
}

/// Whether nothing keeps a deleted object any longer.
pub fn may_vanish(resource: &Resource, object: &Value) -> bool {
    let is_namespace = resource.group.is_empty() && resource.plural == "namespaces";
    let holds = object["spec"]["finalizers"].as_array().is_some_and(|list| !list.is_empty());
    is_deleting(object) && finalizers(object).is_empty() && !(is_namespace && holds)
}

const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "foregroundDeletion", "orphan"];
const LABEL_RULE: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
     and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
     must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const KEY_RULE: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
     alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
     '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
     must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
     validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

fn is_label(text: &str) -> bool {
    let is_inner = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    !text.is_empty() && text.chars().all(is_inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_qualified_part(text: &str) -> bool {
    let is_inner = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let is_edge = |character: Option<char>| character.is_some_and(|found| found.is_ascii_alphanumeric());
    text.chars().all(is_inner) && is_edge(text.chars().next()) && is_edge(text.chars().last())
}

/// What is wrong with a name for this kind.
pub fn name_problems(resource: &Resource, name: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let longest = if is_label_named(resource) { 63 } else { 253 };
    if is_path_named(resource) {
        for (bad, is_bad) in [("/", name.contains('/')), ("%", name.contains('%'))] {
            if is_bad {
                problems.push(format!("may not contain '{bad}'"));
            }
        }
        if name == "." || name == ".." {
            problems.push(format!("may not be '{name}'"));
        }
        return problems;
    }
    if name.len() > longest {
        problems.push(format!("must be no more than {longest} bytes"));
    }
    if is_label_named(resource) && !is_label(name) {
        problems.push(LABEL_RULE.to_owned());
    } else if !is_label_named(resource) && !is_subdomain(name) {
        problems.push(SUBDOMAIN_RULE.to_owned());
    }
    problems
}

fn is_label_named(resource: &Resource) -> bool {
    resource.group.is_empty() && resource.plural == "namespaces"
}

/// The custom and the newer kinds skip the check of finalizers that the older ones have.
fn checks_finalizers(resource: &Resource) -> bool {
    !resource.is_custom && resource.group != "coordination.k8s.io"
}

fn is_path_named(resource: &Resource) -> bool {
    resource.group == "rbac.authorization.k8s.io"
}

/// What is wrong with the metadata of an object.
pub fn problems(resource: &Resource, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let name = text(object, "name");
    if name.is_empty() {
        errors.push(FieldError::required("metadata.name", "name or generateName is required"));
    } else {
        let value = &object["metadata"]["name"];
        errors.extend(
            name_problems(resource, name).into_iter().map(|why| FieldError::invalid("metadata.name", value, why)),
        );
    }
    label_problems("metadata.labels", &object["metadata"]["labels"], &mut errors);
    for (key, _) in object["metadata"]["annotations"].as_object().into_iter().flatten() {
        key_problems("metadata.annotations", &key.to_lowercase(), key, &mut errors);
    }
    for (index, finalizer) in finalizers(object).into_iter().enumerate() {
        if checks_finalizers(resource) && !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(&finalizer) {
            let value = Value::String(finalizer.to_owned());
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(FieldError::invalid(format!("metadata.finalizers[{index}]"), &value, why));
        }
    }
    errors
}

/// What is wrong with a map of labels.
pub fn label_problems(path: &str, labels: &Value, errors: &mut Vec<FieldError>) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        key_problems(path, key, key, errors);
        let text = value.as_str().unwrap_or_default();
        if text.len() > 63 {
            errors.push(FieldError::invalid(path, value, "must be no more than 63 bytes"));
        }
        if !text.is_empty() && !is_qualified_part(text) {
            errors.push(FieldError::invalid(path, value, LABEL_VALUE_RULE));
        }
    }
}

fn key_problems(path: &str, key: &str, shown: &str, errors: &mut Vec<FieldError>) {
    let shown = Value::String(shown.to_owned());
    let mut problem = |why: String| errors.push(FieldError::invalid(path, &shown, why));
    let name = match key.split_once('/') {
        None => key,
        Some((_, name)) if name.contains('/') => {
            return problem(
                "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                 alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
                 '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. \
                 'example.com/MyName')"
                    .to_owned(),
            );
        }
        Some((prefix, name)) => {
            if prefix.is_empty() {
                problem("prefix part must be non-empty".to_owned());
            } else if !is_subdomain(prefix) {
                problem(format!("prefix part {SUBDOMAIN_RULE}"));
            }
            name
        }
    };
    if name.is_empty() {
        problem("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        problem("name part must be no more than 63 bytes".to_owned());
    }
    if !is_qualified_part(name) {
        problem(KEY_RULE.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::server::registry::Registry;

    #[test]
    fn names_and_labels() {
        let registry = Registry::built_in();
        let namespace = registry.find("", "v1", "namespaces").unwrap();
        let role = registry.find("rbac.authorization.k8s.io", "v1", "roles").unwrap();
        assert!(!name_problems(&namespace, "a.b").is_empty());
        assert!(name_problems(&role, "tenantry:admin").is_empty());
        let good = json!({"metadata": {"name": "a", "labels": {"tenantry.dev/tenant": "x", "a": ""}}});
        assert!(problems(&namespace, &good).is_empty());
        let bad = json!({"metadata": {"name": "a", "labels": {"x/": "y z", "-": "v"}, "finalizers": ["plain"]}});
        assert_eq!(problems(&namespace, &bad).len(), 5);
    }
}
