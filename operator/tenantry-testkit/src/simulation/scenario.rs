//! What users and the cluster do in a simulation, as data: a list of steps that can be printed and replayed.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::Value;

use crate::server::Verb;

/// One story.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name in reports and replay commands.
    pub name: &'static str,
    /// What happens in it.
    pub about: &'static str,
    /// Whether two replicas compete for a Lease; one without a Lease otherwise.
    pub two_operators: bool,
    /// Whether our definitions are installed before the operator starts.
    pub installed: bool,
    /// Whether environments share a total: how much each has in the end depends on who was short when.
    pub shares: bool,
    /// What happens before any fault strikes: another scenario has faults there.
    pub prelude: Vec<Step>,
    /// What happens then.
    pub steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Step {
    /// A user creates this object in this collection.
    Create(String, Value),
    /// A user merge-patches the object at this path.
    Edit(String, Value),
    /// A user puts the uid of this Tenant into its annotation that confirms the deletion of namespaces.
    Confirm(String),
    /// Somebody deletes the object at this path.
    Delete(String),
    /// The MCP server at this URL has these tools from now on.
    Offer(&'static str, &'static [&'static str]),
    /// The definitions of our kinds are installed.
    Install,
    /// The operators may not do this any more.
    Forbid(Verb, &'static str),
    /// The operators may do everything again.
    Allow,
    /// The first operator is killed, and started again after a second.
    Crash,
    /// Until nothing has changed for 5 s.
    Settle,
    /// So much time.
    Pass(Duration),
    /// The operators' clock is set forward by so much, or back.
    SetClock(SignedDuration),
    /// Until the operators have written so often since the last step, or nothing changes any more.
    Writes(u64),
}

impl Scenario {
    /// A story of one operator with everything installed.
    pub fn new(name: &'static str, about: &'static str, prelude: Vec<Step>, steps: Vec<Step>) -> Self {
        Self { name, about, two_operators: false, installed: true, shares: false, prelude, steps }
    }

    /// The same with two operators that compete for a Lease.
    pub fn with_two_operators(self) -> Self {
        Self { two_operators: true, ..self }
    }

    /// The same with environments that share a total.
    pub fn sharing(self) -> Self {
        Self { shares: true, ..self }
    }

    /// The same without our definitions at the start.
    pub fn not_installed(self) -> Self {
        Self { installed: false, ..self }
    }
}
