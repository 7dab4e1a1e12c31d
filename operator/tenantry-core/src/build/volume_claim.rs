//! A volume that keeps what can be loaded again. It goes with its resource.

use serde_json::json;

use super::Parts;
use crate::meta;
use crate::object::{Desired, ObjectKey};
use crate::quantity::Quantity;
use crate::resources::VOLUME_CLAIM;

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Its name. It differs in all that the server lets nobody change later.
    pub name: String,
    /// Its size.
    pub size: Quantity,
    /// Its StorageClass; none for the cluster's default.
    pub class: Option<String>,
    /// ReadWriteOnce or ReadWriteMany.
    pub mode: &'static str,
}

/// The claim.
pub fn build_volume_claim(parts: &Parts, claim: &Claim) -> Desired {
    let size = claim.size.rounded_up();
    let mut spec = json!({
        "accessModes": [claim.mode],
        "resources": { "requests": { "storage": size } },
        "volumeMode": "Filesystem",
    });
    if let Some(class) = &claim.class {
        spec["storageClassName"] = json!(class);
    }
    let key = ObjectKey::namespaced(&VOLUME_CLAIM, &parts.place.namespace, claim.name.clone());
    parts.labelled(Desired::new(key)).annotation(meta::SIZE, &size.to_string()).with("spec", spec)
}
