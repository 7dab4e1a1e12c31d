//! ScaleToZero and the way back. What a workload had is noted on it in the very write that scales it, and a namespace says
//! that there may be notes before the first is made: so it is restored exactly, whoever crashes or edits meanwhile.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::meta;
use crate::object::ObjectKey;
use crate::plan::Plan;
use crate::resources::{
    CRON_JOB, DAEMON_SET, DEPLOYMENT, JOB, POD, REPLICA_SET, REPLICATION_CONTROLLER, Resource, SPEAKING, STATEFUL_SET,
};
use crate::world::{Lookup, Scope, World};

use super::ownership::is_leaving;
use super::suspend::{self, Stopped, WORKLOADS};
use super::types::{SuspendMode, Tenant};

/// How a kind of workload is stopped.
#[derive(Clone, Copy)]
struct Switch {
    resource: &'static Resource,
    field: &'static str,
    /// What the server takes an absent field for.
    default: fn() -> Value,
    stopped: fn() -> Value,
}

const SWITCHES: [Switch; 6] = [
    replicas(&DEPLOYMENT),
    replicas(&STATEFUL_SET),
    replicas(&REPLICA_SET),
    replicas(&REPLICATION_CONTROLLER),
    suspended(&CRON_JOB),
    suspended(&JOB),
];

const fn replicas(resource: &'static Resource) -> Switch {
    Switch { resource, field: "replicas", default: || json!(1), stopped: || json!(0) }
}

const fn suspended(resource: &'static Resource) -> Switch {
    Switch { resource, field: "suspend", default: || json!(false), stopped: || json!(true) }
}

/// Brings the workloads in these namespaces of the tenant to zero, or back to what they had.
pub(super) fn plan_workloads(
    tenant: &Tenant,
    namespaces: &[Arc<Value>],
    world: &World,
    plan: &mut Plan,
    stopped: &mut Stopped,
) {
    let zero = suspend::is(tenant, SuspendMode::ScaleToZero);
    for facts in namespaces.iter().filter(|facts| !is_leaving(facts)) {
        let namespace = facts["metadata"]["name"].as_str().unwrap_or_default();
        let marked = suspend::notes(facts).contains(WORKLOADS);
        if !zero && !marked {
            continue;
        }
        let scope = || Scope::Namespace(namespace.to_owned());
        for switch in SWITCHES {
            match world.list(switch.resource, scope()) {
                Lookup::Found(found) if zero => {
                    for facts in found {
                        stopped.stop(switch, namespace, facts, marked, plan);
                    }
                }
                Lookup::Found(found) => {
                    for facts in found {
                        stopped.resume(switch, namespace, facts, plan);
                    }
                }
                Lookup::Missing | Lookup::NotSynced => {
                    stopped.note(namespace, WORKLOADS);
                    stopped.wait(WORKLOADS, namespace, "are not known yet");
                }
            }
        }
        if zero {
            let daemons = world.list(&DAEMON_SET, scope()).found().unwrap_or_default();
            let pods = world.list(&POD, scope());
            if pods == Lookup::NotSynced {
                stopped.wait(WORKLOADS, namespace, "are not known yet");
            }
            // Others' pods stop with them, or they are named themselves.
            let alone = pods.found().unwrap_or_default().into_iter().filter(|pod| {
                pod["ended"] != true && !pod["controller"].as_str().is_some_and(|kind| SPEAKING.contains(&kind))
            });
            let named = daemons.into_iter().map(|daemon| ("DaemonSet", daemon)).chain(alone.map(|pod| ("Pod", pod)));
            for (kind, facts) in named.filter(|(_, facts)| facts["deleting"] != true) {
                stopped.going_on.push(title(kind, namespace, &facts));
            }
        }
    }
}

impl Stopped {
    fn stop(&mut self, switch: Switch, namespace: &str, facts: Arc<Value>, marked: bool, plan: &mut Plan) {
        let Switch { resource, field, .. } = switch;
        if facts["deleting"] == true || facts["ended"] == true {
            return;
        }
        match facts["controller"].as_str() {
            // Its Deployment decides, which is stopped itself.
            Some("Deployment") => return,
            Some(_) if *resource == REPLICA_SET => {
                self.going_on.push(title(resource.kind, namespace, &facts));
                return;
            }
            _ => {}
        }
        let before = facts.get(field).cloned().unwrap_or_else(switch.default);
        if before == (switch.stopped)() {
            self.at_zero += usize::from(!facts["note"].is_null());
        } else if marked {
            let patch = json!({
                "metadata": { "annotations": { meta::RESUME: before.to_string() } },
                "spec": { field: (switch.stopped)() },
            });
            plan.adjust(key_of(switch, namespace, &facts), facts, patch);
        } else {
            self.wait(WORKLOADS, namespace, "are stopped once it is marked");
        }
    }

    fn resume(&mut self, switch: Switch, namespace: &str, facts: Arc<Value>, plan: &mut Plan) {
        let Some(note) = facts["note"].as_str().filter(|_| facts["deleting"] != true) else { return };
        self.note(namespace, WORKLOADS);
        let Some(before) = read_note(switch, note) else {
            let title = title(switch.resource.kind, namespace, &facts);
            self.pending.push(format!(
                "{title} is not resumed, as its annotation {} says {note:?}: set spec.{} by hand and remove the annotation",
                meta::RESUME,
                switch.field
            ));
            return;
        };
        let mut patch = json!({ "metadata": { "annotations": { meta::RESUME: null } } });
        // What somebody has set meanwhile stands.
        if facts.get(switch.field) == Some(&(switch.stopped)()) {
            patch["spec"][switch.field] = before;
        }
        plan.adjust(key_of(switch, namespace, &facts), facts, patch);
    }
}

/// What a note says; `None` if it is none of ours.
fn read_note(switch: Switch, note: &str) -> Option<Value> {
    match (switch.default)() {
        Value::Bool(_) => note.parse::<bool>().ok().map(Value::from),
        _ => note.parse::<i32>().ok().filter(|replicas| *replicas >= 0).map(Value::from),
    }
}

fn key_of(switch: Switch, namespace: &str, facts: &Value) -> ObjectKey {
    ObjectKey::namespaced(switch.resource, namespace, facts["name"].as_str().unwrap_or_default())
}

fn title(kind: &str, namespace: &str, facts: &Value) -> String {
    format!("{kind} {namespace}/{}", facts["name"].as_str().unwrap_or_default())
}
