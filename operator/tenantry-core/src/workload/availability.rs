//! Whether a workload answers, as its Deployment and the endpoints of its Service tell it. It believes neither a Deployment that has
//! not looked at its newest spec, nor pods of an earlier revision.

use serde_json::Value;

use super::draft::Workload;
use super::status::Verdict;
use crate::conditions::{Reason, Truth};
use crate::object::ObjectKey;
use crate::resources::{ENDPOINT_SLICE, MANAGED_DEPLOYMENT, TROUBLED_POD};
use crate::world::{Lookup, Scope, World};

/// What is seen of a workload that runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Availability {
    /// Value of the condition Available.
    pub(crate) truth: Truth,
    /// Its reason.
    pub(crate) reason: Reason,
    /// Its message.
    pub(crate) message: String,
    /// Pods that there are.
    pub(crate) replicas: Option<i32>,
    /// Number of the revision.
    pub(crate) revision: Option<String>,
    /// Whether its Service leads to a pod, of whichever revision.
    pub(crate) is_served: bool,
    /// What one of its pods says that does not run as it should.
    pub(crate) trouble: Option<Trouble>,
}

/// Why a pod does not run as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// In one word of the cluster, such as `CrashLoopBackOff`.
    pub(crate) reason: String,
    /// In the words of the cluster, or of the program.
    pub(crate) message: String,
}

impl Availability {
    /// Whether somebody answers at this address, that of the spec; `told` is what the status said before. An address is told once pods of the
    /// newest revision are available, and stays while anybody answers: old pods do during a rollout, but not where they never listened.
    pub(crate) fn answers_at(&self, url: &str, told: Option<&str>) -> bool {
        // Endpoints of the last pods may go a moment later than they do.
        let has_pods = self.reason != Reason::ScaledToZero;
        has_pods && self.is_served && (self.truth == Truth::True || told == Some(url))
    }
}

/// Looks at a workload's Deployment; at its Service, if it is called; and at its pods, if they are late. Where `may_be_none`, no pods at
/// all are as well as any.
pub(super) fn availability(workload: &Workload, may_be_none: bool, world: &World) -> Availability {
    let deployment = &workload.child(&MANAGED_DEPLOYMENT);
    let listens = !workload.ports().is_empty();
    // The Service is called as the Deployment.
    let is_served = listens && has_endpoints(&deployment.namespace, &deployment.name, world);
    let facts = match world.get(deployment) {
        Lookup::Found(facts) => facts,
        Lookup::Missing => return unknown(is_served, "its Deployment does not exist yet"),
        Lookup::NotSynced => {
            let text = format!("{} cannot be seen; the operator's /readyz says why", MANAGED_DEPLOYMENT.plural);
            return unknown(is_served, text);
        }
    };
    let (truth, reason, message) = match judge(&facts) {
        (Truth::Unknown, Reason::ScaledToZero, _) if may_be_none => (
            Truth::True,
            Reason::ScaledToZero,
            "no pods run while nothing asks for any, as minReplicas is 0: until the first has started, nobody answers"
                .into(),
        ),
        (Truth::True, ..) if listens && !is_served => (
            Truth::Unknown,
            Reason::Progressing,
            "its pods are available, and its Service leads to none of them yet".into(),
        ),
        judged => judged,
    };
    let trouble = (truth != Truth::True && wants_pods(&facts))
        .then(|| trouble(workload.namespace(), workload.sort.resource.kind, &workload.mark(), world))
        .flatten();
    let message = match &trouble {
        Some(Trouble { reason, message: words }) => format!("{message}; a pod says {reason}: {words}"),
        None => message,
    };
    Availability {
        is_served,
        trouble,
        truth,
        reason,
        message,
        replicas: number(&facts["status"]["replicas"]),
        revision: facts["revision"].as_str().map(str::to_owned),
    }
}

/// Whether pods answer that we run beside workloads: by their Deployment, and the Service that is called as that. They carry the labels of
/// this kind and name.
pub(crate) fn service_of_ours(deployment: &ObjectKey, kind: &str, mark: &str, world: &World) -> Verdict {
    let facts = match world.get(deployment) {
        Lookup::Found(facts) => facts,
        Lookup::Missing => return (Truth::Unknown, Reason::Pending, format!("{deployment} does not exist yet")),
        Lookup::NotSynced => {
            let text = format!("{} cannot be seen; the operator's /readyz says why", MANAGED_DEPLOYMENT.plural);
            return (Truth::Unknown, Reason::Pending, text);
        }
    };
    let (truth, reason, message) = judge(&facts);
    if truth == Truth::True && !has_endpoints(&deployment.namespace, &deployment.name, world) {
        let text = "its pods are available, and its Service leads to none of them yet";
        return (Truth::Unknown, Reason::Progressing, text.into());
    }
    let trouble = (truth != Truth::True && wants_pods(&facts))
        .then(|| trouble(&deployment.namespace, kind, mark, world))
        .flatten();
    match trouble {
        Some(Trouble { reason: word, message: words }) => {
            (truth, reason, format!("{message}; a pod says {word}: {words}"))
        }
        None => (truth, reason, message),
    }
}

