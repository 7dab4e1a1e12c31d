//! How pods are replaced when a spec changes.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;

/// How pods are replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// RollingUpdate (default), Recreate, or Canary (not supported yet: refused).
    #[serde(default)]
    pub strategy: Strategy,
    /// How many old revisions are kept, 0 to 100. Default: 5.
    #[serde(default = "history")]
    #[schemars(range(min = 0, max = 100))]
    pub history_limit: i32,
    /// How long new pods may take to become available before the rollout has failed. Default: 10m.
    #[serde(default = "deadline")]
    pub progress_deadline: Span,
    /// What is done about a rollout that has failed: Stop (default), or Rollback. What was available before is known from the moment
    /// when Rollback was set.
    #[serde(default)]
    pub on_failure: OnFailure,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            strategy: Strategy::default(),
            history_limit: history(),
            progress_deadline: deadline(),
            on_failure: OnFailure::default(),
        }
    }
}

fn history() -> i32 {
    5
}

fn deadline() -> Span {
    Span::of_seconds(600)
}

/// In which order pods are replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Strategy {
    /// New ones first, a quarter at a time.
    #[default]
    RollingUpdate,
    /// All old ones go before the first new one comes.
    Recreate,
    /// A share of the traffic first.
    Canary,
}

/// What is done about a failed rollout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnFailure {
    /// It stands still, and says so.
    #[default]
    Stop,
    /// The last revision that was available comes back, and stays until the spec asks for something else again. The spec is left as
    /// it is; `Applied` says what has failed.
    Rollback,
}
