//! The platform's status: what the cluster can do, and what nobody has shown yet.

use jiff::Timestamp;

use crate::conditions::{Conditions, Reason, Truth, Type};
use crate::enforcement;
use crate::kind::Outcome;
use crate::resources::API_SERVICE;
use crate::world::{Lookup, Scope, World};

use super::capabilities::capabilities;
use super::types::{TenantryPlatform, TenantryPlatformStatus};

/// What the status should say.
pub(super) fn status(
    platform: &TenantryPlatform,
    world: &World,
    done: &Outcome,
    now: Timestamp,
) -> TenantryPlatformStatus {
    let earlier = platform.status.clone().unwrap_or_default();
    let mut conditions = Conditions::new(&earlier.conditions, platform.metadata.generation.unwrap_or_default(), now);
    conditions.set_accepted(done, "the settings can be used");
    let policies = match &done.violation {
        Some(violation) => Some((Truth::False, Reason::InternalError, violation.clone())),
        None => enforcement::verdict(&enforcement::faults_after(world, done))
            .map(|fault| (fault.truth, fault.reason, fault.message)),
    };
    let (truth, reason, message) = policies.unwrap_or((
        Truth::True,
        Reason::Succeeded,
        "all are as installed, and the API server has checked them".into(),
    ));
    conditions.set(Type::PoliciesEnforced, truth, reason, message);
    conditions.set(
        Type::NetworkEnforcement,
        Truth::Unknown,
        Reason::NotProbed,
        "network policies do nothing unless the cluster's network plugin enforces them, and no probe has seen it do so: check that yours does",
    );
    TenantryPlatformStatus {
        observed_generation: platform.metadata.generation,
        conditions: conditions.summarise(&[Type::Accepted, Type::PoliciesEnforced], "in force for all tenants"),
        capabilities: match world.list(&API_SERVICE, Scope::All) {
            Lookup::Found(services) => capabilities(&services),
            // Ignorance keeps what was known.
            Lookup::Missing | Lookup::NotSynced => earlier.capabilities,
        },
    }
}
