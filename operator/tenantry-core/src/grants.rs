//! Whether one tenant may call a service of another. One function decides for every kind: the provider's ServiceGrant must name the
//! consumer, and the consumer must ask, by a reference or by a ServiceGrant that accepts. Both sides come to the same answer from the
//! same resources, so a way is open at both ends or at none.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::kinds::service_grant::types::ServiceGrantSpec;
use crate::kinds::service_route::types::Backend;
use crate::resources::{NAMESPACE, Resource, SERVICE_GRANT};
use crate::workload::sort::{AGENT, APPLICATION, MCP_SERVER, MODEL_DEPLOYMENT};
use crate::workload::{Home, Standing, standing};
use crate::world::{Lookup, Scope, World};

/// What is called, as a ServiceGrant files it: its kind, and its name with the port of a Service.
pub(crate) fn target(provider: &Backend) -> Option<(&'static str, String)> {
    let workloads = [
        (AGENT.resource, &provider.agent_ref),
        (MCP_SERVER.resource, &provider.mcp_server_ref),
        (MODEL_DEPLOYMENT.resource, &provider.model_deployment_ref),
        (APPLICATION.resource, &provider.application_ref),
    ];
    let named =
        workloads.into_iter().find_map(|(resource, reference)| Some((resource.kind, reference.as_ref()?.name.clone())));
    named.or_else(|| {
        provider.service_ref.as_ref().map(|service| ("Service", format!("{}:{}", service.name, service.port)))
    })
}

/// Where a ServiceGrant is filed: by what it offers, or by what it accepts.
pub(crate) fn filed(grant: &Value) -> Vec<String> {
    let Ok(spec) = serde_json::from_value::<ServiceGrantSpec>(grant["spec"].clone()) else { return Vec::new() };
    let namespace = grant["metadata"]["namespace"].as_str().unwrap_or_default();
    let offer = spec.provider.as_ref().and_then(target).map(|(kind, name)| offer_key(namespace, kind, &name));
    let acceptance = spec.accept.map(|accept| acceptance_key(&accept.namespace, &accept.name));
    offer.into_iter().chain(acceptance).collect()
}

fn offer_key(namespace: &str, kind: &str, name: &str) -> String {
    format!("offers {namespace} {kind} {name}")
}

fn acceptance_key(namespace: &str, name: &str) -> String {
    format!("accepts {namespace} {name}")
}

/// An offer that holds now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Offer {
    /// Its name.
    pub(crate) name: String,
    /// What it says.
    pub(crate) spec: ServiceGrantSpec,
}

/// Why a grant does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lapse {
    /// It has ended by itself.
    Expired,
    /// It is being deleted, or asks for what nothing can do.
    Void,
}

/// Whether an offer holds at this time.
pub(crate) fn lapse(grant: &Value, spec: &ServiceGrantSpec, now: Timestamp) -> Option<Lapse> {
    if spec.expires_at.is_some_and(|end| end <= now) {
        return Some(Lapse::Expired);
    }
    let void = !grant["metadata"]["deletionTimestamp"].is_null() || asks_too_much(spec).is_some();
    void.then_some(Lapse::Void)
}

/// What of a grant nothing here can hold callers to: it would give more than it says.
pub(crate) fn asks_too_much(spec: &ServiceGrantSpec) -> Option<&'static str> {
    let asked = [
        ("spec.methods", !spec.methods.is_empty()),
        ("spec.tools", !spec.tools.is_empty()),
        ("spec.rateLimit", spec.rate_limit.is_some()),
    ];
    asked.into_iter().find(|(_, is_asked)| *is_asked).map(|(field, _)| field)
}

/// Whether an offer is made to this environment.
pub(crate) fn is_for(spec: &ServiceGrantSpec, home: &Home) -> bool {
    spec.consumer.as_ref().is_some_and(|consumer| {
        consumer.tenant == home.place.tenant
            && consumer.environment.as_ref().is_none_or(|environment| *environment == home.place.environment)
    })
}

