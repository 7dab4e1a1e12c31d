//! The contract's status.

use jiff::Timestamp;

use super::plan;
use super::types::{GrantBinding, GrantState, ServiceGrant, ServiceGrantStatus};
use crate::conditions::{Conditions, Reason, Truth, Type};
use crate::grants::Lapse;
use crate::kind::Outcome;
use crate::resources::{MANAGED_DEPLOYMENT, NETWORK_POLICY, SERVICE, SERVICE_ACCOUNT};
use crate::workload::tell;
use crate::world::World;

/// How many of those who make use of it the status names.
const MOST_NAMED: usize = 100;

/// What the status should say.
pub(super) fn status(grant: &ServiceGrant, world: &World, done: &Outcome, now: Timestamp) -> ServiceGrantStatus {
    let draft = plan::draft(grant, world, now);
    let before = grant.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let generation = grant.metadata.generation;
    let mut conditions = Conditions::new(before, generation.unwrap_or_default(), now);
    let expired = draft.lapse == Some(Lapse::Expired);
    if expired && done.plan.refusals.is_empty() {
        let text = "spec.expiresAt has passed: set a later time to grant it anew, or delete it";
        conditions.set(Type::Accepted, Truth::False, Reason::Expired, text);
    } else {
        conditions.set_accepted(done, "the contract is valid");
    }
    let parts = [&NETWORK_POLICY, &SERVICE_ACCOUNT, &SERVICE, &MANAGED_DEPLOYMENT];
    tell(&mut conditions, done, "contract", &parts[..if draft.gate.is_some() { 4 } else { 1 }], world);
    let mut dependents = vec![Type::Accepted, Type::ResolvedRefs, Type::Applied];
    let is_open = draft.gate.as_ref().is_none_or(|(truth, ..)| *truth == Truth::True);
    if let Some((truth, reason, message)) = draft.gate {
        conditions.set(Type::Available, truth, reason, message);
        // What is in quarantine is not usable for that reason, whatever else.
        if draft.quarantine.is_none() {
            dependents.push(Type::Available);
        }
    }
    if let Some(text) = &draft.quarantine {
        conditions.set(Type::Suspended, Truth::True, Reason::Suspended, text.as_str());
    }
    conditions.set_stalled(done);
    let state = match () {
        () if expired => Some(GrantState::Expired),
        () if !draft.holds || !done.plan.refusals.is_empty() => None,
        () if draft.consumers.is_empty() || draft.quarantine.is_some() => Some(GrantState::Offered),
        () if !is_open => Some(GrantState::Opening),
        () => Some(GrantState::Active),
    };
    let message = if draft.consumers.is_empty() {
        "offered; nobody has taken it yet, and nothing is open"
    } else {
        "both sides agree"
    };
    ServiceGrantStatus {
        observed_generation: generation,
        conditions: conditions.summarise(&dependents, message),
        state,
        provider: draft.provider,
        consumer: draft.consumer,
        expires_at: draft.offer.and_then(|offer| offer.expires_at),
        consumers: draft.consumers.into_iter().take(MOST_NAMED).collect(),
        binding: draft.url.and_then(binding),
    }
}

/// An address and its parts.
fn binding(uri: String) -> Option<GrantBinding> {
    let (scheme, rest) = uri.split_once("://")?;
    let authority = rest.split('/').next()?;
    let usual = if scheme == "https" { 443 } else { 80 };
    let named = authority.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = named.unwrap_or((authority, usual));
    let host = host.to_owned();
    Some(GrantBinding { type_: "http".to_owned(), provider: "tenantry".to_owned(), uri, host, port })
}
