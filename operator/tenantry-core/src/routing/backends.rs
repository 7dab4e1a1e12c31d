//! Where requests end: a backend becomes Services, the pods behind them, and the shares and headers that decide among them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::conditions::Reason;
use crate::kinds::service_route::types::{Backend, ServiceRef, Variant};
use crate::object::ObjectKey;
use crate::plan::{Plan, Refusal};
use crate::resources::TENANT_SERVICE;
use crate::workload::sort::{AGENT, APPLICATION, MCP_SERVER, MODEL_DEPLOYMENT, Sort};
use crate::workload::{follow, has_endpoints};
use crate::world::{Lookup, Scope, World};

/// One Service, and the pods behind it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Served {
    /// Name of the Service.
    pub(crate) service: String,
    /// Its port.
    pub(crate) port: i32,
    /// The pods' port, by number or name.
    pub(crate) target: Value,
    /// Labels that select its pods.
    pub(crate) selector: BTreeMap<String, String>,
    /// Whether anybody answers there; `None` where nobody looks.
    pub(crate) answers: Option<bool>,
    /// What it is, as `Kind name`.
    pub(crate) title: String,
}

/// Which requests a rule is for, and what shares of them go where.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// The headers that requests must carry, if it is not for all.
    pub(crate) headers: BTreeMap<String, String>,
    /// The Services, each with its weight. One at least has a weight over 0.
    pub(crate) shares: Vec<(Served, i32)>,
}

impl Answer {
    /// Whether it can send a request there.
    pub(crate) fn leads_to(&self, served: &Served) -> bool {
        self.shares.iter().any(|(one, _)| one == served)
    }
}

/// What one backend comes to: its own share, and that of each version it has besides.
struct Resolved {
    shares: Vec<(Served, i32)>,
    matches: Vec<(BTreeMap<String, String>, Served)>,
}

/// What a route's backends come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Resolution {
    /// Rules in the order in which they must stand: those that look at headers first. None while any backend is missing.
    pub(crate) answers: Option<Vec<Answer>>,
    /// All Services that are there, each once.
    pub(crate) served: Vec<Served>,
    /// Whether it cannot be told yet of one whether it is there.
    pub(crate) unknown: bool,
}

/// Follows all references to backends, and notes in the plan what is missing. `field` is where the main one stands.
pub(crate) fn backends(
    backend: &Backend,
    variants: &[Variant],
    namespace: &str,
    world: &World,
    field: &str,
    plan: &mut Plan,
) -> Resolution {
    let waits = plan.waits.len();
    let main = resolve(backend, field, namespace, world, plan);
    let others: Vec<Option<Resolved>> = variants
        .iter()
        .map(|one| resolve(&one.backend, &format!("spec.variants[{}].backend", one.name), namespace, world, plan))
        .collect();
    let unknown = plan.waits[waits..].iter().any(|wait| wait.reason == Reason::Pending);
    let mut served: Vec<Served> = Vec::new();
    for one in std::iter::once(&main).chain(&others).flatten() {
        let all = one.shares.iter().map(|(served, _)| served).chain(one.matches.iter().map(|(_, served)| served));
        for this in all {
            if !served.contains(this) {
                served.push(this.clone());
            }
        }
    }
    let answers = main
        .zip(others.into_iter().collect::<Option<Vec<_>>>())
        .and_then(|(main, others)| answers(main, variants, &others, plan));
    Resolution { answers, served, unknown }
}

fn answers(main: Resolved, variants: &[Variant], others: &[Resolved], plan: &mut Plan) -> Option<Vec<Answer>> {
    let mut rules = Vec::new();
    let taken: i32 = variants.iter().filter_map(|one| one.weight).sum();
    let mut shares: Vec<(Served, i32)> = scaled(&main.shares, 100 - taken);
    for (variant, one) in variants.iter().zip(others) {
        if let Some(wanted) = &variant.match_ {
            rules.push(Answer { headers: wanted.headers.clone(), shares: reduced(one.shares.clone()) });
        }
        if let Some(weight) = variant.weight {
            shares.extend(scaled(&one.shares, weight));
        }
    }
    rules.extend(main.matches.into_iter().map(|(headers, served)| Answer { headers, shares: vec![(served, 1)] }));
    rules.push(Answer { headers: BTreeMap::new(), shares: reduced(shares) });
    if let Some(long) = rules.iter().find(|rule| rule.shares.len() > MOST_SHARES) {
        let text = format!(
            "{} Services would share the same requests, and a rule of a route can name {MOST_SHARES}: have fewer variants or versions",
            long.shares.len()
        );
        plan.refusals.push(Refusal::new(Reason::Invalid, "spec.variants", text));
        return None;
    }
    Some(rules)
}

/// What a rule of the Gateway API can name.
const MOST_SHARES: usize = 16;

fn scaled(shares: &[(Served, i32)], percent: i32) -> Vec<(Served, i32)> {
    shares.iter().map(|(served, weight)| (served.clone(), weight * percent)).collect()
}

