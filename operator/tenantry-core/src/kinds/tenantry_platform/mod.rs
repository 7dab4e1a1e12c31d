//! TenantryPlatform: what the platform team says once for the whole cluster. While there is one, the admission policies are
//! kept as they were installed. Where there is none, its schema's defaults apply.

use jiff::Timestamp;

use crate::access::Access;
use crate::enforcement;
use crate::kind::{Children, Example, Kind, Outcome};
use crate::plan::Plan;
use crate::resources::{self, Resource};
use crate::world::{Lookup, World};

mod capabilities;
mod examples;
mod plan;
mod status;
pub mod types;

use types::{TenantryPlatform, TenantryPlatformSpec, TenantryPlatformStatus};

/// What the platform says: its schema's defaults where it says nothing, `None` while that is not known.
pub fn settings(world: &World) -> Option<TenantryPlatformSpec> {
    match world.get_kind::<TenantryPlatformKind>("", "default") {
        Lookup::Found(platform) => Some(platform.spec),
        Lookup::Missing => Some(TenantryPlatformSpec::default()),
        Lookup::NotSynced => None,
    }
}

/// The kind TenantryPlatform.
pub struct TenantryPlatformKind;

impl Kind for TenantryPlatformKind {
    type Cr = TenantryPlatform;
    const RESOURCE: &'static Resource = &resources::TENANTRY_PLATFORM;
    const CHILDREN: Children = Children::Named;
    const ACCESS: &'static [Access] = &[
        Access::read(&resources::API_SERVICE),
        Access::keep(&resources::VALIDATING_ADMISSION_POLICY, || {
            enforcement::kept_names(&resources::VALIDATING_ADMISSION_POLICY)
        }),
        Access::keep(&resources::VALIDATING_ADMISSION_POLICY_BINDING, || {
            enforcement::kept_names(&resources::VALIDATING_ADMISSION_POLICY_BINDING)
        }),
    ];

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
