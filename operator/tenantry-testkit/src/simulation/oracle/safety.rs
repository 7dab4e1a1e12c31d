//! O6: what must hold at every moment, looked at after every single change of the recorded history.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tenantry_core::build::no_pods;
use tenantry_core::meta::{
    ADOPTABLE_BY, CONFIRM_DELETE, ENVIRONMENT, HOME, MANAGED_BY, MANAGED_LISTENERS, MANAGER, RESUME, SUSPEND, TENANT,
};

use super::snapshot::Snapshot;
use super::{Oracle, Violation};
use crate::server::{Change, ChangeKind, Record, Verb, quantity};
use crate::simulation::trace::{Trace, is_housekeeping, is_operators};

/// The group of our kinds.
const GROUP: &str = "tenantry.dev";
/// The one kind of them that is an operator's to write.
const VIEWS: &str = "tenantviews";

/// Judges every moment.
pub fn judge(trace: &Trace) -> Vec<Violation> {
    let mut violations: Vec<Violation> = trace.calls.iter().filter_map(delete_without_uid).collect();
    let mut before = Snapshot::default();
    for change in &trace.history {
        if is_operators(&change.agent)
            && !is_housekeeping(change)
            && (change.group != GROUP || change.resource == VIEWS)
        {
            let checks = [
                unpoliced_binding,
                bare_namespace,
                foreign_namespace,
                foreign_object,
                unconfirmed_deletion,
                names_another,
                second_writer,
                loose_quarantine,
                strange_adjustment,
                strange_listeners,
                loose_workload,
            ];
            violations.extend(checks.iter().filter_map(|check| check(&before, change)).map(|what| {
                let name = format!("{} {}/{}", change.resource, change.namespace, change.name);
                Violation::new(Oracle::Safe, format!("at {:?} {name}: {what}", change.at))
            }));
        }
        let held = (change.resource == "resourcequotas").then(|| held(&before, change));
        before.apply(change);
        if let Some(what) = held.and_then(|held| overshoot(&before, change, &held)) {
            violations.push(Violation::new(
                Oracle::Safe,
                format!("at {:?} after a change by {}: {what}", change.at, change.agent),
            ));
        }
    }
    violations
}

/// What the quotas of a tenant's environments hold together, by resource: what they say, what is in force, or what is used.
fn held(now: &Snapshot, change: &Change) -> BTreeMap<String, i128> {
    let tenant = &change.object["metadata"]["labels"][TENANT];
    let mut sums = BTreeMap::new();
    for quota in now.of_kind("", "resourcequotas", "") {
        if !is_ours(quota) || quota["metadata"]["labels"][TENANT] != *tenant {
            continue;
        }
        if quota["metadata"]["labels"][ENVIRONMENT] == HOME {
            continue;
        }
        let status = &quota["status"];
        let mut most: BTreeMap<&String, i128> = BTreeMap::new();
        for (list, is_use) in [(&quota["spec"]["hard"], false), (&status["hard"], false), (&status["used"], true)] {
            for (name, amount) in list.as_object().into_iter().flatten() {
                let amount = amount.as_str().and_then(quantity::nanos).unwrap_or_default();
                // kube-controller-manager puts kube-root-ca.crt into each new namespace, before any quota could refuse it.
                let given = if is_use && name == "configmaps" { quantity::ONE } else { 0 };
                let known = most.entry(name).or_default();
                *known = (*known).max(amount - given);
            }
        }
        for (name, amount) in most {
            *sums.entry(name.clone()).or_default() += amount;
        }
    }
    sums
}

/// Together they never come to hold more than the tenant's quota. (After it was lowered they hold more for a while; that
/// must not grow.)
fn overshoot(now: &Snapshot, change: &Change, before: &BTreeMap<String, i128>) -> Option<String> {
    let name = change.object["metadata"]["labels"][TENANT].as_str()?;
    let tenant = now.by_address(GROUP, "tenants", "", name)?;
    let total = tenant["spec"]["quota"].as_object()?;
    held(now, change).into_iter().find_map(|(resource, held)| {
        let total = quantity::nanos(total.get(&resource)?.as_str()?)?;
        let grown = held > before.get(&resource).copied().unwrap_or_default();
        (grown && held > total).then(|| {
            let (held, total) = (quantity::of_nanos(held), quantity::of_nanos(total));
            format!("the environments of {name} hold {held} {resource} together, more than {total}")
        })
    })
}

