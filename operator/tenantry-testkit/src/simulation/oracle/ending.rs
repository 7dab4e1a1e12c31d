//! O1, O2, O3: how a run ends. What is wanted is taken from the pure plans, over the cluster as it was recorded.

use std::collections::BTreeSet;

use serde_json::Value;
use tenantry_core::content;
use tenantry_core::kind::{Children, Registration};
use tenantry_core::meta::{MANAGED_BY, MANAGER, RETAINED_FROM};
use tenantry_core::object::ObjectKey;
use tenantry_core::plan::Plan;
use tenantry_core::world::World;

use super::snapshot::Snapshot;
use super::{Oracle, Violation};
use crate::simulation::operator::moment;
use crate::simulation::trace::{Trace, is_operators};

/// Judges the last state, against the clean run's if that is given.
pub fn judge(kinds: &'static [Registration], trace: &Trace, clean: Option<&Trace>) -> Vec<Violation> {
    let end = Snapshot::after(&trace.history);
    let plans = plans(kinds, trace, &end);
    let mut violations: Vec<Violation> = plans.iter().flat_map(|plan| lost(&end, plan)).collect();
    violations.extend(orphaned(trace, &end, &plans));
    if let Some(clean) = clean {
        violations.extend(diverged(trace, clean));
    }
    violations
}

fn plans(kinds: &'static [Registration], trace: &Trace, end: &Snapshot) -> Vec<Plan> {
    let now = moment(trace.quiet_from);
    kinds
        .iter()
        .filter(|kind| matches!(kind.children, Children::Recorded | Children::Owned))
        .flat_map(|kind| end.resources(kind).into_iter().map(move |resource| (kind, resource)))
        .filter_map(|(kind, resource)| (kind.plan)(&resource, &World::new(end), now).ok())
        .collect()
}

fn lost(end: &Snapshot, plan: &Plan) -> Vec<Violation> {
    plan.desired
        .iter()
        .filter_map(|object| {
            let key = object.key();
            let what = match end.object(key) {
                None => "is missing",
                Some(found) if is_foreign(found) => return None,
                Some(found) if differs(key, object.body(), found) => "is not as wanted",
                Some(_) => return None,
            };
            Some(Violation::new(Oracle::NothingLost, format!("{key} {what}")))
        })
        .chain(
            plan.adjustments
                .iter()
                .map(|adjustment| Violation::new(Oracle::NothingLost, format!("{} is not adjusted", adjustment.key))),
        )
        .collect()
}

fn differs(key: &ObjectKey, wanted: &Value, found: &Value) -> bool {
    content::hash_desired(key.resource, wanted) != content::hash_observed(key.resource, found)
}

fn is_foreign(object: &Value) -> bool {
    object["metadata"]["labels"][MANAGED_BY] != MANAGER
}

/// Everything with our label is wanted by somebody, or lies in a namespace that outlived its tenant.
fn orphaned(trace: &Trace, end: &Snapshot, plans: &[Plan]) -> Vec<Violation> {
    let wanted: BTreeSet<(&str, &str, &str)> = plans
        .iter()
        .flat_map(|plan| &plan.desired)
        .map(|object| (object.key().resource.plural, object.key().namespace.as_str(), object.key().name.as_str()))
        .collect();
    end.all()
        .filter(|(_, object)| !is_foreign(object))
        .filter(|(plural, object)| !wanted.contains(&(*plural, text(object, "namespace"), text(object, "name"))))
        .filter(|(plural, object)| !is_retained(end, plural, object) && is_ours(trace, plural, object))
        .map(|(plural, object)| {
            let name = format!("{plural} {}/{}", text(object, "namespace"), text(object, "name"));
            Violation::new(Oracle::NothingOrphaned, format!("{name} is wanted by nobody"))
        })
        .collect()
}

/// Whether an operator ever wrote it: a label alone is easily forged.
fn is_ours(trace: &Trace, plural: &str, object: &Value) -> bool {
    trace.history.iter().any(|change| {
        is_operators(&change.agent)
            && change.resource == plural
            && change.object["metadata"]["uid"] == object["metadata"]["uid"]
    })
}

fn is_retained(end: &Snapshot, plural: &str, object: &Value) -> bool {
    let namespace = if plural == "namespaces" { text(object, "name") } else { text(object, "namespace") };
    plural != "rolebindings"
        && end
            .by_address("", "namespaces", "", namespace)
            .is_some_and(|namespace| namespace["metadata"]["labels"][RETAINED_FROM].is_string())
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

fn diverged(trace: &Trace, clean: &Trace) -> Vec<Violation> {
    let (ours, theirs) = (trace.end_state(), clean.end_state());
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    names
        .into_iter()
        .filter_map(|name| match (ours.get(name), theirs.get(name)) {
            (Some(one), Some(other)) if one == other => None,
            (Some(one), Some(other)) => Some(format!("{name} differs: {}", difference("", one, other))),
            (Some(_), None) => Some(format!("{name} exists only after the fault")),
            (None, _) => Some(format!("{name} exists only in the clean run")),
        })
        .map(|what| Violation::new(Oracle::SameEnd, what))
        .collect()
}

/// Where two values differ first.
fn difference(path: &str, one: &Value, other: &Value) -> String {
    match (one, other) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            let differing = keys.into_iter().find(|key| left.get(*key) != right.get(*key));
            differing.map_or_else(String::new, |key| difference(&format!("{path}.{key}"), &one[key], &other[key]))
        }
        _ => format!("{path} is {one}, clean {other}"),
    }
}
