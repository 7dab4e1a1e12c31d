//! What `--json` writes. It measures nothing.

use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::checks::Checks;
use crate::commands::CommandError;

/// Everything the demo measured.
#[derive(Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) machine: String,
    pub(crate) load: String,
    pub(crate) kubernetes: String,
    pub(crate) seconds: Seconds,
    pub(crate) tenants: Vec<TenantFigures>,
    pub(crate) drift: Vec<DriftFigures>,
    pub(crate) quiet: QuietFigures,
}

/// How long things took.
#[derive(Default, Serialize)]
pub(crate) struct Seconds {
    pub(crate) build: f64,
    pub(crate) control_plane: f64,
    pub(crate) install: f64,
    pub(crate) operator_ready: f64,
    pub(crate) all_tenants_ready: f64,
    pub(crate) story: f64,
}

/// One tenant.
#[derive(Clone, Serialize)]
pub(crate) struct TenantFigures {
    pub(crate) name: String,
    pub(crate) environments: Vec<String>,
    pub(crate) namespaces: usize,
    pub(crate) policies: usize,
    pub(crate) quotas: usize,
    pub(crate) limits: usize,
    pub(crate) bindings: usize,
    pub(crate) members: usize,
    pub(crate) ready: bool,
    pub(crate) seconds: f64,
}

/// One repair.
#[derive(Serialize)]
pub(crate) struct DriftFigures {
    pub(crate) what: String,
    pub(crate) milliseconds: Option<f64>,
}

/// The operator's requests while nothing happened.
#[derive(Default, Serialize)]
pub(crate) struct QuietFigures {
    pub(crate) seconds: u64,
    pub(crate) lease: usize,
    pub(crate) watch: usize,
    pub(crate) watchdog: usize,
    pub(crate) other: usize,
    pub(crate) counted_at: String,
}

impl Figures {
    /// Writes them with the checks.
    pub(crate) fn write(&self, path: &Path, checks: &Checks) -> Result<(), CommandError> {
        let mut all = serde_json::to_value(self)?;
        all["checks"] = json!(checks.all());
        let text = serde_json::to_string_pretty(&all)? + "\n";
        std::fs::write(path, text).map_err(|error| format!("writing {}: {error}", path.display()).into())
    }
}
