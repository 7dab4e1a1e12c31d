//! Listeners that the platform gives a tenant alone: a ListenerSet in the home namespace on a Gateway of the platform's, listeners in that
//! Gateway itself (`entries.rs`), or a Gateway in each environment; with certificates where HTTPS is asked for. What is on them cannot be
//! taken by another tenant's routes at all.

use std::collections::BTreeSet;

use crate::build::{
    Listening, build_certificate, build_entries, build_gateway, build_listener_set, build_reference_grant,
};
use crate::conditions::Reason;
use crate::kinds::tenantry_platform::types::{GatewayProfile, Https};
use crate::names::Place;
use crate::object::{Desired, ObjectKey};
use crate::plan::{Plan, Undecided};
use crate::resources::{CERTIFICATE, GATEWAY, LISTENER_SET, REFERENCE_GRANT, Resource, is_served};
use crate::routing::{Feature, MOST_LISTENERS, Manner, is_known_of_any, manner};
use crate::world::{Lookup, Scope, World};

use super::entries::{self, Wanted};
use super::ownership::Holder;
use super::plan::{Case, Common, Draft, Planned};

/// The kinds of all that is made for them in the tenant's namespaces.
pub(super) const LISTENING: [&Resource; 4] = [&GATEWAY, &LISTENER_SET, &CERTIFICATE, &REFERENCE_GRANT];

impl Case<'_> {
    /// Wants them all, in those namespaces of the tenant's that are there or are being made.
    pub(super) fn want_listeners(&self, draft: &mut Draft, common: &Common, places: &[Planned]) {
        let plan = &mut draft.plan;
        let owner = format!("tenants//{}", self.name);
        // What may not be served must not be looked at. `None` is ignorance.
        let sees = |kind: &'static Resource, served: Option<bool>| match served {
            Some(true) if self.world.list(kind, Scope::OwnedBy(owner.clone())) == Lookup::NotSynced => None,
            known => known,
        };
        let gateways = sees(&GATEWAY, is_served(&GATEWAY, self.world));
        let sets = match gateways {
            Some(true) => sees(&LISTENER_SET, is_known_of_any(Feature::ListenerSet, self.world)),
            unserved => unserved,
        };
        let certificates =
            Certificates { are_served: sees(&CERTIFICATE, is_served(&CERTIFICATE, self.world)), world: self.world };
        let grants = sees(&REFERENCE_GRANT, is_served(&REFERENCE_GRANT, self.world));
        let home = Place::home(self.name);
        let environments = places.iter().filter(|planned| {
            matches!(planned.holder, Holder::Ours(_)) || common.namespaces.contains(&planned.place.namespace)
        });
        let environments: Vec<&Planned> = environments.collect();
        let leave = |kind: &'static Resource, plan: &mut Plan| {
            let namespaces = std::iter::once(&home).chain(environments.iter().map(|planned| &planned.place));
            plan.undecided.extend(namespaces.map(|place| Undecided::Kind(kind, place.namespace.clone())));
        };
        // Which hostnames are the tenant's may not be settled.
        let unsettled = common.settings.namespace_refused;
        for (kind, seen) in LISTENING.into_iter().zip([gateways, sets, certificates.are_served, grants]) {
            if seen.is_none() || (unsettled && seen == Some(true)) {
                leave(kind, plan);
            }
        }
        if unsettled {
            return;
        }
        let mut wanted = Wanted::default();
        let mut is_settled = true;
        for profile in &self.platform.gateways {
            let stages = environments.iter().filter(|planned| profile.serves(planned.environment.stage.label()));
            let mut serving = stages.peekable();
            if serving.peek().is_none() {
                continue;
            }
            match manner(profile, self.world) {
                Err(what) => {
                    plan.wait(Reason::Pending, what);
                    for kind in LISTENING {
                        leave(kind, plan);
                    }
                    is_settled = false;
                }
                Ok(Manner::Shared) => {}
                Ok(Manner::Set) if sets == Some(true) => want_set(plan, common, profile, &home, &certificates),
                // Routes that would need them say so. What there is may be needed again.
                Ok(Manner::Set) => leave(&LISTENER_SET, plan),
                Ok(Manner::Entries) => want_entries(plan, common, profile, &home, &certificates, grants, &mut wanted),
                Ok(Manner::Own) if gateways == Some(true) => {
                    for planned in serving {
                        want_gateway(plan, common, profile, &planned.place, &certificates);
                    }
                }
                Ok(Manner::Own) => leave(&GATEWAY, plan),
            }
        }
        if !is_settled {
            return;
        }
        if let Err(what) = entries::settle(self.name, &wanted, self.world, plan)
            && !wanted.is_empty()
        {
            plan.wait(Reason::Pending, what);
        }
    }
}

