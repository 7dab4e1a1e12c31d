//! The platform's status: what the cluster can do, and what nobody has shown yet.

use jiff::Timestamp;

use crate::conditions::{Conditions, Reason, Truth, Type};
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
    conditions.set(
        Type::NetworkEnforcement,
        Truth::Unknown,
        Reason::NotProbed,
        "network policies do nothing unless the cluster's network plugin enforces them, and no probe has seen it do so: check that yours does",
    );
    TenantryPlatformStatus {
        observed_generation: platform.metadata.generation,
        conditions: conditions.summarise(&[Type::Accepted], "in force for all tenants"),
        capabilities: match world.list(&API_SERVICE, Scope::All) {
            Lookup::Found(services) => capabilities(&services),
            // Ignorance keeps what was known.
            Lookup::Missing | Lookup::NotSynced => earlier.capabilities,
        },
    }
}
