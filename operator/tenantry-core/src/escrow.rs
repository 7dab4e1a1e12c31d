//! Quota that cannot overshoot: a tenant's total is shared out among its environments, and what one does not use moves
//! to another that does. Pure: from what was seen of the quotas, the next ledger.
//!
//! Kubernetes knows no quota over several namespaces, and no write that spans two objects. So what each environment may
//! have is written down in one object, the ledger, before it is written into the environment's own quota:
//!
//! * `target` is what the environment's quota is to say, `bound` the most it may still hold in truth. The bounds of all
//!   add up to no more than the total, at every epoch.
//! * Raising: the ledger first (only out of what no bound claims), the quota in a later look.
//! * Lowering: the target at once, the bound only when the quota has been *seen* with this target, written for this
//!   epoch or a later one, and taken over into its status. Admission goes by `status.hard` and `status.used`, which lag.
//!   What is used above the target stays claimed until it is gone.
//!
//! The ledger is replaced only at the version it was read at, so of two operators, or of one and its own past, just one
//! goes on from any epoch. A stale or belated write of an earlier target is covered by the bound until the proof above,
//! which no belated write survives: the quota has another version by then.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fields::Quantities;
use crate::names;

mod allot;

use allot::{Position, allot};

/// What an environment is promised, and what it may have at most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Share {
    /// What it always has.
    pub guaranteed: Quantities,
    /// The most it may ever have.
    pub max: Quantities,
}

/// What was last seen of a namespace's quota.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The epoch it was written for; `None` if it was not written from a ledger.
    pub epoch: Option<u64>,
    /// `spec.hard`.
    pub spec: Quantities,
    /// `status.hard`.
    pub hard: Quantities,
    /// `status.used`.
    pub used: Quantities,
}

/// One namespace that has a part of the total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub namespace: String,
    /// What it is to have. `None` where its quota is not ours to change (retained, or on its way out): what it holds
    /// counts all the same.
    pub share: Option<Share>,
    /// Its quota; `None` while there is none.
    pub seen: Option<Seen>,
}

/// What is to be done now: the ledger to write down, and what each quota is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escrow {
    /// The ledger to write down; the one that was seen if nothing is to change.
    pub next: Ledger,
    /// What quotas are written from: the ledger that was seen.
    in_force: Option<Ledger>,
    /// The newest epoch each quota was written for.
    epochs: BTreeMap<String, u64>,
}

impl Escrow {
    /// Decides, from what was last seen of the ledger and of the quotas.
    pub fn decide(ledger: Option<Ledger>, total: &Quantities, accounts: &[Account]) -> Self {
        let next = Ledger::next(ledger.as_ref(), total, accounts);
        let epoch_of = |account: &Account| Some((account.namespace.clone(), account.seen.as_ref()?.epoch?));
        Self { next, in_force: ledger, epochs: accounts.iter().filter_map(epoch_of).collect() }
    }

    /// What the quota of this namespace is to say of `total`, and the epoch to write into it. `None` while that is not
    /// written down yet, or is known to have been written down anew.
    pub fn quota(&self, namespace: &str, total: &Quantities) -> Option<(u64, Quantities)> {
        let entry = self.in_force.as_ref()?.entries.get(namespace)?;
        if self.epochs.get(namespace).is_some_and(|seen| *seen > entry.since) {
            return None;
        }
        let amounts: Option<Quantities> =
            total.keys().map(|name| Some((name.clone(), *entry.target.get(name)?))).collect();
        Some((entry.since, amounts?))
    }
}

/// What each namespace may have of a tenant's total.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Grows with every change.
    pub epoch: u64,
    /// By namespace.
    pub entries: BTreeMap<String, Entry>,
}

/// What one namespace may have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The epoch in which its targets last changed.
    pub since: u64,
    /// What its quota is to say.
    pub target: Quantities,
    /// The most it may still hold, where that is more than the target.
    #[serde(default, skip_serializing_if = "Quantities::is_empty")]
    pub bound: Quantities,
}

impl Ledger {
    /// The ledger to go on with.
    fn next(ledger: Option<&Self>, total: &Quantities, accounts: &[Account]) -> Self {
        let empty = Self::default();
        let before = ledger.unwrap_or(&empty);
        let seen = accounts.iter().filter_map(|account| account.seen.as_ref()?.epoch).max().unwrap_or_default();
        let epoch = before.epoch.max(seen) + 1;
        let mut entries: BTreeMap<String, Entry> =
            accounts.iter().map(|account| (account.namespace.clone(), Entry::default())).collect();
        for (name, total) in total {
            let total = total.rounded_up();
            let mut positions: Vec<Position> =
                accounts.iter().map(|account| before.position(account, name, total.nanos())).collect();
            allot(total.nanos(), total.grain(names::is_counted(name)), &mut positions);
            for (account, position) in accounts.iter().zip(positions) {
                let Some(entry) = entries.get_mut(&account.namespace) else { continue };
                entry.target.insert(name.clone(), total.with_nanos(position.target));
                if position.bound > position.target {
                    entry.bound.insert(name.clone(), total.with_nanos(position.bound));
                }
            }
        }
        let mut changed = ledger.is_none() || before.entries.len() != entries.len();
        for (namespace, entry) in &mut entries {
            let earlier = before.entries.get(namespace).filter(|earlier| earlier.target == entry.target);
            entry.since = earlier.map_or(epoch, |earlier| earlier.since);
            changed |= earlier.is_none();
        }
        if changed { Self { epoch, entries } } else { before.clone() }
    }

    /// How one namespace stands with one resource.
    fn position(&self, account: &Account, name: &str, total: i128) -> Position {
        let amount = |amounts: &Quantities| amounts.get(name).map(|amount| amount.rounded_up().nanos());
        let nothing = Seen::default();
        let seen = account.seen.as_ref().unwrap_or(&nothing);
        let (spec, hard) = (amount(&seen.spec), amount(&seen.hard));
        let used = amount(&seen.used).unwrap_or_default();
        let entry = self.entries.get(&account.namespace);
        let target = entry.and_then(|entry| amount(&entry.target));
        let bound = entry.and_then(|entry| amount(&entry.bound)).unwrap_or_default();
        let is_proved = target.is_some()
            && spec == target
            && hard.is_some_and(|hard| Some(hard) <= target)
            && entry.is_some_and(|entry| seen.epoch >= Some(entry.since));
        let target = target.or(spec).unwrap_or_default();
        let max = account.share.as_ref().map_or(0, |share| amount(&share.max).unwrap_or(total)).min(total);
        let guaranteed = account.share.as_ref().and_then(|share| amount(&share.guaranteed)).unwrap_or_default();
        let observed = spec.unwrap_or_default().max(hard.unwrap_or_default()).max(bound);
        Position {
            target,
            bound: target.max(used).max(if is_proved { 0 } else { observed }),
            used,
            guaranteed: guaranteed.min(max),
            max,
            moves: account.share.is_some(),
            is_seen: account.seen.is_some(),
        }
    }
}

#[cfg(test)]
mod tests;
