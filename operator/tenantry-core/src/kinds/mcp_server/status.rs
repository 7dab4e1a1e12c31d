//! The McpServer's status.

use jiff::Timestamp;

use crate::conditions::{Reason, Type};
use crate::external::Answer;
use crate::kind::Outcome;
use crate::workload::{self, Finding};
use crate::world::World;

use super::types::{McpServer, McpServerStatus, VerificationMode};
use super::{plan, verified};

/// What the status should say.
pub(super) fn status(cr: &McpServer, world: &World, done: &Outcome, now: Timestamp) -> McpServerStatus {
    let before = cr.status.clone().unwrap_or_default();
    let workload = plan::workload(cr, world);
    let draft = workload::draft(&workload, world, now);
    let mut judged = workload::judge(&workload, &draft, Some(&before.trunk), world, done, now);
    let spec = cr.spec.verification.clone().unwrap_or_default();
    let mut status = McpServerStatus::default();
    let mut further = Vec::new();
    let mut is_closed = false;
    if spec.mode != VerificationMode::Off {
        let (answer, (truth, reason, message)) =
            match workload::finding(&draft, &mut judged, Some(&before.trunk), world) {
                Finding::Answered(answer) => match &*answer {
                    Answer::Mcp(verdict) => {
                        let judgement =
                            verified::judge(cr, verdict, before.pinned.as_ref(), world.operator_namespace());
                        (Some(verdict.clone()), judgement)
                    }
                    // Another protocol's answer is none.
                    Answer::A2a(_) => (None, workload::unasked()),
                },
                Finding::Nothing(judgement) => (None, judgement),
            };
        // That tools are missing, changed or unseen is told; that it does not speak its protocol makes it useless.
        let is_told_only = matches!(reason, Reason::MissingTools | Reason::ToolsChanged | Reason::AuthRequired);
        if spec.mode == VerificationMode::Enforce || !is_told_only {
            further.push(Type::Verified);
        }
        is_closed = reason == Reason::AuthRequired;
        judged.conditions.set(Type::Verified, truth, reason, message);
        status = verified::seen(&before, &spec, answer.as_ref());
    }
    let text = match (&cr.spec.remote, spec.mode) {
        (Some(_), VerificationMode::Off) => {
            "it is elsewhere, and nobody here knows whether it answers, as its spec says"
        }
        (None, VerificationMode::Off) => "it runs; its protocol is not checked, as its spec says",
        _ if is_closed => "it asks for credentials; as far as can be seen without them it is well",
        (Some(_), _) => "it speaks its protocol",
        (None, _) => "it runs, and speaks its protocol",
    };
    status.trunk = judged.finish(&further, text);
    if let Some(remote) = cr.spec.remote.as_ref().filter(|_| draft.home.is_some() && done.plan.refusals.is_empty()) {
        status.trunk.url = Some(remote.url.clone());
    }
    status
}
