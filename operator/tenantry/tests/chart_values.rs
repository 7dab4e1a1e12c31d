//! Holds `values.yaml`, which is written by hand, to the schema of the values, which is not: each explains the other.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

/// Paths of all values; what is below `settings` and below free maps is up to the user.
fn paths(value: &Value, below: fn(&Value) -> Option<&Value>, path: &str, found: &mut BTreeSet<String>) {
    for (name, value) in below(value).and_then(Value::as_object).into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if path != "global" {
            found.insert(path.clone());
        }
        if !matches!(path.as_str(), "settings" | "resources") {
            paths(value, below, &path, found);
        }
    }
}

#[test]
fn values_and_schema_name_the_same() {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/tenantry");
    let text = |name: &str| std::fs::read_to_string(chart.join(name)).expect("reads");
    let values: Value = serde_saphyr::from_str(&text("values.yaml")).expect("YAML");
    let schema: Value = serde_json::from_str(&text("values.schema.json")).expect("JSON");
    let (mut given, mut known) = (BTreeSet::new(), BTreeSet::new());
    paths(&values, |value| Some(value), "", &mut given);
    paths(&schema, |schema| Some(&schema["properties"]), "", &mut known);
    assert_eq!(given, known, "values.yaml is on the left");
}
