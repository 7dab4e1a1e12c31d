//! Whether a tool's definition is one. Never fetches what a schema refers to.

use std::collections::BTreeSet;

use serde_json::Value;

use super::checks;
use crate::check::{Issue, quote};

/// What is wrong with a tool.
pub(super) fn faults(tool: &Value, is_modern: bool) -> Vec<Issue> {
    let name = tool["name"].as_str().unwrap_or_default();
    let mut found = Vec::new();
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    if name.is_empty() || name.len() > 128 || !name.chars().all(is_letter) {
        found.push(checks::TOOL_NAME.broken(format!("a tool is called {}", quote(name))));
    }
    let schema = &tool["inputSchema"];
    if let Err(wrong) = is_schema(schema)
        .and_then(|()| if schema["type"] == "object" { Ok(()) } else { Err("its type is not object".to_owned()) })
    {
        found.push(checks::TOOL_SCHEMA.broken(format!("the inputSchema of tool {}: {wrong}", quote(name))));
    }
    if let Some(reference) = foreign_reference(schema) {
        found.push(checks::TOOL_REFERENCE.broken(format!(
            "the inputSchema of tool {} refers to {}",
            quote(name),
            quote(reference)
        )));
    }
    if is_modern {
        let mut headers = Headers::default();
        headers.look(schema, true);
        if let Some(wrong) = headers.wrong {
            found.push(checks::TOOL_HEADERS.broken(format!("tool {}: {wrong}", quote(name))));
        }
    }
    found
}

/// Form only: the vocabulary that shapes arguments.
fn is_schema(schema: &Value) -> Result<(), String> {
    let fields = match schema {
        Value::Object(fields) => fields,
        Value::Bool(_) => return Ok(()),
        Value::Null => return Err("it is missing".into()),
        _ => return Err("it is not an object".into()),
    };
    if !matches!(fields.get("required"), None | Some(Value::Array(_))) {
        return Err("required is not a list".into());
    }
    for name in ["properties", "$defs", "definitions", "patternProperties"] {
        match fields.get(name) {
            None => {}
            Some(Value::Object(parts)) => {
                parts.iter().try_for_each(|(part, schema)| at(&format!("{name}.{part}"), is_schema(schema)))?;
            }
            Some(_) => return Err(format!("{name} is not an object")),
        }
    }
    for name in ["allOf", "anyOf", "oneOf", "prefixItems"] {
        match fields.get(name) {
            None => {}
            Some(Value::Array(parts)) => parts.iter().try_for_each(|schema| at(name, is_schema(schema)))?,
            Some(_) => return Err(format!("{name} is not a list")),
        }
    }
    for name in ["not", "if", "then", "else", "additionalProperties"] {
        if let Some(schema) = fields.get(name) {
            at(name, is_schema(schema))?;
        }
    }
    match fields.get("items") {
        None => Ok(()),
        // The form of drafts before 2020-12.
        Some(Value::Array(parts)) => parts.iter().try_for_each(|schema| at("items", is_schema(schema))),
        Some(schema) => at("items", is_schema(schema)),
    }
}

fn at(place: &str, result: Result<(), String>) -> Result<(), String> {
    result.map_err(|wrong| if wrong.starts_with("it ") { format!("{}: {wrong}", quote(place)) } else { wrong })
}

/// The first `$ref` that leads out of the schema.
fn foreign_reference(schema: &Value) -> Option<&str> {
    match schema {
        Value::Object(fields) => {
            let own = schema["$ref"].as_str().filter(|reference| !reference.starts_with('#'));
            own.or_else(|| fields.values().find_map(foreign_reference))
        }
        Value::Array(parts) => parts.iter().find_map(foreign_reference),
        _ => None,
    }
}

/// What `x-mcp-header` is found on.
#[derive(Default)]
struct Headers {
    known: BTreeSet<String>,
    wrong: Option<String>,
}

