//! What the API server answers when it refuses: an HTTP code and a `metav1.Status`. It never decides whether to refuse.

use serde_json::{Value, json};

/// A refusal, as the API server words it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{code} {reason}: {message}")]
pub struct ApiError {
    /// HTTP status code.
    pub code: u16,
    /// `Status.reason`, for example `NotFound`.
    pub reason: String,
    /// `Status.message`.
    pub message: String,
    /// `Status.details`, null when there are none.
    pub details: Value,
    /// Seconds of a `Retry-After` header.
    pub retry_after: Option<u64>,
}

/// Result of anything the API server may refuse.
pub type ApiResult<T> = Result<T, ApiError>;

/// One cause of an `Invalid` answer: where, of what class, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Path as the API server writes it, for example `spec.ports[0].port`.
    pub field: String,
    /// `FieldValueInvalid`, `FieldValueRequired`, …
    pub reason: &'static str,
    /// The sentence after the path.
    pub message: String,
}

impl FieldError {
    /// `field: Invalid value: <value>: <why>`
    pub fn invalid(field: impl Into<String>, value: &Value, why: impl AsRef<str>) -> Self {
        let message = format!("Invalid value: {}: {}", go_value(value), why.as_ref());
        Self { field: field.into(), reason: "FieldValueInvalid", message }
    }

    /// `field: Required value: <why>`
    pub fn required(field: impl Into<String>, why: &str) -> Self {
        let message = if why.is_empty() { "Required value".to_owned() } else { format!("Required value: {why}") };
        Self { field: field.into(), reason: "FieldValueRequired", message }
    }

    /// `field: Unsupported value: <value>: supported values: …`
    pub fn not_supported(field: impl Into<String>, value: &Value, supported: &[String]) -> Self {
        let list = supported.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>().join(", ");
        let message = format!("Unsupported value: {}: supported values: {list}", go_value(value));
        Self { field: field.into(), reason: "FieldValueNotSupported", message }
    }

    /// `field: Forbidden: <why>`
    pub fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Self { field: field.into(), reason: "FieldValueForbidden", message: format!("Forbidden: {why}") }
    }

    /// `field: Duplicate value: <value>`
    pub fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        let message = format!("Duplicate value: {}", go_value(value));
        Self { field: field.into(), reason: "FieldValueDuplicate", message }
    }

    /// `field: Too many: <actual>: must have at most <max> items`
    pub fn too_many(field: impl Into<String>, actual: usize, max: u64) -> Self {
        let noun = if max == 1 { "item" } else { "items" };
        let message = format!("Too many: {actual}: must have at most {max} {noun}");
        Self { field: field.into(), reason: "FieldValueTooMany", message }
    }

    /// `field: Too long: may not be more than <max> bytes`
    pub fn too_long(field: impl Into<String>, max: u64) -> Self {
        let noun = if max == 1 { "byte" } else { "bytes" };
        let message = format!("Too long: may not be more than {max} {noun}");
        Self { field: field.into(), reason: "FieldValueTooLong", message }
    }

    /// `field: Invalid value: "<type>": <why>`, the class the schema check uses for a wrong type.
    pub fn wrong_type(field: impl Into<String>, actual: &str, why: &str) -> Self {
        let message = format!("Invalid value: {actual:?}: {why}");
        Self { field: field.into(), reason: "FieldValueTypeInvalid", message }
    }

    fn line(&self) -> String {
        format!("{}: {}", self.field, self.message)
    }
}

/// A value as Go's `field.Error` prints it: strings quoted, objects as JSON.
fn go_value(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Null => "null".to_owned(),
        other => other.to_string(),
    }
}

impl ApiError {
    /// A refusal without details.
    pub fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self { code, reason: reason.to_owned(), message: message.into(), details: Value::Null, retry_after: None }
    }

    fn with_details(mut self, group: &str, kind: &str, name: &str) -> Self {
        let mut details = serde_json::Map::new();
        for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
            if !value.is_empty() {
                details.insert(key.to_owned(), json!(value));
            }
        }
        self.details = Value::Object(details);
        self
    }

    /// 404 for a path that no kind is served at.
    pub fn unknown_resource() -> Self {
        Self { details: json!({}), ..Self::new(404, "NotFound", "the server could not find the requested resource") }
    }

    /// 404 for an object.
    pub fn not_found(group: &str, resource: &str, name: &str) -> Self {
        let message = format!("{} {name:?} not found", qualified(group, resource));
        Self::new(404, "NotFound", message).with_details(group, resource, name)
    }

    /// 409 for a create of what is there.
    pub fn already_exists(group: &str, resource: &str, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", qualified(group, resource));
        Self::new(409, "AlreadyExists", message).with_details(group, resource, name)
    }

    /// 409 for a write based on something old.
    pub fn conflict(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", qualified(group, resource));
        Self::new(409, "Conflict", message).with_details(group, resource, name)
    }

    /// 409 for a stale resourceVersion.
    pub fn stale(group: &str, resource: &str, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(group, resource, name, why)
    }

    /// 403 by authorization or admission.
    pub fn forbidden(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let message = if name.is_empty() {
            format!("{} is forbidden: {why}", qualified(group, resource))
        } else {
            format!("{} {name:?} is forbidden: {why}", qualified(group, resource))
        };
        Self::new(403, "Forbidden", message).with_details(group, resource, name)
    }

    /// 400 for a request that cannot be understood.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 500.
    pub fn internal(message: impl Into<String>) -> Self {
        let message = message.into();
        let mut error = Self::new(500, "InternalError", format!("Internal error occurred: {message}"));
        error.details = json!({"causes": [{"message": message}]});
        error
    }

    /// 410 for a resourceVersion older than the kept history.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 504 for a resourceVersion that has not been reached.
    pub fn too_large_resource_version(asked: u64, current: u64) -> Self {
        let message = format!("Too large resource version: {asked}, current: {current}");
        let mut error = Self::new(504, "Timeout", format!("Timeout: {message}"));
        error.details = json!({
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        });
        error.retry_after = Some(1);
        error
    }

    /// 422 with one cause a field.
    pub fn invalid(group: &str, kind: &str, name: &str, errors: &[FieldError]) -> Self {
        let qualified_kind = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let lines = errors.iter().map(FieldError::line).collect::<Vec<_>>();
        let sentence = match lines.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let mut error = Self::new(422, "Invalid", format!("{qualified_kind} {name:?} is invalid: {sentence}"))
            .with_details(group, kind, name);
        let causes = errors
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect::<Vec<_>>();
        error.details["causes"] = json!(causes);
        error
    }

    /// The `metav1.Status` body.
    pub fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        });
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }
}

/// `resource.group`, or the bare resource in the core group.
pub fn qualified(group: &str, resource: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_names_the_object_and_the_causes() {
        let errors = [FieldError::required("spec.a", ""), FieldError::invalid("spec.b", &json!("x"), "no")];
        let status = ApiError::invalid("g.example", "Thing", "one", &errors).to_status();
        assert_eq!(
            status["message"],
            "Thing.g.example \"one\" is invalid: [spec.a: Required value, spec.b: Invalid value: \"x\": no]"
        );
        assert_eq!(status["details"]["causes"][1]["field"], "spec.b");
        assert_eq!(ApiError::not_found("", "pods", "p").message, "pods \"p\" not found");
    }
}
