//! O7: whenever the operator writes Ready=True, it is true: decided for this very generation, with everything in place.

use serde_json::Value;
use tenantry_core::kind::{Children, Registration};
use tenantry_core::object::ObjectKey;
use tenantry_core::resources::Watch;
use tenantry_core::world::World;

use super::snapshot::Snapshot;
use super::{Oracle, Violation};
use crate::server::{Change, ChangeKind};
use crate::simulation::operator::moment;
use crate::simulation::trace::{Trace, is_operators};

/// Judges every status written.
pub fn judge(kinds: &'static [Registration], trace: &Trace) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut now = Snapshot::default();
    for (index, change) in trace.history.iter().enumerate() {
        now.apply(change);
        let kind =
            kinds.iter().find(|kind| kind.resource.plural == change.resource && kind.resource.group == change.group);
        let Some(kind) = kind.filter(|_| is_operators(&change.agent) && change.kind == ChangeKind::Modified) else {
            continue;
        };
        let object = &change.object;
        let is_new = change.previous.as_ref().is_none_or(|previous| previous["status"] != object["status"]);
        if is_new && is_ready(object) {
            let earlier = &trace.history[..index];
            let what = dishonest(kind, &now, earlier, change);
            let named = |what| format!("at {:?} {} {} says Ready=True {what}", change.at, change.resource, change.name);
            violations.extend(what.map(|what| Violation::new(Oracle::HonestStatus, named(what))));
        }
    }
    violations
}

fn is_ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn dishonest(kind: &Registration, now: &Snapshot, earlier: &[Change], change: &Change) -> Option<String> {
    let object = &change.object;
    let generation = &object["metadata"]["generation"];
    if object["status"]["observedGeneration"] != *generation {
        let observed = &object["status"]["observedGeneration"];
        return Some(format!("for generation {observed}, which is now {generation}"));
    }
    if !matches!(kind.children, Children::Recorded | Children::Owned) {
        return None;
    }
    let plan = (kind.plan)(object, &World::new(now), moment(change.at)).ok()?;
    let missing = plan.desired.iter().find(|desired| {
        let key = desired.key();
        // That an add-on has come the operator learns later, and Ready does not depend on what it is used for.
        let is_addon = key.resource.watch == Watch::WhereServed;
        now.object(key).is_none() && !is_addon && !was_taken_away(earlier, key)
    });
    missing.map(|desired| format!("while {} does not exist", desired.key()))
}

/// Whether somebody else deleted it: that the operator learns later.
fn was_taken_away(earlier: &[Change], key: &ObjectKey) -> bool {
    earlier
        .iter()
        .rev()
        .find(|change| {
            change.resource == key.resource.plural && change.namespace == key.namespace && change.name == key.name
        })
        .is_some_and(|last| last.kind == ChangeKind::Deleted && !is_operators(&last.agent))
}