impl Headers {
    /// `is_direct`: the way from the root went through `properties` alone.
    fn look(&mut self, schema: &Value, is_direct: bool) {
        if let Some(header) = schema.get("x-mcp-header")
            && let Err(wrong) = self.take(header, schema, is_direct)
        {
            self.wrong.get_or_insert(wrong);
        }
        match schema {
            Value::Object(fields) => {
                for (key, value) in fields {
                    match (key.as_str(), value) {
                        ("properties", Value::Object(parts)) => {
                            parts.values().for_each(|part| self.look(part, is_direct));
                        }
                        ("x-mcp-header" | "default" | "examples" | "enum" | "const", _) => {}
                        _ => self.look(value, false),
                    }
                }
            }
            Value::Array(parts) => parts.iter().for_each(|part| self.look(part, false)),
            _ => {}
        }
    }

    fn take(&mut self, header: &Value, schema: &Value, is_direct: bool) -> Result<(), String> {
        let Some(text) = header.as_str() else { return Err("an x-mcp-header is not a string".into()) };
        let is_token = |letter: char| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter);
        if text.is_empty() || !text.chars().all(is_token) {
            return Err(format!("the x-mcp-header {} is not an HTTP token", quote(text)));
        }
        if !is_direct {
            return Err(format!("the x-mcp-header {} is not reached by properties alone", quote(text)));
        }
        if !matches!(schema["type"].as_str(), Some("string" | "integer" | "boolean")) {
            return Err(format!("the x-mcp-header {} is on no string, integer or boolean", quote(text)));
        }
        if !self.known.insert(text.to_ascii_lowercase()) {
            return Err(format!("the x-mcp-header {} is there twice", quote(text)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn codes(schema: &Value) -> Vec<String> {
        let tool = json!({"name": "t", "inputSchema": schema});
        faults(&tool, true).into_iter().map(|issue| issue.code).collect()
    }

    #[test]
    fn schemas_that_are_none_are_found() {
        for (schema, is_sound) in [
            (json!({"type": "object"}), true),
            (
                json!({"type": "object", "properties": {"a": true, "b": {"items": {"$ref": "#/$defs/x"}}}, "$defs": {"x": {}}}),
                true,
            ),
            (json!(null), false),
            (json!("object"), false),
            (json!({"type": "string"}), false),
            (json!({"type": "object", "properties": []}), false),
            (json!({"type": "object", "properties": {"a": 1}}), false),
            (json!({"type": "object", "required": "a"}), false),
            (json!({"type": "object", "anyOf": {}}), false),
            (json!({"type": "object", "properties": {"a": {"items": {"$ref": "https://elsewhere.example/x"}}}}), false),
        ] {
            assert_eq!(codes(&schema).is_empty(), is_sound, "{schema}");
        }
    }

    #[test]
    fn headers_are_tokens_on_plain_values_at_a_plain_place() {
        let on = |header: Value, kind: &str| json!({"type": "object", "properties": {"a": {"type": kind, "x-mcp-header": header}}});
        assert!(codes(&on(json!("Region"), "string")).is_empty());
        for schema in [
            on(json!("a b"), "string"),
            on(json!(""), "string"),
            on(json!(1), "string"),
            on(json!("Region"), "number"),
            json!({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string", "x-mcp-header": "R"}}}}),
            json!({"type": "object", "properties": {
                "a": {"type": "string", "x-mcp-header": "R"}, "b": {"type": "string", "x-mcp-header": "r"},
            }}),
        ] {
            assert_eq!(codes(&schema), ["C9"], "{schema}");
        }
    }

    #[test]
    fn names_have_an_alphabet() {
        for (name, is_sound) in
            [("get.a_b-C9", true), ("", false), ("a b", false), ("ä", false), (&"x".repeat(129), false)]
        {
            let found = faults(&json!({"name": name, "inputSchema": {"type": "object"}}), false);
            assert_eq!(found.is_empty(), is_sound, "{name}");
        }
    }
}
