//! TenantClass

use jiff::Timestamp;

use crate::access::Access;
use crate::kind::{Children, Example, Kind, Outcome};
use crate::plan::{Plan, Undecided};
use crate::resources::{self, Resource};
use crate::world::World;

pub mod types;

/// The kind TenantClass.
pub struct TenantClassKind;

impl Kind for TenantClassKind {
    type Cr = types::TenantClass;
    const RESOURCE: &'static Resource = &resources::TENANT_CLASS;
    const CHILDREN: Children = Children::None;
    const ACCESS: &'static [Access] = &[];

    fn plan(_: &types::TenantClass, _: &World, _: Timestamp) -> Plan {
        Plan { undecided: vec![Undecided::Everything], ..Plan::default() }
    }

    fn status(_: &types::TenantClass, _: &World, _: &Outcome, _: Timestamp) -> types::TenantClassStatus {
        types::TenantClassStatus::default()
    }

    fn examples() -> Vec<Example<types::TenantClass>> {
        Vec::new()
    }
}
