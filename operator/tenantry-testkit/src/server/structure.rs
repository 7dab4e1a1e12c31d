//! The structural schema of custom kinds: types, required, enum, pattern, lengths, ranges, list types. It never changes a value.

use serde_json::{Value, json};

use super::compiled::Compiled;
use super::error::FieldError;
use super::fieldset::Step;
use super::schema::{Node, Shape};

/// Collect what is wrong with an object; metadata is not looked at.
pub fn check(node: Node<'_>, compiled: &Compiled, object: &Value, errors: &mut Vec<FieldError>) {
    value_errors(node, compiled, object, "", errors);
}

fn value_errors(node: Node<'_>, compiled: &Compiled, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
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
        Value::String(text) => string_errors(schema, compiled, text, path, errors),
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
                value_errors(node.items(), compiled, item, &format!("{path}[{index}]"), errors);
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
                if path.is_empty() && key == "metadata" {
                    continue;
                }
                if let Some(field) = node.field(key) {
                    value_errors(field, compiled, below, &join(path, key), errors);
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

fn string_errors(schema: &Value, compiled: &Compiled, text: &str, path: &str, errors: &mut Vec<FieldError>) {
    let length = text.chars().count() as u64;
    if let Some(max) = schema["maxLength"].as_u64().filter(|max| length > *max) {
        errors.push(FieldError::too_long(path, max));
    }
    if let Some(min) = schema["minLength"].as_u64().filter(|min| length < *min) {
        let why = format!("{path} in body should be at least {min} chars long");
        errors.push(FieldError::invalid(path, &json!(text), why));
    }
    if let Some(pattern) = schema["pattern"].as_str()
        && !compiled.matches(pattern, text)
    {
        let why = format!("{path} in body should match '{pattern}'");
        errors.push(FieldError::invalid(path, &json!(text), why));
    }
    if schema["format"] == "date-time" && text.parse::<jiff::Timestamp>().is_err() {
        let why = format!("{path} in body must be of type date-time: {text:?}");
        errors.push(FieldError::wrong_type(path, text, &why));
    }
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
    if !matches!(shape, Shape::SetList | Shape::MapList(_)) {
        return;
    }
    let mut seen = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Ok(step) = node.item_step(&shape, item) else { continue };
        if seen.contains(&step) {
            let shown = match &step {
                Step::Key(keys) => serde_json::from_str(keys).unwrap_or_default(),
                _ => item.clone(),
            };
            errors.push(FieldError::duplicate(format!("{path}[{index}]"), &shown));
        }
        seen.push(step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(schema: &Value, object: &Value) -> Vec<String> {
        let definitions = json!({});
        let mut errors = Vec::new();
        check(Node::new(schema, &definitions), &Compiled::new(schema), object, &mut errors);
        errors.into_iter().map(|error| format!("{} {}", error.field, error.reason)).collect()
    }

    #[test]
    fn every_keyword_is_checked() {
        let schema = json!({"type": "object", "required": ["must"], "properties": {
            "must": {"type": "string"},
            "text": {"type": "string", "maxLength": 2, "pattern": "^a*$"},
            "number": {"type": "integer", "minimum": 1, "maximum": 2},
            "list": {"type": "array", "maxItems": 1, "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "choice": {"type": "string", "enum": ["A"]},
            "when": {"type": "string", "format": "date-time"},
            "either": {"x-kubernetes-int-or-string": true},
        }});
        assert_eq!(fields(&schema, &json!({})), ["must FieldValueRequired"]);
        let object = json!({
            "must": 1, "text": "bbb", "number": 3, "list": ["x", "x"], "choice": "B", "when": "soon", "either": true,
        });
        let found = fields(&schema, &object);
        for wanted in [
            "must FieldValueTypeInvalid",
            "text FieldValueTooLong",
            "text FieldValueInvalid",
            "number FieldValueInvalid",
            "list FieldValueTooMany",
            "list[1] FieldValueDuplicate",
            "choice FieldValueNotSupported",
            "when FieldValueTypeInvalid",
            "either FieldValueTypeInvalid",
        ] {
            assert!(found.iter().any(|line| line == wanted), "{wanted} is not in {found:?}");
        }
        let good = json!({"must": "x", "text": "aa", "number": 1, "list": ["x"], "choice": "A", "when": "2027-01-31T00:00:00Z"});
        assert!(fields(&schema, &good).is_empty());
    }
}
