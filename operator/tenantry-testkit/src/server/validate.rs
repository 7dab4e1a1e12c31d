//! What the API server refuses about an object's content: metadata, schema, CEL, and the rules of built-in kinds. It never changes it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use kube::core::cel::{ErrorKind, Validator};
use serde_json::{Value, json};

use super::error::{ApiError, ApiResult, FieldError};
use super::meta;
use super::registry::Resource;
use super::rules;
use super::schema::Node;

/// Refuse an object that may not be stored; `old` is what it replaces.
pub fn check(resource: &Resource, subresource: &str, object: &Value, old: Option<&Value>) -> ApiResult<()> {
    let mut errors = meta::problems(resource, object);
    if resource.is_custom {
        schema_errors(resource.node(), object, "", true, &mut errors);
        if !has_rules(resource.node().schema()) {
            // Nothing to evaluate.
        } else if errors.iter().any(|error| BLOCKING.contains(&error.reason)) {
            let why = "some validation rules were not checked because the object was invalid; correct the existing errors to \
                       complete validation";
            errors.push(FieldError::invalid("<nil>", &Value::Null, why));
        } else {
            errors.extend(rule_errors(resource, object, old));
        }
    } else {
        rules::problems(resource, subresource, object, old, &mut errors);
    }
    if let Some(old) = old.filter(|old| meta::is_deleting(old)) {
        let before = meta::finalizers(old);
        let added = meta::finalizers(object).into_iter().filter(|name| !before.contains(name)).collect::<Vec<_>>();
        if !added.is_empty() {
            let list = added.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{list}}}"
            );
            errors.push(FieldError::forbidden("metadata.finalizers", &why));
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(&resource.group, &resource.kind, meta::text(object, "name"), &errors))
}

/// Faults after which rules are not evaluated, since they could not be relied upon.
const BLOCKING: [&str; 5] =
    ["FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid"];

fn has_rules(schema: Option<&Value>) -> bool {
    match schema {
        Some(Value::Object(map)) => {
            map.contains_key("x-kubernetes-validations") || map.values().any(|below| has_rules(Some(below)))
        }
        Some(Value::Array(items)) => items.iter().any(|below| has_rules(Some(below))),
        _ => false,
    }
}

fn rule_errors(resource: &Resource, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let Some(schema) = resource.node().schema() else { return Vec::new() };
    let Err(failures) = Validator::new().validate(schema, object, old) else { return Vec::new() };
    let to_error = |failure: &kube::core::cel::ValidationError| {
        let field = if failure.field_path.is_empty() { "<nil>" } else { failure.field_path.as_str() };
        let found = failure.field_path.split('.').fold(object, |value, key| &value[key]);
        let shown = match found {
            Value::Object(_) => json!("object"),
            Value::Array(_) => json!("array"),
            Value::Null => json!("object"),
            other => other.clone(),
        };
        let message = match failure.kind {
            ErrorKind::ValidationFailure => failure.message.clone(),
            _ => format!("{} (rule: {})", failure.message, failure.rule),
        };
        let mut error = FieldError::invalid(field, &shown, message);
        match failure.reason.as_deref() {
            Some("FieldValueForbidden") => error = FieldError::forbidden(field, &failure.message),
            Some("FieldValueRequired") => error = FieldError::required(field, &failure.message),
            Some("FieldValueDuplicate") => error = FieldError::duplicate(field, &shown),
            _ => {}
        }
        error
    };
    failures.iter().map(to_error).collect()
}

