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
    Ok(crd)
}

/// The schema of the version that is served, as the API server has it.
pub fn schema(kind: &Registration) -> Value {
    let crd = one(kind).unwrap_or_default();
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}
