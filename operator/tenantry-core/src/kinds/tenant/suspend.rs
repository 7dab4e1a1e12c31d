//! How a suspended tenant's namespaces are marked and closed. The admission policies read the mark; what they cannot do, the
//! operator does: quarantine closes the network and cuts rights here, scaling to zero is in `workloads.rs`.

use serde_json::Value;

use crate::build::{build_namespace_as_it_is, build_quarantine};
use crate::meta;
use crate::names::Place;
use crate::object::{Desired, ObjectKey};
use crate::plan::{Plan, Undecided};
use crate::resources::{LIMIT_RANGE, NAMESPACE, NETWORK_POLICY, RESOURCE_QUOTA};

use super::types::{SuspendMode, Tenant};

/// Value of [`meta::RESUME`] on a namespace.
const WORKLOADS: &str = "workloads";

/// Whether the tenant is suspended in this mode.
pub(super) fn is(tenant: &Tenant, mode: SuspendMode) -> bool {
    tenant.spec.suspend.as_ref().is_some_and(|suspend| suspend.mode == mode)
}

/// Says on a namespace how its tenant is suspended, and whether workloads there are to be resumed one day.
pub(super) fn mark(mut namespace: Desired, tenant: &Tenant, has_notes: bool) -> Desired {
    if let Some(suspend) = &tenant.spec.suspend {
        namespace = namespace.label(meta::SUSPEND, suspend.mode.label());
        if let Some(reason) = suspend.reason.as_deref().filter(|reason| !reason.is_empty()) {
            namespace = namespace.annotation(meta::SUSPEND_REASON, reason);
        }
    }
    // Before the first note, so that a crash between the two cannot lose one.
    if has_notes || is(tenant, SuspendMode::ScaleToZero) {
        namespace = namespace.annotation(meta::RESUME, WORKLOADS);
    }
    namespace
}

/// Whether workloads in this namespace may carry notes.
pub(super) fn has_notes(facts: &Value) -> bool {
    !facts["metadata"]["annotations"][meta::RESUME].is_null()
}

/// Marks a namespace of which nothing else can be decided now: to be suspended waits for no class and no valid spec.
pub(super) fn mark_as_it_is(plan: &mut Plan, tenant: &Tenant, place: &Place, facts: &Value, keeps_notes: bool) {
    let marked = || !facts["metadata"]["labels"][meta::SUSPEND].is_null() || has_notes(facts);
    if tenant.spec.suspend.is_some() || marked() {
        plan.want(mark(build_namespace_as_it_is(place, &facts["owned"]), tenant, keeps_notes));
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
