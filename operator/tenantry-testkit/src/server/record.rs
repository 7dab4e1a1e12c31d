//! What happened: every call, and every version of every object. For oracles; it never influences an answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::request::Call;

/// One answered call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Number of the call, from 0.
    pub index: usize,
    /// Time since the server was started.
    pub at: Duration,
    /// What was asked.
    pub call: Call,
    /// HTTP status of the answer; 0 if the connection broke or the answer never came.
    pub code: u16,
    /// Whether the store changed.
    pub mutated: bool,
    /// Name of the fault injected, if any.
    pub fault: Option<&'static str>,
    /// `preconditions.uid` of a delete, empty if none was sent.
    pub precondition_uid: String,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ChangeKind {
    Added,
    Modified,
    Deleted,
}

/// One change of one object.
#[derive(Clone, Debug)]
pub struct Change {
    /// resourceVersion it got.
    pub revision: u64,
    /// Time since the server was started.
    pub at: Duration,
    /// What it did.
    pub kind: ChangeKind,
    /// API group of the resource.
    pub group: String,
    /// Plural name of the resource.
    pub resource: String,
    /// Namespace, empty for cluster scope.
    pub namespace: String,
    /// Object name.
    pub name: String,
    /// The object after the change; for a deletion, as it was last.
    pub object: Arc<Value>,
    /// The object before the change.
    pub previous: Option<Arc<Value>>,
    /// Who did it (`User-Agent`).
    pub agent: String,
}
