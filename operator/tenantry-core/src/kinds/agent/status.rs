//! The Agent's status.

use jiff::Timestamp;

use crate::conditions::Type;
use crate::external::Answer;
use crate::kind::Outcome;
use crate::workload::{self, Finding};
use crate::world::World;

use super::plan;
use super::types::{Agent, AgentStatus, Presented};

/// Broken rules that a status names.
const MOST_ISSUES: usize = 20;

/// What the status should say.
pub(super) fn status(cr: &Agent, world: &World, done: &Outcome, now: Timestamp) -> AgentStatus {
    let before = cr.status.clone().unwrap_or_default();
    let workload = plan::workload(cr, world);
    let draft = workload::draft(&workload, world, now);
    let mut judged = workload::judge(&workload, &draft, Some(&before.trunk), world, done, now);
    let mut further: &[Type] = &[];
    let mut presented = Presented::default();
    if workload.inquiry.is_some() {
        presented = before.presented;
        let (truth, reason, message) = match workload::finding(&draft, &mut judged, Some(&before.trunk), world) {
            Finding::Answered(answer) => match &*answer {
                Answer::A2a(verdict) => {
                    if answer.tells() {
                        let issues = verdict.issues.iter().take(MOST_ISSUES).cloned().collect();
                        presented = Presented { card: verdict.card.clone(), card_issues: issues };
                    }
                    workload::verdict(verdict.state, &verdict.message, world.operator_namespace())
                }
                // Another protocol's answer is none.
                Answer::Mcp(_) => workload::unasked(),
            },
            Finding::Nothing(verdict) => verdict,
        };
        judged.conditions.set(Type::Verified, truth, reason, message);
        further = &[Type::Verified];
    }
    let trunk = judged.finish(further, "it runs, and what it refers to exists");
    AgentStatus { trunk, bound: draft.bindings.bound, presented }
}
