//! What of an object is ours, as a value that can be shown and compared. Changes nothing.

use serde_json::{Map, Value, json};
use tenantry_core::object::Desired;
use tenantry_core::{content, meta};

use super::snapshot::is_shared;

/// Whether what of an object is ours is as wanted. Where others write too, values decide: who wrote one last cannot be
/// told from a recording without `managedFields`.
pub(super) fn is_as_wanted(found: &Value, object: &Desired) -> bool {
    let resource = object.key().resource;
    if is_shared(resource) {
        let (now, then) = views(found, object);
        return now == then;
    }
    content::hash_observed(resource, found) == content::hash_desired(resource, object.body())
}

/// Of an object, the fields that a merge patch names.
pub(super) fn touched(object: &Value, patch: &Value) -> Value {
    let Some(fields) = patch.as_object() else { return object.clone() };
    let named = fields.iter().filter(|(field, _)| object.get(field.as_str()).is_some());
    Value::Object(named.map(|(field, patch)| (field.clone(), touched(&object[field], patch))).collect())
}

/// An object now and as it will be, both cut down to what of it is ours.
pub(super) fn views(found: &Value, object: &Desired) -> (Value, Value) {
    let wanted = object.body();
    if !is_shared(object.key().resource) {
        return (whole_view(found), whole_view(wanted));
    }
    let owned = content::kept_fields(found);
    let keys = |section: &str| -> Vec<String> {
        let set = wanted["metadata"][section].as_object().into_iter().flat_map(Map::keys);
        set.chain(owned[section].as_object().into_iter().flat_map(Map::keys)).cloned().collect()
    };
    let view = |from: &Value| {
        let mut metadata = json!({});
        for section in ["labels", "annotations"] {
            for key in keys(section) {
                if let Some(value) = from["metadata"][section].get(&key) {
                    metadata[section][&key] = value.clone();
                }
            }
        }
        json!({ "metadata": metadata })
    };
    (view(found), view(wanted))
}

fn whole_view(object: &Value) -> Value {
    let mut view = json!({ "metadata": managed_fields(object) });
    for (field, value) in object.as_object().into_iter().flatten() {
        if !matches!(field.as_str(), "apiVersion" | "kind" | "metadata" | "status") {
            view[field] = value.clone();
        }
    }
    view
}

/// Labels and annotations under our keys.
pub(super) fn managed_fields(object: &Value) -> Value {
    let mut ours = json!({ "labels": {}, "annotations": {} });
    for section in ["labels", "annotations"] {
        for (key, value) in object["metadata"][section].as_object().into_iter().flatten() {
            if meta::is_managed_key(key) {
                ours[section][key] = value.clone();
            }
        }
    }
    ours
}
