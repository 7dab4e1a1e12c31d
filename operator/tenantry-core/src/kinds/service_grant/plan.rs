//! The plan of a contract: at the provider's end, a hole for those namespaces that have accepted it; at the consumer's end, a way to
//! what is offered. Both ends judge both sides, so that neither opens before the other agrees, and both close at once.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;

use super::types::{ServiceGrant, ServiceGrantSpec};
use crate::build::{GrantedPods, build_grant_egress, build_grant_ingress, gate_pods};
use crate::conditions::{Reason, Truth};
use crate::grants::{
    Caller, Granted, Lapse, Permission, acceptances, accounts, gate, is_for, is_for_account, is_open_to, lapse,
    permission, target,
};
use crate::kinds::service_route::types::Backend;
use crate::meta;
use crate::object::ObjectKey;
use crate::plan::{Denial, Plan, Undecided};
use crate::resources::{NAMESPACE, NETWORK_POLICY, SERVICE_GRANT};
use crate::routing::{Served, backends};
use crate::workload::sort::SORTS;
use crate::workload::{Edge, Home, Lack, Standing, home_of, refers_to, standing};
use crate::world::{Lookup, Scope, World};

/// The plan, and what the status tells of how it came about.
#[derive(Default)]
pub(super) struct Draft {
    /// The plan.
    pub(super) plan: Plan,
    /// Who makes use of it, as `Kind namespace/name`.
    pub(super) consumers: BTreeSet<String>,
    /// What is called, as `Kind namespace/name`.
    pub(super) provider: Option<String>,
    /// Who may call it.
    pub(super) consumer: Option<String>,
    /// What the offer says, at either end.
    pub(super) offer: Option<ServiceGrantSpec>,
    /// Why it does not hold.
    pub(super) lapse: Option<Lapse>,
    /// Where the consumer's pods call it.
    pub(super) url: Option<String>,
    /// How the gate is, if there is one: value, reason and message.
    pub(super) gate: Option<(Truth, Reason, String)>,
    /// Why nothing is open, though nothing is wrong.
    pub(super) quarantine: Option<String>,
    /// Whether all is known that an offer depends on, and nothing forbids it.
    pub(super) holds: bool,
}

/// Those who have taken an offer.
#[derive(Default)]
pub(super) struct Takers {
    /// Namespaces that have accepted it for all their pods.
    pub(super) namespaces: BTreeSet<String>,
    /// Workloads that refer to what is offered, and whose way leads through its gate.
    pub(super) workloads: BTreeSet<Edge>,
    /// Those who would, were they not in quarantine.
    asleep: BTreeSet<String>,
    /// Whether it cannot be told yet who does.
    unknown: bool,
}

/// Plans a contract, at either end.
pub(super) fn draft(grant: &ServiceGrant, world: &World, now: Timestamp) -> Draft {
    let mut draft = Draft::default();
    let namespace = grant.metadata.namespace.as_deref().unwrap_or_default();
    let Some(home) = home_of(namespace, world, &mut draft.plan) else {
        // A contract does not outlive the environment that it is made in.
        if !draft.plan.refusals.is_empty() {
            draft.plan.undecided.clear();
        }
        return draft;
    };
    let end = End { name: grant.metadata.name.as_deref().unwrap_or_default(), namespace, home: &home, world, now };
    match (&grant.spec.provider, &grant.spec.accept) {
        (Some(provider), _) => end.offer(&grant.spec, provider, &mut draft),
        (None, Some(accept)) => end.accept(&accept.namespace, &accept.name, &mut draft),
        // The schema sees to it that there is one.
        (None, None) => {}
    }
    draft
}

/// One end of a contract.
pub(super) struct End<'a> {
    pub(super) name: &'a str,
    pub(super) namespace: &'a str,
    pub(super) home: &'a Home,
    pub(super) world: &'a World<'a>,
    pub(super) now: Timestamp,
}

