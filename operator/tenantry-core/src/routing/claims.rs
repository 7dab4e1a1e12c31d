//! Who has which path of which host on which gateway. The Gateway API knows no owners: of two routes with the same path the older one
//! is served, and a longer path takes its part out of any shorter one, whoever wrote it. So Tenantry decides before it writes.
//!
//! A claim is what an existing route of ours serves. Whoever has none yet gives way to those who have, however old it is itself;
//! among those who have none, the ServiceRoute that was created first goes first. A claim ends when its route is gone.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::features::{Feature, is_known_of_any};
use super::gateways::Seat;
use super::wish::Wish;
use crate::kinds::service_route::types::Protocol;
use crate::meta;
use crate::object::ObjectKey;
use crate::resources::{self, GRPC_ROUTE, HTTP_ROUTE, NAMESPACE, Resource, SERVICE_ROUTE, TCP_ROUTE, TLS_ROUTE};
use crate::world::{Lookup, Scope, World};

/// The kinds of routes that can have a path.
const ROUTES: [&Resource; 2] = [&HTTP_ROUTE, &GRPC_ROUTE];

/// What a claim comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// It may be had. With those who take a part of it all the same, in words.
    Had(Vec<String>),
    /// Somebody else has it: who, as `Kind namespace/name`, and what is to be done.
    Lost(String, String),
    /// It cannot be told yet; with what is missing.
    Unknown(String),
}

/// Where a route is filed: by gateway, host and path, and, for those who claim something above it, by each path above.
pub fn filed_route(route: &Value) -> Vec<String> {
    let texts = |field: &str| -> Vec<&str> {
        route[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let mut hosts = texts("hostnames");
    if hosts.is_empty() {
        hosts.push("");
    }
    let mut filed = BTreeSet::new();
    for parent in texts("parents") {
        for host in &hosts {
            for path in route["paths"].as_array().into_iter().flatten() {
                match path["type"].as_str() {
                    Some("PathPrefix" | "Exact") => {
                        filed.extend(keys(parent, host, path["value"].as_str().unwrap_or_default()));
                    }
                    // An expression may match anything.
                    _ => drop(filed.insert(format!("odd {parent} {host}"))),
                }
            }
        }
    }
    filed.into_iter().collect()
}

/// Where a ServiceRoute is filed: in the same way, but that its gateway is not known from itself.
pub fn filed_wish(route: &Value) -> Vec<String> {
    let wish = Wish::of(&route["spec"]);
    let hosts = match wish.port {
        Some(port) => vec![format!(":{port}")],
        None if wish.hostnames.is_empty() => vec![String::new()],
        None => wish.hostnames,
    };
    let filed: BTreeSet<String> = hosts.iter().flat_map(|host| keys("", host, &wish.path)).collect();
    filed.into_iter().collect()
}

fn keys(gateway: &str, host: &str, path: &str) -> Vec<String> {
    let path = canonical(path);
    let above = ancestors(&path).into_iter().filter(|one| *one != path);
    let mut keys: Vec<String> = above.map(|one| format!("under {gateway} {host} {one}")).collect();
    keys.push(at(gateway, host, &path));
    keys
}

/// Where just what has this path, a canonical one, is filed.
fn at(gateway: &str, host: &str, path: &str) -> String {
    format!("at {gateway} {host} {path}")
}

/// Where everything that touches a path is filed.
fn places(gateway: &str, hosts: &[String], path: &str) -> BTreeSet<String> {
    let path = canonical(path);
    let mut places = BTreeSet::new();
    // What names no host is served on all of them.
    for host in hosts.iter().map(String::as_str).chain([""]) {
        places.extend(ancestors(&path).iter().map(|one| at(gateway, host, one)));
        places.insert(format!("under {gateway} {host} {path}"));
        places.insert(format!("odd {gateway} {host}"));
    }
    places
}

/// Two paths that differ in case alone are not told apart: whoever reads them would not do so either.
fn canonical(path: &str) -> String {
    let lower = path.to_ascii_lowercase();
    let segments: Vec<&str> = lower.split('/').filter(|segment| !segment.is_empty()).collect();
    format!("/{}", segments.join("/"))
}

/// The path and all above it, `/` first.
fn ancestors(path: &str) -> Vec<String> {
    let mut all = vec!["/".to_owned()];
    let mut so_far = String::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        so_far = format!("{so_far}/{segment}");
        all.push(so_far.clone());
    }
    all
}

/// How another path lies to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lies {
    Same,
    Beneath,
    Above,
    Apart,
}

