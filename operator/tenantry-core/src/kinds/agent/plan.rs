//! An Agent is a workload; of what it may be besides, some cannot be had yet.

use std::borrow::Cow;

use crate::conditions::Reason;
use crate::external::Protocol;
use crate::plan::Refusal;
use crate::workload::types::Span;
use crate::workload::{Extras, Inquiry, Workload, sort};

use super::types::{Agent, AgentType};

/// How often its card is looked at.
const INTERVAL: Span = Span::of_seconds(300);

/// The workload that it is.
pub(super) fn workload(agent: &Agent) -> Workload<'_> {
    let spec = &agent.spec;
    Workload {
        sort: &sort::AGENT,
        metadata: &agent.metadata,
        trunk: Cow::Borrowed(&spec.trunk),
        runs: spec.type_ == AgentType::Container,
        connections: Some(&spec.connections),
        path: None,
        extras: Extras::default(),
        inquiry: spec.a2a.as_ref().filter(|a2a| a2a.enabled).map(|_| Inquiry {
            protocol: Protocol::A2a,
            interval: INTERVAL,
            remote: None,
        }),
        refusals: refusals(agent),
        unknown: None,
    }
}

fn refusals(agent: &Agent) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let mut refuse = |field, message| refusals.push(Refusal::new(Reason::Unsupported, field, message));
    if agent.spec.type_ == AgentType::Declarative {
        refuse(
            "spec.type",
            "the platform names no runtime for declarative agents yet: use type: Container with an image of your own",
        );
    }
    if !agent.spec.stores.is_empty() {
        refuse("spec.stores", "there are no stores yet: remove them, and give the agent the address of one by env");
    }
    refusals
}
