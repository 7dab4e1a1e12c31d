//! O4, O5, O8: how much a fault may cost, in requests and in time.

use std::time::Duration;

use super::{Oracle, Violation};
use crate::simulation::fault::Fault;
use crate::simulation::trace::Trace;

/// Writes that one fault may cost: three for each of the two tenants that every scenario has.
const WRITES_PER_FAULT: usize = 3 * 2;
/// How often writes to one collection may be refused in a run: in half a minute of pauses that double there are about 13
/// tries, of two writes, and as many again after a restart.
const REFUSALS: usize = 60;
/// How long after the fault all must be well.
const RECOVERY: Duration = Duration::from_secs(30);

/// Judges what the run has cost.
pub fn judge(trace: &Trace, fault: Option<(Fault, &Trace)>) -> Vec<Violation> {
    let mut violations = Vec::new();
    if let Some(runaway) = &trace.runaway {
        violations.push(Violation::new(Oracle::Quiet, runaway.clone()));
    }
    let quiet = trace.quiet_requests();
    if let Some(first) = quiet.first() {
        let what =
            format!("{} requests in the quiet minute, first {} {}", quiet.len(), first.call.verb, first.call.path);
        violations.push(Violation::new(Oracle::Quiet, what));
    }
    if let Some((call, times)) = trace.refusals().into_iter().find(|(_, times)| *times > REFUSALS) {
        violations.push(Violation::new(Oracle::FewWrites, format!("{call} was refused {times} times, without pauses")));
    }
    let Some((fault, clean)) = fault else { return violations };
    let extra = extra_writes(trace, clean);
    // Where a deletion races with a creation, a fault decides how far the creation comes.
    if extra > WRITES_PER_FAULT && !trace.races {
        let what = format!("{extra} writes more than the {} of the clean run", clean.writes());
        violations.push(Violation::new(Oracle::FewWrites, what));
    }
    let took = recovery(trace, fault, clean);
    if took > RECOVERY {
        violations.push(Violation::new(Oracle::Converges, format!("only {took:?} after the fault was over")));
    }
    violations
}

/// Writes beyond those of the clean run.
pub fn extra_writes(trace: &Trace, clean: &Trace) -> usize {
    trace.writes().saturating_sub(clean.writes())
}

/// How much longer than in the clean run it took to come to rest, at worst, less how long the fault lasted.
pub fn recovery(trace: &Trace, fault: Fault, clean: &Trace) -> Duration {
    let longer = trace.rests.iter().zip(&clean.rests).map(|(with, without)| with.saturating_sub(*without));
    longer.max().unwrap_or_default().saturating_sub(fault.how.lasts())
}
