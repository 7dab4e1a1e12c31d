//! What the API server would say to a custom resource: its structure, then its CEL rules, in the server's own words, so
//! that a file can be checked without a cluster. The server stays the judge; tests hold the two against each other.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::core::cel::Validator;
use regex::Regex;
use serde_json::{Map, Value};

/// Everything that is wrong with `object`; empty when it would be accepted.
pub fn faults(crd: &CustomResourceDefinition, object: &Value) -> Vec<String> {
    let schema = crd.spec.versions.first().and_then(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref());
    let Some(schema) = schema else { return vec!["the definition has no schema".to_owned()] };
    let mut object = object.clone();
    let mut faults = Vec::new();
    let properties = schema.properties.iter().flatten().filter(|(name, _)| ["spec", "status"].contains(&name.as_str()));
    for (name, part) in properties {
        match object.get_mut(name) {
            Some(value) => {
                fill_defaults(part, value);
                check(part, name, value, &mut faults);
            }
            None if schema.required.iter().flatten().any(|required| required == name) => {
                faults.push(format!("{name}: Required value"));
            }
            None => {}
        }
    }
    // Like the server: rules are not evaluated on what is not even well-formed.
    if faults.is_empty() {
        let schema = serde_json::to_value(schema).unwrap_or_default();
        if let Err(errors) = Validator::new().validate(&schema, &object, None) {
            faults.extend(errors.iter().map(ToString::to_string));
        }
    }
    faults
}

fn fill_defaults(schema: &JSONSchemaProps, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, part) in schema.properties.iter().flatten() {
                if let (None, Some(default)) = (fields.get(name), &part.default) {
                    fields.insert(name.clone(), default.0.clone());
                }
                if let Some(field) = fields.get_mut(name) {
                    fill_defaults(part, field);
                }
            }
        }
        Value::Array(items) => {
            if let Some(JSONSchemaPropsOrArray::Schema(part)) = &schema.items {
                for item in items {
                    fill_defaults(part, item);
                }
            }
        }
        _ => {}
    }
}

fn check(schema: &JSONSchemaProps, path: &str, value: &Value, faults: &mut Vec<String>) {
    if let Some(wanted) = schema.type_.as_deref().filter(|wanted| !is_of_type(value, wanted)) {
        faults.push(format!("{path}: Invalid value: {path} in body must be of type {wanted}"));
        return;
    }
    let allowed: Vec<String> = schema.enum_.iter().flatten().map(|choice| choice.0.to_string()).collect();
    if !allowed.is_empty() && !allowed.contains(&value.to_string()) {
        faults.push(format!("{path}: Unsupported value: {value}: supported values: {}", allowed.join(", ")));
    }
    match value {
        Value::String(text) => check_text(schema, path, text, faults),
        Value::Number(number) => check_number(schema, path, number.as_i64().unwrap_or_default(), faults),
        Value::Array(items) => check_list(schema, path, items, faults),
        Value::Object(fields) => check_map(schema, path, fields, faults),
        Value::Null | Value::Bool(_) => {}
    }
}

fn is_of_type(value: &Value, wanted: &str) -> bool {
    match wanted {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

fn check_text(schema: &JSONSchemaProps, path: &str, text: &str, faults: &mut Vec<String>) {
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    if let Some(limit) = schema.max_length.filter(|limit| length > *limit) {
        faults.push(format!("{path}: Too long: may not be more than {limit} bytes"));
    }
    if let Some(limit) = schema.min_length.filter(|limit| length < *limit) {
        faults.push(format!("{path}: Invalid value: {path} in body should be at least {limit} chars long"));
    }
    if let Some(pattern) = &schema.pattern
        && !Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
    {
        faults.push(format!("{path}: Invalid value: {path} in body should match '{pattern}'"));
    }
    if schema.format.as_deref() == Some("date-time") && text.parse::<jiff::Timestamp>().is_err() {
        faults.push(format!("{path}: Invalid value: {path} in body must be of type date-time"));
    }
}

#[allow(clippy::cast_precision_loss)] // Bounds in our schemas are small.
fn check_number(schema: &JSONSchemaProps, path: &str, number: i64, faults: &mut Vec<String>) {
    if let Some(limit) = schema.maximum.filter(|limit| number as f64 > *limit) {
        faults.push(format!("{path}: Invalid value: {number}: {path} in body should be less than or equal to {limit}"));
    }
    if let Some(limit) = schema.minimum.filter(|limit| (number as f64) < *limit) {
        faults.push(format!(
            "{path}: Invalid value: {number}: {path} in body should be greater than or equal to {limit}"
        ));
    }
}

fn check_list(schema: &JSONSchemaProps, path: &str, items: &[Value], faults: &mut Vec<String>) {
    let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
    if let Some(limit) = schema.max_items.filter(|limit| count > *limit) {
        faults.push(format!("{path}: Too many: {count}: must have at most {limit} items"));
        return;
    }
    if let Some(limit) = schema.min_items.filter(|limit| count < *limit) {
        faults.push(format!("{path}: Invalid value: {path} in body should have at least {limit} items"));
    }
    let keys = schema.x_kubernetes_list_map_keys.as_deref().unwrap_or_default();
    let identity = |item: &Value| -> Value {
        if keys.is_empty() { item.clone() } else { keys.iter().map(|key| item[key].clone()).collect() }
    };
    let unique = matches!(schema.x_kubernetes_list_type.as_deref(), Some("map" | "set"));
    for (index, item) in items.iter().enumerate() {
        if unique && items[..index].iter().any(|earlier| identity(earlier) == identity(item)) {
            faults.push(format!("{path}[{index}]: Duplicate value: {}", identity(item)));
        }
        if let Some(JSONSchemaPropsOrArray::Schema(part)) = &schema.items {
            check(part, &format!("{path}[{index}]"), item, faults);
        }
    }
}

fn check_map(schema: &JSONSchemaProps, path: &str, fields: &Map<String, Value>, faults: &mut Vec<String>) {
    let count = i64::try_from(fields.len()).unwrap_or(i64::MAX);
    if let Some(limit) = schema.max_properties.filter(|limit| count > *limit) {
        faults.push(format!("{path}: Too many: {count}: must have at most {limit} items"));
    }
    if let Some(limit) = schema.min_properties.filter(|limit| count < *limit) {
        faults.push(format!("{path}: Invalid value: {path} in body should have at least {limit} properties"));
    }
    for name in schema.required.iter().flatten().filter(|name| !fields.contains_key(*name)) {
        faults.push(format!("{path}.{name}: Required value"));
    }
    for (name, value) in fields {
        if let Some(part) = schema.properties.as_ref().and_then(|properties| properties.get(name)) {
            check(part, &format!("{path}.{name}"), value, faults);
        } else if let Some(JSONSchemaPropsOrBool::Schema(part)) = &schema.additional_properties {
            check(part, &format!("{path}.{name}"), value, faults);
        } else {
            faults.push(format!("strict decoding error: unknown field \"{path}.{name}\""));
        }
    }
}
