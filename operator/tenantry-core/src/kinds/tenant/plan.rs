//! The Tenant's plan: settle who holds the namespaces, resolve the settings, then want everything that each namespace
//! needs. What is refused withholds only the objects it decides; nothing that exists is lost or loosened by it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::build::Opening;
use crate::check;
use crate::conditions::Reason;
use crate::fields::{DeletionPolicy, PodSecurity, Quantities};
use crate::kinds::tenant_class::TenantClassKind;
use crate::kinds::tenant_class::types::TenantClassSpec;
use crate::kinds::tenantry_platform::TenantryPlatformKind;
use crate::kinds::tenantry_platform::types::TenantryPlatformSpec;
use crate::names::{self, Place};
use crate::plan::{Plan, Undecided};
use crate::resources::NAMESPACE;
use crate::world::{Lookup, Scope, World};

use super::members::{self, Members};
use super::ownership::{Holder, holder, is_own};
use super::quota::Share;
use super::replicate::Replicas;
use super::settings::Settings;
use super::types::{Effective, Environment, RetainedStatus, Tenant};
use super::{network, places, quota, retire, rights, settings};

/// The plan, and what the status tells of how it came about.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) plan: Plan,
    pub(super) environments: Vec<EnvironmentDraft>,
    pub(super) retained: Vec<RetainedStatus>,
    pub(super) effective: Option<Effective>,
    pub(super) assigned: Quantities,
    /// What keeps a Terminating namespace from ending, in the words of the namespace controller.
    pub(super) blockers: Vec<String>,
}

/// How one environment stands before anything is written.
#[derive(Debug)]
pub(super) struct EnvironmentDraft {
    pub(super) place: Place,
    pub(super) uid: Option<String>,
    pub(super) pod_security: PodSecurity,
    pub(super) quota: Quantities,
    pub(super) members: usize,
    /// Why it is not as the spec wants it, other than by writes that are under way.
    pub(super) obstacle: Option<(Reason, String)>,
}

/// Plans a Tenant.
pub(super) fn draft(tenant: &Tenant, world: &World, now: Timestamp) -> Draft {
    let mut draft = Draft::default();
    let name = tenant.metadata.name.clone().unwrap_or_default();
    let class = world.get_kind::<TenantClassKind>("", &tenant.spec.class_name);
    let Lookup::Found(existing) = world.list(&NAMESPACE, Scope::OwnedBy(format!("tenants//{name}"))) else {
        return undecided(draft, Reason::Pending, "namespaces are not known yet");
    };
    // A copy of a namespace carries the mark of the first, and is nobody's to change or delete.
    let (existing, copies): (Vec<_>, Vec<_>) = existing.into_iter().partition(|facts| is_own(&name, facts));
    let spoken_for = places::all(tenant, &existing);
    let copies: Vec<_> =
        copies.into_iter().filter(|facts| !spoken_for.iter().any(|place| place.namespace == name_of(facts))).collect();
    draft.plan.undecided.extend(copies.iter().map(|facts| Undecided::Namespace(name_of(facts).to_owned())));
    draft.plan.undecided.extend(retire::guards_of_unmarked(tenant, &existing));
    draft.blockers = existing.iter().flat_map(|facts| blockers(facts)).collect();
    if tenant.metadata.deletion_timestamp.is_some() {
        if class == Lookup::NotSynced && tenant.spec.deletion_policy == DeletionPolicy::Delete && !existing.is_empty() {
            let text = format!("TenantClass {} is not known, and may forbid deleting", tenant.spec.class_name);
            return undecided(draft, Reason::Pending, text);
        }
        let class = class.found();
        let allowed = class.as_ref().and_then(|class| class.spec.bounds.deletion_policies.as_deref());
        retire::retire_all(tenant, &existing, allowed, &mut draft.plan);
        return draft;
    }
    let platform = match world.get_kind::<TenantryPlatformKind>("", "default") {
        Lookup::Found(platform) => platform.spec,
        Lookup::Missing => TenantryPlatformSpec::default(),
        Lookup::NotSynced => return undecided(draft, Reason::Pending, "TenantryPlatform default is not known yet"),
    };
    let class = match class {
        Lookup::Found(class) => class.spec,
        Lookup::Missing => {
            let text = format!(
                "spec.className: there is no TenantClass {}: create it, or name another",
                tenant.spec.class_name
            );
            draft.plan.wait(Reason::RefNotFound, text);
            rights::decide_alone(&mut draft.plan, tenant, &existing, &platform, world, now);
            return draft;
        }
        Lookup::NotSynced => {
            draft.plan.wait(Reason::Pending, format!("TenantClass {} is not known yet", tenant.spec.class_name));
            rights::decide_alone(&mut draft.plan, tenant, &existing, &platform, world, now);
            return draft;
        }
    };
    if let Some((reason, fault)) = unusable_name(&name, &platform, world) {
        draft.plan.refuse(reason, "metadata.name", fault);
        rights::decide_alone(&mut draft.plan, tenant, &existing, &platform, world, now);
        return draft;
    }
    let case = Case { tenant, name: &name, class: &class, platform: &platform, world };
    case.fill(&mut draft, &existing, now);
    draft
}

