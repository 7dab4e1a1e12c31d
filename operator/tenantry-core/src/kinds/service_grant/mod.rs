//! ServiceGrant: a contract between two teams. An offer opens nothing until somebody takes it; whoever takes it opens nothing that was
//! not offered. What workloads take by referring to it is opened by their own plans (`grants.rs` decides for all).

use jiff::Timestamp;

use crate::access::Access;
use crate::kind::{Children, Example, Kind, Outcome};
use crate::plan::Plan;
use crate::resources::{self, Resource};
use crate::world::World;

mod examples;
mod gate;
mod plan;
mod status;
pub mod types;

use types::{ServiceGrant, ServiceGrantStatus};

/// The kind ServiceGrant.
pub struct ServiceGrantKind;

impl Kind for ServiceGrantKind {
    type Cr = ServiceGrant;
    const RESOURCE: &'static Resource = &resources::SERVICE_GRANT;
    const CHILDREN: Children = Children::Owned;
    const ACCESS: &'static [Access] = &[
        Access::read(&resources::NAMESPACE),
        Access::read(&resources::APPLICATION),
        Access::read(&resources::AGENT),
        Access::read(&resources::MCP_SERVER),
        Access::read(&resources::MODEL_DEPLOYMENT),
        Access::read(&resources::TENANT_SERVICE),
        Access::read(&resources::ENDPOINT_SLICE),
        Access::read(&resources::TENANTRY_PLATFORM),
        Access::read(&resources::TROUBLED_POD),
        Access::own(&resources::NETWORK_POLICY),
        Access::own(&resources::SERVICE_ACCOUNT),
        Access::own(&resources::SERVICE),
        Access::own(&resources::MANAGED_DEPLOYMENT),
    ];

    fn plan(grant: &ServiceGrant, world: &World, now: Timestamp) -> Plan {
        plan::draft(grant, world, now).plan
    }

    fn status(grant: &ServiceGrant, world: &World, done: &Outcome, now: Timestamp) -> ServiceGrantStatus {
        status::status(grant, world, done, now)
    }

    fn examples() -> Vec<Example<ServiceGrant>> {
        examples::examples()
    }
}
