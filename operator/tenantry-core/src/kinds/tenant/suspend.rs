//! How a suspended tenant's namespaces are marked and closed. The admission policies read the mark; what they cannot do, the
//! operator does: quarantine closes the network and cuts rights here, what others have opened in `quarantine.rs`; scaling to zero
//! is in `workloads.rs`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::build::{build_namespace_as_it_is, build_quarantine};
use crate::meta;
use crate::names::Place;
use crate::object::{Desired, ObjectKey};
use crate::plan::{Plan, Undecided};
use crate::resources::{LIMIT_RANGE, NAMESPACE, NETWORK_POLICY, RESOURCE_QUOTA};

use super::types::{SuspendMode, Tenant};

/// What in a namespace may carry a note of what it had before: values of [`meta::RESUME`] on it, joined by commas.
pub(super) type Notes = BTreeSet<&'static str>;

/// Workloads may.
pub(super) const WORKLOADS: &str = "workloads";
/// Network policies of others may.
pub(super) const POLICIES: &str = "networkpolicies";

/// What became of what stays its owners' and is stopped while the tenant is, or was.
#[derive(Debug, Default)]
pub(super) struct Stopped {
    /// What may carry notes, by namespace.
    pub(super) notes: BTreeMap<String, Notes>,
    /// Why not all are where they should be, in one line for each sort and namespace.
    pub(super) pending: Vec<String>,
    /// How many workloads are at zero because the tenant is.
    pub(super) at_zero: usize,
    /// Which workloads go on because nothing can scale them.
    pub(super) going_on: Vec<String>,
    /// How many network policies of others are closed because the tenant is in quarantine.
    pub(super) closed: usize,
}

impl Stopped {
    /// There may be notes of this sort.
    pub(super) fn note(&mut self, namespace: &str, sort: &'static str) {
        self.notes.entry(namespace.to_owned()).or_default().insert(sort);
    }

    /// What may carry notes there.
    pub(super) fn notes_in(&self, namespace: &str) -> Notes {
        self.notes.get(namespace).cloned().unwrap_or_default()
    }

    /// Something of this sort is not where it should be.
    pub(super) fn wait(&mut self, sort: &str, namespace: &str, why: &str) {
        let text = format!("{sort} in {namespace} {why}");
        if self.pending.last() != Some(&text) {
            self.pending.push(text);
        }
    }
}

/// Whether the tenant is suspended in this mode.
pub(super) fn is(tenant: &Tenant, mode: SuspendMode) -> bool {
    tenant.spec.suspend.as_ref().is_some_and(|suspend| suspend.mode == mode)
}

/// Says on a namespace how its tenant is suspended, and what there is to be resumed one day.
pub(super) fn mark(mut namespace: Desired, tenant: &Tenant, mut notes: Notes) -> Desired {
    if let Some(suspend) = &tenant.spec.suspend {
        namespace = namespace.label(meta::SUSPEND, suspend.mode.label());
        if let Some(reason) = suspend.reason.as_deref().filter(|reason| !reason.is_empty()) {
            namespace = namespace.annotation(meta::SUSPEND_REASON, reason);
        }
        // Before the first note, so that a crash between the two cannot lose one.
        notes.extend(match suspend.mode {
            SuspendMode::ScaleToZero => Some(WORKLOADS),
            SuspendMode::Quarantine => Some(POLICIES),
            SuspendMode::Freeze | SuspendMode::NoNewWork => None,
        });
    }
    if !notes.is_empty() {
        namespace = namespace.annotation(meta::RESUME, &notes.into_iter().collect::<Vec<_>>().join(","));
    }
    namespace
}

/// What in this namespace may carry notes.
pub(super) fn notes(facts: &Value) -> Notes {
    let told = facts["metadata"]["annotations"][meta::RESUME].as_str().unwrap_or_default();
    [POLICIES, WORKLOADS].into_iter().filter(|sort| told.split(',').any(|one| one == *sort)).collect()
}

/// Marks a namespace of which nothing else can be decided now: to be suspended waits for no class and no valid spec.
pub(super) fn mark_as_it_is(plan: &mut Plan, tenant: &Tenant, place: &Place, facts: &Value, noted: Notes) {
    let marked = || !facts["metadata"]["labels"][meta::SUSPEND].is_null() || !notes(facts).is_empty();
    if tenant.spec.suspend.is_some() || marked() {
        plan.want(mark(build_namespace_as_it_is(place, &facts["owned"]), tenant, noted));
    } else {
        plan.undecided.push(Undecided::Object(ObjectKey::cluster(&NAMESPACE, &place.namespace)));
    }
}

/// Closes a namespace of which nothing else can be decided now, if the tenant is in quarantine; leaves its bounds as they are.
pub(super) fn guard_as_it_is(plan: &mut Plan, tenant: &Tenant, place: &Place) {
    let undecided = |resource| Undecided::Kind(resource, place.namespace.clone());
    if is(tenant, SuspendMode::Quarantine) {
        plan.want(build_quarantine(place));
    } else {
        plan.undecided.push(undecided(&NETWORK_POLICY));
    }
    plan.undecided.extend([&RESOURCE_QUOTA, &LIMIT_RANGE].map(undecided));
}
