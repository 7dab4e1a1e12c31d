//! The ServiceRoute of a workload that is exposed.

use serde_json::json;

use super::Parts;
use crate::object::Desired;
use crate::resources::{Resource, SERVICE_ROUTE};
use crate::workload::types::Expose;

/// A route to the workload itself, of this kind.
pub(crate) fn build_service_route(parts: &Parts, kind: &Resource, expose: &Expose) -> Desired {
    let mut field = format!("{}Ref", kind.kind);
    field[..1].make_ascii_lowercase();
    parts.object(&SERVICE_ROUTE).with(
        "spec",
        json!({
            "backend": { field: { "name": parts.instance } },
            "api": expose.api,
            "exposure": "Internal",
            "protocol": "HTTP",
            "prefix": "Strip",
        }),
    )
}
