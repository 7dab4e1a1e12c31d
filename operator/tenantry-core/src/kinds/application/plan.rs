//! An Application is a workload and nothing more.

use std::borrow::Cow;

use crate::workload::{Extras, Workload, sort};

use super::types::Application;

/// The workload that it is.
pub(super) fn workload(application: &Application) -> Workload<'_> {
    let trunk = &application.spec.trunk;
    Workload {
        sort: &sort::APPLICATION,
        metadata: &application.metadata,
        trunk: Cow::Borrowed(trunk),
        // The schema sees to it that there is an image.
        runs: true,
        connections: Some(&application.spec.connections),
        path: None,
        extras: Extras::default(),
        inquiry: None,
        refusals: Vec::new(),
        unknown: None,
    }
}