/// Structural schema: types, required, enum, pattern, lengths, ranges, list types.
fn schema_errors(node: Node<'_>, value: &Value, path: &str, is_root: bool, errors: &mut Vec<FieldError>) {
    let Some(schema) = node.schema() else { return };
    if value.is_null() && schema["nullable"] == json!(true) {
        return;
    }
    if !type_matches(node, value) {
        let found = type_of(value);
        let wanted = node.type_name();
        let why = format!("{path} in body must be of type {wanted}: {found:?}");
        errors.push(FieldError::wrong_type(path, found, &why));
        return;
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        let names = allowed.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), ToOwned::to_owned));
        errors.push(FieldError::not_supported(path, value, &names.collect::<Vec<_>>()));
    }
    match value {
        Value::String(text) => string_errors(schema, text, path, errors),
        Value::Number(number) => number_errors(schema, number.as_f64().unwrap_or_default(), value, path, errors),
        Value::Array(items) => {
            if let Some(max) = schema["maxItems"].as_u64().filter(|max| items.len() as u64 > *max) {
                errors.push(FieldError::too_many(path, items.len(), max));
            }
            if let Some(min) = schema["minItems"].as_u64().filter(|min| (items.len() as u64) < *min) {
                let why = format!("{path} in body should have at least {min} items");
                errors.push(FieldError::invalid(path, &json!(items.len()), why));
            }
            for (index, item) in items.iter().enumerate() {
                schema_errors(node.items(), item, &format!("{path}[{index}]"), false, errors);
            }
            list_errors(node, items, path, errors);
        }
        Value::Object(map) => {
            for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !map.contains_key(name) {
                    errors.push(FieldError::required(join(path, name), ""));
                }
            }
            if let Some(max) = schema["maxProperties"].as_u64().filter(|max| map.len() as u64 > *max) {
                errors.push(FieldError::too_many(path, map.len(), max));
            }
            for (key, below) in map {
                if is_root && key == "metadata" {
                    continue;
                }
                if let Some(field) = node.field(key) {
                    schema_errors(field, below, &join(path, key), false, errors);
                }
            }
        }
        _ => {}
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn type_matches(node: Node<'_>, value: &Value) -> bool {
    if node.is_int_or_string() {
        return value.is_string() || value.is_i64() || value.is_u64();
    }
    match node.type_name() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => true,
    }
}

fn string_errors(schema: &Value, text: &str, path: &str, errors: &mut Vec<FieldError>) {
    let length = text.chars().count() as u64;
    if let Some(max) = schema["maxLength"].as_u64().filter(|max| length > *max) {
        errors.push(FieldError::too_long(path, max));
    }
    if let Some(min) = schema["minLength"].as_u64().filter(|min| length < *min) {
        let why = format!("{path} in body should be at least {min} chars long");
        errors.push(FieldError::invalid(path, &json!(text), why));
    }
    if let Some(pattern) = schema["pattern"].as_str()
        && !pattern_matches(pattern, text)
    {
        let why = format!("{path} in body should match '{pattern}'");
        errors.push(FieldError::invalid(path, &json!(text), why));
    }
    if schema["format"] == "date-time" && text.parse::<jiff::Timestamp>().is_err() {
        let why = format!("{path} in body must be of type date-time: {text:?}");
        errors.push(FieldError::wrong_type(path, text, &why));
    }
}

/// Patterns are evaluated as CEL does it, so that no second regular expression engine is needed.
/// The answers are remembered: compiling a pattern takes a hundred times as long as all else about a string.
fn pattern_matches(pattern: &str, text: &str) -> bool {
    thread_local! {
        static KNOWN: RefCell<BTreeMap<(String, String), bool>> = RefCell::default();
    }
    let question = (pattern.to_owned(), text.to_owned());
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&question).copied()) {
        return known;
    }
    let answer = evaluate_pattern(pattern, text);
    KNOWN.with_borrow_mut(|known| known.insert(question, answer));
    answer
}

fn evaluate_pattern(pattern: &str, text: &str) -> bool {
    let schema = json!({"type": "string", "x-kubernetes-validations": [
        {"rule": format!("self.matches({})", json!(pattern)), "message": "no"},
    ]});
    Validator::new().validate(&schema, &json!(text), None).is_ok()
}

fn number_errors(schema: &Value, number: f64, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if let Some(min) = schema["minimum"].as_f64().filter(|min| number < *min) {
        let why = format!("{path} in body should be greater than or equal to {min}");
        errors.push(FieldError::invalid(path, value, why));
    }
    if let Some(max) = schema["maximum"].as_f64().filter(|max| number > *max) {
        let why = format!("{path} in body should be less than or equal to {max}");
        errors.push(FieldError::invalid(path, value, why));
    }
}

fn list_errors(node: Node<'_>, items: &[Value], path: &str, errors: &mut Vec<FieldError>) {
    let shape = node.shape(&Value::Array(Vec::new()));
    if !matches!(shape, super::schema::Shape::SetList | super::schema::Shape::MapList(_)) {
        return;
    }
    let mut seen = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Ok(step) = node.item_step(&shape, item) else { continue };
        if seen.contains(&step) {
            let shown = match &step {
                super::fieldset::Step::Key(keys) => serde_json::from_str(keys).unwrap_or_default(),
                _ => item.clone(),
            };
            errors.push(FieldError::duplicate(format!("{path}[{index}]"), &shown));
        }
        seen.push(step);
    }
}
