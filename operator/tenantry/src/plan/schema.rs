//! What the API server would do to a resource before it stores it: set defaults, and refuse what the schema or its CEL
//! rules do not allow. So that a plan from a file is the plan of what would be stored, without asking a server.

use std::collections::BTreeSet;

use kube::core::cel::{ErrorKind, Validator, apply_defaults};
use regex::Regex;
use serde_json::Value;

/// Something the schema does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Path of the field.
    pub(super) field: String,
    /// What is wrong and how to mend it.
    pub(super) message: String,
}

/// The resource with defaults set, or all that is wrong with it. `old` is what it replaces, for transition rules.
pub(super) fn admit(schema: &Value, resource: &Value, old: Option<&Value>) -> Result<Value, Vec<Fault>> {
    let resource = apply_defaults(schema, &without_nulls(schema, resource.clone()));
    let mut faults = Vec::new();
    check(schema, &resource, "", &mut faults);
    // CEL rules assume types that hold; the API server does not run them either on what does not fit.
    if faults.is_empty()
        && let Err(errors) = Validator::new().validate(schema, &resource, old)
    {
        // A rule that cannot be evaluated here says nothing; the server will judge it.
        let failed = errors.into_vec().into_iter().filter(|error| error.kind == ErrorKind::ValidationFailure);
        faults.extend(failed.map(|error| Fault { field: error.field_path, message: error.message }));
    }
    if faults.is_empty() { Ok(resource) } else { Err(faults) }
}

/// The API server drops a null where the schema does not allow one, as if the field were absent.
fn without_nulls(schema: &Value, value: Value) -> Value {
    let below = |name: &str| match &schema["properties"][name] {
        Value::Null => &schema["additionalProperties"],
        known => known,
    };
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter(|(name, value)| !value.is_null() || below(name)["nullable"] == true)
                .map(|(name, value)| {
                    let value = without_nulls(below(&name), value);
                    (name, value)
                })
                .collect(),
        ),
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| without_nulls(&schema["items"], item)).collect())
        }
        scalar => scalar,
    }
}

fn check(schema: &Value, value: &Value, path: &str, faults: &mut Vec<Fault>) {
    let fault = |faults: &mut Vec<Fault>, message: String| faults.push(Fault { field: path.to_owned(), message });
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    if let Some(message) = wrong_type(schema, value) {
        return fault(faults, message);
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        let names: Vec<String> = allowed.iter().filter(|one| !one.is_null()).map(plain).collect();
        return fault(faults, format!("{} is not one of {}", plain(value), names.join(", ")));
    }
    match value {
        Value::Object(fields) => check_fields(schema, fields, path, faults),
        Value::Array(items) => check_items(schema, items, path, faults),
        Value::String(text) => {
            if let Some(message) = wrong_text(schema, text) {
                fault(faults, message);
            }
        }
        Value::Number(_) => {
            let number = value.as_f64().unwrap_or_default();
            for (bound, words, broken) in [
                ("minimum", "at least", number < schema["minimum"].as_f64().unwrap_or(f64::MIN)),
                ("maximum", "at most", number > schema["maximum"].as_f64().unwrap_or(f64::MAX)),
            ] {
                if broken {
                    fault(faults, format!("{value} must be {words} {}", schema[bound]));
                }
            }
        }
        _ => {}
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        check(part, value, path, faults);
    }
    if let Some(choices) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array())
        && !choices.iter().any(|choice| accepts(choice, value))
    {
        fault(faults, "fits none of the forms this field may have; see `kubectl explain` for it".into());
    }
}

fn accepts(schema: &Value, value: &Value) -> bool {
    let mut faults = Vec::new();
    check(schema, value, "", &mut faults);
    faults.is_empty()
}

