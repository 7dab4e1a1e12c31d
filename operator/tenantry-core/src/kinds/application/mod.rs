//! Application: a workload that is neither agent nor model nor tool: web programs, APIs, workers. It calls the same things as agents do.

use jiff::Timestamp;

use crate::access::Access;
use crate::kind::{Children, Example, Kind, Outcome};
use crate::plan::Plan;
use crate::resources::{self, Resource};
use crate::workload;
use crate::world::World;

mod examples;
mod plan;
mod status;
pub mod types;

use types::{Application, ApplicationStatus};

/// The kind Application.
pub struct ApplicationKind;

impl Kind for ApplicationKind {
    type Cr = Application;
    const RESOURCE: &'static Resource = &resources::APPLICATION;
    const CHILDREN: Children = Children::Owned;
    const ACCESS: &'static [Access] = workload::ACCESS;
    const INCIDENTAL: &'static [&'static str] = workload::INCIDENTAL;

    fn plan(cr: &Application, world: &World, now: Timestamp) -> Plan {
        workload::draft(&plan::workload(cr), world, now).plan
    }

    fn status(cr: &Application, world: &World, done: &Outcome, now: Timestamp) -> ApplicationStatus {
        status::status(cr, world, done, now)
    }

    fn examples() -> Vec<Example<Application>> {
        examples::examples()
    }
}
