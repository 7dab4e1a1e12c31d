//! What the API server refuses about an object's content: metadata, schema, CEL, and the rules of built-in kinds. It never
//! changes it.

use kube::core::cel::ErrorKind;
use serde_json::{Value, json};

use super::error::{ApiError, ApiResult, FieldError};
use super::meta;
use super::registry::Resource;
use super::rules;
use super::structure;

/// Refuse an object that may not be stored; `old` is what it replaces, `found` the faults known already.
pub fn check(
    resource: &Resource,
    subresource: &str,
    object: &Value,
    old: Option<&Value>,
    found: Vec<FieldError>,
) -> ApiResult<()> {
    let mut errors = found;
    errors.extend(meta::problems(resource, object));
    if resource.is_custom {
        structure::check(resource.node(), &resource.compiled, object, &mut errors);
        if !resource.compiled.has_rules() {
            // Nothing to evaluate.
        } else if errors.iter().any(|error| BLOCKING.contains(&error.reason)) {
            let why = "some validation rules were not checked because the object was invalid; correct the existing errors to \
                       complete validation";
            errors.push(FieldError::invalid("<nil>", &Value::Null, why));
        } else {
            errors.extend(rule_errors(resource, object, old));
        }
    } else {
        rules::problems(resource, subresource, object, old, &mut errors);
    }
    if let Some(old) = old.filter(|old| meta::is_deleting(old)) {
        let before = meta::finalizers(old);
        let added = meta::finalizers(object).into_iter().filter(|name| !before.contains(name)).collect::<Vec<_>>();
        if !added.is_empty() {
            let list = added.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{list}}}"
            );
            errors.push(FieldError::forbidden("metadata.finalizers", &why));
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(&resource.group, &resource.kind, meta::text(object, "name"), &errors))
}

/// Faults after which rules are not evaluated, since they could not be relied upon.
const BLOCKING: [&str; 5] =
    ["FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid"];

fn rule_errors(resource: &Resource, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let failures = resource.compiled.broken_rules(object, old);
    let to_error = |failure: &kube::core::cel::ValidationError| {
        let field = if failure.field_path.is_empty() { "<nil>" } else { failure.field_path.as_str() };
        let found = failure.field_path.split('.').fold(object, |value, key| &value[key]);
        let shown = match found {
            Value::Object(_) | Value::Null => json!("object"),
            Value::Array(_) => json!("array"),
            other => other.clone(),
        };
        let message = match failure.kind {
            ErrorKind::ValidationFailure => failure.message.clone(),
            _ => format!("{} (rule: {})", failure.message, failure.rule),
        };
        let mut error = FieldError::invalid(field, &shown, message);
        match failure.reason.as_deref() {
            Some("FieldValueForbidden") => error = FieldError::forbidden(field, &failure.message),
            Some("FieldValueRequired") => error = FieldError::required(field, &failure.message),
            Some("FieldValueDuplicate") => error = FieldError::duplicate(field, &shown),
            _ => {}
        }
        error
    };
    failures.iter().map(to_error).collect()
}
