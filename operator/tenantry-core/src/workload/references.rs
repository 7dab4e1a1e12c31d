//! What a workload refers to, and who refers to it: one mechanism for all kinds. Both sides come to the same answer from the same
//! resources, so a way through the network is opened at both ends or at none, and closed at both as soon as its reason goes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::home::{Home, Standing, standing};
use super::sort::{self, SORTS, Sort};
use super::types::{Connections, Reference};
use crate::conditions::Reason;
use crate::grants::{Caller, Granted, Permission, gate, guests, permission};
use crate::object::ObjectKey;
use crate::plan::{Denial, Plan};
use crate::resources::Resource;
use crate::world::{Lookup, Scope, World};

/// A way through the network: to or from the pods of one workload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    /// Namespace of the other end; none if it is the same.
    pub(crate) namespace: Option<String>,
    /// Kind of the other end.
    pub(crate) kind: &'static str,
    /// Name of the other end.
    pub(crate) name: String,
    /// The port that is called, at whichever end is called.
    pub(crate) port: i32,
}

/// What a reference leads to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    /// Where it is called; by its defaults while it does not exist. None if it may not be called.
    pub(crate) url: Option<String>,
    /// Its custom resource, if it exists and may be called.
    pub(crate) cr: Option<std::sync::Arc<Value>>,
    /// The way there; none if it does not exist, may not be called, or is not in the cluster.
    pub(crate) edge: Option<Edge>,
    /// Whether it cannot be told yet if it exists.
    pub(crate) unknown: bool,
}

impl Target {
    /// Whether it says that it is ready, for its present spec.
    pub(crate) fn ready(&self) -> bool {
        let Some(cr) = &self.cr else { return false };
        let conditions = cr["status"]["conditions"].as_array().into_iter().flatten();
        conditions.into_iter().any(|one| {
            one["type"] == "Ready"
                && one["status"] == "True"
                && one["observedGeneration"] == cr["metadata"]["generation"]
        })
    }
}

/// Looks up what a field refers to, and notes in the plan if it is not there to be used.
pub(crate) fn follow(
    key: &ObjectKey,
    title: &str,
    field: &str,
    world: &World,
    plan: &mut Plan,
) -> Lookup<std::sync::Arc<Value>> {
    match world.get(key) {
        Lookup::Found(cr) if cr["metadata"]["deletionTimestamp"].is_null() => Lookup::Found(cr),
        Lookup::Found(_) => {
            plan.wait(Reason::RefNotFound, format!("{field}: {title} is being deleted: refer to another"));
            Lookup::Missing
        }
        Lookup::Missing => {
            plan.wait(Reason::RefNotFound, format!("{field}: there is no {title}: create it, or refer to another"));
            Lookup::Missing
        }
        Lookup::NotSynced => {
            plan.wait(Reason::Pending, format!("{field}: {title} is not known yet"));
            Lookup::NotSynced
        }
    }
}

/// Follows a reference, and notes in the plan what is in its way.
pub(crate) fn resolve(
    caller: Caller,
    reference: &Reference,
    sort: &'static Sort,
    field: &str,
    world: &World,
    now: Timestamp,
    plan: &mut Plan,
) -> Target {
    let home = caller.home;
    let own = &home.place.namespace;
    let namespace = reference.namespace.as_ref().unwrap_or(own);
    let name = &reference.name;
    let title = format!("{} {namespace}/{name}", sort.resource.kind);
    let nothing = Target { url: None, cr: None, edge: None, unknown: false };
    let is_sibling = home.siblings.contains(namespace);
    if is_sibling && !home.reaches_siblings {
        let message = format!(
            "{title} is in another environment, which tenant {} keeps apart: refer to one in {own}, or have network.betweenEnvironments of the Tenant set to Allow",
            home.place.tenant
        );
        plan.denials.push(Denial { field: field.to_owned(), message });
        return nothing;
    }
    let mut through = None;
    if namespace != own && !is_sibling {
        match permission(caller, namespace, sort.resource, name, world, now) {
            Permission::Granted(Granted { until, gate }) => {
                if let Some(end) = until {
                    plan.requeue_at(end);
                }
                through = gate;
            }
            Permission::Denied => {
                let message = format!(
                    "{title} is another tenant's: have its team make a ServiceGrant there with provider {name} and consumer {{tenant: {}, environment: {}}}, or refer to one of your own",
                    home.place.tenant, home.place.environment
                );
                plan.denials.push(Denial { field: field.to_owned(), message });
                return nothing;
            }
            Permission::DeniedToAccount => {
                let message = format!(
                    "{title} is granted to workloads that run as other ServiceAccounts than {}: set serviceAccount.name to one of them, or have its team add this one to consumer.serviceAccounts of the ServiceGrant",
                    caller.account
                );
                plan.denials.push(Denial { field: field.to_owned(), message });
                return nothing;
            }
            Permission::Unknown => {
                plan.wait(Reason::Pending, format!("{field}: it is not known yet who lets whom call {title}"));
                return Target { unknown: true, ..nothing };
            }
        }
    }
    let found = follow(&ObjectKey::namespaced(sort.resource, namespace, name), &title, field, world, plan);
    let unknown = found == Lookup::NotSynced;
    let cr = found.found();
    if let Some(grant) = through {
        // To the gate and nowhere else; not to a server elsewhere either.
        let url = Some(gate::url(namespace, &grant, sort.path_of(cr.as_deref())));
        let edge = cr.is_some().then(|| gate::edge(namespace, &grant));
        return Target { url, cr, edge, unknown };
    }
    let edge = cr.as_deref().and_then(|cr| sort.port_of(Some(cr))).map(|port| Edge {
        namespace: (namespace != own).then(|| namespace.clone()),
        kind: sort.resource.kind,
        name: name.clone(),
        port,
    });
    // While it is away its address stays as it was likely to be, so that its return does not roll those who call it.
    Target { url: sort.url(namespace, name, cr.as_deref()), cr, edge, unknown }
}

