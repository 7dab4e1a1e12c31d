//! Makes request lists from a seed: create, read, update, apply, patch, delete and list, on few names so that writers collide.

use fastrand::Rng;
use serde_json::{Value, json};

use super::bodies::{SUBJECTS, Subject, metadata};
use super::step::Step;

const NAMESPACES: [&str; 3] = ["c-a", "c-a", "c-b"];
const NAMES: [&str; 2] = ["one", "two"];
const MANAGERS: [&str; 3] = ["alpha", "alpha", "beta"];

/// The definition of the custom kind under test.
pub fn definition() -> Value {
    let items = json!({
        "type": "array", "maxItems": 3, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
        "items": {"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string", "maxLength": 8}, "value": {"type": "string", "default": "none"},
        }},
    });
    let spec = json!({
        "type": "object", "required": ["size"],
        "x-kubernetes-validations": [
            {"rule": "!has(self.name) || self.name != 'forbidden'", "message": "name may not be forbidden"},
            {"rule": "self.size >= oldSelf.size - 2", "message": "size may shrink by two at most", "fieldPath": ".size"},
        ],
        "properties": {
            "size": {"type": "integer", "format": "int32", "minimum": 1, "maximum": 100},
            "mode": {"type": "string", "enum": ["A", "B"], "default": "A"},
            "name": {"type": "string", "maxLength": 10, "pattern": "^[a-z]*$"},
            "maybe": {"type": "string", "nullable": true},
            "fixed": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "fixed is immutable"}]},
            "items": items,
            "tags": {"type": "array", "maxItems": 3, "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "nested": {"type": "object", "default": {}, "properties": {"deep": {"type": "object", "properties": {
                "on": {"type": "boolean", "default": true},
            }}}},
            "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "map": {"type": "object", "additionalProperties": {"type": "integer"}},
            "port": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
            "until": {"type": "string", "format": "date-time"},
        },
    });
    let status = json!({"type": "object", "properties": {
        "ready": {"type": "boolean"},
        "conditions": {
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
            "items": {"type": "object", "required": ["type", "status"], "properties": {
                "type": {"type": "string"}, "status": {"type": "string"}, "reason": {"type": "string"},
            }},
        },
    }});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.conformance.tenantry.dev"},
        "spec": {
            "group": "conformance.tenantry.dev", "scope": "Cluster",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {
                    "type": "object", "required": ["spec"], "properties": {"spec": spec, "status": status},
                }},
            }],
        },
    })
}

/// A list of requests; equal seeds make equal lists.
pub fn generate(seed: u64, count: usize) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed);
    (0..count).map(|_| one(&mut rng)).collect()
}

struct Target {
    subject: Subject,
    collection: String,
    object: String,
    name: String,
}

fn target(rng: &mut Rng) -> Target {
    let subject = SUBJECTS[rng.usize(..SUBJECTS.len())];
    let root = if subject.api_version.contains('/') { "/apis" } else { "/api" };
    let is_lost = rng.u8(..100) < 3;
    let namespace = if is_lost { "c-none" } else { NAMESPACES[rng.usize(..NAMESPACES.len())] };
    let scope = if subject.namespaced { format!("/namespaces/{namespace}") } else { String::new() };
    let collection = format!("{root}/{}{scope}/{}", subject.api_version, subject.plural);
    let is_odd = rng.u8(..100) < 3;
    let name = if is_odd { "Not_A.Name".to_owned() } else { NAMES[rng.usize(..NAMES.len())].to_owned() };
    let name = if subject.kind == "Namespace" && !is_odd { format!("c-{name}") } else { name };
    let object = format!("{collection}/{name}");
    Target { subject, collection, object, name }
}

impl Target {
    fn body(&self, rng: &mut Rng) -> Value {
        let mut body = (self.subject.content)(rng);
        body["apiVersion"] = json!(self.subject.api_version);
        body["kind"] = json!(self.subject.kind);
        body["metadata"] = metadata(rng, &self.name);
        if self.subject.kind == "Thing" {
            // Applied to a custom object, an empty map is stored though never shown, and the next write that changes nothing is
            // stored as well; a label that is null is stored as such, or as nothing. Not worth copying.
            for field in ["labels", "annotations"] {
                if [json!({}), json!({"x": null})].contains(&body["metadata"][field]) {
                    body["metadata"][field] = json!({"x": "3"});
                }
            }
        }
        body
    }

    fn step(&self, method: &'static str, path: String, content_type: &'static str, body: Option<Value>) -> Step {
        Step { method, path, content_type, body, object: self.object.clone() }
    }
}

fn query(rng: &mut Rng) -> String {
    let mut query = format!("fieldManager={}", MANAGERS[rng.usize(..MANAGERS.len())]);
    match rng.u8(..100) {
        0..15 => query += "&fieldValidation=Strict",
        15..20 => query += "&dryRun=All",
        _ => {}
    }
    query
}

fn one(rng: &mut Rng) -> Step {
    const JSON: &str = "application/json";
    let target = target(rng);
    let object = target.object.clone();
    match rng.u8(..100) {
        0..14 => {
            let body = target.body(rng);
            target.step("POST", format!("{}?{}", target.collection, query(rng)), JSON, Some(body))
        }
        14..44 => apply(rng, &target),
        44..58 => {
            let mut body = target.body(rng);
            match rng.u8(..10) {
                0 => {}
                1 => body["metadata"]["resourceVersion"] = json!("$old"),
                2 => body["metadata"]["uid"] = json!("00000000-0000-0000-0000-000000000000"),
                _ => body["metadata"]["resourceVersion"] = json!("$rv"),
            }
            target.step("PUT", format!("{object}?{}", query(rng)), JSON, Some(body))
        }
        58..64 => {
            let mut body = target.body(rng);
            if let Some(map) = body.as_object_mut() {
                map.remove("apiVersion");
                map.remove("kind");
            }
            target.step("PATCH", format!("{object}?{}", query(rng)), "application/merge-patch+json", Some(body))
        }
        64..70 => json_patch(rng, &target),
        70..77 if target.subject.has_status => status(rng, &target),
        70..80 => target.step("GET", object, "", None),
        80..86 => list(rng, &target),
        _ => delete(rng, &target),
    }
}

