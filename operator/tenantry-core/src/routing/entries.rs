//! Listeners of tenants' own in a Gateway that is somebody else's, by that one's consent. Each says in its name whose it is; what has no
//! such name is the Gateway's owner's, and is given back as it was found.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kinds::service_route::types::Protocol;
use crate::kinds::tenantry_platform::types::{GatewayProfile, Listened};
use crate::{meta, names};

/// What the names of all of them begin with. The guard of the operator goes by it as well.
pub(crate) const PREFIX: &str = "tenantry.";

/// Whether the owner of this Gateway, as the API server shows it, lets tenants have listeners in it.
pub(crate) fn consents(gateway: &Value) -> bool {
    gateway["metadata"]["annotations"][meta::MANAGED_LISTENERS] == "true"
}

/// The name of a tenant's listener for a host. Profiles that listen at the same port have it together.
pub(crate) fn name(tenant: &str, listened: &Listened, host: &str) -> String {
    names::listener_name(&format!("{PREFIX}{tenant}.{}-{}", listened.role, listened.port), host)
}

/// Whose a listener is, if it is a tenant's. No tenant has a dot in its name.
pub(crate) fn tenant_of(listener: &Value) -> Option<&str> {
    Some(listener["name"].as_str()?.strip_prefix(PREFIX)?.split_once('.')?.0)
}

/// Where a Gateway is filed: by its name, and for each tenant that has listeners in it.
pub(crate) fn filed(facts: &Value) -> Vec<String> {
    let (Some(namespace), Some(name)) = (facts["namespace"].as_str(), facts["name"].as_str()) else {
        return Vec::new();
    };
    let tenants: BTreeSet<&str> = listeners(facts).iter().filter_map(tenant_of).collect();
    std::iter::once(format!("{namespace}/{name}")).chain(tenants.into_iter().map(filed_for)).collect()
}

/// Where those are filed in which a tenant has listeners.
pub(crate) fn filed_for(tenant: &str) -> String {
    format!("tenant {tenant}")
}

/// The listeners of a Gateway.
pub(crate) fn listeners(facts: &Value) -> &[Value] {
    facts["listeners"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The listeners of the tenant's own on which a route with these hosts is. A request is answered on the one whose host is nearest, so each
/// host needs the nearest of those it is within, and all that are within it.
pub(crate) fn reached(
    profile: &GatewayProfile,
    tenant: &str,
    granted: &[String],
    protocol: Protocol,
    hosts: &[String],
) -> Vec<String> {
    let speaks = |listened: &Listened| match protocol {
        Protocol::Tcp => false,
        Protocol::TlsPassthrough => listened.protocol == "TLS",
        Protocol::Http | Protocol::Grpc | Protocol::WebSocket | Protocol::Sse => listened.protocol != "TLS",
    };
    let of_host = |host: &String| {
        let around = granted.iter().filter(|one| names::is_host_within(host, one));
        let nearest = around.max_by_key(|one| (*one == host, one.len()));
        granted.iter().filter(|one| names::is_host_within(one, host)).chain(nearest).collect::<Vec<_>>()
    };
    let patterns: BTreeSet<&String> = hosts.iter().flat_map(of_host).collect();
    let listened: Vec<Listened> = profile.listened().into_iter().filter(speaks).collect();
    patterns.iter().flat_map(|host| listened.iter().map(|one| name(tenant, one, host))).collect()
}

/// The first of these listeners beside which a Gateway cannot have this one: at one port each host is heard once, in one way.
pub(crate) fn rival<'a>(listener: &Value, others: impl IntoIterator<Item = &'a Value>) -> Option<&'a Value> {
    let way = |one: &Value| match one["protocol"].as_str() {
        Some("HTTPS" | "TLS") => "TLS".to_owned(),
        other => other.unwrap_or_default().to_owned(),
    };
    others.into_iter().find(|other| {
        let is_same_port = other["port"] == listener["port"] && other["protocol"] != "UDP";
        is_same_port && (way(other) != way(listener) || other["hostname"] == listener["hostname"])
    })
}

/// A Gateway's listeners once this tenant has these: all others as they are, where they are. What is new stands in order of name among the
/// tenants', whoever came first.
pub(crate) fn with(before: &[Value], tenant: &str, wanted: &[Value]) -> Vec<Value> {
    let name = |one: &Value| one["name"].as_str().unwrap_or_default().to_owned();
    let kept = before.iter().filter_map(|one| match tenant_of(one) {
        Some(whose) if whose == tenant => wanted.iter().find(|entry| name(entry) == name(one)),
        Some(_) | None => Some(one),
    });
    let mut after: Vec<Value> = kept.cloned().collect();
    for entry in wanted.iter().filter(|entry| !before.iter().any(|one| name(entry) == name(one))) {
        let comes_later = |one: &Value| tenant_of(one).is_some() && name(one) > name(entry);
        let at = after.iter().position(comes_later).unwrap_or(after.len());
        after.insert(at, entry.clone());
    }
    after
}

/// What is wrong with a change of a Gateway's listeners, if anything is.
pub(crate) fn fault(seen: &Value, after: &[Value]) -> Option<&'static str> {
    let before = listeners(seen);
    let theirs = |all: &[Value]| all.iter().filter(|one| tenant_of(one).is_none()).cloned().collect::<Vec<_>>();
    if theirs(before) != theirs(after) {
        return Some("listeners that are no tenant's are changed");
    }
    if after.is_empty() {
        return Some("it is left without any listener");
    }
    let added: Vec<&Value> = after.iter().filter(|one| !before.contains(one)).collect();
    if !added.is_empty() && seen["consents"] != true {
        return Some("listeners are added without its owner's consent");
    }
    let removed = before.iter().filter(|one| !after.contains(one));
    let tenants: BTreeSet<Option<&str>> = added.into_iter().chain(removed).map(tenant_of).collect();
    (tenants.len() > 1).then_some("listeners of several tenants are changed")
}

#[cfg(test)]
mod tests;
