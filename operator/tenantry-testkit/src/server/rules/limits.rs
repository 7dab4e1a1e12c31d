//! Rules of LimitRanges.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::quotas::name_problems;
use super::{entries, is_empty, items, text};
use crate::server::error::FieldError;
use crate::server::quantity;

/// LimitRange.
pub fn limit_range(object: &Value, errors: &mut Vec<FieldError>) {
    let mut seen = Vec::new();
    for (index, limit) in items(&object["spec"]["limits"]) {
        let path = format!("spec.limits[{index}]");
        let kind = text(&limit["type"]);
        if !["Pod", "Container", "PersistentVolumeClaim"].contains(&kind) && !kind.contains('/') {
            let here = format!("{path}.type");
            if kind.is_empty() {
                errors.push(FieldError::invalid(&here, &json!(""), "name part must be non-empty"));
                errors.push(FieldError::invalid(
                    &here,
                    &json!(""),
                    "name part must consist of alphanumeric characters",
                ));
            } else {
                let why = "must be a standard limit type or fully qualified";
                errors.push(FieldError::invalid(here, &json!(kind), why));
            }
        }
        if seen.contains(&kind) {
            errors.push(FieldError::duplicate(format!("{path}.type"), &json!(kind)));
        }
        seen.push(kind);
        item_problems(&path, kind, limit, errors);
    }
}

fn item_problems(path: &str, kind: &str, limit: &Value, errors: &mut Vec<FieldError>) {
    let mut names = BTreeSet::new();
    for field in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
        let here = format!("{path}.{field}");
        if kind == "Pod" && field.starts_with("default") {
            if !is_empty(&limit[field]) {
                errors.push(FieldError::forbidden(here, "may not be specified when `type` is 'Pod'"));
            }
            continue;
        }
        for (name, _) in entries(&limit[field]) {
            name_problems(&format!("{here}[{name}]"), name, errors);
            names.insert(name.as_str());
        }
    }
    if kind == "PersistentVolumeClaim" && limit["min"]["storage"].is_null() && limit["max"]["storage"].is_null() {
        let why = "either minimum or maximum storage value is required, but neither was provided";
        errors.push(FieldError::required(format!("{path}.limits"), why));
    }
    for name in names {
        compare(path, name, limit, errors);
    }
}

/// Every pair that must be in order: smaller, larger, the field blamed, and the words for both.
const ORDER: [(&str, &str, &str, &str, &str); 6] = [
    ("min", "max", "min", "min value", "max value"),
    ("min", "defaultRequest", "defaultRequest", "min value", "default request value"),
    ("defaultRequest", "max", "defaultRequest", "default request value", "max value"),
    ("defaultRequest", "default", "defaultRequest", "default request value", "default limit value"),
    ("min", "default", "default", "min value", "default value"),
    ("default", "max", "default", "default value", "max value"),
];

fn compare(path: &str, name: &str, limit: &Value, errors: &mut Vec<FieldError>) {
    let amount = |field: &str| quantity::nanos(text(&limit[field][name]));
    for (smaller, larger, blamed, small_word, large_word) in ORDER {
        if let (Some(small), Some(large)) = (amount(smaller), amount(larger))
            && small > large
        {
            let (small, large) = (text(&limit[smaller][name]), text(&limit[larger][name]));
            let why = format!("{small_word} {small} is greater than {large_word} {large}");
            errors.push(FieldError::invalid(format!("{path}.{blamed}[{name}]"), &limit[blamed][name], why));
        }
    }
    if let Some(ratio) = amount("maxLimitRequestRatio").filter(|ratio| *ratio < 1_000_000_000) {
        let why = format!("ratio {} is less than 1", quantity::of_nanos(ratio));
        let value = &limit["maxLimitRequestRatio"][name];
        errors.push(FieldError::invalid(format!("{path}.maxLimitRequestRatio[{name}]"), value, why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_in_order() {
        let mut errors = Vec::new();
        let item =
            json!({"type": "Container", "default": {"cpu": "3"}, "max": {"cpu": "1"}, "defaultRequest": {"cpu": "3"}});
        limit_range(&json!({"spec": {"limits": [item]}}), &mut errors);
        let fields = errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>();
        assert_eq!(fields, ["spec.limits[0].defaultRequest[cpu]", "spec.limits[0].default[cpu]"]);
    }
}
