//! Agent: a program that acts by models and tools. It is connected to what it names, and to nothing else.

use jiff::Timestamp;

use crate::access::Access;
use crate::kind::{Children, Example, Kind, Outcome};
use crate::plan::Plan;
use crate::resources::{self, Resource};
use crate::workload;
use crate::world::World;

mod examples;
mod plan;
mod runtime;
mod status;
pub mod types;

use types::{Agent, AgentStatus};

/// The kind Agent.
pub struct AgentKind;

impl Kind for AgentKind {
    type Cr = Agent;
    const RESOURCE: &'static Resource = &resources::AGENT;
    const CHILDREN: Children = Children::Owned;
    const ACCESS: &'static [Access] = workload::ACCESS;
    const INCIDENTAL: &'static [&'static str] = workload::INCIDENTAL;

    fn plan(cr: &Agent, world: &World, now: Timestamp) -> Plan {
        workload::draft(&plan::workload(cr, world), world, now).plan
    }

    fn status(cr: &Agent, world: &World, done: &Outcome, now: Timestamp) -> AgentStatus {
        status::status(cr, world, done, now)
    }

    fn examples() -> Vec<Example<Agent>> {
        examples::examples()
    }
}