/// Who refers to a workload.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Callers {
    /// The ways from them.
    pub(crate) edges: BTreeSet<Edge>,
    /// `Kind namespace/name` of each.
    pub(crate) titles: BTreeSet<String>,
    /// Whether it cannot be told yet who does.
    pub(crate) unknown: bool,
    /// When one of them may no longer.
    pub(crate) until: Option<Timestamp>,
}

/// Everybody who refers to the workload of this sort and name, and may.
pub(crate) fn callers(
    home: &Home,
    sort: &'static Sort,
    name: &str,
    port: Option<i32>,
    world: &World,
    now: Timestamp,
) -> Callers {
    let own = &home.place.namespace;
    let guests = guests(own, sort.resource.kind, name, world, now);
    let mut callers = Callers { unknown: guests.unknown, until: guests.until, ..Callers::default() };
    let siblings = home.siblings.iter().filter(|_| home.reaches_siblings);
    let all: BTreeSet<&String> = std::iter::once(own).chain(siblings).chain(&guests.namespaces).collect();
    for namespace in all {
        for caller in SORTS {
            let Lookup::Found(found) = world.list(caller.resource, Scope::Namespace(namespace.clone())) else {
                callers.unknown = true;
                continue;
            };
            for cr in found.iter().filter(|cr| cr["metadata"]["deletionTimestamp"].is_null()) {
                if !refers_to(&cr["spec"], sort.resource.kind, name, own, namespace) {
                    continue;
                }
                // Who comes through a gate is let in there, and the gate here.
                let is_direct = match guest(namespace, home, caller, cr, world) {
                    None => true,
                    Some((guest, account)) => {
                        let asks = Caller { home: &guest, account: &account };
                        match permission(asks, own, sort.resource, name, world, now) {
                            Permission::Granted(Granted { gate, .. }) => gate.is_none(),
                            Permission::Denied | Permission::DeniedToAccount => continue,
                            Permission::Unknown => {
                                callers.unknown = true;
                                continue;
                            }
                        }
                    }
                };
                let who = cr["metadata"]["name"].as_str().unwrap_or_default();
                callers.titles.insert(format!("{} {namespace}/{who}", caller.resource.kind));
                callers.edges.extend(port.filter(|_| is_direct).map(|port| Edge {
                    namespace: (namespace != own).then(|| namespace.clone()),
                    kind: caller.resource.kind,
                    name: who.to_owned(),
                    port,
                }));
            }
        }
    }
    callers
}

/// The environment and the account of a workload of another tenant; none of one of this tenant's.
fn guest(namespace: &str, home: &Home, sort: &Sort, cr: &Value, world: &World) -> Option<(Home, String)> {
    if namespace == home.place.namespace || home.siblings.iter().any(|sibling| sibling == namespace) {
        return None;
    }
    match standing(namespace, world) {
        Standing::Home(guest) => Some((guest, sort.account(cr))),
        // Only such are guests.
        Standing::Leaving | Standing::Foreign(_) | Standing::Unknown(_) => None,
    }
}

/// Whether a workload in `from` with this spec refers to the workload of this kind and name in `namespace`.
pub(crate) fn refers_to(spec: &Value, kind: &str, name: &str, namespace: &str, from: &str) -> bool {
    references(spec).iter().any(|(called, reference)| {
        called.kind == kind && reference.name == name && reference.namespace.as_deref().unwrap_or(from) == namespace
    })
}

/// All references in a spec that has any.
fn references(spec: &Value) -> Vec<(&'static Resource, Reference)> {
    let connections: Connections = serde_json::from_value(spec.clone()).unwrap_or_default();
    let models = connections.models.into_iter().filter_map(|model| model.model_deployment_ref);
    let tools = connections.tools.into_iter().map(|tool| tool.mcp_server_ref);
    let peers = connections.peers.into_iter().map(|peer| peer.agent_ref);
    models
        .map(|one| (sort::MODEL_DEPLOYMENT.resource, one))
        .chain(tools.map(|one| (sort::MCP_SERVER.resource, one)))
        .chain(peers.map(|one| (sort::AGENT.resource, one)))
        .collect()
}
