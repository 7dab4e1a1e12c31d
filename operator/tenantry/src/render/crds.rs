//! The CustomResourceDefinitions, as they are installed.

use serde_json::Value;
use tenantry_core::kind::Registration;

use crate::format::FormatError;

/// One for each kind, in the order of the registry.
pub fn all(kinds: &[Registration]) -> Result<Vec<Value>, FormatError> {
    kinds.iter().map(one).collect()
}

/// The definition of one kind.
pub fn one(kind: &Registration) -> Result<Value, FormatError> {
    let mut crd = serde_json::to_value((kind.crd)())?;
    if let Some(fields) = crd.as_object_mut() {
        fields.remove("status");
    }
    Ok(with_whole_numbers(crd))
}

/// Bounds are floats in the typed schema (`maximum: 64.0`); whole ones are written as such, as every other tool does.
fn with_whole_numbers(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, with_whole_numbers(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(with_whole_numbers).collect()),
        Value::Number(number) => match number.as_f64() {
            // Exact: every whole number below 2^53 is an f64.
            #[expect(clippy::cast_possible_truncation)]
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => Value::from(float as i64),
            _ => Value::Number(number),
        },
        scalar => scalar,
    }
}

/// The schema of the version that is served, as the API server has it.
pub fn schema(kind: &Registration) -> Value {
    let crd = one(kind).unwrap_or_default();
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}
