//! Plays every scenario clean, then again with faults at the points that the clean runs have shown, on all cores. It prints
//! nothing.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tenantry_core::kind::Registration;

use super::fault::{Fault, How};
use super::oracle::{self, Violation};
use super::scenario::Scenario;
use super::stage::play;
use super::trace::Trace;

/// How wide a campaign is.
#[derive(Debug, Clone)]
pub struct Width {
    /// The seeds of its runs.
    pub seeds: Vec<u64>,
    /// At most so many runs with a fault for each seed, drawn evenly; `None` for all.
    pub runs: Option<usize>,
}

/// One run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// Number of the scenario.
    pub scenario: usize,
    /// What goes wrong; `None` for a clean run.
    pub fault: Option<Fault>,
    /// Its seed.
    pub seed: u64,
}

/// What came of one run.
#[derive(Debug)]
pub struct Finding {
    /// The run.
    pub trial: Trial,
    /// What was wrong.
    pub violations: Vec<Violation>,
    /// Writes beyond those of the clean run.
    pub extra_writes: usize,
    /// How long it took to recover.
    pub recovery: Duration,
    /// Requests in the quiet minute.
    pub quiet_requests: usize,
}

/// What came of a campaign.
#[derive(Debug)]
pub struct Results {
    /// Fault points of all scenarios and seeds, of which `findings` holds those that were tried.
    pub points: usize,
    /// Clean runs.
    pub clean: Vec<Finding>,
    /// Runs with a fault.
    pub findings: Vec<Finding>,
}

/// Plays everything.
pub fn run(kinds: &'static [Registration], scenarios: &[Scenario], width: &Width) -> Results {
    let mut results = Results { points: 0, clean: Vec::new(), findings: Vec::new() };
    for &seed in &width.seeds {
        let indices: Vec<usize> = (0..scenarios.len()).collect();
        let clean: Vec<Trace> = in_parallel(&indices, |&index| play(kinds, &scenarios[index], None, seed));
        results.clean.extend(clean.iter().enumerate().map(|(scenario, trace)| {
            let trial = Trial { scenario, fault: None, seed };
            let violations = oracle::judge(kinds, trace, None);
            let quiet_requests = trace.quiet_requests().len();
            Finding { trial, violations, extra_writes: 0, recovery: Duration::ZERO, quiet_requests }
        }));
        let mut trials: Vec<Trial> = clean
            .iter()
            .enumerate()
            .flat_map(|(scenario, trace)| points(trace).map(move |fault| Trial { scenario, fault: Some(fault), seed }))
            .collect();
        results.points += trials.len();
        draw(&mut trials, width.runs, seed);
        results.findings.extend(in_parallel(&trials, |trial| {
            let clean = &clean[trial.scenario];
            try_one(kinds, &scenarios[trial.scenario], *trial, clean)
        }));
    }
    results
}

/// One run with a fault, judged against the clean one.
pub fn try_one(kinds: &'static [Registration], scenario: &Scenario, trial: Trial, clean: &Trace) -> Finding {
    let trace = play(kinds, scenario, trial.fault, trial.seed);
    let fault = trial.fault.map(|fault| (fault, clean));
    Finding {
        trial,
        violations: oracle::judge(kinds, &trace, fault),
        extra_writes: oracle::extra_writes(&trace, clean),
        recovery: fault.map(|(fault, clean)| oracle::recovery(&trace, fault, clean)).unwrap_or_default(),
        quiet_requests: trace.quiet_requests().len(),
    }
}

/// Every fault at every point that a clean run has shown.
fn points(clean: &Trace) -> impl Iterator<Item = Fault> {
    How::ALL.iter().flat_map(|&how| {
        let at = if how.strikes_calls() { clean.call_points.clone() } else { clean.event_points.clone() };
        at.map(move |at| Fault { at, how })
    })
}

fn draw(trials: &mut Vec<Trial>, most: Option<usize>, seed: u64) {
    if let Some(most) = most.filter(|most| *most < trials.len()) {
        fastrand::Rng::with_seed(seed).shuffle(trials);
        trials.truncate(most);
    }
}

/// Does the work on all cores; the results are in the order of the items, whoever was faster.
fn in_parallel<Item: Sync, Outcome: Send>(items: &[Item], work: impl Fn(&Item) -> Outcome + Sync) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Outcome)>> = Mutex::default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((index, item)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    items.get(index).map(|item| (index, item))
                } {
                    let outcome = work(item);
                    done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((index, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}
