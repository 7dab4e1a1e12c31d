//! Kinds of add-ons that a cluster may have or not, and that workloads use where it has them. What is written is sparse; the
//! add-on's own controller fills in the rest.

use serde_json::{Value, json};

use super::children::{child, conditions};
use super::{API_SERVICE, Keep, Resource, Watch};
use crate::world::{Lookup, Scope, World};

/// `keda.sh/v1alpha1 ScaledObject`.
pub static SCALED_OBJECT: Resource = Resource {
    keep: Keep::Projection(scaled_object_facts),
    ..addon("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects")
};

/// `autoscaling.k8s.io/v1 VerticalPodAutoscaler`.
pub static VERTICAL_POD_AUTOSCALER: Resource = Resource {
    keep: Keep::Projection(vertical_facts),
    ..addon("autoscaling.k8s.io", "v1", "VerticalPodAutoscaler", "verticalpodautoscalers")
};

const fn addon(group: &'static str, version: &'static str, kind: &'static str, plural: &'static str) -> Resource {
    // What its controller has noted in its metadata goes with a change, and comes back with the controller's next look.
    Resource { watch: Watch::WhereServed, ..child(group, version, kind, plural) }
}

/// Whether the cluster serves this kind now, as its list of API groups says; `None` while that is not known. The kind itself must
/// not be looked at where it is not served: its watch would fail for ever.
pub fn is_served(resource: &Resource, world: &World) -> Option<bool> {
    let is_it = |service: &Value| {
        service["spec"]["group"] == resource.group
            && service["spec"]["version"] == resource.version
            && service["available"] == true
    };
    match world.list(&API_SERVICE, Scope::All) {
        Lookup::Found(services) => Some(services.iter().any(|service| is_it(service))),
        Lookup::Missing => Some(false),
        Lookup::NotSynced => None,
    }
}

/// Shape: `{conditions: [{type, status, reason, message}]}`, without Active, which goes up and down with the load.
fn scaled_object_facts(object: &Value) -> Value {
    let mut conditions = conditions(&object["status"]);
    if let Some(conditions) = conditions.as_array_mut() {
        conditions.retain(|condition| condition["type"] != "Active");
    }
    json!({ "conditions": conditions })
}

/// Shape: `{conditions: [{type, status, reason, message}]}`. Not the recommendation, which never stands still.
fn vertical_facts(object: &Value) -> Value {
    json!({ "conditions": conditions(&object["status"]) })
}
