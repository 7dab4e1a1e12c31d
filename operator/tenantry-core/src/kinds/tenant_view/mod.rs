//! TenantView: what members may know of their own Tenant. Its spec is a child of the Tenant, written by the Tenant's plan; its
//! status is told here from the Tenant's. It wants nothing itself.

use jiff::Timestamp;

use crate::access::Access;
use crate::kind::{Children, Example, Kind, Outcome};
use crate::plan::Plan;
use crate::resources::{self, Resource};
use crate::world::World;

mod plan;
mod status;
pub mod types;

use types::{TenantView, TenantViewStatus};

/// The kind TenantView.
pub struct TenantViewKind;

impl Kind for TenantViewKind {
    type Cr = TenantView;
    const RESOURCE: &'static Resource = &resources::TENANT_VIEW;
    const CHILDREN: Children = Children::None;
    const ACCESS: &'static [Access] = &[Access::read(&resources::TENANT)];

    fn plan(view: &TenantView, world: &World, _: Timestamp) -> Plan {
        plan::plan(view, world)
    }

    fn status(view: &TenantView, world: &World, done: &Outcome, now: Timestamp) -> TenantViewStatus {
        status::status(view, world, done, now)
    }

    /// None: nobody writes one.
    fn examples() -> Vec<Example<TenantView>> {
        Vec::new()
    }
}