fn lies(other: &str, one: &str) -> Lies {
    let (other, one) = (canonical(other), canonical(one));
    let is_above =
        |upper: &str, lower: &str| upper == "/" || lower.strip_prefix(upper).is_some_and(|rest| rest.starts_with('/'));
    match () {
        () if other == one => Lies::Same,
        () if is_above(&one, &other) => Lies::Beneath,
        () if is_above(&other, &one) => Lies::Above,
        () => Lies::Apart,
    }
}

/// Whoever claims something.
pub(crate) struct Claimant<'a> {
    /// Namespace of its ServiceRoute.
    pub(crate) namespace: &'a str,
    /// Name of its ServiceRoute.
    pub(crate) name: &'a str,
    /// When that was created, as the server tells it.
    pub(crate) created: &'a str,
    /// The tenant's namespaces.
    pub(crate) namespaces: &'a BTreeSet<String>,
}

impl Claimant<'_> {
    fn path(&self) -> String {
        format!("{}/{}/{}", SERVICE_ROUTE.plural, self.namespace, self.name)
    }

    /// Whether this is its own ServiceRoute.
    fn is(&self, other: &Value) -> bool {
        other["metadata"]["namespace"] == self.namespace && other["metadata"]["name"] == self.name
    }

    /// Whether another ServiceRoute is the same tenant's.
    fn is_kin(&self, other: &Value) -> bool {
        other["metadata"]["namespace"].as_str().is_some_and(|namespace| self.namespaces.contains(namespace))
    }

    /// Of those who have nothing yet, who goes first.
    fn rank(&self) -> (String, String, String) {
        (self.created.to_owned(), self.namespace.to_owned(), self.name.to_owned())
    }
}

