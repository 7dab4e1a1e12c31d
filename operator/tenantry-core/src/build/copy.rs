//! Copies of the platform's Secrets and ConfigMaps. What they hold is put in when they are written, and never before.

use crate::meta;
use crate::names::Place;
use crate::object::{Desired, ObjectKey, Origin};
use crate::resources::Resource;

/// A copy of `origin` in a tenant's namespace, under the same name.
pub fn build_copy(place: &Place, resource: &'static Resource, origin: Origin) -> Desired {
    let source = format!("{}/{}", origin.key.namespace, origin.key.name);
    Desired::new(ObjectKey::namespaced(resource, &place.namespace, origin.key.name.clone()))
        .labels(place.labels())
        .annotation(meta::COPY_OF, &source)
        .copy_of(origin)
}