fn undecided(mut draft: Draft, reason: Reason, message: impl Into<String>) -> Draft {
    draft.plan.undecided.push(Undecided::Everything);
    draft.plan.wait(reason, message);
    draft
}

/// Why no namespace may be made under this tenant name at all.
fn unusable_name(name: &str, platform: &TenantryPlatformSpec, world: &World) -> Option<(Reason, String)> {
    if !names::is_dns_label(name) || name.len() > 40 {
        return Some((
            Reason::Invalid,
            "must be at most 40 lower-case letters, digits and dashes, as it names namespaces: choose another name"
                .into(),
        ));
    }
    if is_protected(name, platform) {
        return Some((Reason::Invalid, format!("{name} is protected: choose another name, or ask the platform team")));
    }
    match holder(&Place::home(name), world) {
        Holder::Foreign(whose) => Some((
            Reason::NotOwned,
            format!("namespace {name} is not this tenant's: {whose}; choose another name, or remove that namespace"),
        )),
        _ => None,
    }
}

pub(super) fn is_protected(namespace: &str, platform: &TenantryPlatformSpec) -> bool {
    check::is_protected(namespace)
        || namespace == names::OPERATOR_NAMESPACE
        || names::is_among(namespace, &platform.protected_namespaces)
}

/// Whether the environment would come to be by this plan.
fn is_new(holder: &Holder) -> bool {
    matches!(holder, Holder::Nobody | Holder::Adoptable(_) | Holder::Absent)
}

fn name_of(facts: &Value) -> &str {
    facts["metadata"]["name"].as_str().unwrap_or_default()
}

/// What stands in the way of the end of a namespace.
fn blockers(facts: &Value) -> Vec<String> {
    let name = facts["metadata"]["name"].as_str().unwrap_or_default();
    let conditions = facts["status"]["conditions"].as_array().into_iter().flatten();
    conditions
        .filter(|condition| condition["status"] == "True")
        .filter_map(|condition| Some(format!("{name}: {}", condition["message"].as_str()?)))
        .collect()
}

/// Everything that is looked at while planning one Tenant.
pub(super) struct Case<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) name: &'a str,
    pub(super) class: &'a TenantClassSpec,
    pub(super) platform: &'a TenantryPlatformSpec,
    pub(super) world: &'a World<'a>,
}

/// What holds for all namespaces of the Tenant.
pub(super) struct Common<'a> {
    pub(super) settings: Settings,
    pub(super) openings: Option<Vec<Opening>>,
    pub(super) quotas_good: bool,
    pub(super) members: Members<'a>,
    pub(super) replicas: Replicas<'a>,
    /// All namespaces of the tenant, home first, as the admission policies are told.
    pub(super) namespaces: Vec<String>,
}

