//! ModelDeployment: a model, served by an image that speaks a common protocol.

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

use types::{ModelDeployment, ModelDeploymentStatus};

/// The kind ModelDeployment.
pub struct ModelDeploymentKind;

impl Kind for ModelDeploymentKind {
    type Cr = ModelDeployment;
    const RESOURCE: &'static Resource = &resources::MODEL_DEPLOYMENT;
    const CHILDREN: Children = Children::Owned;
    const ACCESS: &'static [Access] = workload::ACCESS;
    const INCIDENTAL: &'static [&'static str] = workload::INCIDENTAL;

    fn plan(cr: &ModelDeployment, world: &World, now: Timestamp) -> Plan {
        plan::draft(cr, world, now).plan
    }

    fn status(cr: &ModelDeployment, world: &World, done: &Outcome, now: Timestamp) -> ModelDeploymentStatus {
        status::status(cr, world, done, now)
    }

    fn examples() -> Vec<Example<ModelDeployment>> {
        examples::examples()
    }
}
