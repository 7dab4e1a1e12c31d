//! The Agent's status.

use jiff::Timestamp;

use crate::conditions::{Reason, Truth, Type};
use crate::kind::Outcome;
use crate::workload;
use crate::world::World;

use super::plan;
use super::types::{Agent, AgentStatus};

/// What the status should say.
pub(super) fn status(cr: &Agent, world: &World, done: &Outcome, now: Timestamp) -> AgentStatus {
    let before = cr.status.as_ref().map(|status| status.trunk.conditions.as_slice()).unwrap_or_default();
    let workload = plan::workload(cr);
    let draft = workload::draft(&workload, world);
    let mut judged = workload::judge(&workload, &draft, before, world, done, now);
    let mut further = Vec::new();
    if cr.spec.a2a.as_ref().is_some_and(|a2a| a2a.enabled) {
        let text = "nobody has looked at its A2A card: agent cards are not checked yet";
        judged.conditions.set(Type::Verified, Truth::Unknown, Reason::NotProbed, text);
        further.push(Type::Verified);
    }
    AgentStatus { trunk: judged.finish(&further, "it runs, and what it refers to exists"), bound: draft.bindings.bound }
}
