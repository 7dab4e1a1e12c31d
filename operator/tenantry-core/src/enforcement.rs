//! Whether the admission policies are there and as they should be, from the world alone. Both who keeps them and who relies
//! on them ask here. The policy that binds the operator itself is looked at and never written: a stolen token of the
//! operator must not be able to lift it.

use std::sync::LazyLock;

use serde_json::Value;

use crate::conditions::{Reason, Truth};
use crate::content;
use crate::kind::{Outcome, Progress};
use crate::object::{Desired, ObjectKey};
use crate::policies;
use crate::resources::{Resource, VALIDATING_ADMISSION_POLICY, VALIDATING_ADMISSION_POLICY_BINDING};
use crate::world::{Lookup, World};

/// What puts right whatever is missing.
const INSTALL: &str = "run `tenantry install`, or upgrade the chart";

/// The policies and bindings that bind tenants, always the same.
static BINDING_TENANTS: LazyLock<Vec<Desired>> = LazyLock::new(|| desired(policies::objects()));

/// The policies and bindings that the operator keeps.
pub fn kept() -> Vec<Desired> {
    BINDING_TENANTS.clone()
}

/// Why tenants are not bound by all that should bind them, so that nobody may be given rights who has none yet: something is
/// missing or not as it should be, or cannot be seen. Looks all of it up, so that a change of any wakes the reader.
pub fn unbound(world: &World) -> Option<String> {
    // One that is there and has not been checked yet, or draws a warning, does what it does all the same.
    let is_there = |wanted: &&Desired| {
        world.get(wanted.key()).found().is_some_and(|seen| content::is_same(&wanted.body()["spec"], &seen["spec"]))
    };
    let faults: Vec<Fault> =
        BINDING_TENANTS.iter().filter(|wanted| !is_there(wanted)).filter_map(|wanted| fault(world, wanted)).collect();
    Some(verdict(&faults)?.message)
}

/// Names of the kept objects of one kind, sorted.
pub fn kept_names(resource: &Resource) -> Vec<String> {
    let mut names: Vec<String> =
        kept().iter().map(Desired::key).filter(|key| key.resource == resource).map(|key| key.name.clone()).collect();
    names.sort();
    names
}

/// All that must be there: what is kept, and what binds the operator itself.
fn required(world: &World) -> Vec<Desired> {
    let mut required = kept();
    required.extend(desired(policies::self_guard(world.operator_namespace())));
    required
}

/// All that must be there, as a cluster shows it on which Tenantry was installed and nobody changed anything since.
pub fn installed(operator_namespace: &str) -> Vec<Value> {
    let mut installed = policies::objects();
    installed.extend(policies::self_guard(operator_namespace));
    for object in &mut installed {
        object["metadata"]["generation"] = 1.into();
        if object["kind"] == VALIDATING_ADMISSION_POLICY.kind {
            object["status"]["observedGeneration"] = 1.into();
        }
    }
    installed
}

fn desired(bodies: Vec<Value>) -> Vec<Desired> {
    let kinds = [&VALIDATING_ADMISSION_POLICY, &VALIDATING_ADMISSION_POLICY_BINDING];
    let of_kind = |body: &Value| kinds.into_iter().find(|resource| body["kind"] == resource.kind);
    bodies.into_iter().filter_map(|body| Some(Desired::whole(of_kind(&body)?, body))).collect()
}

/// What keeps one object from being in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `False`, or `Unknown` where nobody can tell or it is under way.
    pub truth: Truth,
    /// Why, in one word.
    pub reason: Reason,
    /// Why, and what to do about it.
    pub message: String,
}

impl Fault {
    fn new(truth: Truth, reason: Reason, message: String) -> Self {
        Self { truth, reason, message }
    }
}

/// Looks everything up, so that a change of any wakes the reader, and answers what is not in force.
pub fn faults(world: &World) -> Vec<Fault> {
    required(world).iter().filter_map(|wanted| fault(world, wanted)).collect()
}

/// The same after a look of the one who keeps them: what could not be written, or was not seen yet, is told first.
pub fn faults_after(world: &World, done: &Outcome) -> Vec<Fault> {
    let of_write = |key: &ObjectKey| match done.objects.get(key)? {
        Progress::Observed | Progress::Held | Progress::NotOwned => None,
        progress @ (Progress::Failed(_) | Progress::Written) => {
            let truth = if progress.is_stuck() { Truth::False } else { Truth::Unknown };
            let (reason, message) = progress.told(key, "installation");
            Some(Fault::new(truth, reason, message))
        }
    };
    required(world).iter().filter_map(|wanted| of_write(wanted.key()).or_else(|| fault(world, wanted))).collect()
}

fn fault(world: &World, wanted: &Desired) -> Option<Fault> {
    let key = wanted.key();
    let (truth, reason, message) = match world.get(key) {
        Lookup::Found(seen) => return fault_of(key, wanted.body(), &seen),
        Lookup::Missing => (Truth::False, Reason::NotInstalled, format!("{key} is missing: {INSTALL}")),
        Lookup::NotSynced => {
            let text = format!("{} cannot be seen; the operator's /readyz says why", key.resource.plural);
            (Truth::Unknown, Reason::Pending, text)
        }
    };
    Some(Fault::new(truth, reason, message))
}

fn fault_of(key: &ObjectKey, wanted: &Value, seen: &Value) -> Option<Fault> {
    if !content::is_same(&wanted["spec"], &seen["spec"]) {
        let text = format!("{key} is not as this version of Tenantry installs it: {INSTALL}");
        return Some(Fault::new(Truth::False, Reason::NotInstalled, text));
    }
    if *key.resource != VALIDATING_ADMISSION_POLICY {
        return None;
    }
    if seen["status"]["observedGeneration"] != seen["metadata"]["generation"] {
        let text = format!("{key} has not been type-checked yet; kube-controller-manager does that");
        return Some(Fault::new(Truth::Unknown, Reason::Pending, text));
    }
    let warning = seen["status"]["typeChecking"]["expressionWarnings"].as_array().and_then(|all| all.first())?;
    let text = |field: &str| warning[field].as_str().unwrap_or_default().to_owned();
    let text = format!("{key}: {}: the API server warns: {}", text("fieldRef"), text("warning"));
    Some(Fault::new(Truth::False, Reason::TypeCheckFailed, text))
}

/// The worst of them as the value of one condition, with how many more there are; `None` if all is in force.
pub fn verdict(faults: &[Fault]) -> Option<Fault> {
    let worst = faults.iter().min_by_key(|fault| fault.truth)?;
    let more = faults.len() - 1;
    let message = if more == 0 { worst.message.clone() } else { format!("{} ({more} more)", worst.message) };
    Some(Fault { message, ..worst.clone() })
}