/// The same shares in small numbers, as people would write them.
fn reduced(mut shares: Vec<(Served, i32)>) -> Vec<(Served, i32)> {
    fn divisor(one: i32, other: i32) -> i32 {
        if other == 0 { one } else { divisor(other, one % other) }
    }
    let all = shares.iter().fold(0, |all, (_, weight)| divisor(all, *weight)).max(1);
    for (_, weight) in &mut shares {
        *weight /= all;
    }
    if let [(_, only)] = shares.as_mut_slice() {
        *only = 1;
        return shares;
    }
    let sum: i32 = shares.iter().map(|(_, weight)| weight).sum();
    if sum > 0 && 100 % sum == 0 {
        for (_, weight) in &mut shares {
            *weight *= 100 / sum;
        }
    }
    shares
}

fn resolve(backend: &Backend, field: &str, namespace: &str, world: &World, plan: &mut Plan) -> Option<Resolved> {
    let workloads = [
        ("agentRef", &AGENT, &backend.agent_ref),
        ("mcpServerRef", &MCP_SERVER, &backend.mcp_server_ref),
        ("modelDeploymentRef", &MODEL_DEPLOYMENT, &backend.model_deployment_ref),
        ("applicationRef", &APPLICATION, &backend.application_ref),
    ];
    for (part, sort, reference) in workloads {
        if let Some(reference) = reference {
            return workload(sort, &reference.name, &format!("{field}.{part}"), namespace, world, plan);
        }
    }
    // The schema sees to it that there is one.
    let reference = backend.service_ref.as_ref()?;
    service(reference, &format!("{field}.serviceRef"), namespace, world, plan)
}

fn workload(
    sort: &'static Sort,
    name: &str,
    field: &str,
    namespace: &str,
    world: &World,
    plan: &mut Plan,
) -> Option<Resolved> {
    let title = format!("{} {name}", sort.resource.kind);
    let cr = follow(&ObjectKey::namespaced(sort.resource, namespace, name), &title, field, world, plan).found()?;
    let Some(port) = sort.port_of(Some(&cr)) else {
        let text = format!("{title} listens at no port in this cluster: give it ports, or refer to another");
        plan.refusals.push(Refusal::new(Reason::Invalid, field, text));
        return None;
    };
    let served = |version: Option<&str>| {
        let service = sort.child(&Sort::instance(name, version));
        let selector = sort.labels(&Sort::mark(name, version));
        Served {
            answers: Some(has_endpoints(namespace, &service, world)),
            service,
            port,
            target: json!(port),
            selector: selector.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            title: version.map_or_else(|| title.clone(), |version| format!("{title}, version {version}")),
        }
    };
    let versions: Vec<&Value> = cr["spec"]["versions"].as_array().into_iter().flatten().collect();
    let percent = |one: &Value| one["trafficPercent"].as_i64().and_then(|it| i32::try_from(it).ok()).unwrap_or(0);
    let taken: i32 = versions.iter().map(|one| percent(one)).sum();
    let mut resolved = Resolved { shares: vec![(served(None), (100 - taken).max(0))], matches: Vec::new() };
    for version in versions {
        let this = served(version["name"].as_str());
        if percent(version) > 0 {
            resolved.shares.push((this.clone(), percent(version)));
        }
        let headers: BTreeMap<String, String> =
            serde_json::from_value(version["match"]["headers"].clone()).unwrap_or_default();
        if !headers.is_empty() {
            resolved.matches.push((headers, this));
        }
    }
    Some(resolved)
}

fn service(reference: &ServiceRef, field: &str, namespace: &str, world: &World, plan: &mut Plan) -> Option<Resolved> {
    let name = &reference.name;
    let Lookup::Found(services) = world.list(&TENANT_SERVICE, Scope::Namespace(namespace.to_owned())) else {
        plan.wait(Reason::Pending, format!("{field}: Services are not known yet"));
        return None;
    };
    let Some(found) = services.iter().find(|one| one["name"] == name.as_str()) else {
        plan.wait(Reason::RefNotFound, format!("{field}: there is no Service {name}: create it, or refer to another"));
        return None;
    };
    if found["type"] == "ExternalName" {
        let text = format!(
            "Service {name} is another name for something elsewhere, which nobody here has published: refer to one that selects pods"
        );
        plan.refusals.push(Refusal::new(Reason::Invalid, field, text));
        return None;
    }
    let ports = found["ports"].as_array().into_iter().flatten();
    let Some(port) = ports.into_iter().find(|one| one["port"] == reference.port) else {
        plan.wait(
            Reason::RefNotFound,
            format!("{field}: Service {name} has no port {}: name one that it has", reference.port),
        );
        return None;
    };
    let selector: BTreeMap<String, String> = serde_json::from_value(found["selector"].clone()).unwrap_or_default();
    if selector.is_empty() {
        let text =
            format!("Service {name} selects no pods, so nobody can tell to whom it leads: refer to one that does");
        plan.refusals.push(Refusal::new(Reason::Invalid, field, text));
        return None;
    }
    let served = Served {
        service: name.clone(),
        port: reference.port,
        target: port["target"].clone(),
        selector,
        answers: None,
        title: format!("Service {name}"),
    };
    Some(Resolved { shares: vec![(served, 1)], matches: Vec::new() })
}
