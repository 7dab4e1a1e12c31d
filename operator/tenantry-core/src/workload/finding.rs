//! What the condition Verified says of an answer, whatever the protocol, and what it says as long as there is none.

use std::sync::Arc;

use tenantry_protocol::verdict::State;

use super::draft::Draft;
use super::inquiry::Asked;
use super::status::{Judged, Verdict};
use super::types::TrunkStatus;
use crate::conditions::{Condition, Reason, Truth, Type};
use crate::external::Answer;
use crate::world::World;

/// What is known of a workload by its protocol.
pub(crate) enum Finding {
    /// Its newest answer.
    Answered(Arc<Answer>),
    /// Nothing new: what the condition says all the same.
    Nothing(Verdict),
}

/// What is known now. A process that has just begun has asked nobody: what was found before, of the same spec and the same revision,
/// stands until it has.
pub(crate) fn finding(draft: &Draft, judged: &mut Judged, before: Option<&TrunkStatus>, world: &World) -> Finding {
    let unknown = |why: &str| Finding::Nothing((Truth::Unknown, Reason::NotProbed, why.to_owned()));
    let answer = match &draft.asked {
        Asked::Not(why) => return unknown(why),
        Asked::Rests => None,
        Asked::So(question) => world.answer(question),
    };
    if let Some(answer) = answer {
        return Finding::Answered(answer);
    }
    if let Some(verdict) = before.and_then(|before| judged.still_holds(before)) {
        return Finding::Nothing(verdict);
    }
    if draft.asked == Asked::Rests {
        return unknown("it is asked when it has pods");
    }
    let verdict = unasked();
    // Its answer is on the way, so there is no hurry to tell.
    if !judged.conditions.has(Type::Reconciling) {
        judged.conditions.set(Type::Reconciling, Truth::True, verdict.1, verdict.2.clone());
    }
    Finding::Nothing(verdict)
}

/// As long as nobody has answered.
pub(crate) fn unasked() -> Verdict {
    (Truth::Unknown, Reason::NotProbed, "it is being asked".to_owned())
}

/// What an answer's state comes to, if nothing else is asked of it.
pub(crate) fn verdict(state: State, message: &str, operator: &str) -> Verdict {
    let (truth, reason) = match state {
        State::Verified => (Truth::True, Reason::Succeeded),
        State::AuthRequired => (Truth::True, Reason::AuthRequired),
        State::RateLimited => (Truth::Unknown, Reason::RateLimited),
        State::Unavailable => (Truth::Unknown, Reason::Unavailable),
        State::ProtocolError => (Truth::False, Reason::ProtocolError),
        State::ProbeBlocked => {
            let text = format!(
                "{message}: see that it listens there, and that nothing keeps the operator (namespace {operator}) from it"
            );
            return (Truth::Unknown, Reason::ProbeBlocked, text);
        }
    };
    (truth, reason, message.to_owned())
}

/// The condition Verified among these, as a verdict, if somebody has been asked.
pub(super) fn verified(conditions: &[Condition]) -> Option<(&Condition, Verdict)> {
    let condition = conditions.iter().find(|condition| condition.type_ == Type::Verified.name())?;
    let reason = Reason::of(condition).filter(|reason| *reason != Reason::NotProbed)?;
    Some((condition, (condition.status, reason, condition.message.clone())))
}
