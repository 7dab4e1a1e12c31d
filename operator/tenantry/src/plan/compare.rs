//! The cluster before and after, seen from one resource: which of its objects come, change, go or stay. Decides nothing.

use tenantry_core::meta::Owner;
use tenantry_core::object::ObjectKey;
use tenantry_core::resources::NAMESPACE;

use super::report::{Changed, Created, Finding, ObjectRef, ResourceReport, State};
use super::settle::{Planned, Settled};
use super::view::{is_as_wanted, touched, views};

/// What becomes of the objects of one resource.
pub(super) fn compare(settled: &Settled, key: &ObjectKey, planned: &Planned) -> ResourceReport {
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
    for (key, patch) in &planned.adjusted {
        if let (Some(before), Some(after)) = (settled.before.object(key), settled.after.object(key)) {
            let (before, after) = (touched(before, patch), touched(after, patch));
            report.changed.push(Changed { object: key.into(), before, after });
        }
    }
    report
}

fn state(settled: &Settled, key: &ObjectKey, planned: &Planned) -> State {
    match (settled.before.object(key), settled.after.object(key)) {
        _ if planned.place.is_none() => State::Affected,
        (None, _) => State::New,
        (Some(_), None) => State::Deleted,
        (_, Some(after)) if !after["metadata"]["deletionTimestamp"].is_null() => State::Leaving,
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
            let marked = Owner::marked_on(object);
            is_gone(key) && marked.is_some_and(|marked| marked.path() == path)
        })
        .map(|(key, _)| key.clone())
        .filter(|key| !goes_with_namespace(key))
        .collect()
}
