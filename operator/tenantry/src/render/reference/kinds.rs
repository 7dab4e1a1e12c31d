//! A kind's page: what it is, its fields with type, default and meaning, its rules, and an example.

use std::fmt::Write;

use serde_json::Value;
use tenantry_core::kind::Registration;

use super::super::crds;
use super::super::examples::first_sentence;
use super::{code, table};
use crate::format::FormatError;

pub(super) fn path(kind: &Registration) -> String {
    format!("kinds/{}.md", kind.resource.kind.to_lowercase())
}

/// The kind in one sentence.
pub(super) fn about(kind: &Registration) -> String {
    first_sentence(&description(kind)).replace('\n', " ")
}

pub(super) fn page(kind: &Registration) -> Result<String, FormatError> {
    let crd = crds::one(kind)?;
    let schema = crds::schema(kind);
    let (names, version) = (&crd["spec"]["names"], &crd["spec"]["versions"][0]);
    let mut page = format!("# {}\n\n{}\n\n", kind.resource.kind, description(kind));
    let short: Vec<&str> = names["shortNames"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let scope = if kind.resource.namespaced { "in a namespace" } else { "cluster-wide" };
    let _ = writeln!(
        page,
        "`apiVersion: {}`, {scope}. `kubectl get {}`{}.\n",
        kind.resource.api_version(),
        kind.resource.plural,
        if short.is_empty() { String::new() } else { format!(", short `{}`", short.join("`, `")) },
    );
    for part in ["spec", "status"] {
        let mut rows = Vec::new();
        collect_fields(&schema["properties"][part], part, false, &mut rows);
        if !rows.is_empty() {
            let _ = writeln!(page, "## {part}\n");
            page.push_str(&table(["field", "type", "default", "description"], rows));
            page.push('\n');
        }
    }
    let mut rules: Vec<[String; 2]> = Vec::new();
    collect_rules(&schema, "", &mut rules);
    let rules = by_message(rules);
    if !rules.is_empty() {
        page.push_str("## Rules\n\nThe API server refuses what breaks one of these.\n\n");
        page.push_str(&table(["rule", "fields"], rules));
        page.push('\n');
    }
    let columns = version["additionalPrinterColumns"].as_array().cloned().unwrap_or_default();
    if !columns.is_empty() {
        page.push_str("## Columns of `kubectl get`\n\n");
        let text = |column: &Value, field: &str| column[field].as_str().unwrap_or_default().to_owned();
        let rows = columns.iter().map(|column| {
            let wide = if column["priority"].as_i64().unwrap_or_default() > 0 { "with `-o wide`" } else { "" };
            [text(column, "name"), code(&text(column, "jsonPath")), wide.to_owned()]
        });
        page.push_str(&table(["column", "from", "shown"], rows));
        page.push('\n');
    }
    let examples = (kind.examples)();
    if !examples.is_empty() {
        page.push_str("## Examples\n\n");
        for example in examples {
            let about = example.about.split_whitespace().collect::<Vec<_>>().join(" ");
            let _ = writeln!(page, "- [{0}.yaml](../../../examples/{0}.yaml): {about}", example.name);
        }
    }
    Ok(page.trim_end().to_owned() + "\n")
}

fn description(kind: &Registration) -> String {
    let schema = crds::schema(kind);
    let text = schema["properties"]["spec"]["description"].as_str().or_else(|| schema["description"].as_str());
    text.unwrap_or_default().to_owned()
}

fn collect_fields(schema: &Value, path: &str, required: bool, rows: &mut Vec<[String; 4]>) {
    if !schema.is_object() {
        return;
    }
    // `spec` and `status` themselves are the headings.
    if path.contains('.') {
        let default = match &schema["default"] {
            Value::Null if required => "required".to_owned(),
            Value::Null => String::new(),
            value => code(&value.to_string()),
        };
        let about = schema["description"].as_str().unwrap_or_default().to_owned();
        rows.push([code(path), type_of(schema), default, about]);
    }
    let is_required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        collect_fields(field, &format!("{path}.{name}"), is_required(name), rows);
    }
    for (below, suffix) in [(&schema["items"], "[]"), (&schema["additionalProperties"], ".*")] {
        if below["properties"].is_object() {
            let fields = below["properties"].as_object().into_iter().flatten();
            for (name, field) in fields {
                let needed = below["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
                collect_fields(field, &format!("{path}{suffix}.{name}"), needed, rows);
            }
        }
    }
}

fn type_of(schema: &Value) -> String {
    if let Some(allowed) = schema["enum"].as_array() {
        let names: Vec<String> = allowed.iter().filter_map(Value::as_str).map(code).collect();
        return names.join(", ");
    }
    if schema["x-kubernetes-int-or-string"] == true {
        return "number or string".into();
    }
    let bounds = [("maxLength", "characters"), ("maxItems", "items"), ("maxProperties", "entries")]
        .into_iter()
        .find_map(|(bound, unit)| schema[bound].as_u64().map(|most| format!(", at most {most} {unit}")))
        .unwrap_or_default();
    let name = match schema["type"].as_str().unwrap_or_default() {
        "array" => format!("list of {}", type_of(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!("map of {}", type_of(&schema["additionalProperties"]))
        }
        "string" if schema["format"] == "date-time" => "time".into(),
        "object" => "object".into(),
        "" => "any".into(),
        scalar => scalar.to_owned(),
    };
    format!("{name}{bounds}")
}

fn collect_rules(schema: &Value, path: &str, rows: &mut Vec<[String; 2]>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        let message = rule["message"].as_str().or_else(|| rule["messageExpression"].as_str()).unwrap_or_default();
        let place = if path.is_empty() { "the whole resource".to_owned() } else { code(path) };
        rows.push([place, message.to_owned()]);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        collect_rules(field, &below, rows);
    }
    if schema["items"].is_object() {
        collect_rules(&schema["items"], &format!("{path}[]"), rows);
    }
    if schema["additionalProperties"].is_object() {
        collect_rules(&schema["additionalProperties"], &format!("{path}.*"), rows);
    }
}

/// One row for each rule, with all the fields it holds for.
fn by_message(rules: Vec<[String; 2]>) -> Vec<[String; 2]> {
    let mut rows: Vec<[String; 2]> = Vec::new();
    for [field, message] in rules {
        match rows.iter_mut().find(|row| row[0] == message) {
            Some(row) => row[1] = format!("{}, {field}", row[1]),
            None => rows.push([message, field]),
        }
    }
    rows
}
