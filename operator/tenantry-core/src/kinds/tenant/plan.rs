//! The Tenant's plan: settle who holds the namespaces, resolve the settings, then want everything that each namespace
//! needs. What is refused withholds only the objects it decides; nothing that exists is lost or loosened by it.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::build::Opening;
use crate::check;
use crate::conditions::Reason;
use crate::escrow::{Escrow, Share};
use crate::fields::{DeletionPolicy, PodSecurity, Quantities};
use crate::kinds::tenant_class::TenantClassKind;
use crate::kinds::tenant_class::types::TenantClassSpec;
use crate::kinds::tenantry_platform;
use crate::kinds::tenantry_platform::types::TenantryPlatformSpec;
use crate::names::{self, Place};
use crate::plan::{Plan, Undecided};
use crate::resources::NAMESPACE;
use crate::world::{Lookup, Scope, World};

use super::members::{self, Members};
use super::ownership::{Holder, holder, is_leaving, is_own};
use super::replicate::Replicas;
use super::settings::Settings;
use super::suspend::Stopped;
use super::types::{Conflicts, Effective, Environment, RetainedStatus, Tenant};
use super::{entries, escrow, leaving, network, places, quarantine, quota, retire, rights, settings, workloads};

/// The plan, and what the status tells of how it came about.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) plan: Plan,
    pub(super) environments: Vec<EnvironmentDraft>,
    pub(super) retained: Vec<RetainedStatus>,
    pub(super) effective: Option<Effective>,
    /// What keeps a Terminating namespace from ending, in the words of the namespace controller.
    pub(super) blockers: Vec<String>,
    /// What became of others' workloads and policies, of a tenant that is suspended or was.
    pub(super) stopped: Stopped,
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
    /// What was in an adopted namespace and could not be made again.
    pub(super) conflicts: Option<Conflicts>,
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
    draft.blockers = existing.iter().flat_map(|facts| leaving::blockers(facts)).collect();
    let platform = tenantry_platform::settings(world);
    if tenant.metadata.deletion_timestamp.is_some() {
        if class == Lookup::NotSynced && tenant.spec.deletion_policy == DeletionPolicy::Delete && !existing.is_empty() {
            let text = format!("TenantClass {} is not known, and may forbid deleting", tenant.spec.class_name);
            return undecided(draft, Reason::Pending, text);
        }
        let class = class.found();
        let allowed = class.as_ref().and_then(|class| class.spec.bounds.deletion_policies.as_deref());
        // What is wrong with the members of a tenant that ends is nobody's concern any more; that a membership ends is.
        let mut about_members = Plan::default();
        let places = places::all(tenant, &existing);
        let members = platform
            .as_ref()
            .map(|platform| members::resolve(tenant, &places, platform, world, now, &mut about_members));
        draft.plan.requeue_at = about_members.requeue_at.filter(|_| existing.iter().any(|facts| is_leaving(facts)));
        retire::retire_all(tenant, &existing, allowed, members.as_ref(), world, &mut draft.plan);
        if draft.plan.release {
            entries::withdraw(&name, world, &mut draft.plan);
        }
        return draft;
    }
    let Some(platform) = platform else {
        return undecided(draft, Reason::Pending, "TenantryPlatform default is not known yet");
    };
    let class = match class {
        Lookup::Found(class) => class.spec,
        Lookup::Missing => {
            let text = format!(
                "spec.className: there is no TenantClass {}: create it, or name another",
                tenant.spec.class_name
            );
            draft.plan.wait(Reason::RefNotFound, text);
            draft.stopped = rights::decide_alone(&mut draft.plan, tenant, &existing, &platform, world, now);
            return draft;
        }
        Lookup::NotSynced => {
            draft.plan.wait(Reason::Pending, format!("TenantClass {} is not known yet", tenant.spec.class_name));
            draft.stopped = rights::decide_alone(&mut draft.plan, tenant, &existing, &platform, world, now);
            return draft;
        }
    };
    if let Some((reason, fault)) = unusable_name(&name, &platform, world) {
        draft.plan.refuse(reason, "metadata.name", fault);
        draft.stopped = rights::decide_alone(&mut draft.plan, tenant, &existing, &platform, world, now);
        return draft;
    }
    let case = Case { tenant, name: &name, class: &class, platform: &platform, world, unbound: OnceCell::new() };
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
    if is_protected(name, platform, world) {
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

pub(super) fn is_protected(namespace: &str, platform: &TenantryPlatformSpec, world: &World) -> bool {
    check::is_protected(namespace)
        || [names::OPERATOR_NAMESPACE, world.operator_namespace()].contains(&namespace)
        || names::is_among(namespace, &platform.protected_namespaces)
}

/// Whether the environment would come to be by this plan.
fn is_new(holder: &Holder) -> bool {
    matches!(holder, Holder::Nobody | Holder::Adoptable(_) | Holder::Absent)
}

fn name_of(facts: &Value) -> &str {
    facts["metadata"]["name"].as_str().unwrap_or_default()
}

/// Everything that is looked at while planning one Tenant.
pub(super) struct Case<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) name: &'a str,
    pub(super) class: &'a TenantClassSpec,
    pub(super) platform: &'a TenantryPlatformSpec,
    pub(super) world: &'a World<'a>,
    /// Why the admission policies do not bind tenants, if they do not; looked up once somebody is to be given rights.
    pub(super) unbound: OnceCell<Option<String>>,
}

/// One environment, and what is known of it before its namespace is planned.
pub(super) struct Planned<'a> {
    pub(super) environment: &'a Environment,
    pub(super) place: Place,
    pub(super) holder: Holder,
    pub(super) share: Share,
    /// Whether the class allows so many environments.
    pub(super) fits: bool,
}

