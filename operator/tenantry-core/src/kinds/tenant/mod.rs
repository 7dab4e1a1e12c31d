//! Tenant

use jiff::Timestamp;

use crate::access::Access;
use crate::kind::{Children, Example, Kind, Outcome};
use crate::plan::{Plan, Undecided};
use crate::resources::{self, Resource};
use crate::world::World;

pub mod types;

/// The kind Tenant.
pub struct TenantKind;

impl Kind for TenantKind {
    type Cr = types::Tenant;
    const RESOURCE: &'static Resource = &resources::TENANT;
    const CHILDREN: Children = Children::Recorded;
    const ACCESS: &'static [Access] = &[];

    fn plan(_: &types::Tenant, _: &World, _: Timestamp) -> Plan {
        Plan { undecided: vec![Undecided::Everything], ..Plan::default() }
    }

    fn status(_: &types::Tenant, _: &World, _: &Outcome, _: Timestamp) -> types::TenantStatus {
        types::TenantStatus::default()
    }

    fn examples() -> Vec<Example<types::Tenant>> {
        Vec::new()
    }
}
