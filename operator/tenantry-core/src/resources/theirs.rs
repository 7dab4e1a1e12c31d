//! What others than Tenantry have made: in tenants' namespaces, policies that open the network and bindings that give rights; elsewhere,
//! Gateways. Each is the same kind as one of ours and stays its owner's: never made, never removed. Watched on demand.

use serde_json::{Value, json};

use super::{GATEWAY, Keep, NETWORK_POLICY, ROLE_BINDING, Resource, Watch, Wave, Write};
use crate::routing::entries;
use crate::{content, meta};

/// `networking.k8s.io/v1 NetworkPolicy` that is not ours.
pub static THEIR_NETWORK_POLICY: Resource = Resource {
    write: Write::Never,
    watch: Watch::OnDemand,
    keep: Keep::Projection(policy_facts),
    wave: Wave::Contents,
    ..NETWORK_POLICY
};

/// `rbac.authorization.k8s.io/v1 RoleBinding` that is not ours.
pub static THEIR_ROLE_BINDING: Resource = Resource {
    write: Write::Never,
    watch: Watch::OnDemand,
    keep: Keep::Projection(binding_facts),
    wave: Wave::Contents,
    ..ROLE_BINDING
};

/// `gateway.networking.k8s.io/v1 Gateway` that is not ours, filed by its name and by whose listeners are in it.
pub static THEIR_GATEWAY: Resource = Resource {
    write: Write::Never,
    watch: Watch::OnDemand,
    keep: Keep::Projection(gateway_facts),
    wave: Wave::Contents,
    index: Some(entries::filed),
    ..GATEWAY
};

/// Whether an object is a child of some resource of ours: it says so, as whoever else says it is refused or has it removed; or
/// it was stripped of what says so, and is still of our writing.
pub fn is_ours(object: &Value) -> bool {
    let marked =
        object["metadata"]["labels"][meta::MANAGED_BY] == meta::MANAGER && meta::Owner::marked_on(object).is_some();
    marked || content::was_written_by_us(object)
}

/// Shape: `{name, judged: {spec}, note?, deleting}`; null for ours.
fn policy_facts(policy: &Value) -> Value {
    if is_ours(policy) {
        return Value::Null;
    }
    let metadata = &policy["metadata"];
    let mut facts = json!({
        "name": metadata["name"],
        "judged": { "spec": policy["spec"] },
        "deleting": !metadata["deletionTimestamp"].is_null(),
    });
    let note = &metadata["annotations"][meta::RESUME];
    if !note.is_null() {
        facts["note"] = note.clone();
    }
    facts
}

/// Shape: `{name, judged: {roleRef, subjects?}}`; null for ours.
fn binding_facts(binding: &Value) -> Value {
    if is_ours(binding) {
        return Value::Null;
    }
    let mut judged = json!({ "roleRef": binding["roleRef"] });
    if !binding["subjects"].is_null() {
        judged["subjects"] = binding["subjects"].clone();
    }
    json!({ "name": binding["metadata"]["name"], "judged": judged })
}

/// Shape: `{namespace, name, consents, listeners}`, listeners as they are in the object; null for ours, and for those that are on their way
/// out with all that is in them. Not the status: what a plan decides about a Gateway does not depend on it.
fn gateway_facts(gateway: &Value) -> Value {
    let metadata = &gateway["metadata"];
    if is_ours(gateway) || !metadata["deletionTimestamp"].is_null() {
        return Value::Null;
    }
    json!({
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "consents": entries::consents(gateway),
        "listeners": gateway["spec"]["listeners"],
    })
}
