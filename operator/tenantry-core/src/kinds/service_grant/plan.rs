//! The plan of a contract: at the provider's end, a hole for those namespaces that have accepted it; at the consumer's end, a way to
//! what is offered. Both ends judge both sides, so that neither opens before the other agrees, and both close at once.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;

use super::types::{ServiceGrant, ServiceGrantSpec};
use crate::build::{GrantedPods, build_grant_egress, build_grant_ingress};
use crate::conditions::Reason;
use crate::grants::{Guests, Lapse, acceptances, asks_too_much, guests, is_for, is_open_to, lapse, target};
use crate::kinds::service_route::types::Backend;
use crate::object::ObjectKey;
use crate::plan::{Denial, Plan, Undecided};
use crate::resources::{NETWORK_POLICY, SERVICE_GRANT};
use crate::routing::{Served, backends};
use crate::workload::sort::SORTS;
use crate::workload::{Home, Standing, home_of, refers_to, standing};
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
struct End<'a> {
    name: &'a str,
    namespace: &'a str,
    home: &'a Home,
    world: &'a World<'a>,
    now: Timestamp,
}

impl End<'_> {
    fn offer(&self, spec: &ServiceGrantSpec, provider: &Backend, draft: &mut Draft) {
        describe(spec, provider, self.namespace, draft);
        draft.offer = Some(spec.clone());
        if let Some(field) = asks_too_much(spec) {
            let text = "nothing here can hold callers to it, and the grant would give more than it says: remove it, and grant the whole service or publish a part of it by a ServiceRoute";
            draft.plan.refuse(Reason::Unsupported, field, text);
        }
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
        let served = self.served(provider, self.namespace, "spec.provider", draft);
        if !draft.plan.refusals.is_empty() {
            return;
        }
        // Those who accept it for all pods of a namespace are let in here; workloads that refer to it are by its own policy.
        let Lookup::Found(accepting) = acceptances(self.namespace, self.name, self.world) else {
            return self.wait_for_grants(draft);
        };
        let mut namespaces = BTreeSet::new();
        for one in &accepting {
            let Some(namespace) = one["metadata"]["namespace"].as_str() else { continue };
            if is_open_to(spec, namespace, self.world) {
                namespaces.insert(namespace.to_owned());
                draft.consumers.insert(format!(
                    "ServiceGrant {namespace}/{}",
                    one["metadata"]["name"].as_str().unwrap_or_default()
                ));
            }
        }
        self.note_callers(spec, provider, draft);
        if let Some(served) = served.filter(|_| !namespaces.is_empty() && !self.is_quarantined()) {
            let pods = pods(&served, self.namespace);
            draft.plan.want(build_grant_ingress(&self.home.place, self.name, &pods, &namespaces));
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
        draft.lapse = lapse(&offer, &spec, self.now);
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
            None => {}
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
        if self.is_quarantined() {
            return;
        }
        draft.consumers.insert(format!("ServiceGrant {}/{}", self.namespace, self.name));
        draft.url = Some(self.url(&provider, namespace, &served));
        draft.plan.want(build_grant_egress(&self.home.place, self.name, &pods(&served, namespace)));
    }

    fn is_quarantined(&self) -> bool {
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

    /// What is not known leaves the ways as they are. In quarantine there are none.
    fn leave_ways(&self, draft: &mut Draft) {
        if !self.is_quarantined() {
            draft.plan.undecided.push(Undecided::Kind(&NETWORK_POLICY, self.namespace.to_owned()));
        }
    }

    /// The Service that is offered, and its pods.
    fn served(&self, provider: &Backend, namespace: &str, field: &str, draft: &mut Draft) -> Option<Served> {
        let resolution = backends(provider, &[], namespace, self.world, field, &mut draft.plan);
        if resolution.unknown {
            self.leave_ways(draft);
        }
        resolution.served.into_iter().next()
    }

    /// Workloads of the consumer that refer to what is offered.
    fn note_callers(&self, spec: &ServiceGrantSpec, provider: &Backend, draft: &mut Draft) {
        let Some((kind, name)) = target(provider) else { return };
        let Guests { namespaces, .. } = guests(self.namespace, kind, &name, self.world, self.now);
        for namespace in namespaces.iter().filter(|namespace| is_open_to(spec, namespace, self.world)) {
            for sort in SORTS {
                let listed = self.world.list(sort.resource, Scope::Namespace(namespace.clone())).found();
                let refer = listed
                    .into_iter()
                    .flatten()
                    .filter(|cr| refers_to(&cr["spec"], kind, &name, self.namespace, namespace));
                draft.consumers.extend(refer.map(|cr| {
                    format!(
                        "{} {namespace}/{}",
                        sort.resource.kind,
                        cr["metadata"]["name"].as_str().unwrap_or_default()
                    )
                }));
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
