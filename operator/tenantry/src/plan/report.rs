//! What a settled plan comes to, as data for `-o json|yaml` and for the text renderer. Compares; decides nothing.

use serde::Serialize;
use serde_json::{Map, Value, json};
use tenantry_core::content;
use tenantry_core::object::{Desired, ObjectKey};
use tenantry_core::resources::NAMESPACE;

use super::carry::{is_as_wanted, managed_fields};
use super::rights::{self, Rights};
use super::settle::{Planned, Settled};
use super::snapshot::is_shared;
use crate::cli::Exit;

/// Everything a plan says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) resources: Vec<ResourceReport>,
    pub(super) rights: Vec<Rights>,
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
    pub(super) fn new(settled: &Settled, notes: Vec<String>) -> Self {
        let resources: Vec<ResourceReport> =
            settled.planned.iter().map(|(key, planned)| report(settled, key, planned)).collect();
        let sum = |count: fn(&ResourceReport) -> usize| resources.iter().map(count).sum();
        let summary = Summary {
            created: sum(|one| one.created.len()),
            changed: sum(|one| one.changed.len()),
            removed: sum(|one| one.removed.len()),
            unchanged: sum(|one| one.unchanged),
            refused: resources.iter().filter(|one| one.is_refused()).count(),
        };
        Self { rights: rights::changes(&settled.before, &settled.after), resources, notes, summary }
    }

    /// How a plan ends: refused if any resource is, otherwise by whether anything changes.
    pub(super) fn exit(&self) -> Exit {
        let Summary { created, changed, removed, refused, .. } = self.summary;
        match (refused, created + changed + removed) {
            (0, 0) => Exit::Success,
            (0, _) => Exit::Changes,
            _ => Exit::Refused,
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

fn report(settled: &Settled, key: &ObjectKey, planned: &Planned) -> ResourceReport {
    let plan = &planned.plan;
    let mut report = ResourceReport {
        resource: key.into(),
        state: state(settled, key, planned),
        source: planned.place.clone(),
        not_owned: planned.not_owned.iter().map(ObjectRef::from).collect(),
        undecided: plan.undecided.iter().map(ToString::to_string).collect(),
        looked_at_again: plan.requeue_at.map(|when| when.to_string()),
        removed: removed(settled, key).iter().map(ObjectRef::from).collect(),
        ..ResourceReport::default()
    };
    for refusal in &plan.refusals {
        let (field, message) = (Some(refusal.field.clone()), refusal.message.clone());
        report.refusals.push(Finding { reason: Some(refusal.reason.name()), field, message });
    }
    for denial in &plan.denials {
        let (field, message) = (Some(denial.field.clone()), denial.message.clone());
        report.denials.push(Finding { reason: None, field, message });
    }
    for wait in &plan.waits {
        report.waits.push(Finding { reason: Some(wait.reason.name()), field: None, message: wait.message.clone() });
    }
    for object in &plan.desired {
        let key = object.key();
        match settled.before.object(key) {
            // Neither ours, nor held back behind something that is not ours.
            _ if planned.not_owned.contains(key) || settled.after.object(key).is_none() => {}
            None => report.created.push(Created { object: key.into(), manifest: object.body().clone() }),
            Some(found) if is_as_wanted(found, object) => report.unchanged += 1,
            Some(found) => {
                let (before, after) = views(found, object);
                report.changed.push(Changed { object: key.into(), before, after });
            }
        }
    }
    report
}

fn state(settled: &Settled, key: &ObjectKey, planned: &Planned) -> State {
    match (settled.before.object(key), settled.after.object(key)) {
        _ if planned.place.is_none() => State::Affected,
        (None, _) => State::New,
        (Some(before), Some(after)) if before["spec"] == after["spec"] && !planned.invalid => State::Unchanged,
        _ => State::Changed,
    }
}

/// Objects of this resource that are there now and not in the end. What goes together with its namespace is not listed.
fn removed(settled: &Settled, owner: &ObjectKey) -> Vec<ObjectKey> {
    let path = format!("{}/{}/{}", owner.resource.plural, owner.namespace, owner.name);
    let is_gone = |key: &ObjectKey| settled.after.object(key).is_none();
    let goes_with_namespace = |key: &ObjectKey| {
        let namespace = ObjectKey::cluster(&NAMESPACE, key.namespace.clone());
        key.resource.namespaced && settled.before.object(&namespace).is_some() && is_gone(&namespace)
    };
    settled
        .before
        .objects()
        .filter(|(key, object)| {
            let marked = tenantry_core::meta::Owner::marked_on(object);
            is_gone(key) && marked.is_some_and(|marked| super::snapshot::path_of(&marked) == path)
        })
        .map(|(key, _)| key.clone())
        .filter(|key| !goes_with_namespace(key))
        .collect()
}

/// An object now and as it will be, both cut down to what of it is ours.
fn views(found: &Value, object: &Desired) -> (Value, Value) {
    let wanted = object.body();
    if !is_shared(object.key().resource) {
        return (whole_view(found), whole_view(wanted));
    }
    let owned = content::owned_fields(found);
    let keys = |section: &str| -> Vec<String> {
        let set = wanted["metadata"][section].as_object().into_iter().flat_map(Map::keys);
        set.chain(owned[section].as_object().into_iter().flat_map(Map::keys)).cloned().collect()
    };
    let view = |from: &Value| {
        let mut metadata = json!({});
        for section in ["labels", "annotations"] {
            for key in keys(section) {
                if let Some(value) = from["metadata"][section].get(&key) {
                    metadata[section][&key] = value.clone();
                }
            }
        }
        json!({ "metadata": metadata })
    };
    (view(found), view(wanted))
}

fn whole_view(object: &Value) -> Value {
    let mut view = json!({ "metadata": managed_fields(object) });
    for (field, value) in object.as_object().into_iter().flatten() {
        if !matches!(field.as_str(), "apiVersion" | "kind" | "metadata" | "status") {
            view[field] = value.clone();
        }
    }
    view
}
