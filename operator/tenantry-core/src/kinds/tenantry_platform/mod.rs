//! TenantryPlatform: what the platform team says once for the whole cluster. It has no children. Where there is none,
//! its schema's defaults apply.

use jiff::Timestamp;

use crate::access::Access;
use crate::kind::{Children, Example, Kind, Outcome};
use crate::plan::Plan;
use crate::resources::{self, Resource};
use crate::world::World;

mod capabilities;
mod examples;
mod plan;
mod status;
pub mod types;

use types::{TenantryPlatform, TenantryPlatformStatus};

/// The kind TenantryPlatform.
pub struct TenantryPlatformKind;

impl Kind for TenantryPlatformKind {
    type Cr = TenantryPlatform;
    const RESOURCE: &'static Resource = &resources::TENANTRY_PLATFORM;
    const CHILDREN: Children = Children::None;
    const ACCESS: &'static [Access] = &[Access::read(&resources::API_SERVICE)];

    fn plan(platform: &TenantryPlatform, world: &World, _: Timestamp) -> Plan {
        plan::plan(&platform.spec, world)
    }

    fn status(platform: &TenantryPlatform, world: &World, done: &Outcome, now: Timestamp) -> TenantryPlatformStatus {
        status::status(platform, world, done, now)
    }

    fn examples() -> Vec<Example<TenantryPlatform>> {
        examples::examples()
    }
}