fn delete_without_uid(record: &Record) -> Option<Violation> {
    let names_none = is_operators(&record.call.agent)
        && record.call.verb == Verb::Delete
        && record.code != 0
        && record.precondition_uid.is_empty();
    names_none.then(|| Violation::new(Oracle::Safe, format!("DELETE {} names no uid", record.call.path)))
}

fn is_ours(object: &Value) -> bool {
    object["metadata"]["labels"][MANAGED_BY] == MANAGER
}

/// Rights are given only where everything is closed and bounded already. (Taking back what a stranger has put into a
/// binding is allowed at any time.)
fn unpoliced_binding(before: &Snapshot, change: &Change) -> Option<String> {
    if change.resource != "rolebindings" || change.kind != ChangeKind::Added {
        return None;
    }
    if before.by_address("admissionregistration.k8s.io", "validatingadmissionpolicies", "", "tenantry-pods").is_none() {
        return Some("gives rights where no admission policy binds tenants".into());
    }
    if !before.of_kind("networking.k8s.io", "networkpolicies", &change.namespace).any(|policy| denies(policy)) {
        return Some("gives rights where no default-deny policy is".into());
    }
    let mut quotas = before.of_kind("", "resourcequotas", &change.namespace).filter(|quota| is_ours(quota)).peekable();
    if quotas.peek().is_none() {
        return Some("gives rights where no quota is".into());
    }
    let enforced = |quota: &Value| quota["status"]["hard"].as_object().is_some_and(|hard| !hard.is_empty());
    (!quotas.all(|quota| enforced(quota))).then(|| "gives rights before the quota is enforced".into())
}

/// A namespace of ours carries pod security from its first version on.
fn bare_namespace(_: &Snapshot, change: &Change) -> Option<String> {
    let labels = &change.object["metadata"]["labels"];
    let is_bare = change.resource == "namespaces"
        && change.kind != ChangeKind::Deleted
        && is_ours(&change.object)
        && !labels["pod-security.kubernetes.io/enforce"].is_string();
    is_bare.then(|| "enforces no pod security".into())
}

/// Nothing is written into a namespace, or to one, that is not ours already.
fn foreign_namespace(before: &Snapshot, change: &Change) -> Option<String> {
    let is_birth = change.resource == "namespaces" && change.kind == ChangeKind::Added;
    // What becomes of Gateways elsewhere is judged by itself.
    if is_birth || consented(change) || is_their_gateway(change) {
        return None;
    }
    let name = if change.resource == "namespaces" { &change.name } else { &change.namespace };
    let ours = before.by_address("", "namespaces", "", name).is_some_and(|namespace| is_ours(namespace));
    (!ours).then(|| format!("writes to {name}, which is not ours"))
}

/// Whether the namespace said, in the very state that was changed, that this tenant may take it over.
fn consented(change: &Change) -> bool {
    let tenant = change.object["metadata"]["labels"][TENANT].as_str();
    let consent = change.previous.as_ref().and_then(|one| one["metadata"]["annotations"][ADOPTABLE_BY].as_str());
    change.resource == "namespaces" && tenant.is_some() && tenant == consent
}

/// What somebody else has made is neither changed nor deleted.
fn foreign_object(_: &Snapshot, change: &Change) -> Option<String> {
    let previous = change.previous.as_ref().filter(|_| !is_adjusted(change) && !is_their_gateway(change))?;
    let written = previous["metadata"]["managedFields"].as_array().into_iter().flatten();
    let ours = written.into_iter().any(|entry| entry["manager"] == MANAGER);
    (!ours && !consented(change)).then(|| "was made by somebody else".into())
}