impl<'a> Case<'a> {
    fn fill(&self, draft: &mut Draft, existing: &[Arc<Value>], now: Timestamp) {
        let spec = &self.tenant.spec;
        let environments = self.environments(existing, &mut draft.plan);
        let settings = settings::resolve(spec, self.class, self.platform, &mut draft.plan);
        let openings = network::openings(spec, &settings, self.class, self.platform, &mut draft.plan);
        let quotas: BTreeMap<&str, Quantities> = environments
            .iter()
            .map(|(environment, _, _)| {
                (environment.name.as_str(), settings::environment_quota(environment, self.class))
            })
            .collect();
        let quotas_good = self.check_quotas(draft, &settings, &quotas);
        let mut places = vec![Place::home(self.name)];
        places.extend(
            environments
                .iter()
                .filter(|(_, _, holder)| !matches!(holder, Holder::Foreign(_)))
                .map(|(_, place, _)| place.clone()),
        );
        let members = members::resolve(self.tenant, &places, self.platform, self.world, now, &mut draft.plan);
        draft.effective = Some(settings.effective(self.platform));
        // What is yet to be taken over is another's until then, and may stay so.
        let alien = |place: &Place| {
            let holder = environments.iter().find(|(_, other, _)| other == place).map(|(_, _, holder)| holder);
            matches!(holder, Some(Holder::Adoptable(_) | Holder::Absent))
        };
        let namespaces = places.iter().filter(|place| !alien(place)).map(|place| place.namespace.clone()).collect();
        let replicas = self.replicas(&mut draft.plan);
        let common = Common { settings, openings, quotas_good, members, replicas, namespaces };
        self.plan_home(draft, &common, is_new(&holder(&places[0], self.world)));
        let existing_count = environments.iter().filter(|(_, _, holder)| !is_new(holder)).count();
        let limit = self.class.bounds.environments.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let mut free = limit.saturating_sub(existing_count);
        if environments.len() > limit {
            let text = format!(
                "{} environments are more than the {limit} that class {} allows: remove some; no further namespace is made",
                environments.len(),
                spec.class_name
            );
            draft.plan.refuse(Reason::Invalid, "spec.environments", text);
        }
        for (environment, place, holder) in &environments {
            let quota = quotas.get(environment.name.as_str()).cloned().unwrap_or_default();
            let fits = !is_new(holder) || free > 0;
            free = free.saturating_sub(usize::from(is_new(holder)));
            self.plan_environment(draft, &common, environment, place, holder, &quota, fits);
        }
        self.retire_removed(draft, existing, &environments);
    }

    fn check_quotas(&self, draft: &mut Draft, settings: &Settings, quotas: &BTreeMap<&str, Quantities>) -> bool {
        let plan = &mut draft.plan;
        let mut good = quota::check_names("spec.quota", &settings.quota, plan);
        for (environment, max) in quotas {
            good &= quota::check_names(&format!("spec.environments[{environment}].quota.max"), max, plan);
        }
        let shares: Vec<Share> = quotas.iter().map(|(environment, max)| Share { environment, max }).collect();
        draft.assigned = quota::assigned(&shares);
        good &= quota::check_bound(&settings.quota, &self.tenant.spec.class_name, self.class, plan);
        good && quota::check_sum(&settings.quota, &shares, plan)
    }

    fn retire_removed(
        &self,
        draft: &mut Draft,
        existing: &[Arc<Value>],
        environments: &[(&Environment, Place, Holder)],
    ) {
        let fate = retire::fate(self.tenant, self.class.bounds.deletion_policies.as_deref());
        let named = places::all(self.tenant, existing);
        for facts in existing {
            let name = name_of(facts);
            if name == self.name || environments.iter().any(|(_, place, _)| place.namespace == name) {
                continue;
            }
            if named.iter().any(|place| place.namespace == name) {
                // The spec asks for it and was refused (its name has been protected since): it stays as it is.
                draft.plan.undecided.push(Undecided::Namespace(name.to_owned()));
                continue;
            }
            draft.retained.extend(retire::retire(self.tenant, facts, fate, &mut draft.plan));
        }
    }
}
