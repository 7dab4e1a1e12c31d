//! Quarantine, and what others' network policies open: policies add up, so no policy of ours can close it. Each is made to select no
//! pod, and what it selected is noted on it in the very write; its rules are not touched. A namespace says that there may be notes
//! before the first is made: so it is given back exactly, whoever crashes or edits meanwhile.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::build::no_pods;
use crate::meta;
use crate::names;
use crate::object::ObjectKey;
use crate::plan::Plan;
use crate::resources::{NETWORK_POLICY, THEIR_NETWORK_POLICY};
use crate::world::{Lookup, Scope, World};

use super::ownership::is_leaving;
use super::suspend::{self, POLICIES, Stopped};
use super::types::{SuspendMode, Tenant};

/// What they are called in sentences.
const THEY: &str = "network policies of others";
/// The parts of a selector.
const PARTS: [&str; 2] = ["matchExpressions", "matchLabels"];

/// Closes what others have opened in these namespaces of the tenant, or gives it back.
pub(super) fn plan_policies(
    tenant: &Tenant,
    namespaces: &[Arc<Value>],
    world: &World,
    plan: &mut Plan,
    stopped: &mut Stopped,
) {
    let closes = suspend::is(tenant, SuspendMode::Quarantine);
    for facts in namespaces.iter().filter(|facts| !is_leaving(facts)) {
        let namespace = facts["metadata"]["name"].as_str().unwrap_or_default();
        let marked = suspend::notes(facts).contains(POLICIES);
        if !closes && !marked {
            continue;
        }
        // A policy that selects no pod isolates none either: ours must do so before.
        let denies =
            world.get(&ObjectKey::namespaced(&NETWORK_POLICY, namespace, names::DEFAULT_DENY)).found().is_some();
        match world.list(&THEIR_NETWORK_POLICY, Scope::Namespace(namespace.to_owned())) {
            Lookup::Found(found) => {
                for policy in found.into_iter().filter(|policy| policy["deleting"] == false) {
                    if closes {
                        stopped.close(namespace, policy, marked && denies, plan);
                    } else {
                        stopped.give_back(namespace, policy, plan);
                    }
                }
            }
            Lookup::Missing | Lookup::NotSynced => {
                stopped.note(namespace, POLICIES);
                stopped.wait(THEY, namespace, "are not known yet");
            }
        }
    }
}

impl Stopped {
    fn close(&mut self, namespace: &str, facts: Arc<Value>, is_ready: bool, plan: &mut Plan) {
        let selector = &facts["judged"]["spec"]["podSelector"];
        if *selector == no_pods() {
            self.closed += usize::from(!facts["note"].is_null());
        } else if is_ready {
            let patch = patch(&selector.to_string().into(), Some(&no_pods()));
            plan.adjust(key_of(namespace, &facts), facts, patch);
        } else {
            self.wait(THEY, namespace, "are closed once it is marked and denies everything");
        }
    }

    fn give_back(&mut self, namespace: &str, facts: Arc<Value>, plan: &mut Plan) {
        let Some(note) = facts["note"].as_str() else { return };
        self.note(namespace, POLICIES);
        let Some(before) = read_note(note) else {
            self.pending.push(format!(
                "NetworkPolicy {namespace}/{} is not opened again, as its annotation {} says {note:?}: set spec.podSelector by hand and remove the annotation",
                facts["name"].as_str().unwrap_or_default(),
                meta::RESUME,
            ));
            return;
        };
        // What somebody has set meanwhile stands.
        let is_closed = facts["judged"]["spec"]["podSelector"] == no_pods();
        let patch = patch(&Value::Null, Some(&before).filter(|_| is_closed));
        plan.adjust(key_of(namespace, &facts), facts, patch);
    }
}

/// A merge patch that sets the note and the selector; null takes away.
fn patch(note: &Value, selector: Option<&Value>) -> Value {
    let mut patch = json!({ "metadata": { "annotations": { meta::RESUME: note } } });
    if let Some(selector) = selector {
        let parts: Map<String, Value> =
            PARTS.into_iter().map(|part| (part.to_owned(), selector[part].clone())).collect();
        patch["spec"] = json!({ "podSelector": parts });
    }
    patch
}

/// The selector that a note tells; `None` if it is none of ours.
fn read_note(note: &str) -> Option<Value> {
    let selector: Value = serde_json::from_str(note).ok()?;
    let is_selector = selector.as_object()?.keys().all(|key| PARTS.contains(&key.as_str()));
    is_selector.then_some(selector)
}

fn key_of(namespace: &str, facts: &Value) -> ObjectKey {
    ObjectKey::namespaced(&THEIR_NETWORK_POLICY, namespace, facts["name"].as_str().unwrap_or_default())
}
