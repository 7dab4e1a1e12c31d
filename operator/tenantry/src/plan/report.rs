//! What a settled plan comes to, as data for `-o json|yaml` and for the text renderer. The comparing is in `compare`.

use serde::Serialize;
use serde_json::Value;
use tenantry_core::object::ObjectKey;
use tenantry_core::resources::TENANT;

use super::compare::compare;
use super::contents::{Conflict, Contents};
use super::rights::{self, Rights};
use super::settle::{Planned, Settled};
use crate::cli::Exit;

/// Everything a plan says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) resources: Vec<ResourceReport>,
    pub(super) rights: Vec<Rights>,
    /// Plurals of kinds that could not be read: what depends on them is left out of this plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) incomplete: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
    pub(super) summary: Summary,
}

/// Numbers over all resources.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    pub(super) created: usize,
    pub(super) changed: usize,
    pub(super) removed: usize,
    pub(super) unchanged: usize,
    pub(super) refused: usize,
}

/// What becomes of the objects of one resource.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResourceReport {
    pub(super) resource: ObjectRef,
    pub(super) state: State,
    /// Where it was read; absent for a resource of the cluster that is affected by those given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) refusals: Vec<Finding>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) not_owned: Vec<ObjectRef>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) denials: Vec<Finding>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) waits: Vec<Finding>,
    /// What is in adopted namespaces already and could not be made again as it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) conflicts: Vec<Conflict>,
    pub(super) created: Vec<Created>,
    pub(super) changed: Vec<Changed>,
    pub(super) removed: Vec<ObjectRef>,
    pub(super) unchanged: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) undecided: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) looked_at_again: Option<String>,
}

/// What becomes of a resource itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It is not in the cluster yet.
    New,
    /// Its spec is different in the cluster.
    Changed,
    /// It is in the cluster as given.
    #[default]
    Unchanged,
    /// It is deleted.
    Deleted,
    /// It is deleted, and something keeps it from going.
    Leaving,
    /// It was not given; what was given changes what becomes of it.
    Affected,
}

impl State {
    /// The word for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
            Self::Leaving => "leaving",
            Self::Affected => "affected",
        }
    }
}

/// Names one object.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ObjectRef {
    pub(super) api_version: String,
    pub(super) kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) namespace: String,
    pub(super) name: String,
}

/// Something to tell about a resource.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) field: Option<String>,
    pub(super) message: String,
}

/// An object that will be there.
#[derive(Debug, Serialize)]
pub(super) struct Created {
    pub(super) object: ObjectRef,
    /// The whole object as it is sent.
    pub(super) manifest: Value,
}

/// An object that will be different, by what of it is ours.
#[derive(Debug, Serialize)]
pub(super) struct Changed {
    pub(super) object: ObjectRef,
    pub(super) before: Value,
    pub(super) after: Value,
}

impl Report {
    pub(super) fn new(settled: &Settled, contents: &Contents, notes: Vec<String>) -> Self {
        let of_one = |key: &ObjectKey, planned: &Planned| {
            let mut report = compare(settled, key, planned);
            if let Some(resource) = settled.after.object(key).filter(|_| *key.resource == TENANT) {
                report.conflicts = contents.conflicts(resource, &settled.before, &settled.after);
            }
            report
        };
        let resources: Vec<ResourceReport> =
            settled.planned.iter().map(|(key, planned)| of_one(key, planned)).collect();
        let sum = |count: fn(&ResourceReport) -> usize| resources.iter().map(count).sum();
        let summary = Summary {
            created: sum(|one| one.created.len()),
            changed: sum(|one| one.changed.len()),
            removed: sum(|one| one.removed.len()),
            unchanged: sum(|one| one.unchanged),
            refused: resources.iter().filter(|one| one.is_refused()).count(),
        };
        let rights = rights::changes(&settled.before, &settled.after);
        Self { resources, rights, incomplete: settled.before.unknown(), notes, summary }
    }

    /// How a plan ends: refused if any resource is or not all could be read, otherwise by whether anything changes.
    pub(super) fn exit(&self) -> Exit {
        let Summary { created, changed, removed, refused, .. } = self.summary;
        match created + changed + removed {
            _ if refused > 0 || !self.incomplete.is_empty() => Exit::Refused,
            0 => Exit::Success,
            _ => Exit::Changes,
        }
    }
}

impl ResourceReport {
    /// Whether some of what it asks for will not be done.
    pub(super) fn is_refused(&self) -> bool {
        !self.refusals.is_empty() || !self.not_owned.is_empty()
    }
}

impl From<&ObjectKey> for ObjectRef {
    fn from(key: &ObjectKey) -> Self {
        Self {
            api_version: key.resource.api_version(),
            kind: key.resource.kind.to_owned(),
            namespace: key.namespace.clone(),
            name: key.name.clone(),
        }
    }
}
