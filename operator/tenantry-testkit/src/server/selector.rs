//! Label and field selectors of lists and watches. It never fetches what it filters.

use serde_json::Value;

use super::error::{ApiError, ApiResult};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// Both selectors of one request.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(String, String, bool)>,
}

impl Selector {
    /// Read `labelSelector` and `fieldSelector`.
    pub fn parse(labels: &str, fields: &str) -> ApiResult<Self> {
        let labels = split_outside_parentheses(labels)
            .iter()
            .map(|part| requirement(part))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| ApiError::bad_request(format!("unable to parse requirement: {labels}")))?;
        let fields = fields
            .split(',')
            .filter(|part| !part.is_empty())
            .map(field_requirement)
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| {
                ApiError::bad_request(format!("invalid selector: '{fields}'; can't understand '{fields}'"))
            })?;
        Ok(Self { labels, fields })
    }

    /// Whether an object is selected.
    pub fn matches(&self, object: &Value) -> bool {
        self.labels.iter().all(|requirement| requirement.matches(&object["metadata"]["labels"]))
            && self.fields.iter().all(|(path, wanted, equal)| {
                let found = path.split('.').fold(object, |value, key| &value[key]);
                (found.as_str().unwrap_or_default() == wanted) == *equal
            })
    }
}

impl Requirement {
    fn matches(&self, labels: &Value) -> bool {
        let get = |key: &str| labels.get(key).and_then(Value::as_str);
        match self {
            Self::In(key, values) => get(key).is_some_and(|value| values.iter().any(|wanted| wanted == value)),
            Self::NotIn(key, values) => !get(key).is_some_and(|value| values.iter().any(|wanted| wanted == value)),
            Self::Exists(key) => get(key).is_some(),
            Self::Absent(key) => get(key).is_none(),
        }
    }
}

fn split_outside_parentheses(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for character in text.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(character);
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn requirement(part: &str) -> Option<Requirement> {
    let is_key = |key: &str| !key.is_empty() && !key.contains(char::is_whitespace);
    let list = |text: &str| {
        let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(inner.split(',').map(|value| value.trim().to_owned()).collect::<Vec<_>>())
    };
    if let Some((key, values)) = part.split_once(" notin ").or_else(|| part.split_once(" notin(")) {
        let values = if values.starts_with('(') { values.to_owned() } else { format!("({values}") };
        return Some(Requirement::NotIn(key.trim().to_owned(), list(&values)?));
    }
    if let Some((key, values)) = part.split_once(" in ").or_else(|| part.split_once(" in(")) {
        let values = if values.starts_with('(') { values.to_owned() } else { format!("({values}") };
        return Some(Requirement::In(key.trim().to_owned(), list(&values)?));
    }
    for (sign, equal) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((key, value)) = part.split_once(sign) {
            let (key, values) = (key.trim().to_owned(), vec![value.trim().to_owned()]);
            let make = if equal { Requirement::In } else { Requirement::NotIn };
            return is_key(&key).then(|| make(key, values));
        }
    }
    if let Some(key) = part.strip_prefix('!') {
        return is_key(key.trim()).then(|| Requirement::Absent(key.trim().to_owned()));
    }
    is_key(part).then(|| Requirement::Exists(part.to_owned()))
}

fn field_requirement(part: &str) -> Option<(String, String, bool)> {
    for (sign, equal) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((path, value)) = part.split_once(sign) {
            return Some((path.trim().to_owned(), value.trim().to_owned(), equal));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(labels: &str, fields: &str) -> bool {
        let object = json!({"metadata": {"name": "n", "namespace": "s", "labels": {"a": "1", "b": "2"}}});
        Selector::parse(labels, fields).unwrap().matches(&object)
    }

    #[test]
    fn label_selectors() {
        for yes in ["", "a=1", "a==1,b=2", "a!=2", "c!=1", "a in (1,2)", "a notin (3)", "a", "!c", "a in (1),b"] {
            assert!(matches(yes, ""), "{yes}");
        }
        for no in ["a=2", "c", "!a", "a in (2)", "a notin (1, 2)", "a=1,b=3"] {
            assert!(!matches(no, ""), "{no}");
        }
        assert!(Selector::parse("a b c", "").is_err());
    }

    #[test]
    fn field_selectors() {
        assert!(matches("", "metadata.name=n,metadata.namespace==s"));
        assert!(!matches("", "metadata.name!=n"));
    }
}
