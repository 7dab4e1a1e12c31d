//! The Application's status.

use jiff::Timestamp;

use crate::kind::Outcome;
use crate::workload;
use crate::world::World;

use super::plan;
use super::types::{Application, ApplicationStatus};

/// What the status should say.
pub(super) fn status(cr: &Application, world: &World, done: &Outcome, now: Timestamp) -> ApplicationStatus {
    let before = cr.status.as_ref().map(|status| &status.trunk);
    let workload = plan::workload(cr);
    let draft = workload::draft(&workload, world, now);
    let judged = workload::judge(&workload, &draft, before, world, done, now);
    ApplicationStatus {
        trunk: judged.finish(&[], "it runs, and what it refers to exists"),
        bound: draft.bindings.bound,
    }
}
