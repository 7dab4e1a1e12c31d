//! The tenant's total, shared out among its environments: reads what the cluster shows of it, and says what each quota is
//! to be. The ledger is kept as an annotation on the home namespace's quota; how it goes on is decided in `crate::escrow`.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::build::build_resource_quota;
use crate::escrow::{Account, Escrow, Ledger, Seen, Share};
use crate::fields::Quantities;
use crate::meta;
use crate::names::{self, Place};
use crate::object::{Desired, ObjectKey};
use crate::plan::Undecided;
use crate::quantity::Quantity;
use crate::quotas::amounts;
use crate::resources::RESOURCE_QUOTA;
use crate::world::{Lookup, World};

use super::ownership::Holder;
use super::plan::{Case, Common, Draft, Planned};

/// Reads ledger and quotas, and shares out the total. `None` while they are not known, and where there is no total.
pub(super) fn resolve(total: &Quantities, places: &[Planned], existing: &[Arc<Value>], case: &Case) -> Option<Escrow> {
    if total.is_empty() {
        return None;
    }
    let ledger = match seen_of(case.name, case.world) {
        Lookup::NotSynced => return None,
        Lookup::Missing => None,
        Lookup::Found(home) => home["escrow"].as_str().and_then(|text| serde_json::from_str::<Ledger>(text).ok()),
    };
    let mut accounts = Vec::new();
    for planned in places {
        let share = match planned.holder {
            Holder::Foreign(_) | Holder::Unknown | Holder::Absent => continue,
            Holder::Nobody | Holder::Adoptable(_) if !planned.fits => continue,
            Holder::Nobody | Holder::Adoptable(_) | Holder::Ours(_) => Some(planned.share.clone()),
            Holder::Leaving(_) => None,
        };
        accounts.push(account(&planned.place.namespace, share, case)?);
    }
    // What outlived its environment holds what its quota says all the same.
    for facts in existing {
        let namespace = facts["metadata"]["name"].as_str().unwrap_or_default();
        if namespace != case.name && !accounts.iter().any(|account| account.namespace == namespace) {
            accounts.push(account(namespace, None, case)?);
        }
    }
    accounts.sort_by(|one, other| one.namespace.cmp(&other.namespace));
    Some(Escrow::decide(ledger, total, &accounts))
}

fn account(namespace: &str, share: Option<Share>, case: &Case) -> Option<Account> {
    // What an earlier Tenant's ledger gave a namespace that was taken over means nothing in this one's.
    let is_ours = |facts: &Value| {
        let owner = facts["owner"].as_str().and_then(|owner| owner.split('/').nth(2));
        owner.is_none_or(|owner| owner == case.name)
    };
    let seen = match seen_of(namespace, case.world) {
        Lookup::NotSynced => return None,
        Lookup::Missing => None,
        Lookup::Found(facts) => Some(Seen {
            epoch: facts["epoch"].as_str().filter(|_| is_ours(&facts)).and_then(|epoch| epoch.parse().ok()),
            spec: amounts(&facts["spec"]["hard"]),
            hard: amounts(&facts["status"]["hard"]),
            used: amounts(&facts["status"]["used"]),
        }),
    };
    Some(Account { namespace: namespace.to_owned(), share, seen })
}

fn seen_of(namespace: &str, world: &World) -> Lookup<Arc<Value>> {
    world.get(&ObjectKey::namespaced(&RESOURCE_QUOTA, namespace, names::QUOTA))
}

/// How long usage must have stood still before a quota is changed. kube-controller-manager counts anew at each change, from
/// its own cache: what was admitted a moment before may be missing there, and as much more would be let in.
const STILL: SignedDuration = SignedDuration::from_millis(1500);

/// Until when the quota of a namespace is better left as it is, because usage there has changed just now. The ledger covers
/// what is written late, so waiting costs nothing but time. `None` also where the clocks disagree by more than a moment.
pub(super) fn restless_until(place: &Place, total: &Quantities, case: &Case, now: Timestamp) -> Option<Timestamp> {
    let facts = seen_of(&place.namespace, case.world).found()?;
    let used = amounts(&facts["status"]["used"]);
    if !total.keys().any(|name| used.get(name).is_some_and(|used| *used > Quantity::ZERO)) {
        return None;
    }
    let counted: Timestamp = facts["counted"].as_str()?.parse().ok()?;
    let until = counted + STILL;
    (until > now && until < now + STILL + STILL).then_some(until)
}

/// Whether this quota bounds the namespace otherwise than the one that is there.
pub(super) fn changes(quota: &[Desired], place: &Place, case: &Case) -> bool {
    let now = seen_of(&place.namespace, case.world).found().map(|facts| amounts(&facts["spec"]["hard"]));
    now != quota.first().map(|quota| amounts(&quota.body()["spec"]["hard"]))
}

/// What an environment's quota is to be; `None` when that is not decided in this look, empty when it bounds nothing. It bounds what the total bounds
/// by the ledger, and all else by the environment's own maximum.
pub(super) fn quota(common: &Common, place: &Place, share: &Share) -> Option<Vec<Desired>> {
    let total = &common.settings.quota;
    if !common.quotas_good {
        return None;
    }
    if total.is_empty() {
        return Some(build_resource_quota(place, &share.max).into_iter().collect());
    }
    let (epoch, target) = common.escrow.as_ref()?.quota(&place.namespace, total)?;
    let mut hard = share.max.clone();
    hard.extend(target);
    let quota = build_resource_quota(place, &hard);
    Some(quota.map(|quota| quota.annotation(meta::ESCROW_EPOCH, &epoch.to_string())).into_iter().collect())
}

impl Case<'_> {
    /// Wants the quota of the home namespace, and in it the ledger.
    pub(super) fn want_home_quota(&self, draft: &mut Draft, common: &Common, place: &Place, hard: &Quantities) {
        let ledger = match (&common.escrow, seen_of(&place.namespace, self.world)) {
            (Some(escrow), _) => serde_json::to_string(&escrow.next).ok(),
            (None, _) if common.quotas_good && common.settings.quota.is_empty() => None,
            (None, Lookup::Missing) => None,
            // Quotas that were refused leave it as it is.
            (None, Lookup::Found(facts)) => facts["escrow"].as_str().map(str::to_owned),
            (None, Lookup::NotSynced) => {
                let key = ObjectKey::namespaced(&RESOURCE_QUOTA, &place.namespace, names::QUOTA);
                draft.plan.undecided.push(Undecided::Object(key));
                return;
            }
        };
        let Some(quota) = build_resource_quota(place, hard) else { return };
        draft.plan.want(match ledger {
            Some(ledger) => quota.annotation(meta::ESCROW, &ledger),
            None => quota,
        });
    }

    /// What an environment's quota says, or will say after this look.
    pub(super) fn hard(&self, common: &Common, place: &Place, share: &Share) -> Quantities {
        match quota(common, place, share) {
            Some(quota) => quota.first().map(|quota| amounts(&quota.body()["spec"]["hard"])).unwrap_or_default(),
            None => seen_of(&place.namespace, self.world)
                .found()
                .map(|facts| amounts(&facts["spec"]["hard"]))
                .unwrap_or_default(),
        }
    }
}
