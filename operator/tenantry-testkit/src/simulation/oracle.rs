//! What must hold in every simulation, whatever went wrong in it. Each oracle looks at the record alone; none asks the engine.

mod bounds;
mod ending;
mod safety;
mod snapshot;
mod status;

use std::fmt;

use tenantry_core::kind::Registration;

pub use bounds::{extra_writes, recovery};

use super::fault::Fault;
use super::trace::Trace;

/// The promises, numbered as in the docs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oracle {
    /// O1: the end state is that of the clean run.
    SameEnd,
    /// O2: nothing that is wanted is missing.
    NothingLost,
    /// O3: nothing of ours is left over.
    NothingOrphaned,
    /// O4: then nothing is asked any more.
    Quiet,
    /// O5: no more writes than the fault excuses.
    FewWrites,
    /// O6: nothing unsafe at any moment.
    Safe,
    /// O7: the status never says more than is true.
    HonestStatus,
    /// O8: all is well soon after the fault is over.
    Converges,
}

impl fmt::Display for Oracle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::SameEnd => "O1 same end",
            Self::NothingLost => "O2 nothing lost",
            Self::NothingOrphaned => "O3 nothing orphaned",
            Self::Quiet => "O4 quiet",
            Self::FewWrites => "O5 few writes",
            Self::Safe => "O6 safe",
            Self::HonestStatus => "O7 honest status",
            Self::Converges => "O8 converges",
        })
    }
}

/// A promise broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub oracle: Oracle,
    /// How, with the object's name.
    pub what: String,
}

impl Violation {
    fn new(oracle: Oracle, what: impl Into<String>) -> Self {
        Self { oracle, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.oracle, self.what)
    }
}

/// Everything that is wrong with a trace. `clean` is the trace of the same scenario without a fault; leave it out to judge
/// a clean run.
pub fn judge(kinds: &'static [Registration], trace: &Trace, fault: Option<(Fault, &Trace)>) -> Vec<Violation> {
    let mut violations = ending::judge(kinds, trace, fault.map(|(_, clean)| clean));
    violations.extend(safety::judge(trace));
    violations.extend(status::judge(kinds, trace));
    violations.extend(bounds::judge(trace, fault));
    violations
}
