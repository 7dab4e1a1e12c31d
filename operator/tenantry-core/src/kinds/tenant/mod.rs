//! Tenant: a home namespace and one namespace for each environment, with everything that isolates them.

use jiff::Timestamp;

use crate::access::Access;
use crate::kind::{Children, Example, Kind, Outcome};
use crate::plan::Plan;
use crate::resources::{self, Resource};
use crate::world::World;

mod allowed;
mod contents;
mod environment;
mod examples;
mod members;
mod network;
mod ownership;
mod places;
mod plan;
mod quota;
mod replicate;
mod retire;
mod rights;
mod settings;
mod status;
pub mod types;

pub(crate) use quota::check_names as check_quota_names;
use types::{Tenant, TenantStatus};

/// The kind Tenant.
pub struct TenantKind;

impl Kind for TenantKind {
    type Cr = Tenant;
    const RESOURCE: &'static Resource = &resources::TENANT;
    const CHILDREN: Children = Children::Recorded;
    const ACCESS: &'static [Access] = &[
        Access::read(&resources::TENANT_CLASS),
        Access::read(&resources::TENANTRY_PLATFORM),
        Access::own(&resources::NAMESPACE),
        Access::own(&resources::NETWORK_POLICY),
        Access::own(&resources::RESOURCE_QUOTA),
        Access::own(&resources::LIMIT_RANGE),
        Access::own(&resources::ROLE_BINDING),
        Access::read(&resources::SECRET_ORIGINAL),
        Access::read(&resources::CONFIG_MAP_ORIGINAL),
        Access::own(&resources::SECRET),
        Access::own(&resources::CONFIG_MAP),
    ];

    fn plan(tenant: &Tenant, world: &World, now: Timestamp) -> Plan {
        plan::draft(tenant, world, now).plan
    }

    fn status(tenant: &Tenant, world: &World, done: &Outcome, now: Timestamp) -> TenantStatus {
        status::status(tenant, world, done, now)
    }

    fn examples() -> Vec<Example<Tenant>> {
        examples::examples()
    }
}
