//! The ModelDeployment's status.

use jiff::Timestamp;

use crate::kind::Outcome;
use crate::workload;
use crate::world::World;

use super::plan;
use super::types::{ModelDeployment, ModelDeploymentStatus};

/// What the status should say.
pub(super) fn status(cr: &ModelDeployment, world: &World, done: &Outcome, now: Timestamp) -> ModelDeploymentStatus {
    let before = cr.status.as_ref().map(|status| status.trunk.conditions.as_slice()).unwrap_or_default();
    let workload = plan::workload(cr);
    let draft = workload::draft(&workload, world);
    let judged = workload::judge(&workload, &draft, before, world, done, now);
    ModelDeploymentStatus { trunk: judged.finish(&[], "it serves its model") }
}
