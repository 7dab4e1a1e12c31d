//! TenantClass: what its tenants get by default, and what they may not exceed. It has no children.

use jiff::Timestamp;

use crate::access::Access;
use crate::kind::{Children, Example, Kind, Outcome};
use crate::plan::Plan;
use crate::resources::{self, Resource};
use crate::world::World;

mod examples;
mod plan;
mod status;
pub mod types;

use types::{TenantClass, TenantClassStatus};

/// The kind TenantClass.
pub struct TenantClassKind;

impl Kind for TenantClassKind {
    type Cr = TenantClass;
    const RESOURCE: &'static Resource = &resources::TENANT_CLASS;
    const CHILDREN: Children = Children::None;
    const ACCESS: &'static [Access] = &[];

    fn plan(class: &TenantClass, _: &World, _: Timestamp) -> Plan {
        plan::plan(&class.spec)
    }

    fn status(class: &TenantClass, _: &World, done: &Outcome, now: Timestamp) -> TenantClassStatus {
        status::status(class, done, now)
    }

    fn examples() -> Vec<Example<TenantClass>> {
        examples::examples()
    }
}
