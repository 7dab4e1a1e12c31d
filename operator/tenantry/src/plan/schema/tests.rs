//! What a schema lets pass, and the words for what it does not.

use serde_json::json;

use super::*;

fn schema() -> Value {
    json!({ "type": "object", "required": ["spec"], "properties": { "spec": {
        "type": "object", "required": ["name"],
        "properties": {
            "name": { "type": "string", "pattern": "^[a-z]+$", "maxLength": 5 },
            "count": { "type": "integer", "minimum": 1, "default": 3 },
            "role": { "type": "string", "enum": ["Admin", "Viewer"] },
            "until": { "type": "string", "format": "date-time", "nullable": true },
            "labels": { "type": "object", "additionalProperties": { "type": "string" } },
            "parts": { "type": "array", "maxItems": 2, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": { "type": "object", "properties": { "name": { "type": "string" } } } },
        },
        "x-kubernetes-validations": [{ "rule": "self.count < 10 || self.name == 'many'", "message": "too many; lower count" }],
    } } })
}

fn faults(spec: &Value) -> Vec<String> {
    let admitted = admit(&schema(), &json!({ "apiVersion": "v1", "kind": "Test", "metadata": {}, "spec": spec }), None);
    let faults = admitted.err().unwrap_or_default();
    faults.into_iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect()
}

#[test]
fn what_fits_is_defaulted() {
    let admitted =
        admit(&schema(), &json!({ "metadata": {}, "spec": { "name": "a", "until": null, "role": null } }), None);
    assert_eq!(admitted.expect("fits")["spec"], json!({ "name": "a", "until": null, "count": 3 }));
}

#[test]
fn each_fault_names_field_and_fix() {
    let cases = [
        (json!({}), "spec.name: is required"),
        (json!({ "name": 4 }), "spec.name: must be a string (quote it)"),
        (json!({ "name": "UP" }), "spec.name: \"UP\" does not match ^[a-z]+$"),
        (json!({ "name": "abcdef" }), "spec.name: has 6 characters, at most 5 are allowed"),
        (json!({ "name": "a", "count": 0 }), "spec.count: 0 must be at least 1"),
        (json!({ "name": "a", "count": 10 }), "spec: too many; lower count"),
        (json!({ "name": "a", "role": "Owner" }), "spec.role: Owner is not one of Admin, Viewer"),
        (
            json!({ "name": "a", "until": "soon" }),
            "spec.until: \"soon\" is not a time; write it as 2027-01-31T00:00:00Z",
        ),
        (json!({ "name": "a", "labels": { "x": 1 } }), "spec.labels.x: must be a string (quote it)"),
        (json!({ "name": "a", "parts": [{}, {}, {}] }), "spec.parts: has 3 items, at most 2 are allowed"),
        (
            json!({ "name": "a", "parts": [{ "name": "p" }, { "name": "p" }] }),
            "spec.parts[p]: p is there twice; remove or rename one",
        ),
        (
            json!({ "name": "a", "nmae": "b" }),
            "spec.nmae: is not a field; known here: count, labels, name, parts, role, until",
        ),
    ];
    for (spec, expected) in cases {
        assert_eq!(faults(&spec), [expected], "{spec}");
    }
}