/// What holds for all namespaces of the Tenant.
pub(super) struct Common<'a> {
    pub(super) settings: Settings,
    pub(super) openings: Option<Vec<Opening>>,
    pub(super) quotas_good: bool,
    /// How the total is shared out; `None` when there is no total, when it was refused, or while quotas are not known.
    pub(super) escrow: Option<Escrow>,
    pub(super) members: Members<'a>,
    pub(super) replicas: Replicas<'a>,
    pub(super) stopped: &'a Stopped,
    /// When this look happens.
    pub(super) now: Timestamp,
    /// All namespaces of the tenant, home first, as the admission policies are told.
    pub(super) namespaces: Vec<String>,
}

impl Case<'_> {
    fn fill(&self, draft: &mut Draft, existing: &[Arc<Value>], now: Timestamp) {
        let spec = &self.tenant.spec;
        let environments = self.environments(existing, &mut draft.plan);
        let settings = settings::resolve(spec, self.class, self.platform, &mut draft.plan);
        let openings = network::openings(spec, &settings, self.class, self.platform, &mut draft.plan);
        let shares: BTreeMap<&str, Share> = environments
            .iter()
            .map(|(environment, _, _)| {
                (environment.name.as_str(), settings::environment_quota(environment, self.class))
            })
            .collect();
        let quotas_good = self.check_quotas(draft, &settings, &shares);
        let mut places = vec![Place::home(self.name)];
        places.extend(
            environments
                .iter()
                .filter(|(_, _, holder)| !matches!(holder, Holder::Foreign(_)))
                .map(|(_, place, _)| place.clone()),
        );
        let mut stopped = Stopped::default();
        workloads::plan_workloads(self.tenant, existing, self.world, &mut draft.plan, &mut stopped);
        quarantine::plan_policies(self.tenant, existing, self.world, &mut draft.plan, &mut stopped);
        for pending in &stopped.pending {
            draft.plan.wait(Reason::Pending, pending.clone());
        }
        let members = members::resolve(self.tenant, &places, self.platform, self.world, now, &mut draft.plan);
        draft.effective = Some(settings.effective(self.platform));
        let replicas = self.replicas(&mut draft.plan);
        let is_home_new = is_new(&holder(&places[0], self.world));
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
            free = 0;
        }
        let places: Vec<Planned> = environments
            .into_iter()
            .map(|(environment, place, holder)| {
                let fits = !is_new(&holder) || free > 0;
                free = free.saturating_sub(usize::from(is_new(&holder)));
                Planned { share: shares[environment.name.as_str()].clone(), environment, place, holder, fits }
            })
            .collect();
        // Not those that are refused for now: what is there already would be told of namespaces that anybody may make.
        let makes_new = quotas_good && !settings.namespace_refused && !settings.limits_refused;
        let is_held = |planned: &&Planned| match planned.holder {
            Holder::Ours(_) | Holder::Leaving(_) => true,
            Holder::Nobody => makes_new && planned.fits,
            // What is yet to be taken over is another's until then, and may stay so.
            Holder::Adoptable(_) | Holder::Absent | Holder::Foreign(_) | Holder::Unknown => false,
        };
        let held = places.iter().filter(is_held).map(|planned| planned.place.namespace.clone());
        let namespaces = std::iter::once(self.name.to_owned()).chain(held).collect();
        let escrow = quotas_good.then(|| escrow::resolve(&settings.quota, &places, existing, self)).flatten();
        let common =
            Common { settings, openings, quotas_good, escrow, members, replicas, stopped: &stopped, now, namespaces };
        self.plan_home(draft, &common, is_home_new);
        for planned in &places {
            self.plan_environment(draft, &common, planned);
        }
        self.want_listeners(draft, &common, &places);
        self.retire_removed(draft, existing, &places, &common);
        self.want_view(draft, &common);
        draft.stopped = stopped;
    }

    fn check_quotas(&self, draft: &mut Draft, settings: &Settings, shares: &BTreeMap<&str, Share>) -> bool {
        let plan = &mut draft.plan;
        let mut good = quota::check_names("spec.quota", &settings.quota, plan);
        for (environment, share) in shares {
            let field = format!("spec.environments[{environment}].quota");
            good &= quota::check_names(&format!("{field}.guaranteed"), &share.guaranteed, plan);
            good &= quota::check_names(&format!("{field}.max"), &share.max, plan);
        }
        good &= quota::check_bound(&settings.quota, &self.tenant.spec.class_name, self.class, plan);
        good && quota::check_shares(&settings.quota, shares, plan)
    }

    fn retire_removed(&self, draft: &mut Draft, existing: &[Arc<Value>], places: &[Planned], common: &Common) {
        let fate = retire::fate(self.tenant, self.class.bounds.deletion_policies.as_deref());
        let named = places::all(self.tenant, existing);
        for facts in existing {
            let name = name_of(facts);
            if name == self.name || places.iter().any(|planned| planned.place.namespace == name) {
                continue;
            }
            if named.iter().any(|place| place.namespace == name) {
                // The spec asks for it and was refused (its name has been protected since): it stays as it is.
                draft.plan.undecided.push(Undecided::Namespace(name.to_owned()));
                continue;
            }
            let notes = common.stopped.notes_in(name);
            let (members, plan) = (Some(&common.members), &mut draft.plan);
            draft.retained.extend(retire::retire(self.tenant, facts, fate, members, notes, self.world, plan));
        }
    }
}
