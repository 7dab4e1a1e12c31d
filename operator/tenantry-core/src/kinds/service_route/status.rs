//! The route's status. It believes no gateway that has accepted an earlier state, and no route that leads to nobody.

use jiff::Timestamp;
use serde_json::Value;

use super::plan::{self, Draft};
use super::types::{ClaimStatus, Implementation, ServiceRoute, ServiceRouteStatus};
use crate::conditions::{Conditions, Reason, Truth, Type};
use crate::kind::Outcome;
use crate::resources::{ENDPOINT_SLICE, NETWORK_POLICY};
use crate::routing::{Controller, Listener, Ruling, Seat, Standing, served_routes, standing_of};
use crate::workload::{Verdict, tell};
use crate::world::{Lookup, World};

/// What the status should say.
pub(super) fn status(route: &ServiceRoute, world: &World, done: &Outcome, now: Timestamp) -> ServiceRouteStatus {
    let draft = plan::draft(route, world);
    let before = route.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let generation = route.metadata.generation;
    let mut conditions = Conditions::new(before, generation.unwrap_or_default(), now);
    conditions.set_accepted(done, "the spec is valid and supported, and its path is its own");
    let routes = served_routes(route.spec.protocol, world).unwrap_or_default();
    let kinds: Vec<_> = [&NETWORK_POLICY, &ENDPOINT_SLICE].into_iter().chain(routes).collect();
    tell(&mut conditions, done, "route", &kinds, world);
    let (truth, reason, message) = programmed(&draft);
    conditions.set(Type::Programmed, truth, reason, message);
    let fault = told(&draft, world);
    let serves = truth == Truth::True && fault.is_none();
    let mut parts = vec![Type::Accepted, Type::ResolvedRefs, Type::Applied, Type::Programmed];
    if fault.is_some() {
        // What is not asked for of the gateway is only named; what is, and does not come about, is no service.
        parts.push(Type::PoliciesEnforced);
    }
    if route.spec.policies.is_some() || !draft.missing.is_empty() {
        let (truth, reason, message) = fault.unwrap_or_else(|| enforced(&draft));
        conditions.set(Type::PoliciesEnforced, truth, reason, message);
    }
    conditions.set_stalled(done);
    if let Some(mode) = &draft.suspended {
        conditions.set(Type::Suspended, Truth::True, Reason::Suspended, format!("its tenant is suspended: {mode}"));
    }
    let seat = draft.seat.as_ref();
    let summary = if route.metadata.deletion_timestamp.is_some() {
        "it is deleted, and still served until another one of its tenant is that asks for its path"
    } else {
        "the gateway serves it, and somebody answers"
    };
    ServiceRouteStatus {
        observed_generation: generation,
        urls: seat.filter(|_| serves).map(|seat| urls(seat, &draft)).unwrap_or_default(),
        claim: seat.map(|seat| ClaimStatus {
            hosts: seat.hosts.clone(),
            path: seat.path.clone(),
            holder: holder(route, &draft),
        }),
        implementation: seat.map(|seat| Implementation {
            profile: seat.profile.name.clone(),
            gateway: seat.gateway.clone(),
            controller: draft.controller.as_ref().and_then(|gateway| gateway.name.clone()),
            missing_features: draft.missing.iter().map(|one| format!("{}: {}", one.field, one.feature)).collect(),
        }),
        conditions: conditions.summarise(&parts, summary),
    }
}

fn holder(route: &ServiceRoute, draft: &Draft) -> Option<String> {
    match draft.ruling.as_ref()? {
        Ruling::Lost(holder, _) => Some(holder.clone()),
        Ruling::Had(_) if serves_it(draft) => {
            let part = |text: &Option<String>| text.clone().unwrap_or_default();
            Some(format!("ServiceRoute {}/{}", part(&route.metadata.namespace), part(&route.metadata.name)))
        }
        Ruling::Had(_) | Ruling::Unknown(_) => None,
    }
}