fn unknown(is_served: bool, message: impl Into<String>) -> Availability {
    Availability {
        truth: Truth::Unknown,
        reason: Reason::Pending,
        message: message.into(),
        replicas: None,
        revision: None,
        is_served,
        trouble: None,
    }
}

/// Whether there are to be pods, and its controller has had a look.
fn wants_pods(facts: &Value) -> bool {
    facts["replicas"].as_i64() > Some(0)
        && facts["status"]["observedGeneration"].as_i64() >= facts["generation"].as_i64()
}

fn trouble(namespace: &str, kind: &str, mark: &str, world: &World) -> Option<Trouble> {
    let pods = world.list(&TROUBLED_POD, Scope::Namespace(namespace.to_owned())).found()?;
    let pod = pods.iter().find(|pod| pod["kind"] == kind && pod["workload"] == mark)?;
    let text = |field: &str| pod[field].as_str().unwrap_or_default().to_owned();
    Some(Trouble { reason: text("reason"), message: text("message") })
}

/// Value, reason and message of what the facts of a Deployment tell.
pub(super) fn judge(facts: &Value) -> (Truth, Reason, String) {
    let status = &facts["status"];
    let count = |field: &str| status[field].as_i64().unwrap_or_default();
    let wanted = facts["replicas"].as_i64().unwrap_or_default();
    if count("observedGeneration") < facts["generation"].as_i64().unwrap_or_default() {
        return (Truth::Unknown, Reason::Progressing, "its Deployment has not looked at the newest spec yet".into());
    }
    let condition = |type_: &str, value: &str| {
        let conditions = facts["conditions"].as_array().into_iter().flatten();
        conditions.into_iter().find(|one| one["type"] == type_ && one["status"] == value)
    };
    let words = |condition: &Value| condition["message"].as_str().unwrap_or_default().to_owned();
    let (replicas, updated, available) = (count("replicas"), count("updatedReplicas"), count("availableReplicas"));
    // Of what is available, old pods may be all.
    let current = (available - (replicas - updated)).max(0);
    let complete = updated == replicas && updated >= wanted.min(1);
    if let Some(failure) = condition("ReplicaFailure", "True") {
        let words = words(failure);
        let (reason, fix) = if words.contains("exceeded quota") {
            (
                Reason::QuotaExceeded,
                "free some of it, lower what each pod requests, have the quota raised, or set rollout.strategy: Recreate if it is a rollout that has no room",
            )
        } else {
            (Reason::Failed, "mend what it names")
        };
        return (Truth::False, reason, format!("pods cannot be created: {words}: {fix}"));
    }
    if let Some(late) = condition("Progressing", "False") {
        let text = format!(
            "{} ({current} of {wanted} pods of this revision are available): look at the pods' events for the cause, such as an image that cannot be pulled, or a program that ends again",
            words(late)
        );
        return (Truth::False, Reason::Failed, text);
    }
    if wanted == 0 {
        return (Truth::Unknown, Reason::ScaledToZero, "no pods are wanted now".into());
    }
    if !complete {
        let text = format!(
            "{current} of {wanted} pods of the newest revision are available, {} of an earlier one are there",
            replicas - updated
        );
        return (Truth::Unknown, Reason::Progressing, text);
    }
    // Within what a rollout may miss, which is a quarter.
    let enough = condition("Available", "True").is_some() && available > 0;
    if enough {
        return (Truth::True, Reason::Succeeded, "enough pods of the newest revision are available".into());
    }
    if condition("Progressing", "True").is_some_and(|one| one["reason"] != "NewReplicaSetAvailable") {
        let text = format!("{available} of {wanted} pods are available");
        return (Truth::Unknown, Reason::Progressing, text);
    }
    let text = format!(
        "{available} of {wanted} pods are available: look at the pods' events for the cause, such as a program that ends again, a probe that fails, or a node that is gone"
    );
    (Truth::False, Reason::MinimumNotMet, text)
}

/// Whether anybody answers at a Service that we have made.
pub(crate) fn has_endpoints(namespace: &str, service: &str, world: &World) -> bool {
    let slices = world.list(&ENDPOINT_SLICE, Scope::Namespace(namespace.to_owned())).found().unwrap_or_default();
    slices.iter().any(|slice| slice["service"] == service && slice["ready"] == true)
}

fn number(value: &Value) -> Option<i32> {
    value.as_i64().and_then(|number| i32::try_from(number).ok())
}