/// Nothing is run where not everything is closed already, and nothing that does not go with the resource it is run for.
fn loose_workload(before: &Snapshot, change: &Change) -> Option<String> {
    if change.resource != "deployments" || change.kind != ChangeKind::Added || !is_ours(&change.object) {
        return None;
    }
    if !before.of_kind("networking.k8s.io", "networkpolicies", &change.namespace).any(|policy| denies(policy)) {
        return Some("runs where no default-deny policy is".into());
    }
    let owners = change.object["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    let tied =
        owners.into_iter().any(|one| one["apiVersion"].as_str().is_some_and(|version| version.starts_with(GROUP)));
    (!tied).then(|| "would outlive the resource it is run for".into())
}

fn denies(policy: &Value) -> bool {
    let types = policy["spec"]["policyTypes"].as_array().map_or(0, Vec::len);
    is_ours(policy) && policy["spec"]["podSelector"] == json!({}) && types == 2
}

/// What is adjusted and never ours: workloads, and network policies that others have made.
fn is_adjusted(change: &Change) -> bool {
    let kind = matches!(change.group.as_str(), "apps" | "batch") || change.resource == "replicationcontrollers";
    let is_theirs = || change.previous.as_ref().is_some_and(|previous| !is_ours(previous));
    (kind && !is_ours(&change.object)) || (change.resource == "networkpolicies" && is_theirs())
}

/// A Gateway of somebody else.
fn is_their_gateway(change: &Change) -> bool {
    change.resource == "gateways" && change.previous.as_ref().is_some_and(|previous| !is_ours(previous))
}

/// Of Gateways of others nothing is changed but one tenant's listeners, and none comes where they do not consent.
fn strange_listeners(_: &Snapshot, change: &Change) -> Option<String> {
    let previous = change.previous.as_ref().filter(|_| is_their_gateway(change))?;
    if change.kind != ChangeKind::Modified {
        return Some("is its owner's to remove".into());
    }
    let whose = |one: &Value| Some(one["name"].as_str()?.strip_prefix("tenantry.")?.split('.').next()?.to_owned());
    let listeners = |object: &Value| object["spec"]["listeners"].as_array().cloned().unwrap_or_default();
    let (before, after) = (listeners(previous), listeners(&change.object));
    let rest = |object: &Value, listeners: &[Value]| {
        let mut rest = object.clone();
        rest["metadata"] =
            json!({ "labels": object["metadata"]["labels"], "annotations": object["metadata"]["annotations"] });
        rest["spec"]["listeners"] = listeners.iter().filter(|one| whose(one).is_none()).cloned().collect();
        rest
    };
    if rest(previous, &before) != rest(&change.object, &after) {
        return Some("is changed in more than tenants' listeners".into());
    }
    let added: Vec<&Value> = after.iter().filter(|one| !before.contains(one)).collect();
    if !added.is_empty() && previous["metadata"]["annotations"][MANAGED_LISTENERS] != "true" {
        return Some("gets listeners without its owner's consent".into());
    }
    let removed = before.iter().filter(|one| !after.contains(one));
    let tenants: BTreeSet<Option<String>> = added.into_iter().chain(removed).map(whose).collect();
    (tenants.len() != 1).then(|| format!("is changed for other than one tenant: {tenants:?}"))
}

/// Of what is others' nothing is changed but what stops or closes it, and that only where the namespace says so already.
fn strange_adjustment(before: &Snapshot, change: &Change) -> Option<String> {
    if !is_adjusted(change) {
        return None;
    }
    let Some(previous) = change.previous.as_ref().filter(|_| change.kind == ChangeKind::Modified) else {
        return Some("is its owner's to make and to remove".into());
    };
    let rest = |object: &Value| {
        let mut rest = object.clone();
        rest["metadata"] =
            json!({ "labels": object["metadata"]["labels"], "annotations": object["metadata"]["annotations"] });
        for (path, key) in
            [("spec", "replicas"), ("spec", "suspend"), ("spec", "podSelector"), ("metadata", "annotations")]
        {
            if path == "spec" {
                rest[path].as_object_mut().map(|fields| fields.remove(key));
            } else {
                let empty = rest[path][key].as_object_mut().is_none_or(|all| {
                    all.remove(RESUME);
                    all.is_empty()
                });
                if empty {
                    rest[path].as_object_mut().map(|fields| fields.remove(key));
                }
            }
        }
        rest.as_object_mut().map(|fields| fields.remove("status"));
        rest
    };
    if rest(previous) != rest(&change.object) {
        return Some("is changed in more than what stops or closes it".into());
    }
    let namespace = before.by_address("", "namespaces", "", &change.namespace)?;
    namespace["metadata"]["annotations"][RESUME]
        .is_null()
        .then(|| "is adjusted in a namespace that does not say so".into())
}

/// In quarantine the operator writes nothing that opens the network or lets anybody write.
fn loose_quarantine(before: &Snapshot, change: &Change) -> Option<String> {
    let namespace = before.by_address("", "namespaces", "", &change.namespace)?;
    let tenant = before.by_address(GROUP, "tenants", "", namespace["metadata"]["labels"][TENANT].as_str()?)?;
    // Both must say so: the operator may not have seen yet what the one says, or not have told the other.
    let says =
        namespace["metadata"]["labels"][SUSPEND] == "Quarantine" && tenant["spec"]["suspend"]["mode"] == "Quarantine";
    if !says || change.kind == ChangeKind::Deleted || !change.object["metadata"]["deletionTimestamp"].is_null() {
        return None;
    }
    let spec = &change.object["spec"];
    let opens = !(spec["ingress"].is_null() && spec["egress"].is_null()) && spec["podSelector"] != no_pods();
    if change.resource == "networkpolicies" && opens {
        return Some("opens the network in quarantine".into());
    }
    let people = |subject: &Value| subject["kind"] != "ServiceAccount";
    let looks = change.object["roleRef"]["name"] == "tenantry:viewer"
        && change.object["subjects"].as_array().is_none_or(|all| all.iter().all(people));
    (change.resource == "rolebindings" && !looks).then(|| "gives more than a look in quarantine".into())
}

/// Where there is a Lease, only its holder writes.
fn second_writer(before: &Snapshot, change: &Change) -> Option<String> {
    let lease = before.of_kind("coordination.k8s.io", "leases", "").next()?;
    let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
    (!holder.starts_with(change.agent.as_str()) && !holder.is_empty())
        .then(|| format!("is written by {}, while {holder} leads", change.agent))
}

/// A namespace is deleted only as its tenant's policy says, and confirmed.
fn unconfirmed_deletion(before: &Snapshot, change: &Change) -> Option<String> {
    let begins = |object: &Value| !object["metadata"]["deletionTimestamp"].is_null();
    if change.resource != "namespaces" || !(begins(&change.object) || change.kind == ChangeKind::Deleted) {
        return None;
    }
    if change.previous.as_ref().is_some_and(|previous| begins(previous)) {
        return None;
    }
    let tenant = change.object["metadata"]["labels"][TENANT].as_str().unwrap_or_default();
    let Some(tenant) = before.by_address(GROUP, "tenants", "", tenant) else {
        return Some("is deleted without a tenant that says so".into());
    };
    let confirmed = tenant["metadata"]["annotations"][CONFIRM_DELETE] == tenant["metadata"]["uid"];
    let allowed = tenant["spec"]["deletionPolicy"] == "Delete" && confirmed;
    (!allowed).then(|| "is deleted against its tenant's policy".into())
}

/// Nothing that belongs to one tenant comes to name another, but where a contract connects them.
fn names_another(before: &Snapshot, change: &Change) -> Option<String> {
    let tenant = change.object["metadata"]["labels"][TENANT].as_str()?;
    let text = change.object.to_string();
    let known = change.previous.as_ref().map(ToString::to_string).unwrap_or_default();
    let in_contract = |other: &str| {
        before.of_kind(GROUP, "servicegrants", "").any(|grant| {
            let consumer = grant["spec"]["consumer"]["tenant"].as_str().unwrap_or_default();
            let provider = grant["metadata"]["namespace"].as_str().unwrap_or_default();
            let of = |name: &str| provider.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
            (consumer == tenant && of(other)) || (consumer == other && of(tenant))
        })
    };
    before
        .of_kind(GROUP, "tenants", "")
        .filter_map(|other| other["metadata"]["name"].as_str())
        .find(|other| *other != tenant && text.contains(other) && !known.contains(other) && !in_contract(other))
        .map(|other| format!("belongs to tenant {tenant} and names {other}"))
}
