//! By what the policies of a route are enforced: by fields of the route itself where the class of the gateway supports them, else by
//! objects of the gateway's controller. What nothing enforces is named, and never passed over.

mod portable;
mod traefik;

use serde_json::Value;

use super::features::Controller;
use super::gateways::Seat;
use crate::kinds::service_route::types::{Auth, Deprecated, OnUnsupported, Policies, Prefix};
use crate::kinds::tenantry_platform::types::PolicyAdapter;
use crate::resources::{MIDDLEWARE, Resource, is_served};
use crate::world::World;

/// What is asked of a gateway besides the way to a backend.
pub(crate) struct Demands<'a> {
    /// The policies of the spec.
    pub(crate) policies: &'a Policies,
    /// Whether the backend sees the path.
    pub(crate) prefix: Prefix,
    /// Its path, if it has any.
    pub(crate) path: &'a str,
    /// That the API should not be used any more.
    pub(crate) deprecated: Option<&'a Deprecated>,
    /// What the spec says becomes of what cannot be done.
    pub(crate) on_unsupported: Option<OnUnsupported>,
    /// Where an external service that decides is asked, if there is one and it is known.
    pub(crate) authorizer: Option<String>,
    /// Whether it is gRPC, whose routes have fewer fields.
    pub(crate) grpc: bool,
    /// Namespace and name of the route.
    pub(crate) route: (&'a str, &'a str),
}

/// How it is done.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Enforcing {
    /// Filters of each rule of the route, in order.
    pub(crate) filters: Vec<Value>,
    /// Timeouts of each rule of the route; null if there are none.
    pub(crate) timeouts: Value,
    /// Objects that must be there before the route.
    pub(crate) objects: Vec<Enforced>,
    /// What nothing does.
    pub(crate) missing: Vec<Missing>,
    /// What is to be said of what is done.
    pub(crate) notes: Vec<String>,
}

/// An object of a gateway's controller.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Enforced {
    /// What its name ends in.
    pub(crate) role: &'static str,
    /// Its kind.
    pub(crate) resource: &'static Resource,
    /// Its spec.
    pub(crate) spec: Value,
}

/// Something that nothing does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Path of the field.
    pub(crate) field: &'static str,
    /// What would be needed.
    pub(crate) feature: String,
    /// Whether the route must not serve without.
    pub(crate) is_strict: bool,
}

impl Enforcing {
    fn lacks(&mut self, demands: &Demands, field: &'static str, is_strict: bool, feature: impl Into<String>) {
        let is_strict = demands.on_unsupported.map_or(is_strict, |said| said == OnUnsupported::Fail);
        self.missing.push(Missing { field, feature: feature.into(), is_strict });
    }
}

/// What else than the route itself can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Adapter {
    Nothing,
    Traefik,
}

/// How all of it is done on this gateway. `None` while that is not known.
pub(crate) fn enforce(demands: &Demands, seat: &Seat, controller: &Controller, world: &World) -> Option<Enforcing> {
    let adapter = match seat.profile.policy_adapter {
        PolicyAdapter::Traefik => traefik_where_served(world)?,
        PolicyAdapter::Auto if controller.name.as_deref() == Some(traefik::CONTROLLER) => traefik_where_served(world)?,
        PolicyAdapter::Auto | PolicyAdapter::Portable => Adapter::Nothing,
    };
    let mut enforcing = Enforcing::default();
    portable::enforce(demands, controller, adapter, &mut enforcing);
    match adapter {
        Adapter::Traefik => traefik::enforce(demands, &mut enforcing),
        Adapter::Nothing => nothing(demands, &mut enforcing),
    }
    Some(enforcing)
}

fn traefik_where_served(world: &World) -> Option<Adapter> {
    Some(if is_served(&MIDDLEWARE, world)? { Adapter::Traefik } else { Adapter::Nothing })
}

/// What the Gateway API has no field for, where there is nothing else.
fn nothing(demands: &Demands, enforcing: &mut Enforcing) {
    let policies = demands.policies;
    let needs = "an adapter for the gateway's controller";
    if policies.auth.as_ref().is_some_and(Auth::is_asked_for) {
        enforcing.lacks(demands, "spec.policies.auth", true, needs);
    }
    if policies.rate_limit.is_some() {
        enforcing.lacks(demands, "spec.policies.rateLimit", true, needs);
    }
    if policies.max_body.is_some() {
        enforcing.lacks(demands, "spec.policies.maxBody", true, needs);
    }
    if !policies.allowed_networks.is_empty() {
        enforcing.lacks(demands, "spec.policies.allowedNetworks", true, needs);
    }
    if policies.retry.is_some() {
        enforcing.lacks(demands, "spec.policies.retry", false, needs);
    }
    if policies.circuit_breaker.is_some() {
        enforcing.lacks(demands, "spec.policies.circuitBreaker", false, needs);
    }
}
