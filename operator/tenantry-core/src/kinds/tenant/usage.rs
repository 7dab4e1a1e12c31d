//! What is used of the quotas, as the status tells it. Every pod changes it, and a write of the status for every pod would be
//! too much: it is brought up to date at once when quotas move, and otherwise only so often.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::fields::Quantities;
use crate::names;
use crate::object::ObjectKey;
use crate::quantity::Quantity;
use crate::quotas::amounts;
use crate::resources::RESOURCE_QUOTA;
use crate::world::World;

use super::plan::{Draft, EnvironmentDraft};
use super::status::shown;
use super::types::{QuotaStatus, Tenant, TotalQuota};

/// How old the usage in a status may be.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// The usage that a status shows.
#[derive(Debug, Default)]
pub(super) struct Usage {
    /// By namespace of an environment.
    environments: BTreeMap<String, Quantities>,
    total: Quantities,
    at: Option<Timestamp>,
}

impl Usage {
    /// What the status is to show now: what is used, or for a while still what it has shown before.
    pub(super) fn shown(tenant: &Tenant, draft: &Draft, world: &World, now: Timestamp) -> Self {
        let seen = Self::seen(draft, world);
        let told = Self::told(tenant);
        if seen.environments == told.environments && seen.total == told.total {
            return told;
        }
        let waits = told.at.is_some_and(|at| now < at + PATIENCE) && !told.lacks(&seen) && !has_moved(tenant, draft);
        if waits { told } else { Self { at: Timestamp::from_second(now.as_second()).ok(), ..seen } }
    }

    /// When the status must be brought up to date, if it shows another usage than there is.
    pub(super) fn due(tenant: &Tenant, draft: &Draft, world: &World, now: Timestamp) -> Option<Timestamp> {
        let (seen, told) = (Self::seen(draft, world), Self::told(tenant));
        let due = told.at? + PATIENCE;
        let differs = seen.environments != told.environments || seen.total != told.total;
        (differs && due > now).then_some(due)
    }

    fn seen(draft: &Draft, world: &World) -> Self {
        let used = |namespace: &str| {
            let quota = world.get(&ObjectKey::namespaced(&RESOURCE_QUOTA, namespace, names::QUOTA)).found();
            shown(quota.map(|facts| amounts(&facts["status"]["used"])).unwrap_or_default())
        };
        let environments: BTreeMap<String, Quantities> = draft
            .environments
            .iter()
            .map(|environment| (environment.place.namespace.clone(), used(&environment.place.namespace)))
            .filter(|(_, used)| !used.is_empty())
            .collect();
        let retained = draft.retained.iter().map(|retained| used(&retained.namespace));
        let bounded = draft.effective.as_ref().map(|effective| &effective.quota);
        let mut total = sum(environments.values().cloned().chain(retained));
        total.retain(|name, _| bounded.is_some_and(|bounded| bounded.contains_key(name)));
        Self { environments, total: shown(total), at: None }
    }

    /// Whether the other knows of a quota, or of a resource in one, that this one says nothing of.
    fn lacks(&self, other: &Self) -> bool {
        other.environments.iter().any(|(namespace, used)| {
            let told = self.environments.get(namespace);
            used.keys().any(|name| told.is_none_or(|told| !told.contains_key(name)))
        })
    }

    fn told(tenant: &Tenant) -> Self {
        let Some(status) = &tenant.status else { return Self::default() };
        let environments = status.environments.iter().filter_map(|environment| {
            let used = environment.quota.as_ref().map(|quota| quota.used.clone())?;
            (!used.is_empty()).then(|| (environment.namespace.clone(), used))
        });
        let quota = status.quota.clone().unwrap_or_default();
        Self { environments: environments.collect(), total: quota.used, at: quota.used_at }
    }

    /// What the status says of one environment.
    pub(super) fn of(&self, environment: &EnvironmentDraft) -> Option<QuotaStatus> {
        let hard = shown(environment.quota.clone());
        let used = self.environments.get(&environment.place.namespace).cloned().unwrap_or_default();
        (!hard.is_empty()).then(|| QuotaStatus { free: free(&hard, &used), hard, used })
    }

    /// What the status says of all together.
    pub(super) fn total(&self, hard: Quantities, draft: &Draft) -> Option<TotalQuota> {
        let assigned = shown(sum(draft.environments.iter().map(|environment| environment.quota.clone())));
        (!hard.is_empty() || !assigned.is_empty()).then(|| TotalQuota {
            free: free(&hard, &self.total),
            hard,
            assigned,
            used: self.total.clone(),
            used_at: self.at,
        })
    }
}

/// Whether an environment's quota is another than the status says.
fn has_moved(tenant: &Tenant, draft: &Draft) -> bool {
    let told = tenant.status.as_ref().map(|status| status.environments.as_slice()).unwrap_or_default();
    draft.environments.iter().any(|environment| {
        let told = told.iter().find(|told| told.namespace == environment.place.namespace);
        let told = told.and_then(|told| told.quota.as_ref()).map(|quota| quota.hard.clone()).unwrap_or_default();
        told != shown(environment.quota.clone())
    })
}

fn free(hard: &Quantities, used: &Quantities) -> Quantities {
    hard.iter().filter_map(|(name, hard)| Some((name.clone(), hard.less(*used.get(name)?)))).collect()
}

fn sum(parts: impl Iterator<Item = Quantities>) -> Quantities {
    let mut sums = Quantities::new();
    for (name, amount) in parts.flatten() {
        let sum = sums.entry(name).or_insert(Quantity::ZERO);
        *sum = [*sum, amount].into_iter().sum();
    }
    sums
}