/// Whether requests to it are answered, as the gateway and the endpoints tell.
fn programmed(draft: &Draft) -> Verdict {
    let pending = |text: &str| (Truth::Unknown, Reason::Pending, text.to_owned());
    let (Some(seat), Some(gateway)) = (&draft.seat, &draft.controller) else {
        return pending("it is on no gateway");
    };
    if let Some(Ruling::Lost(_, why)) = &draft.ruling {
        return (Truth::False, Reason::PathConflict, why.clone());
    }
    if let Some(one) = draft.missing.iter().find(|one| one.is_strict) {
        let text = format!("it is withdrawn, as it must not serve without {}", one.field);
        return (Truth::False, Reason::PolicyNotEnforced, text);
    }
    if let Some(trouble) = &gateway.trouble {
        return trouble.clone();
    }
    if draft.suspended.as_deref() == Some("Quarantine") {
        return (Truth::False, Reason::Suspended, "in quarantine nothing reaches its pods".into());
    }
    if draft.lacks_backend {
        return (Truth::False, Reason::NoEndpoints, "a backend of it is missing".into());
    }
    if draft.routes.is_empty() {
        return pending("its route is not written yet");
    }
    if !serves_it(draft) {
        return pending("its route is there, and not for these hosts and this path yet");
    }
    if let Some(verdict) = draft.routes.iter().find_map(|route| not_taken(route, seat, gateway)) {
        return verdict;
    }
    let reached: Vec<(&Listener, &str)> = reached(seat, draft).collect();
    if !reached.is_empty()
        && reached.iter().all(|(listener, _)| listener.trouble.is_some())
        && let Some((name, trouble)) = reached.iter().find_map(|(one, _)| Some((&one.name, one.trouble.as_ref()?)))
    {
        let text = format!("listener {name} of {} does not work: {trouble}", seat.gateway);
        return (Truth::False, Reason::GatewayNotReady, text);
    }
    if let Some(Ruling::Had(intruders)) = &draft.ruling
        && !intruders.is_empty()
    {
        return (Truth::False, Reason::PathConflict, intruders.join("; "));
    }
    let silent: Vec<&str> =
        draft.served.iter().filter(|one| one.answers == Some(false)).map(|one| one.title.as_str()).collect();
    if !silent.is_empty() {
        let text = format!("nobody answers behind {}: see what it says itself", silent.join(", "));
        return (Truth::False, Reason::NoEndpoints, text);
    }
    let unseen = draft.served.iter().filter(|one| one.answers.is_none()).map(|one| one.title.as_str());
    let unseen: Vec<&str> = unseen.collect();
    let message = if unseen.is_empty() {
        format!("gateway {} has taken it", seat.gateway)
    } else {
        format!(
            "gateway {} has taken it; whether anybody answers behind {} is not looked at",
            seat.gateway,
            unseen.join(", ")
        )
    };
    (Truth::True, Reason::Succeeded, message)
}

/// Whether its routes are for what the spec asks for now: an earlier spec's stay while a new one cannot be acted on.
fn serves_it(draft: &Draft) -> bool {
    let Some(seat) = &draft.seat else { return false };
    let is_for = |route: &Value, host: &str| {
        let has = |field: &str, text: &str| route[field].as_array().into_iter().flatten().any(|one| one == text);
        let paths = route["paths"].as_array().into_iter().flatten();
        has("parents", &seat.gateway)
            && has("hostnames", host)
            && paths.into_iter().any(|one| one["value"] == seat.path.as_str())
    };
    seat.hosts.iter().all(|host| draft.routes.iter().any(|route| is_for(route, host)))
}

/// Why the gateway has not taken a route as it is written now.
fn not_taken(route: &Value, seat: &Seat, gateway: &Controller) -> Option<Verdict> {
    let controller = gateway.name.as_deref();
    let entries = route["told"].as_array().into_iter().flatten();
    let entries: Vec<&Value> = entries
        .filter(|one| one["parent"] == seat.gateway.as_str() && one["controller"].as_str() == controller)
        .collect();
    // One for each listener that it names.
    let named = route["parents"].as_array().into_iter().flatten().filter(|one| **one == seat.gateway.as_str());
    if entries.is_empty() || entries.len() < named.count() {
        return Some((
            Truth::Unknown,
            Reason::GatewayNotReady,
            format!("gateway {} has not looked at it yet", seat.gateway),
        ));
    }
    // What is said of one that does not work is said of the listener.
    let works = |entry: &&Value| {
        let named = |one: &&Listener| entry["section"] == one.name.as_str();
        gateway.listeners.iter().find(named).is_none_or(|one| one.trouble.is_none())
    };
    entries.into_iter().filter(works).find_map(|entry| not_taken_so(entry, route, seat))
}