/// Who has what this route asks for. `seat_of` tells where another ServiceRoute would be, if it may be anywhere.
pub(crate) fn rule(
    me: &Claimant,
    seat: &Seat,
    kinds: &[&'static Resource],
    seat_of: &dyn Fn(&Value) -> Option<Seat>,
    world: &World,
) -> Ruling {
    let found = match found(kinds, &seat.gateway, &seat.hosts, &seat.path, world) {
        Ok(found) => found,
        Err(kind) => {
            return Ruling::Unknown(format!("{} cannot be seen; the operator's /readyz says why", kind.plural));
        }
    };
    let own: Vec<&Arc<Value>> =
        found.iter().map(|(_, route)| route).filter(|route| route["owner"] == me.path().as_str()).collect();
    // What is had on one host proves nothing of another.
    let mine_against = |other: &Value| {
        let contested = contested(other, seat);
        let has_all = |route: &&&Arc<Value>| {
            let has = hosts_of(route);
            serves(route, seat) && (has.is_empty() || contested.iter().all(|host| has.contains(host)))
        };
        own.iter().filter(has_all).map(|route| age(route)).min()
    };
    let mut intruders = Vec::new();
    for (kind, route) in &found {
        let title = format!("{} {}/{}", kind.kind, text(route, "namespace"), text(route, "name"));
        let mine = mine_against(route);
        // Elsewhere a mark, and the name of who wrote it, can be anybody's.
        match route["owner"].as_str().filter(|_| is_tenants(&text(route, "namespace"), world)) {
            Some(owner) if owner == me.path() => {}
            // A backup that was restored: it is taken over again.
            None if route["marked"] == me.path().as_str() => {}
            Some(owner) => {
                if let Some(ruling) = against_ours(me, seat, owner, route, mine.as_ref(), world) {
                    return ruling;
                }
            }
            None => match relation(route, seat) {
                // Whoever names a host is served there before those that name none.
                Lies::Same if hosts_of(route).is_empty() => {}
                Lies::Same if mine.as_ref().is_none_or(|mine| age(route) < *mine) => {
                    let text = format!(
                        "{title}, which is not Tenantry's, has {} there already and is served: remove it, or choose another {}",
                        seat.claimed(),
                        seat.claims()
                    );
                    return Ruling::Lost(title, text);
                }
                Lies::Same => intruders.push(format!(
                    "{title}, which is not Tenantry's, asks for the same path; this route is older, and not every gateway serves the older one: remove the other"
                )),
                Lies::Beneath => intruders.push(format!(
                    "{title}, which is not Tenantry's, takes a part of the path, and is served there: remove it"
                )),
                Lies::Above | Lies::Apart => {}
            },
        }
    }
    if own.iter().all(|route| !serves(route, seat))
        && let Some(ruling) = against_wishes(me, seat, seat_of, world)
    {
        return ruling;
    }
    intruders.sort();
    Ruling::Had(intruders)
}

/// Every route that touches the path.
fn found(
    kinds: &[&'static Resource],
    gateway: &str,
    hosts: &[String],
    path: &str,
    world: &World,
) -> Result<Vec<(&'static Resource, Arc<Value>)>, &'static Resource> {
    let mut found: Vec<(&'static Resource, Arc<Value>)> = Vec::new();
    for kind in kinds.iter().copied() {
        for place in places(gateway, hosts, path) {
            match world.list(kind, Scope::Indexed(place)) {
                Lookup::Found(routes) => found.extend(routes.into_iter().map(|route| (kind, route))),
                Lookup::Missing => {}
                Lookup::NotSynced => return Err(kind),
            }
        }
    }
    found.sort_by_key(|(kind, route)| (*kind, text(route, "namespace"), text(route, "name")));
    found.dedup_by_key(|(kind, route)| (*kind, text(route, "namespace"), text(route, "name")));
    Ok(found)
}

/// Against a route that was made for another ServiceRoute.
fn against_ours(
    me: &Claimant,
    seat: &Seat,
    owner: &str,
    route: &Value,
    mine: Option<&(String, String)>,
    world: &World,
) -> Option<Ruling> {
    let namespace = text(route, "namespace");
    let name = owner.rsplit('/').next().unwrap_or_default();
    let is_kin = me.namespaces.contains(&namespace);
    let relation = relation(route, seat);
    if relation == Lies::Apart || (is_kin && relation != Lies::Same) || mine.is_some_and(|mine| *mine < age(route)) {
        return None;
    }
    let title = format!("ServiceRoute {namespace}/{name}");
    let still_wants = match world.get(&ObjectKey::namespaced(&SERVICE_ROUTE, &namespace, name)) {
        Lookup::Found(other) => {
            let wish = Wish::of(&other["spec"]);
            let hosts_meet = wish.hostnames.is_empty() || wish.hostnames.iter().any(|host| seat.hosts.contains(host));
            other["metadata"]["deletionTimestamp"].is_null()
                && hosts_meet
                && lies(&wish.path, &seat.path) != Lies::Apart
        }
        Lookup::Missing => false,
        Lookup::NotSynced => return Some(Ruling::Unknown(format!("{title} is not known yet"))),
    };
    if !still_wants {
        // Within a tenant two may change places at once; between tenants the first must have gone.
        return (!is_kin).then(|| Ruling::Unknown(format!("{title} has not let go of {} yet", seat.claimed())));
    }
    let what = match relation {
        Lies::Above => format!("a path above {}", seat.path),
        Lies::Beneath => format!("a path under {}", seat.path),
        Lies::Same | Lies::Apart => seat.claimed(),
    };
    let whose = if is_kin { String::new() } else { ", which is another tenant's,".to_owned() };
    let text = format!(
        "{title}{whose} has {what} and is served: choose another {}, or have it removed there first",
        seat.claims()
    );
    Some(Ruling::Lost(title, text))
}

/// Against ServiceRoutes that ask for the same and have it not yet.
fn against_wishes(
    me: &Claimant,
    seat: &Seat,
    seat_of: &dyn Fn(&Value) -> Option<Seat>,
    world: &World,
) -> Option<Ruling> {
    let Some(mut others) = wishes(places("", &seat.hosts, &seat.path), world) else {
        return Some(Ruling::Unknown(format!("{} are not known yet", SERVICE_ROUTE.plural)));
    };
    let rank = |other: &Value| {
        let metadata = &other["metadata"];
        let part = |field: &str| metadata[field].as_str().unwrap_or_default().to_owned();
        (part("creationTimestamp"), part("namespace"), part("name"))
    };
    others.retain(|other| rank(other) < me.rank());
    others.sort_by_key(|other| rank(other));
    let first = others.iter().find(|other| {
        let relation = meets(other, seat, seat_of);
        relation == Lies::Same || (relation != Lies::Apart && !me.is_kin(other))
    })?;
    let (_, namespace, name) = rank(first);
    let title = format!("ServiceRoute {namespace}/{name}");
    let (claimed, kind) = (seat.claimed(), seat.claims());
    let text = format!("{title} asked for {claimed} first: choose another {kind}, or have it removed there");
    Some(Ruling::Lost(title, text))
}

/// Those of the same tenant who ask for just what this one has: whoever is left when it goes has it next. `None` while they cannot be seen.
pub(crate) fn heirs(
    me: &Claimant,
    seat: &Seat,
    seat_of: &dyn Fn(&Value) -> Option<Seat>,
    world: &World,
) -> Option<Vec<Arc<Value>>> {
    let path = canonical(&seat.path);
    let hosts = seat.hosts.iter().map(String::as_str).chain([""]);
    let mut heirs = wishes(hosts.map(|host| at("", host, &path)), world)?;
    heirs.retain(|other| me.is_kin(other) && !me.is(other) && meets(other, seat, seat_of) == Lies::Same);
    Some(heirs)
}

/// The ServiceRoutes that are filed in these places and stay.
fn wishes(places: impl IntoIterator<Item = String>, world: &World) -> Option<Vec<Arc<Value>>> {
    let mut wishes: Vec<Arc<Value>> = Vec::new();
    for place in places {
        match world.list(&SERVICE_ROUTE, Scope::Indexed(place)) {
            Lookup::Found(found) => wishes.extend(found),
            Lookup::Missing => {}
            Lookup::NotSynced => return None,
        }
    }
    wishes.retain(|other| other["metadata"]["deletionTimestamp"].is_null());
    Some(wishes)
}

/// How the place of another ServiceRoute lies to this one.
fn meets(other: &Value, seat: &Seat, seat_of: &dyn Fn(&Value) -> Option<Seat>) -> Lies {
    let Some(theirs) = seat_of(other) else { return Lies::Apart };
    let is_there = theirs.gateway == seat.gateway && theirs.hosts.iter().any(|host| seat.hosts.contains(host));
    if is_there { lies(&theirs.path, &seat.path) } else { Lies::Apart }
}

/// Whether a namespace is one that Tenantry has made a tenant's.
fn is_tenants(namespace: &str, world: &World) -> bool {
    let labels = match world.get(&ObjectKey::cluster(&NAMESPACE, namespace)) {
        Lookup::Found(facts) => facts["metadata"]["labels"].clone(),
        // What is not known is taken for what it says it is.
        Lookup::NotSynced => return true,
        Lookup::Missing => return false,
    };
    labels[meta::TENANT].is_string() && labels[meta::MANAGED_BY] == meta::MANAGER
}

/// The hosts that a route names.
fn hosts_of(route: &Value) -> Vec<&str> {
    route["hostnames"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The hosts that a route has of those that are asked for.
fn contested<'a>(route: &Value, seat: &'a Seat) -> Vec<&'a str> {
    let has = hosts_of(route);
    seat.hosts.iter().map(String::as_str).filter(|host| has.is_empty() || has.contains(host)).collect()
}

/// Whether a route serves just what is asked for.
fn serves(route: &Value, seat: &Seat) -> bool {
    relation(route, seat) == Lies::Same
}

/// How the nearest of a route's paths lies to the one that is asked for.
fn relation(route: &Value, seat: &Seat) -> Lies {
    let hosts = route["hostnames"].as_array().filter(|all| !all.is_empty());
    let meet = hosts
        .is_none_or(|all| all.iter().filter_map(Value::as_str).any(|host| seat.hosts.iter().any(|own| own == host)));
    if !meet {
        return Lies::Apart;
    }
    let paths = route["paths"].as_array().into_iter().flatten();
    let relations: Vec<Lies> = paths
        .map(|path| match path["type"].as_str() {
            Some("PathPrefix" | "Exact") => lies(path["value"].as_str().unwrap_or_default(), &seat.path),
            // Whatever an expression matches, it can be a part of this.
            _ => Lies::Beneath,
        })
        .collect();
    [Lies::Same, Lies::Beneath, Lies::Above].into_iter().find(|one| relations.contains(one)).unwrap_or(Lies::Apart)
}

/// Of two routes the older one is served: by when they were created, then by name, as the Gateway API has it.
fn age(route: &Value) -> (String, String) {
    (text(route, "created"), format!("{}/{}", text(route, "namespace"), text(route, "name")))
}

fn text(route: &Value, field: &str) -> String {
    route[field].as_str().unwrap_or_default().to_owned()
}

/// The kinds of routes that can have the same place as one of this protocol, and that this cluster serves; `None` while that is not known.
/// Those of streams are served where a gateway's controller says that it supports them.
pub(crate) fn served_routes(protocol: Protocol, world: &World) -> Option<Vec<&'static Resource>> {
    let stream = match protocol {
        Protocol::Tcp => Some((&TCP_ROUTE, Feature::Tcp)),
        Protocol::TlsPassthrough => Some((&TLS_ROUTE, Feature::Tls)),
        Protocol::Http | Protocol::Grpc | Protocol::WebSocket | Protocol::Sse => None,
    };
    if let Some((kind, feature)) = stream {
        return Some(if is_known_of_any(feature, world)? { vec![kind] } else { Vec::new() });
    }
    let served = ROUTES.iter().map(|kind| Some((*kind, resources::is_served(kind, world)?)));
    let served: Option<Vec<_>> = served.collect();
    Some(served?.into_iter().filter(|(_, is_served)| *is_served).map(|(kind, _)| kind).collect())
}

#[cfg(test)]
mod tests;
