//! Makes answers of two servers comparable: identities become ordinals, times vanish, versions become "same" or "changed".

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// One answer, ready to be compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub code: u16,
    /// `Status.reason`, empty for objects.
    pub reason: String,
    /// The message of a Status: shown, not compared.
    pub message: String,
    /// The rest of the body.
    pub body: Value,
}

/// What one server has shown so far.
#[derive(Debug, Default)]
pub struct Seen {
    last: BTreeMap<String, String>,
}

impl Seen {
    /// Make an answer comparable.
    pub fn normalise(&mut self, code: u16, mut body: Value) -> Answer {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (mut reason, mut message) = (String::new(), String::new());
        if body["kind"] == "Status" {
            reason = text(&body["reason"]);
            message = text(&body["message"]);
            body = Self::status(&body);
        } else if let Some(items) = body.get_mut("items").and_then(Value::as_array_mut) {
            for item in items {
                self.object(item);
            }
            if let Some(metadata) = body["metadata"].as_object_mut() {
                metadata.remove("resourceVersion");
                metadata.remove("continue");
            }
        } else {
            self.object(&mut body);
        }
        Answer { code, reason, message, body }
    }

    /// Of a refusal: whom it is about, and which fields; not the sentences.
    fn status(status: &Value) -> Value {
        let details = &status["details"];
        let mut fields = Vec::new();
        for cause in details["causes"].as_array().into_iter().flatten() {
            fields.push(format!(
                "{} {}",
                cause["reason"].as_str().unwrap_or_default(),
                cause["field"].as_str().unwrap_or_default()
            ));
        }
        fields.sort();
        // Some checks run more than once on the real server and repeat their causes.
        fields.dedup();
        let mut out = json!({"kind": "Status", "status": status["status"], "fields": fields});
        for key in ["name", "group", "kind"] {
            if let Some(value) = details.get(key) {
                out[key] = value.clone();
            }
        }
        out
    }

    fn object(&mut self, object: &mut Value) {
        let kind = object["kind"].to_string();
        let Some(metadata) = object["metadata"].as_object_mut() else { return };
        let text = |metadata: &Map<String, Value>, field: &str| {
            metadata.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let name = format!("{kind}/{}/{}", text(metadata, "namespace"), text(metadata, "name"));
        for field in ["uid", "resourceVersion"] {
            let found = text(metadata, field);
            if found.is_empty() {
                continue;
            }
            let before = self.last.insert(format!("{field} {name}"), found.clone());
            let word = match before {
                None => "new",
                Some(before) if before == found => "same",
                Some(_) => "changed",
            };
            metadata.insert(field.to_owned(), json!(word));
        }
        for field in ["creationTimestamp", "deletionTimestamp"] {
            if metadata.get(field).is_some_and(|value| !value.is_null()) {
                metadata.insert(field.to_owned(), json!("<time>"));
            } else {
                metadata.remove(field);
            }
        }
        if let Some(finalizers) = metadata.get_mut("finalizers").and_then(Value::as_array_mut) {
            // Those of namespaces come out of a Go map.
            finalizers.sort_by_key(ToString::to_string);
        }
        metadata.remove("selfLink");
        sort_managers(metadata);
    }
}

fn sort_managers(metadata: &mut Map<String, Value>) {
    let Some(entries) = metadata.get_mut("managedFields").and_then(Value::as_array_mut) else { return };
    for entry in entries.iter_mut() {
        if entry.get("time").is_some() {
            entry["time"] = json!("<time>");
        }
    }
    entries.sort_by_key(|entry| {
        format!("{} {} {} {}", entry["manager"], entry["operation"], entry["subresource"], entry["apiVersion"])
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_by_chance_is_gone() {
        let answers = ["a", "b"].map(|salt| {
            let mut seen = Seen::default();
            let object = json!({"metadata": {"uid": salt, "resourceVersion": salt, "creationTimestamp": salt}});
            let first = seen.normalise(200, object.clone());
            (first, seen.normalise(200, object))
        });
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0].1.body["metadata"]["resourceVersion"], "same");
    }
}
