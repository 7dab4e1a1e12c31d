//! What becomes of namespaces that are no longer wanted: retained by default, deleted only when the policy says so and
//! somebody has confirmed it with the Tenant's own uid.

use std::sync::Arc;

use serde_json::Value;

use crate::build::build_retained_namespace;
use crate::conditions::Reason;
use crate::fields::DeletionPolicy;
use crate::meta;
use crate::plan::{Plan, Undecided};
use crate::resources::{LIMIT_RANGE, NAMESPACE, NETWORK_POLICY, RESOURCE_QUOTA, ROLE_BINDING, Resource};
use crate::world::World;

use super::leaving::hold_rights;
use super::members::Members;
use super::ownership::{is_leaving, place_of};
use super::suspend::{self, Notes};
use super::types::{RetainedStatus, Tenant};

/// What holds a namespace closed; kept for as long as the namespace is there.
pub(super) const GUARDS: [&Resource; 3] = [&NETWORK_POLICY, &RESOURCE_QUOTA, &LIMIT_RANGE];

/// What is to become of namespaces that are no longer wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// They stay.
    Retain,
    /// They would be deleted, but nobody has confirmed it: they stay.
    Unconfirmed,
    /// They are deleted.
    Delete,
}

/// The fate that the Tenant asks for. `allowed` are the policies of its class, where that is known.
pub(super) fn fate(tenant: &Tenant, allowed: Option<&[DeletionPolicy]>) -> Fate {
    let policy = tenant.spec.deletion_policy;
    if policy == DeletionPolicy::Retain || allowed.is_some_and(|allowed| !allowed.contains(&policy)) {
        return Fate::Retain;
    }
    if is_confirmed(tenant) { Fate::Delete } else { Fate::Unconfirmed }
}

/// Whether somebody has confirmed, for this very Tenant and no other of its name, that namespaces may be deleted.
pub(super) fn is_confirmed(tenant: &Tenant) -> bool {
    let uid = tenant.metadata.uid.as_deref().filter(|uid| !uid.is_empty());
    let confirmed = tenant.metadata.annotations.as_ref().and_then(|all| all.get(meta::CONFIRM_DELETE));
    uid.is_some() && confirmed.map(String::as_str) == uid
}

/// Plans the end of one namespace that is ours. Returns what the status says of it, if it stays. `members` are none where
/// they cannot be told; then all rights stay as they are.
pub(super) fn retire(
    tenant: &Tenant,
    facts: &Arc<Value>,
    fate: Fate,
    members: Option<&Members>,
    notes: Notes,
    world: &World,
    plan: &mut Plan,
) -> Option<RetainedStatus> {
    let name = tenant.metadata.name.as_deref().unwrap_or_default();
    let place = place_of(name, facts)?;
    let namespace = place.namespace.clone();
    if is_leaving(facts) {
        // Owners keep their rights until it is gone, so that they can remove what blocks; but not in what is retained.
        let undecided = plan.undecided.len();
        match members {
            Some(_) if fate != Fate::Delete => hold_rights(plan, &place, facts, None, world),
            Some(members) => hold_rights(plan, &place, facts, Some(members), world),
            None => plan.undecided.push(Undecided::Namespace(namespace.clone())),
        }
        if fate == Fate::Delete {
            // It is wanted by nobody: that it is still there holds the Tenant.
            plan.undecided.truncate(undecided);
            plan.undecided.extend(GUARDS.map(|resource| Undecided::Kind(resource, namespace.clone())));
            plan.undecided.push(Undecided::Kind(&ROLE_BINDING, namespace));
        }
        return None;
    }
    // Whatever happens, nothing in it is loosened while it is there.
    suspend::guard_as_it_is(plan, tenant, &place);
    if fate == Fate::Delete {
        plan.undecided.push(Undecided::Kind(&ROLE_BINDING, namespace));
        return None;
    }
    plan.want(suspend::mark(build_retained_namespace(&place, &facts["owned"]), tenant, notes));
    let message = match fate {
        Fate::Unconfirmed => format!("kept until its deletion is confirmed: {}", how_to_confirm(tenant)),
        _ => "kept, as deletionPolicy is Retain: delete the namespace by hand when nobody needs it".to_owned(),
    };
    Some(RetainedStatus { namespace, message })
}

/// Plans the deletion of the Tenant, given all its namespaces.
pub(super) fn retire_all(
    tenant: &Tenant,
    namespaces: &[Arc<Value>],
    allowed: Option<&[DeletionPolicy]>,
    members: Option<&Members>,
    world: &World,
    plan: &mut Plan,
) {
    let fate = fate(tenant, allowed);
    if fate == Fate::Unconfirmed && !namespaces.is_empty() {
        plan.undecided.push(Undecided::Everything);
        plan.refuse(
            Reason::DeletionBlocked,
            format!("metadata.annotations[{}]", meta::CONFIRM_DELETE),
            format!("its {} namespaces and all in them would be deleted; to confirm: {}; or set spec.deletionPolicy to Retain", namespaces.len(), how_to_confirm(tenant)),
        );
        return;
    }
    for facts in namespaces {
        retire(tenant, facts, fate, members, suspend::notes(facts), world, plan);
    }
    plan.release = true;
}

/// What holds those namespaces closed that the tenant has made and that do not say so any more: while nothing else is
/// known of them, it stays.
pub(super) fn guards_of_unmarked(tenant: &Tenant, marked: &[Arc<Value>]) -> Vec<Undecided> {
    let inventory = tenant.metadata.annotations.as_ref().and_then(|all| all.get(meta::INVENTORY));
    inventory
        .into_iter()
        .flat_map(|entries| entries.split(','))
        .filter_map(|entry| entry.strip_prefix(NAMESPACE.plural)?.strip_prefix('/'))
        .filter(|namespace| !marked.iter().any(|facts| facts["metadata"]["name"] == *namespace))
        .flat_map(|namespace| GUARDS.map(|resource| Undecided::Kind(resource, namespace.to_owned())))
        .collect()
}

fn how_to_confirm(tenant: &Tenant) -> String {
    let name = tenant.metadata.name.as_deref().unwrap_or_default();
    let uid = tenant.metadata.uid.as_deref().unwrap_or_default();
    format!("kubectl annotate tenant {name} {}={uid}", meta::CONFIRM_DELETE)
}
