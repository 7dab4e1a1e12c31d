//! An Agent is a workload: of an image of its own, or of the platform's runtime, which is told what to do.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::conditions::Reason;
use crate::external::Protocol;
use crate::plan::Refusal;
use crate::workload::types::Span;
use crate::workload::{Extras, Inquiry, Lack, Workload, sort};
use crate::world::World;

use super::runtime;
use super::types::Agent;

/// How often its card is looked at.
const INTERVAL: Span = Span::of_seconds(300);

/// The workload that it is.
pub(super) fn workload<'a>(agent: &'a Agent, world: &World) -> Workload<'a> {
    let spec = &agent.spec;
    let (mut trunk, mut refusals, mut unknown) = (Cow::Borrowed(&spec.trunk), refusals(agent), None);
    let mut env = skills(agent);
    if let Some(declarative) = &spec.declarative {
        match runtime::image(declarative, world) {
            Ok(image) => trunk.to_mut().image = Some(image),
            Err(Lack::Refused(refusal)) => refusals.push(refusal),
            Err(Lack::Unknown(what)) => unknown = Some(what),
        }
        env.extend(runtime::env(declarative));
    }
    Workload {
        sort: &sort::AGENT,
        metadata: &agent.metadata,
        trunk,
        runs: true,
        connections: Some(&spec.connections),
        path: None,
        extras: Extras { env, ..Extras::default() },
        inquiry: spec.a2a.as_ref().filter(|a2a| a2a.enabled).map(|_| Inquiry {
            protocol: Protocol::A2a,
            interval: INTERVAL,
            remote: None,
        }),
        refusals,
        unknown,
    }
}

/// What its card is to say that it can be asked for.
fn skills(agent: &Agent) -> Vec<Value> {
    let skills = agent.spec.a2a.iter().flat_map(|a2a| &a2a.skills).collect::<Vec<_>>();
    if skills.is_empty() {
        return Vec::new();
    }
    vec![json!({ "name": "TENANTRY_AGENT_SKILLS", "value": json!(skills).to_string() })]
}

fn refusals(agent: &Agent) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if !agent.spec.stores.is_empty() {
        let text = "there are no stores yet: remove them, and give the agent the address of one by env";
        refusals.push(Refusal::new(Reason::Unsupported, "spec.stores", text));
    }
    if agent.spec.a2a.as_ref().is_some_and(|a2a| !a2a.enabled && !a2a.skills.is_empty()) {
        let text = "skills are told by a card, and it serves none: set spec.a2a.enabled: true, or remove them";
        refusals.push(Refusal::new(Reason::Invalid, "spec.a2a.skills", text));
    }
    refusals
}
