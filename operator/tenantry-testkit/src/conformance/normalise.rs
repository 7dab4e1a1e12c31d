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
    uids: Vec<String>,
    versions: BTreeMap<String, String>,
}

impl Seen {
    /// Make an answer comparable.
    pub fn normalise(&mut self, code: u16, mut body: Value) -> Answer {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (mut reason, mut message) = (String::new(), String::new());
        if body["kind"] == "Status" {
            reason = text(&body["reason"]);
            message = text(&body["message"]);
            body = self.status(&body);
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
    fn status(&mut self, status: &Value) -> Value {
        let mut details = status["details"].clone();
        let uid = details["uid"].as_str().map(ToOwned::to_owned);
        if let Some(uid) = uid {
            details["uid"] = self.ordinal(&uid);
        }
        let mut fields = Vec::new();
        for cause in details["causes"].as_array().into_iter().flatten() {
            fields.push(format!(
                "{} {}",
                cause["reason"].as_str().unwrap_or_default(),
                cause["field"].as_str().unwrap_or_default()
            ));
        }
        fields.sort();
        let mut out = json!({"kind": "Status", "status": status["status"], "fields": fields});
        for key in ["name", "group", "kind", "uid"] {
            if let Some(value) = details.get(key) {
                out[key] = value.clone();
            }
        }
        out
    }

    fn ordinal(&mut self, uid: &str) -> Value {
        let known = self.uids.iter().position(|seen| seen == uid);
        let index = known.unwrap_or_else(|| {
            self.uids.push(uid.to_owned());
            self.uids.len() - 1
        });
        json!(format!("uid-{index}"))
    }

    fn object(&mut self, object: &mut Value) {
        let Some(metadata) = object["metadata"].as_object_mut() else { return };
        let uid = metadata.get("uid").and_then(Value::as_str).unwrap_or_default().to_owned();
        let version = metadata.get("resourceVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !version.is_empty() {
            let before = self.versions.insert(uid.clone(), version.clone());
            let word = match before {
                None => "new",
                Some(before) if before == version => "same",
                Some(_) => "changed",
            };
            metadata.insert("resourceVersion".to_owned(), json!(word));
        }
        if !uid.is_empty() {
            let ordinal = self.ordinal(&uid);
            metadata.insert("uid".to_owned(), ordinal);
        }
        for field in ["creationTimestamp", "deletionTimestamp"] {
            if metadata.get(field).is_some_and(|value| !value.is_null()) {
                metadata.insert(field.to_owned(), json!("<time>"));
            } else {
                metadata.remove(field);
            }
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
