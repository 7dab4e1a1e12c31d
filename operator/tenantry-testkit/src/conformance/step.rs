//! One request of a conformance run, as data that prints as something to paste into a report. It sends nothing.

use std::fmt;

use serde_json::Value;

/// One request. In the body, the strings `$uid`, `$rv` and `$old` stand for the uid, the last and the first resourceVersion seen of
/// the object the request is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// HTTP method.
    pub method: &'static str,
    /// Path and query.
    pub path: String,
    /// `Content-Type`, empty for none.
    pub content_type: &'static str,
    /// The body.
    pub body: Option<Value>,
    /// Path of the object it is about, empty for collections.
    pub object: String,
}

impl Step {
    /// The body with the stand-ins replaced.
    pub fn body_for(&self, uid: &str, last: &str, first: &str) -> Option<Value> {
        let mut body = self.body.clone()?;
        fill(&mut body, &[("$uid", uid), ("$rv", last), ("$old", first)]);
        Some(body)
    }
}

fn fill(value: &mut Value, names: &[(&str, &str)]) {
    match value {
        Value::String(text) => {
            if let Some((_, found)) = names.iter().find(|(name, _)| name == text) {
                (*found).clone_into(text);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, names)),
        Value::Object(map) => map.values_mut().for_each(|item| fill(item, names)),
        _ => {}
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)?;
        if !self.content_type.is_empty() {
            write!(formatter, " [{}]", self.content_type)?;
        }
        match &self.body {
            Some(body) => write!(formatter, " {body}"),
            None => Ok(()),
        }
    }
}
