//! A cluster as far as quota goes, with two operators that know nothing of each other, work on old views, and whose
//! requests are late, lost, or answered into the void. Whatever happens in whatever order, what is claimed of the total
//! never grows beyond it.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{amounts, number};
use crate::escrow::{Account, Escrow, Ledger, Seen, Share};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const POD: &str = "pods";

/// One quota as the API server has it.
#[derive(Debug, Clone, Default, PartialEq)]
struct Quota {
    version: u64,
    epoch: Option<u64>,
    spec: i128,
    hard: Option<i128>,
    used: i128,
    /// What is there in truth; the controller-manager writes it into `used` when it comes round.
    real: i128,
}

/// All that the API server has.
#[derive(Debug, Clone, Default)]
struct State {
    ledger: Option<(u64, Ledger)>,
    quotas: BTreeMap<&'static str, Quota>,
}

/// A write under way.
#[derive(Debug, Clone)]
enum Request {
    Ledger { base: u64, ledger: Ledger, total: i128 },
    Quota { name: &'static str, base: u64, epoch: u64, spec: i128 },
}

/// Who has sent a request: which operator, and in which of its lives. Answers reach no later one.
type Sender = (usize, usize);

/// What the tenant's spec says.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    pub(super) total: i128,
    /// Guaranteed and most of each environment; `None` for one that is not in the spec.
    pub(super) shares: [Option<(i128, i128)>; 4],
}

pub(super) struct Cluster {
    pub(super) spec: Spec,
    state: State,
    version: u64,
    /// Every state there was.
    history: Vec<State>,
    /// What each operator believes.
    views: [State; 2],
    under_way: Vec<(Sender, Request)>,
    /// How often each operator has started afresh.
    lives: [usize; 2],
    pub(super) writes: usize,
}

#[derive(Debug, Clone)]
enum Step {
    /// An operator looks at its view and sends what it decides.
    Look(usize),
    /// An operator's view catches up with the state so many changes ago.
    Watch(usize, usize),
    /// An operator starts afresh, from a list that is so many changes old.
    Crash(usize, usize),
    /// A request arrives; its answer is received or not.
    Land(usize, bool),
    /// A request never arrives.
    Lose(usize),
    /// The controller-manager takes spec over into status, and counts anew.
    Count(usize),
    /// Somebody creates so much.
    Admit(usize, i128),
    /// Something ends.
    Release(usize, i128),
    /// The spec is another now.
    Edit(Spec),
}

impl Cluster {
    pub(super) fn new(spec: Spec) -> Self {
        Self {
            spec,
            state: State::default(),
            version: 0,
            history: vec![State::default()],
            views: [State::default(), State::default()],
            under_way: Vec::new(),
            lives: [0, 0],
            writes: 0,
        }
    }

    /// What is promised or held in all, by the ledger and by each quota.
    fn claimed(&self) -> i128 {
        let of = |name: &str| {
            let entry = self.state.ledger.as_ref().and_then(|(_, ledger)| ledger.entries.get(name));
            let entry = entry.map_or(0, |entry| {
                let target = number(&entry.target, POD).unwrap_or_default();
                target.max(number(&entry.bound, POD).unwrap_or_default())
            });
            entry.max(self.held(name))
        };
        NAMES.into_iter().map(of).sum()
    }

    fn held(&self, name: &str) -> i128 {
        self.state.quotas.get(name).map_or(0, |quota| quota.spec.max(quota.hard.unwrap_or(0)).max(quota.used))
    }

    /// What could be used at most if nobody wrote anything any more.
    pub(super) fn held_by_all(&self) -> i128 {
        NAMES.into_iter().map(|name| self.held(name)).sum()
    }

    pub(super) fn quota(&self, index: usize) -> (i128, i128) {
        self.state.quotas.get(NAMES[index]).map_or((0, 0), |quota| (quota.hard.unwrap_or(0), quota.used))
    }

    fn commit(&mut self) {
        self.history.push(self.state.clone());
    }

    fn past(&self, ago: usize) -> State {
        self.history[self.history.len() - 1 - ago.min(self.history.len() - 1)].clone()
    }

    fn accounts(&self, view: &State) -> Vec<Account> {
        let accounts = NAMES.iter().zip(self.spec.shares).filter_map(|(name, share)| {
            let seen = view.quotas.get(name).map(|quota| Seen {
                epoch: quota.epoch,
                spec: amounts(POD, quota.spec),
                hard: quota.hard.map(|hard| amounts(POD, hard)).unwrap_or_default(),
                used: amounts(POD, quota.used),
            });
            // A namespace outlives its environment.
            let exists = share.is_some()
                || seen.is_some()
                || view.ledger.as_ref().is_some_and(|(_, ledger)| ledger.entries.contains_key(*name));
            let share =
                share.map(|(guaranteed, max)| Share { guaranteed: amounts(POD, guaranteed), max: amounts(POD, max) });
            exists.then(|| Account { namespace: (*name).to_owned(), share, seen })
        });
        accounts.collect()
    }

