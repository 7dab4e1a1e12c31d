//! `examples/`: resources to start from, as the kinds give them, each top-level field explained by its schema.

use std::fmt::Write;

use serde_json::{Map, Value};
use tenantry_core::kind::Registration;

use super::crds;
use super::files::{Files, NOTICE};
use crate::format::{self, FormatError};

/// Files by name.
pub(super) fn files(kinds: &[Registration]) -> Result<Files, FormatError> {
    let mut files = Files::new();
    for kind in kinds {
        let schema = crds::schema(kind);
        for example in (kind.examples)() {
            let text = format!("# {NOTICE}\n#\n{}{}", comment(example.about, ""), commented(&schema, &example.cr)?);
            files.insert(format!("{}.yaml", example.name), text);
        }
    }
    Ok(files)
}

/// A resource as YAML, with the first sentence of the documentation above each field of its spec.
fn commented(schema: &Value, resource: &Value) -> Result<String, FormatError> {
    let Value::Object(fields) = without_nothing(resource.clone()) else { return Ok(String::new()) };
    let mut text = String::new();
    for (name, value) in &fields {
        match value {
            Value::Object(spec) if name == "spec" => {
                text.push_str("spec:\n");
                for (field, value) in spec {
                    let about = schema["properties"]["spec"]["properties"][field]["description"].as_str();
                    text.push_str(&comment(first_sentence(about.unwrap_or_default()), "  "));
                    text.push_str(&indented(&single(field, value)?));
                }
            }
            Value::Object(_) if name == "status" => {}
            _ => text.push_str(&single(name, value)?),
        }
    }
    Ok(text)
}

fn single(name: &str, value: &Value) -> Result<String, FormatError> {
    format::yaml(&Map::from_iter([(name.to_owned(), value.clone())]))
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "{}{line}", if line.is_empty() { "" } else { "  " });
        out
    })
}

fn comment(text: &str, indent: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "{indent}# {line}");
        out
    })
}

/// The text up to the first full stop that ends a sentence.
pub(super) fn first_sentence(text: &str) -> &str {
    let text = text.split("\n\n").next().unwrap_or_default();
    text.find(". ").map_or(text, |end| &text[..=end])
}

/// Without nulls and the empty maps and lists that typed structs are full of.
fn without_nothing(value: Value) -> Value {
    let is_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (name, without_nothing(value)))
                .filter(|(_, value)| !is_nothing(value))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_nothing).collect()),
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_explained_and_nothing_is_left_out() {
        let schema = json!({ "properties": { "spec": { "properties": {
            "size": { "description": "How big it is. In metres." }, "parts": { "description": "What it is made of." },
        } } } });
        let resource = json!({ "apiVersion": "v1", "kind": "Thing", "metadata": { "name": "a", "uid": null },
            "spec": { "size": "3", "parts": [{ "name": "p" }], "none": null, "empty": [] } });
        let expected = "apiVersion: v1\nkind: Thing\nmetadata:\n  name: a\nspec:\n  # What it is made of.\n  parts:\n  - name: p\n  # How big it is.\n  size: \"3\"\n";
        assert_eq!(commented(&schema, &resource).expect("renders"), expected);
    }
}
