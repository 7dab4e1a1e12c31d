//! ServiceRoute: a service of an environment under a path that is its alone, on the gateway of the environment's stage.

use jiff::Timestamp;

use crate::access::Access;
use crate::kind::{Children, Example, Kind, Outcome};
use crate::plan::Plan;
use crate::resources::{self, Resource};
use crate::world::World;

mod examples;
mod handover;
mod plan;
mod status;
pub mod types;

use types::{ServiceRoute, ServiceRouteStatus};

/// The kind ServiceRoute.
pub struct ServiceRouteKind;

impl Kind for ServiceRouteKind {
    type Cr = ServiceRoute;
    const RESOURCE: &'static Resource = &resources::SERVICE_ROUTE;
    const CHILDREN: Children = Children::Owned;
    const ACCESS: &'static [Access] = &[
        Access::read(&resources::NAMESPACE),
        Access::read(&resources::API_SERVICE),
        Access::read(&resources::TENANTRY_PLATFORM),
        Access::read(&resources::APPLICATION),
        Access::read(&resources::AGENT),
        Access::read(&resources::MCP_SERVER),
        Access::read(&resources::MODEL_DEPLOYMENT),
        Access::read(&resources::TENANT_SERVICE),
        Access::read(&resources::ENDPOINT_SLICE),
        Access::read(&resources::GATEWAY_CLASS),
        Access::read(&resources::GATEWAY),
        Access::read(&resources::LISTENER_SET),
        // The finalizer, while somebody waits for its path.
        Access::adjust(&resources::SERVICE_ROUTE),
        Access::own(&resources::NETWORK_POLICY),
        Access::own(&resources::MIDDLEWARE),
        Access::own(&resources::SECURITY_POLICY),
        Access::own(&resources::BACKEND_TRAFFIC_POLICY),
        Access::own(&resources::BACKEND_TLS_POLICY),
        Access::own(&resources::HTTP_ROUTE),
        Access::own(&resources::GRPC_ROUTE),
        Access::own(&resources::TLS_ROUTE),
        Access::own(&resources::TCP_ROUTE),
    ];

    fn plan(route: &ServiceRoute, world: &World, now: Timestamp) -> Plan {
        handover::plan(route, plan::draft(route, world), world, now)
    }

    fn status(route: &ServiceRoute, world: &World, done: &Outcome, now: Timestamp) -> ServiceRouteStatus {
        status::status(route, world, done, now)
    }

    fn examples() -> Vec<Example<ServiceRoute>> {
        examples::examples()
    }
}