fn apply(rng: &mut Rng, target: &Target) -> Step {
    let mut body = target.body(rng);
    // An apply that names the status, which it cannot set, renews its time: stored or not is then a matter of the second.
    body.as_object_mut().map(|map| map.remove("status"));
    if rng.u8(..100) < 30
        && let Some(metadata) = body["metadata"].as_object_mut()
    {
        metadata.remove("name");
    }
    match rng.u8(..100) {
        0..4 => body["metadata"]["resourceVersion"] = json!("$rv"),
        4..6 => body["metadata"]["resourceVersion"] = json!("$old"),
        6..8 => body["metadata"]["uid"] = json!("$uid"),
        8..9 => body["metadata"]["managedFields"] = json!([]),
        9..10 => body["apiVersion"] = json!("v2"),
        _ => {}
    }
    let mut query = query(rng);
    if rng.u8(..100) < 40 {
        query += "&force=true";
    }
    target.step("PATCH", format!("{}?{query}", target.object), "application/apply-patch+yaml", Some(body))
}

fn json_patch(rng: &mut Rng, target: &Target) -> Step {
    let operations = [
        json!([{"op": "add", "path": "/metadata/labels", "value": {"x": "9"}}]),
        json!([{"op": "test", "path": "/metadata/uid", "value": "$uid"}, {"op": "add", "path": "/metadata/annotations", "value": {"n": "9"}}]),
        json!([{"op": "test", "path": "/metadata/name", "value": "wrong"}, {"op": "remove", "path": "/metadata/labels"}]),
        json!([{"op": "remove", "path": "/metadata/labels"}]),
        json!([{"op": "remove", "path": "/metadata/finalizers"}]),
        json!([{"op": "test", "path": "/metadata/resourceVersion", "value": "$rv"}, {"op": "add", "path": "/metadata/labels", "value": {"y": "8"}}]),
        json!([{"op": "add", "path": "/metadata/managedFields", "value": []}]),
        json!([{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]),
    ];
    let body = operations[rng.usize(..operations.len())].clone();
    target.step("PATCH", format!("{}?{}", target.object, query(rng)), "application/json-patch+json", Some(body))
}

fn status(rng: &mut Rng, target: &Target) -> Step {
    let values = match target.subject.kind {
        "Namespace" => vec![
            json!({"phase": "Active"}),
            json!({"phase": "Active", "conditions": [{"type": "X", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}),
        ],
        "ResourceQuota" => vec![json!({"hard": {"pods": "10"}, "used": {"pods": "0"}}), json!({})],
        _ => vec![
            json!({"ready": true}),
            json!({"ready": false, "conditions": [{"type": "Ready", "status": "True", "reason": "Fine"}]}),
            json!({"conditions": [{"type": "Other", "status": "False"}]}),
            json!({"ready": "yes"}),
            json!({"unknown": 1}),
        ],
    };
    let value = values[rng.usize(..values.len())].clone();
    let path = format!("{}/status?{}", target.object, query(rng));
    let body = json!({"apiVersion": target.subject.api_version, "kind": target.subject.kind, "metadata": {"labels": {"x": "7"}}, "status": value});
    match rng.u8(..3) {
        0 => target.step("PATCH", path + "&force=true", "application/apply-patch+yaml", Some(body)),
        1 => target.step("PATCH", path, "application/merge-patch+json", Some(json!({"status": value}))),
        _ => {
            let mut body = target.body(rng);
            body["status"] = value;
            body["metadata"]["resourceVersion"] = json!("$rv");
            target.step("PUT", path, "application/json", Some(body))
        }
    }
}

fn list(rng: &mut Rng, target: &Target) -> Step {
    let queries = [
        "",
        "?labelSelector=x%3D1",
        "?labelSelector=x%20in%20(1,2),!y",
        "?fieldSelector=metadata.name%3Done",
        "?labelSelector=x!%3D1",
    ];
    let path = format!("{}{}", target.collection, queries[rng.usize(..queries.len())]);
    Step { object: String::new(), ..target.step("GET", path, "", None) }
}

fn delete(rng: &mut Rng, target: &Target) -> Step {
    let bodies = [
        json!({}),
        json!({"preconditions": {"uid": "$uid"}}),
        json!({"preconditions": {"uid": "$uid", "resourceVersion": "$rv"}}),
        json!({"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}}),
        json!({"preconditions": {"resourceVersion": "$old"}}),
        json!({"propagationPolicy": "Background"}),
        json!({"propagationPolicy": "Foreground"}),
        json!({"propagationPolicy": "Orphan"}),
    ];
    if target.subject.kind == "Namespace" && rng.bool() {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": target.name}, "spec": {}});
        return target.step("PUT", format!("{}/finalize", target.object), "application/json", Some(body));
    }
    let body = bodies[rng.usize(..bodies.len())].clone();
    target.step("DELETE", target.object.clone(), "application/json", Some(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_make_equal_lists() {
        assert_eq!(generate(7, 50), generate(7, 50));
        assert_ne!(generate(7, 50), generate(8, 50));
    }
}