fn want_set(plan: &mut Plan, common: &Common, profile: &GatewayProfile, home: &Place, certificates: &Certificates) {
    let hosts = &common.settings.allowed.hostnames;
    let Some(reference) = profile.gateway_ref.as_ref().filter(|_| !hosts.is_empty()) else { return };
    let secret = certificates.certified(plan, profile, home, hosts);
    let listening = Listening { profile, hosts, secret: secret.as_deref() };
    let object = build_listener_set(home, &listening, reference);
    let count = object.body()["spec"]["listeners"].as_array().map_or(0, Vec::len);
    if count > MOST_LISTENERS {
        let text = format!(
            "{count} listeners would be needed on Gateway {}/{}, and a ListenerSet holds {MOST_LISTENERS}: name fewer hostnames, such as one with *. for all beneath",
            reference.namespace, reference.name
        );
        plan.refuse(Reason::Invalid, "spec.hostnames", text);
        plan.undecided.push(Undecided::Object(object.key().clone()));
        return;
    }
    want(plan, object);
}

/// Collects what is wanted in the platform's Gateway itself, and lets that use the certificate.
fn want_entries<'a>(
    plan: &mut Plan,
    common: &Common,
    profile: &'a GatewayProfile,
    home: &Place,
    certificates: &Certificates,
    grants: Option<bool>,
    wanted: &mut Wanted<'a>,
) {
    let hosts = &common.settings.allowed.hostnames;
    let Some(reference) = profile.gateway_ref.as_ref().filter(|_| !hosts.is_empty()) else { return };
    let secret = certificates.certified(plan, profile, home, hosts);
    match (&secret, grants) {
        (Some(secret), Some(true)) => want(plan, build_reference_grant(home, profile, &reference.namespace, secret)),
        (Some(_), Some(false)) => {
            let text = format!(
                "gateway profile {} of the platform has HTTPS, whose certificate Gateway {}/{} may use by a ReferenceGrant alone, and this cluster does not serve those: have the Gateway API's custom resources installed whole",
                profile.name, reference.namespace, reference.name
            );
            plan.wait(Reason::ProviderMissing, text);
        }
        (Some(_), None) | (None, _) => {}
    }
    let listening = Listening { profile, hosts, secret: secret.as_deref() };
    wanted.add(profile, reference, build_entries(home, &listening));
}

fn want_gateway(
    plan: &mut Plan,
    common: &Common,
    profile: &GatewayProfile,
    place: &Place,
    certificates: &Certificates,
) {
    let hosts: BTreeSet<&String> = common.settings.allowed.hostnames.iter().chain(&profile.hosts).collect();
    let hosts: Vec<String> = hosts.into_iter().cloned().collect();
    let secret = certificates.certified(plan, profile, place, &hosts);
    let listening = Listening { profile, hosts: &hosts, secret: secret.as_deref() };
    want(plan, build_gateway(place, &listening));
}

/// Whether cert-manager is there, and what it says.
struct Certificates<'a> {
    /// `None` is ignorance.
    are_served: Option<bool>,
    world: &'a World<'a>,
}

impl Certificates<'_> {
    /// The Secret of HTTPS, if there is to be any; and who makes it, if it is not there already.
    fn certified(&self, plan: &mut Plan, profile: &GatewayProfile, place: &Place, hosts: &[String]) -> Option<String> {
        let Https { issuer_ref, secret_name, .. } = profile.listeners.as_ref()?.https.as_ref()?;
        let Some(issuer) = issuer_ref else { return secret_name.clone() };
        if hosts.is_empty() {
            return None;
        }
        let object = build_certificate(place, profile, issuer, hosts);
        if self.are_served == Some(true) {
            let lacking = self.lacking(object.key());
            if let Some(why) = lacking.filter(|_| plan.decides(object.key())) {
                let text = format!(
                    "HTTPS of gateway profile {} waits for {} by ClusterIssuer {}: {why}",
                    profile.name,
                    object.key(),
                    issuer.name
                );
                plan.wait(Reason::Pending, text);
            }
            want(plan, object);
        } else if self.are_served == Some(false) {
            let text = format!(
                "gateway profile {} of the platform has certificates made by cert-manager, which this cluster does not have: have it installed, or the profile name a Secret",
                profile.name
            );
            plan.wait(Reason::ProviderMissing, text);
        }
        Some(profile.own_name())
    }

    /// Why a Certificate that is there has not been issued as it is wanted now. Of a renewal that fails cert-manager says so only when
    /// the certificate is of no use any more, and so do we.
    fn lacking(&self, key: &ObjectKey) -> Option<String> {
        let facts = self.world.get(key).found()?;
        let ready = &facts["ready"];
        let text = |field: &str| ready[field].as_str().unwrap_or_default();
        if ready.is_null() || ready["observedGeneration"].as_i64() < facts["generation"].as_i64() {
            let text = "cert-manager has not looked at it yet; where it never does, see that it runs, and is bound to ClusterRole tenantry:exempt, without which it may not write beside what is Tenantry's";
            return Some(text.to_owned());
        }
        (ready["status"] != "True").then(|| {
            format!(
                "cert-manager says Ready={}: {}: {}; the CertificateRequests beside it say more",
                text("status"),
                text("reason"),
                text("message")
            )
        })
    }
}

/// Where the plan leaves the namespace as it is, so are these.
fn want(plan: &mut Plan, object: Desired) {
    let key: &ObjectKey = object.key();
    if plan.decides(key) {
        plan.want(object);
    }
}