/// Offers of this service that hold now; `None` while they are not known.
fn offers(namespace: &str, kind: &str, name: &str, world: &World, now: Timestamp) -> Option<Vec<Offer>> {
    let grants = match world.list(&SERVICE_GRANT, Scope::Indexed(offer_key(namespace, kind, name))) {
        Lookup::Found(grants) => grants,
        Lookup::Missing => Vec::new(),
        Lookup::NotSynced => return None,
    };
    if grants.is_empty() {
        return Some(Vec::new());
    }
    let provider = match standing(namespace, world) {
        Standing::Home(home) => home.place.tenant,
        Standing::Leaving | Standing::Foreign(_) => return Some(Vec::new()),
        Standing::Unknown(_) => return None,
    };
    // To itself nobody grants anything: whether its environments reach each other is said elsewhere.
    let is_to_another =
        |spec: &ServiceGrantSpec| spec.consumer.as_ref().is_some_and(|consumer| consumer.tenant != provider);
    let holding = grants.iter().filter_map(|grant| {
        let spec: ServiceGrantSpec = serde_json::from_value(grant["spec"].clone()).ok()?;
        let name = grant["metadata"]["name"].as_str()?.to_owned();
        (lapse(grant, &spec, now).is_none() && is_to_another(&spec)).then_some(Offer { name, spec })
    });
    Some(holding.collect())
}

/// Whether a service of another tenant may be called.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Permission {
    /// It may, until then.
    Granted(Option<Timestamp>),
    /// It may not.
    Denied,
    /// It cannot be told yet.
    Unknown,
}

/// Whether workloads of this environment may call a service in another tenant's namespace.
pub(crate) fn permission(
    home: &Home,
    namespace: &str,
    resource: &Resource,
    name: &str,
    world: &World,
    now: Timestamp,
) -> Permission {
    let Some(offers) = offers(namespace, resource.kind, name, world, now) else { return Permission::Unknown };
    let ends: Vec<Option<Timestamp>> =
        offers.iter().filter(|offer| is_for(&offer.spec, home)).map(|offer| offer.spec.expires_at).collect();
    match ends.as_slice() {
        [] => Permission::Denied,
        // Of several the one that ends last counts.
        ends if ends.contains(&None) => Permission::Granted(None),
        ends => Permission::Granted(ends.iter().flatten().max().copied()),
    }
}

/// Environments of other tenants whose workloads may call a service of this one.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Guests {
    /// Their namespaces.
    pub(crate) namespaces: BTreeSet<String>,
    /// When the first of them may no longer.
    pub(crate) until: Option<Timestamp>,
    /// Whether it cannot be told yet.
    pub(crate) unknown: bool,
}

/// Whose workloads may call this service.
pub(crate) fn guests(namespace: &str, kind: &str, name: &str, world: &World, now: Timestamp) -> Guests {
    let Some(offers) = offers(namespace, kind, name, world, now) else {
        return Guests { unknown: true, ..Guests::default() };
    };
    let mut guests = Guests::default();
    for offer in &offers {
        let until = [guests.until, offer.spec.expires_at].into_iter().flatten().min();
        guests.until = until;
        let Some(consumer) = &offer.spec.consumer else { continue };
        let Lookup::Found(namespaces) = world.list(&NAMESPACE, Scope::Indexed(consumer.tenant.clone())) else {
            guests.unknown = true;
            continue;
        };
        let names = namespaces.iter().filter_map(|one| one["metadata"]["name"].as_str());
        guests.namespaces.extend(names.filter(|one| is_open_to(&offer.spec, one, world)).map(str::to_owned));
    }
    guests
}

/// Whether an offer is made to the environment in this namespace, and that may call anybody.
pub(crate) fn is_open_to(spec: &ServiceGrantSpec, namespace: &str, world: &World) -> bool {
    match standing(namespace, world) {
        Standing::Home(home) => is_for(spec, &home) && !home.is_quarantined(),
        Standing::Leaving | Standing::Foreign(_) | Standing::Unknown(_) => false,
    }
}

/// The ServiceGrants that accept this one.
pub(crate) fn acceptances(namespace: &str, name: &str, world: &World) -> Lookup<Vec<Arc<Value>>> {
    world
        .list(&SERVICE_GRANT, Scope::Indexed(acceptance_key(namespace, name)))
        .map(|all| all.into_iter().filter(|one| one["metadata"]["deletionTimestamp"].is_null()).collect())
}
