//! A view wants no object. Its plan says whether it is one, and looks the Tenant up, so that what becomes of the Tenant wakes
//! the view.

use crate::conditions::Reason;
use crate::kinds::tenant::TenantKind;
use crate::kinds::tenant::types::Tenant;
use crate::meta::{self, Owner};
use crate::plan::Plan;
use crate::resources::TENANT;
use crate::world::{Lookup, World};

use super::types::TenantView;

/// Checks that the view is one.
pub(super) fn plan(view: &TenantView, world: &World) -> Plan {
    let mut plan = Plan::default();
    if let Lookup::Missing = tenant(view, world) {
        plan.refuse(
            Reason::NotOwned,
            "metadata",
            "is not the view of a Tenant, and tells nothing: delete it; Tenantry makes each Tenant's view itself",
        );
    }
    plan
}

/// The Tenant that this is the view of: the one that wrote it. None of anything that somebody made by hand.
pub(super) fn tenant(view: &TenantView, world: &World) -> Lookup<Tenant> {
    let name = view.metadata.name.as_deref().unwrap_or_default();
    match world.get_kind::<TenantKind>("", name) {
        Lookup::Found(tenant) if !is_view_of(view, &tenant) => Lookup::Missing,
        other => other,
    }
}

fn is_view_of(view: &TenantView, tenant: &Tenant) -> bool {
    let owner = Owner {
        plural: TENANT.plural.to_owned(),
        namespace: String::new(),
        name: tenant.metadata.name.clone().unwrap_or_default(),
        uid: tenant.metadata.uid.clone().unwrap_or_default(),
    };
    let mark = view.metadata.annotations.as_ref().and_then(|all| all.get(meta::OWNER));
    view.metadata.namespace == view.metadata.name && mark.is_some_and(|mark| *mark == owner.to_string())
}
