//! By what the policies of a route are enforced: by fields of the route itself where the class of the gateway supports them, else by
//! objects of the gateway's controller. What nothing enforces is named, and never passed over.

mod envoy_gateway;
mod portable;
mod standing;
mod traefik;

use serde_json::Value;

use super::features::{Controller, Feature, is_known_of_any};
use super::gateways::Seat;
use super::known::{ENVOY_GATEWAY, TRAEFIK};
use crate::kinds::service_route::types::{Deprecated, OnUnsupported, Policies, Prefix};
use crate::kinds::tenantry_platform::types::PolicyAdapter;
use crate::resources::{BACKEND_TLS_POLICY, BACKEND_TRAFFIC_POLICY, MIDDLEWARE, Resource, SECURITY_POLICY, is_served};
use crate::world::World;

pub(crate) use standing::{Standing, standing_of};

/// The kinds of all objects that enforce policies, whoever's controller reads them.
pub(crate) static POLICY_KINDS: [&Resource; 4] =
    [&MIDDLEWARE, &SECURITY_POLICY, &BACKEND_TRAFFIC_POLICY, &BACKEND_TLS_POLICY];

/// Whether there can be policies of this kind here; `None` while that is not known.
pub(crate) fn is_to_be_had(kind: &'static Resource, world: &World) -> Option<bool> {
    if *kind == BACKEND_TLS_POLICY {
        // Its version is served by bundles that lack it.
        return is_known_of_any(Feature::BackendTls, world);
    }
    is_served(kind, world)
}

/// Where an external service that decides is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authorizer {
    /// Its address, with the path.
    pub(crate) address: String,
    /// Its Service, in the namespace of the route.
    pub(crate) service: String,
    /// The port of that.
    pub(crate) port: i32,
}

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
    pub(crate) authorizer: Option<Authorizer>,
    /// Whether it is gRPC, whose routes have fewer fields.
    pub(crate) grpc: bool,
    /// Whether requests may become streams, which nobody can hold back until they are whole.
    pub(crate) streams: bool,
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
    /// What it names, and is told of in its status.
    pub(crate) names: Names,
}

/// What an object that enforces something names as what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Nothing: the routes name it.
    Nothing,
    /// The routes.
    Routes,
    /// The Services to which they lead.
    Services,
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
    EnvoyGateway,
}

/// How all of it is done on this gateway. `None` while that is not known.
pub(crate) fn enforce(demands: &Demands, seat: &Seat, controller: &Controller, world: &World) -> Option<Enforcing> {
    let wanted = match (seat.profile.policy_adapter, controller.name.as_deref()) {
        (PolicyAdapter::Traefik, _) | (PolicyAdapter::Auto, Some(TRAEFIK)) => Adapter::Traefik,
        (PolicyAdapter::EnvoyGateway, _) | (PolicyAdapter::Auto, Some(ENVOY_GATEWAY)) => Adapter::EnvoyGateway,
        (PolicyAdapter::Auto | PolicyAdapter::Portable, _) => Adapter::Nothing,
    };
    let adapter = where_served(wanted, world)?;
    let mut enforcing = Enforcing::default();
    portable::enforce(demands, controller, adapter, &mut enforcing);
    match adapter {
        Adapter::Traefik => traefik::enforce(demands, &mut enforcing),
        Adapter::EnvoyGateway => envoy_gateway::enforce(demands, &mut enforcing),
        Adapter::Nothing => nothing(demands, &mut enforcing),
    }
    Some(enforcing)
}

/// That adapter if the cluster serves its kinds, and nothing if it does not.
fn where_served(wanted: Adapter, world: &World) -> Option<Adapter> {
    let kinds: &[&Resource] = match wanted {
        Adapter::Nothing => &[],
        Adapter::Traefik => &[&MIDDLEWARE],
        Adapter::EnvoyGateway => &[&SECURITY_POLICY, &BACKEND_TRAFFIC_POLICY],
    };
    let served: Vec<bool> = kinds.iter().map(|kind| is_served(kind, world)).collect::<Option<_>>()?;
    Some(if served.into_iter().all(|one| one) { wanted } else { Adapter::Nothing })
}

/// What the Gateway API has no field for, where there is nothing else.
fn nothing(demands: &Demands, enforcing: &mut Enforcing) {
    let policies = demands.policies;
    let needs = "an adapter for the gateway's controller";
    if let Some(auth) = policies.auth.as_ref().filter(|auth| auth.is_asked_for()) {
        let feature = format!("{needs} that knows auth of type {}", auth.type_.name());
        enforcing.lacks(demands, "spec.policies.auth", true, feature);
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
