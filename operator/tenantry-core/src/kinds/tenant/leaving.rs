//! The end of a namespace: what still keeps it from ending, and who keeps rights in it until then. The namespace controller
//! deletes role bindings with all the rest; a finalizer holds them while something needs its owner's hand, and is put on only
//! once the end has begun: a namespace that nobody ends carries none, whatever becomes of the operator (ADR 6).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::build::build_role_binding;
use crate::meta::RIGHTS_FINALIZER;
use crate::names::Place;
use crate::object::ObjectKey;
use crate::plan::{Plan, Undecided};
use crate::resources::{NAMESPACE, ROLE_BINDING};
use crate::world::{Lookup, World};

use super::members::Members;
use super::retire::GUARDS;
use super::types::{Role, Subject};

/// What stands in the way of the end of a namespace, in the words of the namespace controller, but for what only we hold.
pub(super) fn blockers(facts: &Value) -> Vec<String> {
    let name = facts["metadata"]["name"].as_str().unwrap_or_default();
    let told = facts["status"]["conditions"].as_array().into_iter().flatten();
    told.filter(|condition| condition["status"] == "True")
        .filter_map(|condition| {
            let message = condition["message"].as_str()?;
            let all = entries(condition).unwrap_or_default();
            if all.is_empty() {
                return Some(format!("{name}: {message}"));
            }
            let others: Vec<&str> = all.into_iter().filter(|entry| !is_ours(entry)).collect();
            let (head, _) = message.split_once(": ")?;
            (!others.is_empty()).then(|| format!("{name}: {head}: {}", others.join(", ")))
        })
        .collect()
}

/// That a namespace is ending, what comes after it, and what it waits for. One that was taken over was somebody's: none is made in
/// its place.
pub(super) fn describe(namespace: &str, facts: &Value, was_adopted: bool) -> String {
    let after = if was_adopted {
        "it was taken over, and none is made in its place: make one that consents, or remove adopt when it is gone and have one made"
    } else {
        "it is made again when it is gone"
    };
    let mut text = format!("namespace {namespace} is being deleted; {after}");
    let blockers = blockers(facts);
    if !blockers.is_empty() {
        text = format!("{text}; what keeps it: {}", blockers.join("; "));
    }
    text
}

/// Keeps the rights of those who are members now while something else than the bindings is left, and not a moment longer;
/// without `members` they end at once. Whatever else holds the namespace closed stays until it is gone.
pub(super) fn hold_rights(plan: &mut Plan, place: &Place, facts: &Value, members: Option<&Members>, world: &World) {
    plan.undecided.push(Undecided::Object(ObjectKey::cluster(&NAMESPACE, &place.namespace)));
    plan.undecided.extend(GUARDS.map(|resource| Undecided::Kind(resource, place.namespace.clone())));
    if members.is_some() {
        plan.undecided.push(Undecided::Kind(&ROLE_BINDING, place.namespace.clone()));
    }
    let entitled = members.map(|members| members.of(place)).unwrap_or_default();
    let holds = members.is_some() && is_held_up(facts);
    for role in Role::ALL {
        let name = format!("tenantry-{}", role.word());
        let key = ObjectKey::namespaced(&ROLE_BINDING, &place.namespace, name);
        let Lookup::Found(binding) = world.get(&key) else { continue };
        let finalizers: Vec<Value> = binding["finalizers"].as_array().cloned().unwrap_or_default();
        let held = finalizers.iter().any(|one| one == RIGHTS_FINALIZER);
        let subjects = subjects_of(place, role, &entitled.get(&role).cloned().unwrap_or_default());
        let patch = if holds && !held && binding["deleting"] != true {
            let all: Vec<Value> = finalizers.into_iter().chain([RIGHTS_FINALIZER.into()]).collect();
            json!({ "metadata": { "finalizers": all } })
        } else if holds && held && of(&binding["subjects"]) != of(&subjects) {
            json!({ "subjects": subjects })
        } else if held && !holds {
            let left: Vec<&Value> = finalizers.iter().filter(|one| *one != RIGHTS_FINALIZER).collect();
            json!({ "metadata": { "finalizers": left } })
        } else {
            continue;
        };
        plan.adjust(key, binding, patch);
    }
}

fn subjects_of(place: &Place, role: Role, subjects: &BTreeSet<Subject>) -> Value {
    build_role_binding(place, role, subjects).body()["subjects"].clone()
}

/// Subjects that are none and subjects that are absent are the same.
fn of(subjects: &Value) -> &[Value] {
    subjects.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Whether something is left that a member may have to remove. Ignorance keeps only until the namespace controller has told
/// anything, which it does in its first round; words it may use one day and we do not know hold nothing up for ever.
fn is_held_up(facts: &Value) -> bool {
    let told = facts["status"]["conditions"].as_array();
    let Some(told) = told.filter(|told| told.iter().any(|one| one["type"] == "NamespaceContentRemaining")) else {
        return true;
    };
    told.iter().filter(|condition| condition["status"] == "True").any(|condition| match entries(condition) {
        Some(entries) => entries.into_iter().any(|entry| !is_ours(entry) && is_entry(entry)),
        // What cannot be discovered or deleted now may need a hand later, and gets better without ours.
        None => true,
    })
}

/// What a condition enumerates, as far as it can be read; `None` for those that enumerate nothing.
fn entries(condition: &Value) -> Option<Vec<&str>> {
    match condition["type"].as_str()? {
        "NamespaceContentRemaining" | "NamespaceFinalizersRemaining" => {
            let list = condition["message"].as_str().and_then(|message| Some(message.split_once(": ")?.1));
            Some(list.into_iter().flat_map(|list| list.split(", ")).collect())
        }
        _ => None,
    }
}

/// `configmaps. has 1 resource instances` or `example.com/hold in 1 resource instances`.
fn is_entry(entry: &str) -> bool {
    entry.ends_with(" resource instances") && (entry.contains(" has ") || entry.contains(" in "))
}

/// Only held by us: whatever else holds a role binding is told as another finalizer.
fn is_ours(entry: &str) -> bool {
    entry.starts_with("rolebindings.rbac.authorization.k8s.io has ")
        || entry.strip_prefix(RIGHTS_FINALIZER).is_some_and(|rest| rest.starts_with(" in "))
}