impl End<'_> {
    fn offer(&self, spec: &ServiceGrantSpec, provider: &Backend, draft: &mut Draft) {
        describe(spec, provider, self.namespace, draft);
        draft.offer = Some(spec.clone());
        if spec.consumer.as_ref().is_some_and(|consumer| consumer.tenant == self.home.place.tenant) {
            let text = "is the tenant itself, whose environments reach each other by network.betweenEnvironments of the Tenant: name another tenant";
            draft.plan.refuse(Reason::Invalid, "spec.consumer.tenant", text);
        }
        if let Some(end) = spec.expires_at
            && end > self.now
        {
            draft.plan.requeue_at(end);
        }
        if spec.expires_at.is_some_and(|end| end <= self.now) {
            draft.lapse = Some(Lapse::Expired);
            return;
        }
        let image = match gate::image(spec, self.namespace, self.world) {
            Ok(image) => image,
            Err(Lack::Refused(refusal)) => {
                draft.plan.refusals.push(refusal);
                None
            }
            Err(Lack::Unknown(what)) => {
                draft.plan.wait(Reason::Pending, what);
                return self.leave_ways(draft);
            }
        };
        let served = self.served(provider, self.namespace, "spec.provider", draft);
        if !draft.plan.refusals.is_empty() {
            return;
        }
        self.note_tenant(spec, draft);
        self.note_missing_tools(spec, provider, draft);
        let Some(takers) = self.takers(spec, provider, draft).filter(|takers| !takers.unknown) else {
            return self.wait_for_grants(draft);
        };
        self.note_quarantine(&takers, draft);
        let Some(served) = served else { return };
        draft.holds = true;
        let pods = pods(&served, self.namespace);
        match image {
            // Only who comes makes a gate worth having.
            Some(_) if draft.consumers.is_empty() => {}
            Some(image) => self.want_gate(spec, provider, (image, &served, &pods), &takers, draft),
            // Those who accept it for all pods of a namespace are let in here; workloads that refer to it are by its own policy.
            None if takers.namespaces.is_empty() || self.is_quarantined() => {}
            None => draft.plan.want(build_grant_ingress(&self.home.place, self.name, &pods, &takers.namespaces)),
        }
    }

    /// A tenant that is not there yet may come.
    fn note_tenant(&self, spec: &ServiceGrantSpec, draft: &mut Draft) {
        let Some(consumer) = &spec.consumer else { return };
        let namespaces = match self.world.list(&NAMESPACE, Scope::Indexed(consumer.tenant.clone())) {
            Lookup::Found(namespaces) => namespaces,
            Lookup::Missing => Vec::new(),
            Lookup::NotSynced => return,
        };
        let has = |environment: &String| {
            namespaces.iter().any(|one| one["metadata"]["labels"][meta::ENVIRONMENT] == environment.as_str())
        };
        let missing = if namespaces.is_empty() {
            format!("spec.consumer.tenant: there is no tenant {}", consumer.tenant)
        } else if let Some(environment) = consumer.environment.as_ref().filter(|one| !has(one)) {
            format!("spec.consumer.environment: tenant {} has no environment {environment}", consumer.tenant)
        } else {
            return;
        };
        draft
            .plan
            .wait(Reason::RefNotFound, format!("{missing}: see that it is written right, or wait until it comes"));
    }

    /// Who has taken it; none while that is not known.
    fn takers(&self, spec: &ServiceGrantSpec, provider: &Backend, draft: &mut Draft) -> Option<Takers> {
        let accepting = match acceptances(self.namespace, self.name, self.world) {
            Lookup::Found(accepting) => accepting,
            Lookup::Missing => Vec::new(),
            Lookup::NotSynced => return None,
        };
        let mut takers = Takers::default();
        for one in accepting.iter().filter(|_| accounts(spec).is_empty()) {
            let Some(namespace) = one["metadata"]["namespace"].as_str() else { continue };
            let title = format!("ServiceGrant {namespace}/{}", one["metadata"]["name"].as_str().unwrap_or_default());
            if is_open_to(spec, namespace, self.world) {
                takers.namespaces.insert(namespace.to_owned());
                draft.consumers.insert(title);
            } else if self.guest(spec, namespace).is_some() {
                takers.asleep.insert(title);
            }
        }
        self.note_callers(spec, provider, &mut takers, draft);
        Some(takers)
    }

    /// Both ends are closed while either is in quarantine.
    fn note_quarantine(&self, takers: &Takers, draft: &mut Draft) {
        let asleep: Vec<&str> = takers.asleep.iter().map(String::as_str).collect();
        if self.is_quarantined() {
            draft.quarantine = Some("its tenant is in quarantine: nobody reaches anything of it meanwhile".to_owned());
        } else if draft.consumers.is_empty() && !asleep.is_empty() {
            draft.quarantine = Some(format!(
                "taken by {}, whose tenant is in quarantine: nothing is open until that ends",
                asleep.join(", ")
            ));
        }
    }

    /// The environment in a namespace, if the offer is made to it, be it in quarantine or not.
    fn guest(&self, spec: &ServiceGrantSpec, namespace: &str) -> Option<Home> {
        match standing(namespace, self.world) {
            Standing::Home(home) => Some(home).filter(|home| is_for(spec, home)),
            Standing::Leaving | Standing::Foreign(_) | Standing::Unknown(_) => None,
        }
    }

    fn accept(&self, namespace: &str, name: &str, draft: &mut Draft) {
        let field = "spec.accept";
        let title = format!("ServiceGrant {namespace}/{name}");
        let offer = match self.world.get(&ObjectKey::namespaced(&SERVICE_GRANT, namespace, name)) {
            Lookup::Found(offer) => offer,
            Lookup::Missing => {
                draft.plan.wait(
                    Reason::RefNotFound,
                    format!("{field}: there is no {title}: have its team make it, or remove this one"),
                );
                return;
            }
            Lookup::NotSynced => return self.wait_for_grants(draft),
        };
        let spec: ServiceGrantSpec = serde_json::from_value(offer["spec"].clone()).unwrap_or_default();
        let denied = |message: String| Denial { field: field.to_owned(), message };
        let Some(provider) = spec.provider.clone().filter(|_| is_for(&spec, self.home)) else {
            let text = format!(
                "{title} grants nothing to environment {} of tenant {}: have its consumer changed, or remove this one",
                self.home.place.environment, self.home.place.tenant
            );
            draft.plan.denials.push(denied(text));
            return;
        };
        if self.home.siblings.iter().any(|sibling| sibling == namespace) {
            let text = format!(
                "{title} is the tenant's own, whose environments reach each other by network.betweenEnvironments of the Tenant: remove this one"
            );
            draft.plan.denials.push(denied(text));
            return;
        }
        describe(&spec, &provider, namespace, draft);
        draft.offer = Some(spec.clone());
        draft.lapse = lapse(&offer, &spec, self.world, self.now);
        match draft.lapse {
            Some(Lapse::Expired) => {
                return draft
                    .plan
                    .denials
                    .push(denied(format!("{title} has expired: have it renewed, or remove this one")));
            }
            Some(Lapse::Void) => {
                return draft.plan.denials.push(denied(format!("{title} is not in force: its own status says why")));
            }
            Some(Lapse::Unknown) => return self.wait_for_grants(draft),
            None => {}
        }
        if let [account, ..] = accounts(&spec) {
            let text = format!(
                "{title} is for workloads that run as {account} or another account it names, and which account all pods here run as cannot be told: refer to what it grants from such a workload, or have its consumer.serviceAccounts removed"
            );
            draft.plan.denials.push(denied(text));
            return;
        }
        if let Some(end) = spec.expires_at {
            draft.plan.requeue_at(end);
        }
        // Whoever offers must be an environment itself.
        match standing(namespace, self.world) {
            Standing::Home(home) if home.is_quarantined() => {
                return draft
                    .plan
                    .denials
                    .push(denied(format!("{title} is of a tenant in quarantine: nobody reaches it meanwhile")));
            }
            Standing::Home(_) => {}
            Standing::Unknown(what) => {
                draft.plan.wait(Reason::Pending, what);
                self.leave_ways(draft);
                return;
            }
            Standing::Leaving | Standing::Foreign(_) => {
                return draft.plan.denials.push(denied(format!("namespace {namespace} is no environment of a tenant")));
            }
        }
        let Some(served) = self.served(&provider, namespace, field, draft) else { return };
        draft.holds = true;
        if self.is_quarantined() {
            return self.note_quarantine(&Takers::default(), draft);
        }
        draft.consumers.insert(format!("ServiceGrant {}/{}", self.namespace, self.name));
        let to = if gate::needs_gate(&spec).is_some() {
            self.look_at_gate(namespace, name, draft);
            draft.url = Some(gate::url(namespace, name, &self.path(&provider, namespace)));
            gate_pods(namespace, name)
        } else {
            draft.url = Some(self.url(&provider, namespace, &served));
            pods(&served, namespace)
        };
        draft.plan.want(build_grant_egress(&self.home.place, self.name, &to));
    }

    pub(super) fn is_quarantined(&self) -> bool {
        self.home.is_quarantined()
    }

    fn wait_for_grants(&self, draft: &mut Draft) {
        draft.plan.wait(Reason::Pending, "it is not known yet who lets whom call what");
        self.leave_ways(draft);
    }

    /// Where what is offered is called: at the path of its protocol, if it has one.
    fn url(&self, provider: &Backend, namespace: &str, served: &Served) -> String {
        let (kind, name) = target(provider).unwrap_or_default();
        let sort = SORTS.iter().find(|sort| sort.resource.kind == kind);
        let url = sort.and_then(|sort| {
            let cr = self.world.get(&ObjectKey::namespaced(sort.resource, namespace, name.as_str())).found();
            sort.url(namespace, &name, cr.as_deref())
        });
        url.unwrap_or_else(|| format!("http://{}.{namespace}.svc:{}", served.service, served.port))
    }

    /// The path of its protocol, if it has one.
    fn path(&self, provider: &Backend, namespace: &str) -> String {
        let (kind, name) = target(provider).unwrap_or_default();
        let sort = SORTS.iter().find(|sort| sort.resource.kind == kind);
        let path = sort.map(|sort| {
            let cr = self.world.get(&ObjectKey::namespaced(sort.resource, namespace, name.as_str())).found();
            sort.path_of(cr.as_deref()).to_owned()
        });
        path.unwrap_or_default()
    }

    /// What is not known leaves the ways as they are, and the gate. In quarantine there are no ways.
    fn leave_ways(&self, draft: &mut Draft) {
        if !self.is_quarantined() {
            draft.plan.undecided.push(Undecided::Kind(&NETWORK_POLICY, self.namespace.to_owned()));
        }
        self.leave_gate(draft);
    }

    /// The Service that is offered, and its pods.
    fn served(&self, provider: &Backend, namespace: &str, field: &str, draft: &mut Draft) -> Option<Served> {
        let resolution = backends(provider, &[], namespace, self.world, field, &mut draft.plan);
        if resolution.unknown {
            self.leave_ways(draft);
        }
        resolution.served.into_iter().next()
    }

    /// Workloads of the consumer that refer to what is offered. One that has a wider grant of the same makes no use of this one's gate.
    fn note_callers(&self, spec: &ServiceGrantSpec, provider: &Backend, takers: &mut Takers, draft: &mut Draft) {
        let (Some((kind, name)), Some(consumer)) = (target(provider), &spec.consumer) else { return };
        let Some(called) = SORTS.iter().find(|sort| sort.resource.kind == kind) else { return };
        let is_gated = gate::needs_gate(spec).is_some();
        let Lookup::Found(namespaces) = self.world.list(&NAMESPACE, Scope::Indexed(consumer.tenant.clone())) else {
            takers.unknown = true;
            return;
        };
        for namespace in namespaces.iter().filter_map(|one| one["metadata"]["name"].as_str()) {
            let Some(guest) = self.guest(spec, namespace) else { continue };
            for sort in SORTS {
                let Lookup::Found(listed) = self.world.list(sort.resource, Scope::Namespace(namespace.to_owned()))
                else {
                    takers.unknown = true;
                    continue;
                };
                for cr in listed.iter().filter(|cr| cr["metadata"]["deletionTimestamp"].is_null()) {
                    let account = sort.account(cr);
                    if !refers_to(&cr["spec"], kind, &name, self.namespace, namespace)
                        || !is_for_account(spec, &account)
                    {
                        continue;
                    }
                    let who = cr["metadata"]["name"].as_str().unwrap_or_default();
                    let title = format!("{} {namespace}/{who}", sort.resource.kind);
                    if guest.is_quarantined() {
                        takers.asleep.insert(title);
                        continue;
                    }
                    let asks = Caller { home: &guest, account: &account };
                    match permission(asks, self.namespace, called.resource, &name, self.world, self.now) {
                        Permission::Granted(Granted { gate: None, .. }) if !is_gated => {}
                        Permission::Granted(Granted { gate: Some(through), .. }) if through == self.name => {
                            takers.workloads.insert(Edge {
                                namespace: Some(namespace.to_owned()),
                                kind: sort.resource.kind,
                                name: who.to_owned(),
                                port: gate::PORT,
                            });
                        }
                        Permission::Granted(_) | Permission::Denied | Permission::DeniedToAccount => continue,
                        Permission::Unknown => {
                            takers.unknown = true;
                            continue;
                        }
                    }
                    draft.consumers.insert(title);
                }
            }
        }
    }
}

fn describe(spec: &ServiceGrantSpec, provider: &Backend, namespace: &str, draft: &mut Draft) {
    draft.provider = target(provider).map(|(kind, name)| format!("{kind} {namespace}/{name}"));
    draft.consumer = spec
        .consumer
        .as_ref()
        .map(|consumer| format!("{}/{}", consumer.tenant, consumer.environment.as_deref().unwrap_or("*")));
}

fn pods(served: &Served, namespace: &str) -> GrantedPods {
    GrantedPods { namespace: namespace.to_owned(), selector: served.selector.clone(), port: json!(served.target) }
}
