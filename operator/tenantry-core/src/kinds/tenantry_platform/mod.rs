//! TenantryPlatform

use jiff::Timestamp;

use crate::access::Access;
use crate::kind::{Children, Example, Kind, Outcome};
use crate::plan::{Plan, Undecided};
use crate::resources::{self, Resource};
use crate::world::World;

pub mod types;

/// The kind TenantryPlatform.
pub struct TenantryPlatformKind;

impl Kind for TenantryPlatformKind {
    type Cr = types::TenantryPlatform;
    const RESOURCE: &'static Resource = &resources::TENANTRY_PLATFORM;
    const CHILDREN: Children = Children::None;
    const ACCESS: &'static [Access] = &[];

    fn plan(_: &types::TenantryPlatform, _: &World, _: Timestamp) -> Plan {
        Plan { undecided: vec![Undecided::Everything], ..Plan::default() }
    }

    fn status(_: &types::TenantryPlatform, _: &World, _: &Outcome, _: Timestamp) -> types::TenantryPlatformStatus {
        types::TenantryPlatformStatus::default()
    }

    fn examples() -> Vec<Example<types::TenantryPlatform>> {
        Vec::new()
    }
}
