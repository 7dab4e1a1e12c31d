//! The page of the Helm chart's values, from their schema.

use serde_json::Value;

use super::super::chart::values;
use super::{code, table};

pub(super) fn page() -> String {
    let mut rows = Vec::new();
    collect(&values::schema(), "", &mut rows);
    format!(
        "# Values of the Helm chart\n\n\
         The chart is in `charts/tenantry`; its defaults are in `values.yaml`, and Helm checks yours against\n\
         `values.schema.json`. There can be one Tenantry in a cluster, so no name follows the release's.\n\n\
         ```sh\nhelm install tenantry charts/tenantry --namespace tenantry-system --create-namespace\n```\n\n{}",
        table(["value", "type", "meaning"], rows),
    )
}

fn collect(schema: &Value, path: &str, rows: &mut Vec<[String; 3]>) {
    for (name, value) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        // A described reference to a struct is wrapped, to carry its own description.
        let inner = if value["allOf"][0].is_object() { &value["allOf"][0] } else { value };
        let about = value["description"].as_str().unwrap_or_default().to_owned();
        rows.push([code(&path), type_of(inner), about]);
        collect(inner, &path, rows);
    }
}

fn type_of(schema: &Value) -> String {
    let choices = schema["enum"].as_array().or_else(|| schema["oneOf"].as_array());
    if let Some(choices) = choices {
        let names = choices.iter().map(|one| one["const"].as_str().or(one["enum"][0].as_str()).or(one.as_str()));
        return names.flatten().map(code).collect::<Vec<_>>().join(", ");
    }
    match schema["type"].as_str().unwrap_or_default() {
        "array" => "list".into(),
        "object" if schema["additionalProperties"].is_object() || schema["additionalProperties"] == true => {
            "map".into()
        }
        other => other.into(),
    }
}
