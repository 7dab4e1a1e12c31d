//! The CustomResourceDefinition of a kind as it is installed: what the derive makes of the types, tidied for people and
//! for the API server. It adds no rule; in the status, which only the operator writes, it drops those that came along.

mod validate;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;

pub use validate::faults;

/// The definition of a custom resource.
pub fn crd<Cr: CustomResourceExt>() -> CustomResourceDefinition {
    let mut crd = Cr::crd();
    for version in &mut crd.spec.versions {
        if let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            tidy(schema);
            if let Some(status) = schema.properties.as_mut().and_then(|properties| properties.get_mut("status")) {
                for_each(status, &mut |part| part.x_kubernetes_validations = None);
            }
        }
    }
    crd
}

/// Joins the lines of doc comments, which `kubectl explain` wraps itself, and takes `nullable` away: a null would pass
/// for a value that is set in CEL's `has()`.
fn tidy(schema: &mut JSONSchemaProps) {
    for_each(schema, &mut |part| {
        part.nullable = None;
        if let Some(description) = &mut part.description {
            *description = description.replace("\n\n", "\0").replace('\n', " ").replace('\0', "\n\n");
        }
    });
}

fn for_each(schema: &mut JSONSchemaProps, change: &mut impl FnMut(&mut JSONSchemaProps)) {
    change(schema);
    for property in schema.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        for_each(property, change);
    }
    match schema.items.as_mut() {
        Some(JSONSchemaPropsOrArray::Schema(items)) => for_each(items, change),
        Some(JSONSchemaPropsOrArray::Schemas(all)) => all.iter_mut().for_each(|item| for_each(item, change)),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        for_each(values, change);
    }
}