fn wrong_type(schema: &Value, value: &Value) -> Option<String> {
    if schema["x-kubernetes-int-or-string"] == true {
        return (!value.is_string() && !value.is_i64()).then(|| "must be a number or a string".to_owned());
    }
    let (fits, words) = match schema["type"].as_str()? {
        "object" => (value.is_object(), "a map of fields"),
        "array" => (value.is_array(), "a list"),
        "string" => (value.is_string(), "a string (quote it)"),
        "integer" => (value.is_i64() || value.is_u64(), "a whole number"),
        "number" => (value.is_number(), "a number"),
        "boolean" => (value.is_boolean(), "true or false"),
        _ => return None,
    };
    (!fits).then(|| format!("must be {words}"))
}

fn wrong_text(schema: &Value, text: &str) -> Option<String> {
    let length = text.chars().count() as u64;
    if schema["maxLength"].as_u64().is_some_and(|most| length > most) {
        return Some(format!("has {length} characters, at most {} are allowed", schema["maxLength"]));
    }
    if schema["minLength"].as_u64().is_some_and(|least| length < least) {
        return Some(format!("has {length} characters, at least {} are needed", schema["minLength"]));
    }
    if schema["format"] == "date-time" && text.parse::<jiff::Timestamp>().is_err() {
        return Some(format!("{text:?} is not a time; write it as 2027-01-31T00:00:00Z"));
    }
    let pattern = schema["pattern"].as_str()?;
    // A pattern that this library cannot read is left to the server.
    let fits = Regex::new(pattern).map_or(true, |pattern| pattern.is_match(text));
    (!fits).then(|| format!("{text:?} does not match {pattern}"))
}

fn check_fields(schema: &Value, fields: &serde_json::Map<String, Value>, path: &str, faults: &mut Vec<Fault>) {
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            faults.push(Fault { field: join(path, name), message: "is required".into() });
        }
    }
    let count = fields.len() as u64;
    for (bound, words, broken) in [
        ("maxProperties", "at most", schema["maxProperties"].as_u64().is_some_and(|most| count > most)),
        ("minProperties", "at least", schema["minProperties"].as_u64().is_some_and(|least| count < least)),
    ] {
        if broken {
            let message = format!("has {count} entries, {words} {} are allowed", schema[bound]);
            faults.push(Fault { field: path.to_owned(), message });
        }
    }
    let open = schema["x-kubernetes-preserve-unknown-fields"] == true || schema["type"].is_null();
    for (name, value) in fields {
        let known = &schema["properties"][name.as_str()];
        if path.is_empty() && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
            continue;
        }
        if known.is_object() {
            check(known, value, &join(path, name), faults);
        } else if schema["additionalProperties"].is_object() {
            check(&schema["additionalProperties"], value, &join(path, name), faults);
        } else if !open && schema["additionalProperties"] != true {
            let known: Vec<&str> =
                schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            let message = format!("is not a field; known here: {}", known.join(", "));
            faults.push(Fault { field: join(path, name), message });
        }
    }
}

fn check_items(schema: &Value, items: &[Value], path: &str, faults: &mut Vec<Fault>) {
    let count = items.len() as u64;
    if schema["maxItems"].as_u64().is_some_and(|most| count > most) {
        let message = format!("has {count} items, at most {} are allowed", schema["maxItems"]);
        return faults.push(Fault { field: path.to_owned(), message });
    }
    if schema["minItems"].as_u64().is_some_and(|least| count < least) {
        let message = format!("has {count} items, at least {} are needed", schema["minItems"]);
        faults.push(Fault { field: path.to_owned(), message });
    }
    let keys: Vec<&str> = match schema["x-kubernetes-list-type"].as_str() {
        Some("map") => {
            schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
        }
        _ => Vec::new(),
    };
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let identity = if keys.is_empty() {
            plain(item)
        } else {
            keys.iter().map(|key| plain(&item[*key])).collect::<Vec<_>>().join(",")
        };
        let place = if keys.is_empty() { format!("{path}[{index}]") } else { format!("{path}[{identity}]") };
        let unique = !keys.is_empty() || schema["x-kubernetes-list-type"] == "set";
        if unique && !seen.insert(identity.clone()) {
            faults.push(Fault {
                field: place.clone(),
                message: format!("{identity} is there twice; remove or rename one"),
            });
        }
        check(&schema["items"], item, &place, faults);
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests;
