//! The TenantView in a tenant's home namespace.

use crate::kinds::tenant_view::types::TenantViewSpec;
use crate::names::Place;
use crate::object::{Desired, ObjectKey};
use crate::resources::TENANT_VIEW;

/// What members may know. It is named as the tenant, whose home `place` is.
pub fn build_tenant_view(place: &Place, spec: &TenantViewSpec) -> Desired {
    let key = ObjectKey::namespaced(&TENANT_VIEW, &place.namespace, &place.tenant);
    Desired::new(key).labels(place.labels()).with("spec", spec)
}
