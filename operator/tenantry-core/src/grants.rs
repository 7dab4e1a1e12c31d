//! Whether one tenant may call a service of another. One function decides for every kind: the provider's ServiceGrant must name the
//! consumer, and the consumer must ask, by a reference or by a ServiceGrant that accepts. Both sides come to the same answer from the
//! same resources, so a way is open at both ends or at none.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::kinds::service_grant::types::ServiceGrantSpec;
use crate::kinds::service_route::types::Backend;
use crate::resources::{NAMESPACE, Resource, SERVICE_GRANT};
use crate::workload::sort::{AGENT, APPLICATION, MCP_SERVER, MODEL_DEPLOYMENT};
use crate::workload::{Home, Lack, Standing, standing};
use crate::world::{Lookup, Scope, World};

pub(crate) mod gate;

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
    /// It cannot be told yet whether it does.
    Unknown,
}

/// Whether an offer in this namespace holds at this time.
pub(crate) fn lapse(grant: &Value, spec: &ServiceGrantSpec, world: &World, now: Timestamp) -> Option<Lapse> {
    if spec.expires_at.is_some_and(|end| end <= now) {
        return Some(Lapse::Expired);
    }
    if !grant["metadata"]["deletionTimestamp"].is_null() {
        return Some(Lapse::Void);
    }
    match gate::image(spec, grant["metadata"]["namespace"].as_str().unwrap_or_default(), world) {
        Ok(_) => None,
        Err(Lack::Refused(_)) => Some(Lapse::Void),
        Err(Lack::Unknown(_)) => Some(Lapse::Unknown),
    }
}

/// Who asks: a workload, by where it is and what it runs as.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'a> {
    /// Its environment.
    pub(crate) home: &'a Home,
    /// Its ServiceAccount.
    pub(crate) account: &'a str,
}

/// Whether an offer is made to this environment.
pub(crate) fn is_for(spec: &ServiceGrantSpec, home: &Home) -> bool {
    spec.consumer.as_ref().is_some_and(|consumer| {
        consumer.tenant == home.place.tenant
            && consumer.environment.as_ref().is_none_or(|environment| *environment == home.place.environment)
    })
}

/// Whether an offer is made to workloads that run as this.
pub(crate) fn is_for_account(spec: &ServiceGrantSpec, account: &str) -> bool {
    accounts(spec).is_empty() || accounts(spec).iter().any(|one| one == account)
}

/// The ServiceAccounts that an offer is made to; none if it is to all.
pub(crate) fn accounts(spec: &ServiceGrantSpec) -> &[String] {
    spec.consumer.as_ref().map(|consumer| consumer.service_accounts.as_slice()).unwrap_or_default()
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
    let mut holding = Vec::new();
    for grant in &grants {
        let Ok(spec) = serde_json::from_value::<ServiceGrantSpec>(grant["spec"].clone()) else { continue };
        let Some(name) = grant["metadata"]["name"].as_str().filter(|_| is_to_another(&spec)) else { continue };
        match lapse(grant, &spec, world, now) {
            None => holding.push(Offer { name: name.to_owned(), spec }),
            Some(Lapse::Expired | Lapse::Void) => {}
            Some(Lapse::Unknown) => return None,
        }
    }
    Some(holding)
}

/// Whether a service of another tenant may be called.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Permission {
    /// It may.
    Granted(Granted),
    /// It may not.
    Denied,
    /// Others of its environment may, which run as other accounts.
    DeniedToAccount,
    /// It cannot be told yet.
    Unknown,
}

/// How a service of another tenant may be called.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Granted {
    /// Until when.
    pub(crate) until: Option<Timestamp>,
    /// Through the gate of this grant; none if directly.
    pub(crate) gate: Option<String>,
}

/// Whether a workload may call a service in another tenant's namespace, and by which way. Of several grants the widest is the way: one of the
/// whole service, or else one without tools, or else that with the most tools.
pub(crate) fn permission(
    caller: Caller,
    namespace: &str,
    resource: &Resource,
    name: &str,
    world: &World,
    now: Timestamp,
) -> Permission {
    let Some(offers) = offers(namespace, resource.kind, name, world, now) else { return Permission::Unknown };
    let here: Vec<&Offer> = offers.iter().filter(|offer| is_for(&offer.spec, caller.home)).collect();
    let denied = if here.is_empty() { Permission::Denied } else { Permission::DeniedToAccount };
    let (gated, whole): (Vec<&Offer>, Vec<&Offer>) = here
        .into_iter()
        .filter(|offer| is_for_account(&offer.spec, caller.account))
        .partition(|offer| gate::needs_gate(&offer.spec).is_some());
    let ends: Vec<Option<Timestamp>> = whole.iter().map(|offer| offer.spec.expires_at).collect();
    match ends.as_slice() {
        [] => {}
        // Of several the one that ends last counts.
        ends if ends.contains(&None) => return Permission::Granted(Granted { until: None, gate: None }),
        ends => return Permission::Granted(Granted { until: ends.iter().flatten().max().copied(), gate: None }),
    }
    let widest = gated
        .into_iter()
        .min_by_key(|offer| (!offer.spec.tools.is_empty(), Reverse(offer.spec.tools.len()), offer.name.as_str()));
    widest.map_or(denied, |offer| {
        Permission::Granted(Granted { until: offer.spec.expires_at, gate: Some(offer.name.clone()) })
    })
}

/// Environments of other tenants to which a service of this one is granted, directly or through a gate.
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