    fn look(&mut self, operator: usize) {
        let sender = (operator, self.lives[operator]);
        let view = self.views[operator].clone();
        let total = amounts(POD, self.spec.total);
        let accounts = self.accounts(&view);
        let escrow = Escrow::decide(view.ledger.clone().map(|(_, ledger)| ledger), &total, &accounts);
        let base = view.ledger.as_ref().map_or(0, |(version, _)| *version);
        if view.ledger.as_ref().map(|(_, ledger)| ledger) != Some(&escrow.next) {
            self.under_way
                .push((sender, Request::Ledger { base, ledger: escrow.next.clone(), total: self.spec.total }));
        }
        for (name, share) in NAMES.into_iter().zip(self.spec.shares) {
            let Some((epoch, target)) = share.and_then(|_| escrow.quota(name, &total)) else { continue };
            let spec = number(&target, POD).expect("of pods");
            let seen = view.quotas.get(name);
            if seen.is_none_or(|seen| seen.spec != spec || seen.epoch != Some(epoch)) {
                let base = seen.map_or(0, |seen| seen.version);
                self.under_way.push((sender, Request::Quota { name, base, epoch, spec }));
            }
        }
    }

    fn land(&mut self, index: usize, is_answered: bool) {
        let ((operator, life), request) = self.under_way.remove(index);
        let is_answered = is_answered && life == self.lives[operator];
        self.version += 1;
        let version = self.version;
        match request {
            Request::Ledger { base, ledger, .. } => {
                if self.state.ledger.as_ref().map_or(0, |(version, _)| *version) != base {
                    return;
                }
                self.state.ledger = Some((version, ledger));
                if is_answered {
                    self.views[operator].ledger.clone_from(&self.state.ledger);
                }
            }
            Request::Quota { name, base, epoch, spec } => {
                let quota = self.state.quotas.get(name).cloned().unwrap_or_default();
                if quota.version != base {
                    return;
                }
                let quota = Quota { version, epoch: Some(epoch), spec, ..quota };
                self.state.quotas.insert(name, quota.clone());
                if is_answered {
                    self.views[operator].quotas.insert(name, quota);
                }
            }
        }
        self.writes += 1;
        self.commit();
    }

    /// What a watch tells is taken where it is newer than what is known from answers.
    fn watch(&mut self, operator: usize, ago: usize) {
        let past = self.past(ago);
        let view = &mut self.views[operator];
        let newer = |one: &Option<(u64, Ledger)>| one.as_ref().map_or(0, |(version, _)| *version);
        if newer(&past.ledger) > newer(&view.ledger) {
            view.ledger = past.ledger;
        }
        for (name, quota) in past.quotas {
            let known = view.quotas.entry(name).or_default();
            if quota.version > known.version {
                *known = quota;
            }
        }
    }

    fn change(&mut self, index: usize, change: impl FnOnce(&mut Quota)) {
        self.version += 1;
        let Some(quota) = self.state.quotas.get_mut(NAMES[index]) else { return };
        let before = quota.clone();
        change(quota);
        if *quota != before {
            quota.version = self.version;
            self.commit();
        }
    }

    pub(super) fn count(&mut self, index: usize) {
        self.change(index, |quota| {
            quota.hard = Some(quota.spec);
            quota.used = quota.real;
        });
    }

    /// As the API server does: by the quota's status. Before it is filled nobody has rights.
    pub(super) fn admit(&mut self, index: usize, amount: i128) -> bool {
        let mut is_admitted = false;
        self.change(index, |quota| {
            if quota.hard.is_some_and(|hard| quota.used + amount <= hard) {
                quota.used += amount;
                quota.real += amount;
                is_admitted = true;
            }
        });
        is_admitted
    }

    pub(super) fn release(&mut self, index: usize, amount: i128) {
        self.change(index, |quota| quota.real -= amount.min(quota.real));
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Look(operator) => self.look(operator),
            Step::Watch(operator, ago) => self.watch(operator, ago),
            Step::Crash(operator, ago) => {
                self.views[operator] = self.past(ago);
                self.lives[operator] += 1;
            }
            Step::Land(index, is_answered) if !self.under_way.is_empty() => {
                self.land(index % self.under_way.len(), is_answered);
            }
            Step::Lose(index) if !self.under_way.is_empty() => {
                let index = index % self.under_way.len();
                self.under_way.remove(index);
            }
            Step::Land(..) | Step::Lose(_) => {}
            Step::Count(index) => self.count(index),
            Step::Admit(index, amount) => {
                self.admit(index, amount);
            }
            Step::Release(index, amount) => self.release(index, amount),
            Step::Edit(spec) => self.spec = spec,
        }
    }

    /// The first operator works undisturbed, and the controller-manager with it, until nothing is left to do. Returns how
    /// many rounds that took.
    pub(super) fn settle(&mut self) -> usize {
        for round in 0..100 {
            let before = self.writes;
            self.watch(0, 0);
            self.look(0);
            while !self.under_way.is_empty() {
                self.land(0, true);
            }
            (0..NAMES.len()).for_each(|index| self.count(index));
            if self.writes == before && self.views[0].quotas == self.state.quotas {
                return round;
            }
        }
        usize::MAX
    }
}

