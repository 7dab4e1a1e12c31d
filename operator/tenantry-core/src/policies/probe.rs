//! A request that the policies refuse to everybody, also to whoever installs them: its refusal shows that the API server acts by
//! them, which it does about a second after they were written.

use serde_json::{Value, json};

use crate::meta;

/// What the refusal contains: the rule, as no other message has it.
pub const PROBED: &str = "[rule namespace-owners;";

/// A namespace that nobody may create. To be sent as a dry run.
pub fn probe() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": "tenantry-probe",
            "labels": { meta::TENANT: "tenantry-probe" },
            "ownerReferences": [{ "apiVersion": "v1", "kind": "Namespace", "name": "default", "uid": "none" }],
        },
    })
}
