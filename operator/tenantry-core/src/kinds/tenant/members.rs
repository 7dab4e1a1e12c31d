//! Who may do what and where, and until when. What is wrong with an entry takes away only what is wrong: its other
//! subjects and environments keep their rights, and nobody gets more.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::conditions::Reason;
use crate::kinds::tenantry_platform::types::TenantryPlatformSpec;
use crate::names::Place;
use crate::plan::Plan;
use crate::world::World;

use super::ownership::{Holder, holder};
use super::suspend;
use super::types::{Member, Role, Subject, SubjectKind, SuspendMode, Tenant};

/// Everybody with rights in the tenant, checked.
#[derive(Debug, Default)]
pub(super) struct Members<'a> {
    entries: Vec<(&'a Member, BTreeSet<Subject>)>,
    /// In quarantine everybody may look, and programs may do nothing.
    quarantined: bool,
}

/// Checks all entries, leaves out those that have ended, and asks to be woken for the next that ends.
pub(super) fn resolve<'a>(
    tenant: &'a Tenant,
    places: &[Place],
    platform: &TenantryPlatformSpec,
    world: &World,
    now: Timestamp,
    plan: &mut Plan,
) -> Members<'a> {
    let created = tenant.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let quarantined = suspend::is(tenant, SuspendMode::Quarantine);
    let mut members = Members { quarantined, ..Members::default() };
    for member in &tenant.spec.members {
        let field = format!("spec.members[{}]", member.name);
        for unknown in member.environments.iter().flatten() {
            if !tenant.spec.environments.iter().any(|environment| environment.name == *unknown) {
                plan.refuse(
                    Reason::Invalid,
                    format!("{field}.environments"),
                    format!(
                        "{unknown} is no environment of this tenant: add it to spec.environments, or remove it here"
                    ),
                );
            }
        }
        if let Some(until) = member.until {
            if created.is_some_and(|created| until <= created) {
                plan.refuse(Reason::Invalid, format!("{field}.until"), format!("{until} was past before the tenant was created, so the entry gives no rights: set a later time, or remove the entry"));
            }
            if until <= now {
                continue;
            }
            plan.requeue_at(until);
        }
        let mut subjects = BTreeSet::new();
        for subject in &member.subjects {
            match fault(subject, places, platform) {
                Some((reason, fault)) => plan.refuse(reason, format!("{field}.subjects[{}]", subject.name), fault),
                // Before a namespace is made, anybody may be first to take its name.
                None if !is_held(subject, places, world) => {}
                None => _ = subjects.insert(subject.clone()),
            }
        }
        members.entries.push((member, subjects));
    }
    members
}

impl Members<'_> {
    /// Subjects of each role in one namespace. Roles without a subject are absent.
    pub(super) fn of(&self, place: &Place) -> BTreeMap<Role, BTreeSet<Subject>> {
        let mut roles: BTreeMap<Role, BTreeSet<Subject>> = BTreeMap::new();
        for (member, subjects) in self.acting_in(place) {
            let role = if self.quarantined { Role::Viewer } else { member.role };
            roles.entry(role).or_default().extend(subjects.cloned());
        }
        roles
    }

    /// The entries that give rights.
    pub(super) fn acting(&self) -> impl Iterator<Item = &Member> {
        self.entries.iter().filter(|(_, subjects)| !subjects.is_empty()).map(|(member, _)| *member)
    }

    /// How many entries give rights there.
    pub(super) fn count(&self, place: &Place) -> usize {
        self.acting_in(place).count()
    }

    fn acting_in(&self, place: &Place) -> impl Iterator<Item = (&Member, impl Iterator<Item = &Subject>)> {
        let acts = |subject: &&Subject| !self.quarantined || subject.kind != SubjectKind::ServiceAccount;
        self.entries
            .iter()
            .filter(move |(member, subjects)| {
                let everywhere = member.environments.is_none();
                let here =
                    member.environments.iter().flatten().any(|name| *name == place.environment && !place.is_home());
                subjects.iter().any(|subject| acts(&subject)) && (everywhere || here)
            })
            .map(move |(member, subjects)| (*member, subjects.iter().filter(acts)))
    }
}

/// Whether a ServiceAccount's namespace is the tenant's by now; true of everybody else.
fn is_held(subject: &Subject, places: &[Place], world: &World) -> bool {
    let Some(namespace) = &subject.namespace else { return true };
    let place = places.iter().find(|place| place.namespace == *namespace);
    place.is_some_and(|place| matches!(holder(place, world), Holder::Ours(_) | Holder::Leaving(_)))
}

fn fault(subject: &Subject, places: &[Place], platform: &TenantryPlatformSpec) -> Option<(Reason, String)> {
    let name = &subject.name;
    if name.starts_with("system:") || name.is_empty() {
        return Some((
            Reason::Invalid,
            format!("{name:?} belongs to the cluster itself: name a group or user of the tenant"),
        ));
    }
    match (subject.kind, &subject.namespace) {
        (SubjectKind::Group, None) if platform.trusted_groups.contains(name) => Some((
            Reason::Conflicted,
            "is a group of the platform team, which has its rights by other means: remove it".into(),
        )),
        (SubjectKind::Group | SubjectKind::User, None) => None,
        (SubjectKind::Group | SubjectKind::User, Some(_)) => {
            Some((Reason::Invalid, "has a namespace, which only ServiceAccounts have: remove it".into()))
        }
        (SubjectKind::ServiceAccount, Some(namespace)) if places.iter().any(|place| place.namespace == *namespace) => {
            None
        }
        (SubjectKind::ServiceAccount, Some(namespace)) => Some((
            Reason::Conflicted,
            format!(
                "namespace {namespace} is not this tenant's, and ServiceAccounts of others get no rights here: use one of the tenant's own, or wait for a grant between tenants"
            ),
        )),
        (SubjectKind::ServiceAccount, None) => {
            Some((Reason::Invalid, "is a ServiceAccount without a namespace: add one of this tenant's".into()))
        }
    }
}
