//! Where each environment is: where it lives already, else in a namespace of its own name, or in one that it takes over by
//! mutual consent. An environment never moves by itself: what it leaves behind would be nobody's.

use std::sync::Arc;

use serde_json::Value;

use crate::conditions::Reason;
use crate::meta::{self, Owner};
use crate::names::{self, Place};
use crate::object::ObjectKey;
use crate::plan::Plan;
use crate::resources::NAMESPACE;
use crate::world::{Lookup, World};

use super::TenantKind;
use super::ownership::{Holder, describe, holder, is_leaving, is_retained, place_of};
use super::plan::{Case, is_protected};
use super::types::{Environment, Tenant};

/// Where the spec says that an environment is.
pub(super) fn wanted(tenant: &str, environment: &Environment) -> Place {
    match &environment.adopt {
        Some(adopt) => Place::elsewhere(tenant, &environment.name, &adopt.namespace),
        None => Place::environment(tenant, &environment.name),
    }
}

/// Where an environment is now: a namespace that is the tenant's, marked for it, neither retained nor on its way out.
fn home_of(tenant: &str, environment: &Environment, existing: &[Arc<Value>]) -> Option<Place> {
    let homes = existing.iter().filter(|facts| !is_retained(facts) && !is_leaving(facts));
    let homes: Vec<Place> = homes
        .filter_map(|facts| place_of(tenant, facts))
        .filter(|place| place.environment == environment.name && !place.is_home())
        .collect();
    let wanted = wanted(tenant, environment);
    homes.iter().find(|place| **place == wanted).or_else(|| homes.first()).cloned()
}

/// Where all environments of the spec are or would be, whatever is refused of it.
pub(super) fn all(tenant: &Tenant, existing: &[Arc<Value>]) -> Vec<Place> {
    let name = tenant.metadata.name.as_deref().unwrap_or_default();
    let place = |environment| home_of(name, environment, existing).unwrap_or_else(|| wanted(name, environment));
    tenant.spec.environments.iter().map(place).collect()
}

impl<'a> Case<'a> {
    /// The environments that can have a namespace, and who holds it now.
    pub(super) fn environments(
        &self,
        existing: &[Arc<Value>],
        plan: &mut Plan,
    ) -> Vec<(&'a Environment, Place, Holder)> {
        let mut environments: Vec<(&Environment, Place, Holder)> = Vec::new();
        for environment in &self.tenant.spec.environments {
            let field = format!("spec.environments[{}]", environment.name);
            if environments.iter().any(|(earlier, _, _)| earlier.name == environment.name) {
                plan.refuse(Reason::Invalid, format!("{field}.name"), "is there twice: remove one");
                continue;
            }
            let wanted = wanted(self.name, environment);
            let home = home_of(self.name, environment, existing);
            if let Some((part, fault)) = self.unusable(environment, &wanted, home.as_ref(), existing) {
                plan.refuse(Reason::Invalid, format!("{field}.{part}"), fault);
                continue;
            }
            let place = match home {
                Some(home) if home != wanted => {
                    let text = format!(
                        "environment {} lives in namespace {}, and an environment does not move to {}: put adopt back as it was, or remove the environment and add it under another name",
                        environment.name, home.namespace, wanted.namespace
                    );
                    plan.refuse(Reason::Invalid, format!("{field}.adopt"), text);
                    home
                }
                _ => wanted,
            };
            let mut holder = holder(&place, self.world);
            if environment.adopt.is_some() {
                holder = consider(&place, holder, self.world);
            }
            environments.push((environment, place, holder));
        }
        environments
    }

    /// Why the spec may not have this namespace for this environment at all: which field says so, and what is wrong.
    fn unusable(
        &self,
        environment: &Environment,
        wanted: &Place,
        home: Option<&Place>,
        existing: &[Arc<Value>],
    ) -> Option<(&'static str, String)> {
        let namespace = &wanted.namespace;
        let part = if environment.adopt.is_some() { "adopt.namespace" } else { "name" };
        let others = || self.tenant.spec.environments.iter().filter(|other| other.name != environment.name);
        let lives_there = |place: Option<&Place>| place.is_some_and(|place| place.namespace == *namespace);
        if environment.name == meta::HOME || *namespace == self.name {
            return Some((part, "is the tenant's own namespace: choose another name".to_owned()));
        }
        if !names::is_dns_label(&environment.name) || !names::is_dns_label(namespace) {
            return Some((
                part,
                format!(
                    "{namespace} is no name for a namespace: use lower-case letters, digits and dashes, at most 63 together with the tenant's name"
                ),
            ));
        }
        if is_protected(namespace, self.platform, self.world) {
            return Some((
                part,
                format!("namespace {namespace} is protected: choose another name, or ask the platform team"),
            ));
        }
        // Whoever lives there stays; among those who only ask, nobody is preferred to one whose name it is.
        let resident = others().find(|other| lives_there(home_of(self.name, other, existing).as_ref()));
        let rival = || {
            let asks = |other: &&Environment| self::wanted(self.name, other).namespace == *namespace;
            others().find(asks).filter(|_| environment.adopt.is_some() && !lives_there(home))
        };
        let other = resident.or_else(rival)?;
        Some((
            part,
            format!("namespace {namespace} is that of environment {}: choose another one for one of them", other.name),
        ))
    }
}

/// Whether what stands there may be taken over.
fn consider(place: &Place, holder: Holder, world: &World) -> Holder {
    if !matches!(holder, Holder::Foreign(_) | Holder::Nobody) {
        return holder;
    }
    let namespace = &place.namespace;
    let facts = match world.get(&ObjectKey::cluster(&NAMESPACE, namespace)) {
        Lookup::Found(facts) => facts,
        Lookup::Missing => return Holder::Absent,
        Lookup::NotSynced => return Holder::Unknown,
    };
    if is_leaving(&facts) {
        return Holder::Foreign("it is being deleted: wait until it is gone, or name another".to_owned());
    }
    let labelled = facts["metadata"]["labels"][meta::TENANT].as_str().map(str::to_owned);
    let marked = Owner::marked_on(&facts).map(|owner| owner.name);
    for other in labelled.into_iter().chain(marked).filter(|other| *other != place.tenant) {
        let still_wants = match world.get_kind::<TenantKind>("", &other) {
            Lookup::Missing => false,
            Lookup::NotSynced => return Holder::Unknown,
            Lookup::Found(tenant) => {
                let own = other == *namespace;
                own || !is_retained(&facts) || all(&tenant, &[]).iter().any(|place| place.namespace == *namespace)
            }
        };
        if still_wants {
            let text = format!("{}: remove it there first, with deletionPolicy Retain", describe(&facts));
            return Holder::Foreign(text);
        }
    }
    let consent = facts["metadata"]["annotations"][meta::ADOPTABLE_BY].as_str();
    if consent == Some(place.tenant.as_str()) {
        return Holder::Adoptable(facts);
    }
    let (whom, again) = match consent {
        Some(other) => (format!("it consents to tenant {other} only"), " --overwrite"),
        None => ("it does not consent".to_owned(), ""),
    };
    Holder::Foreign(format!(
        "{whom}; whoever may edit it consents by: kubectl annotate{again} namespace {namespace} {}={}",
        meta::ADOPTABLE_BY,
        place.tenant
    ))
}