/// Why this entry of what is told does not say that it is taken.
fn not_taken_so(entry: &Value, route: &Value, seat: &Seat) -> Option<Verdict> {
    for type_ in ["Accepted", "ResolvedRefs"] {
        let conditions = entry["conditions"].as_array().into_iter().flatten();
        let Some(one) = conditions.into_iter().find(|one| one["type"] == type_) else {
            let text = format!("gateway {} does not say {type_} of it yet", seat.gateway);
            return Some((Truth::Unknown, Reason::GatewayNotReady, text));
        };
        if one["observedGeneration"].as_i64() < route["generation"].as_i64() {
            let text = format!("gateway {} has taken an earlier state of it", seat.gateway);
            return Some((Truth::Unknown, Reason::GatewayNotReady, text));
        }
        if one["status"] != "True" {
            let words = |field: &str| one[field].as_str().unwrap_or_default();
            let text = format!(
                "gateway {} says {type_}={}: {}: {}",
                seat.gateway,
                words("status"),
                words("reason"),
                words("message")
            );
            return Some((Truth::False, Reason::GatewayNotReady, text));
        }
    }
    None
}

/// What is wrong with the policies that are told how they stand; none while they are in effect. The worst is said first.
fn told(draft: &Draft, world: &World) -> Option<Verdict> {
    let (seat, gateway) = draft.seat.as_ref().zip(draft.controller.as_ref())?;
    let verdicts = draft.told.iter().filter_map(|key| {
        let facts = match world.get(key) {
            Lookup::Found(facts) => Some(facts),
            Lookup::Missing | Lookup::NotSynced => None,
        };
        let title = format!("{} {}", key.resource.kind, key.name);
        match standing_of(facts.as_deref(), seat, gateway.name.as_deref()) {
            Standing::Enforced => None,
            Standing::Unknown(why) => Some((Truth::Unknown, Reason::Pending, format!("{title} {why}"))),
            Standing::Overridden(words) => {
                Some((Truth::False, Reason::PolicyNotEnforced, format!("{title} is overridden: {words}")))
            }
            Standing::Rejected(words) => {
                Some((Truth::False, Reason::PolicyNotEnforced, format!("{title} is rejected: {words}")))
            }
        }
    });
    verdicts.min_by_key(|(truth, ..)| *truth)
}

/// Whether each policy is enforced.
fn enforced(draft: &Draft) -> Verdict {
    if draft.controller.as_ref().is_none_or(|gateway| !gateway.is_known()) {
        return (Truth::Unknown, Reason::Pending, "it is not known what the gateway can enforce".into());
    }
    if !draft.is_wanted && draft.missing.is_empty() {
        let text = "the route is left as it was, with the policies that it had: the other conditions say why";
        return (Truth::Unknown, Reason::Pending, text.into());
    }
    if draft.missing.is_empty() {
        let told =
            ["every policy of the spec is put into effect"].into_iter().chain(draft.notes.iter().map(String::as_str));
        return (Truth::True, Reason::Succeeded, told.collect::<Vec<_>>().join("; "));
    }
    let all: Vec<String> = draft.missing.iter().map(|one| format!("{} (needs {})", one.field, one.feature)).collect();
    (Truth::False, Reason::PolicyNotEnforced, format!("nothing does {}", all.join(", ")))
}

/// The listeners that its hosts reach, of those that take its routes.
fn reached<'a>(seat: &'a Seat, draft: &'a Draft) -> impl Iterator<Item = (&'a Listener, &'a str)> {
    let listeners = draft.controller.iter().flat_map(|gateway| &gateway.listeners);
    listeners.filter(|one| one.is_open && one.speaks(seat.protocol)).flat_map(|listener| {
        let answers =
            |host: &&str| listener.hostname.as_deref().is_none_or(|named| crate::names::is_host_within(host, named));
        seat.hosts.iter().map(String::as_str).filter(answers).map(move |host| (listener, host))
    })
}

/// Where it is called: at every listener that works and that its hosts reach.
fn urls(seat: &Seat, draft: &Draft) -> Vec<String> {
    let url = |(listener, host): (&Listener, &str)| {
        let (scheme, usual) = match listener.protocol.as_str() {
            "HTTP" => ("http", 80),
            "HTTPS" => ("https", 443),
            "TLS" => ("tls", 443),
            // A stream is found at whatever address the gateway has.
            "TCP" => return seat.profile.hosts.first().map(|any| format!("tcp://{any}{host}")),
            _ => return None,
        };
        let port = if listener.port == usual { String::new() } else { format!(":{}", listener.port) };
        let path = match seat.path.as_str() {
            "/" if scheme == "tls" => "",
            "/" => "/",
            path => return Some(format!("{scheme}://{host}{port}{path}/")),
        };
        Some(format!("{scheme}://{host}{port}{path}"))
    };
    let mut urls: Vec<String> = reached(seat, draft).filter(|(one, _)| one.trouble.is_none()).filter_map(url).collect();
    urls.sort();
    urls.dedup();
    urls.truncate(64);
    urls
}