pub(super) fn spec() -> impl Strategy<Value = Spec> {
    let share = prop_oneof![4 => (0..60_i128, 0..160_i128).prop_map(Some), 1 => Just(None)];
    (0..200_i128, vec(share, 4)).prop_map(|(total, shares)| {
        // Guarantees that fit, as the plan refuses others.
        let mut left = total;
        let shares = shares.into_iter().map(|share| {
            share.map(|(guaranteed, max)| {
                let guaranteed = guaranteed.min(max).min(left);
                left -= guaranteed;
                (guaranteed, max)
            })
        });
        let shares: Vec<_> = shares.collect();
        Spec { total, shares: [shares[0], shares[1], shares[2], shares[3]] }
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2_usize).prop_map(Step::Look),
        5 => (0..2_usize, 0..4_usize).prop_map(|(operator, ago)| Step::Watch(operator, ago)),
        1 => (0..2_usize, 0..30_usize).prop_map(|(operator, ago)| Step::Crash(operator, ago)),
        9 => (0..9_usize, any::<bool>()).prop_map(|(index, is_answered)| Step::Land(index, is_answered)),
        1 => (0..9_usize).prop_map(Step::Lose),
        6 => (0..4_usize).prop_map(Step::Count),
        8 => (0..4_usize, 1..40_i128).prop_map(|(index, amount)| Step::Admit(index, amount)),
        3 => (0..4_usize, 1..60_i128).prop_map(|(index, amount)| Step::Release(index, amount)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// The promise: at every instant, however old what operators believe and however late what they ask for.
    #[test]
    fn what_is_held_never_exceeds_the_total(spec in spec(), steps in vec(step(), 1..300)) {
        let mut cluster = Cluster::new(spec.clone());
        for (number, step) in steps.into_iter().enumerate() {
            let told = format!("{step:?}");
            cluster.take(step);
            let (held, claimed) = (cluster.held_by_all(), cluster.claimed());
            prop_assert!(held <= claimed && claimed <= spec.total, "step {number}, {told}: {held} held, {claimed} claimed of {}", spec.total);
        }
    }

    /// When the spec changes under way, what is claimed above the new total only ever falls.
    #[test]
    fn an_edit_claims_no_more_than_there_is(spec in spec(), steps in vec(prop_oneof![20 => step(), 1 => spec().prop_map(Step::Edit)], 1..300)) {
        let mut cluster = Cluster::new(spec);
        let mut before = 0;
        for (number, step) in steps.into_iter().enumerate() {
            let told = format!("{step:?}");
            // What was decided before the edit and is late counts as done before it.
            let late = cluster.under_way.iter().map(|(_, request)| match request {
                Request::Ledger { total, .. } => *total,
                Request::Quota { .. } => 0,
            });
            let most = late.max().unwrap_or_default().max(before);
            cluster.take(step);
            let claimed = cluster.claimed();
            prop_assert!(claimed <= most.max(cluster.spec.total), "step {number}, {told}: {claimed} claimed of {}, {most} before", cluster.spec.total);
            before = claimed;
        }
    }

    /// From whatever state, one undisturbed operator comes to rest, and then nothing is written any more.
    #[test]
    fn it_comes_to_rest(spec in spec(), steps in vec(prop_oneof![20 => step(), 1 => spec().prop_map(Step::Edit)], 0..100)) {
        let mut cluster = Cluster::new(spec);
        for step in steps {
            cluster.take(step);
        }
        let rounds = cluster.settle();
        prop_assert!(rounds <= 16, "{rounds} rounds");
        let writes = cluster.writes;
        cluster.settle();
        prop_assert_eq!(cluster.writes, writes);
        for (index, share) in cluster.spec.shares.into_iter().enumerate() {
            let (hard, _) = cluster.quota(index);
            let Some((guaranteed, max)) = share else { continue };
            prop_assert!(hard <= max.min(cluster.spec.total));
            prop_assert!(hard >= guaranteed || cluster.claimed() >= cluster.spec.total, "{hard} of {guaranteed}");
        }
    }
}
