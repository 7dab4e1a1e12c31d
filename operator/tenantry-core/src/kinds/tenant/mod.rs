//! Tenant: a home namespace and one namespace for each environment, with everything that isolates them.

use jiff::Timestamp;

use crate::access::Access;
use crate::check::BINDABLE_ROLES;
use crate::kind::{Children, Example, Kind, Outcome};
use crate::plan::Plan;
use crate::policies::EXEMPT_VERB;
use crate::resources::{self, Resource};
use crate::world::World;

mod allowed;
mod conflicts;
mod contents;
mod entries;
mod environment;
mod escrow;
mod examples;
mod inside;
mod leaving;
mod listeners;
mod members;
mod network;
mod ownership;
mod places;
mod plan;
mod quarantine;
mod quota;
mod replicate;
mod retire;
mod rights;
mod settings;
mod status;
mod suspend;
pub mod types;
mod usage;
mod view;
mod workloads;

pub(crate) use quota::check_names as check_quota_names;
use types::{Tenant, TenantStatus};

/// The kind Tenant.
pub struct TenantKind;

impl Kind for TenantKind {
    type Cr = Tenant;
    const RESOURCE: &'static Resource = &resources::TENANT;
    const CHILDREN: Children = Children::Recorded;
    const ACCESS: &'static [Access] = &[
        Access::read(&resources::TENANT_CLASS),
        Access::read(&resources::TENANTRY_PLATFORM),
        Access::own(&resources::NAMESPACE),
        Access::own(&resources::NETWORK_POLICY),
        Access::own(&resources::RESOURCE_QUOTA),
        Access::own(&resources::LIMIT_RANGE),
        Access::own(&resources::ROLE_BINDING),
        Access::read(&resources::SECRET_ORIGINAL),
        Access::read(&resources::CONFIG_MAP_ORIGINAL),
        Access::own(&resources::SECRET),
        Access::own(&resources::CONFIG_MAP),
        Access::adjust(&resources::ROLE_BINDING),
        Access::adjust(&resources::DEPLOYMENT),
        Access::adjust(&resources::STATEFUL_SET),
        Access::adjust(&resources::REPLICA_SET),
        Access::adjust(&resources::REPLICATION_CONTROLLER),
        Access::adjust(&resources::CRON_JOB),
        Access::adjust(&resources::JOB),
        Access::read(&resources::DAEMON_SET),
        Access::read(&resources::POD),
        Access::adjust(&resources::THEIR_NETWORK_POLICY),
        Access::read(&resources::THEIR_ROLE_BINDING),
        // Nobody is given rights before the admission policies bind them.
        Access::read(&resources::VALIDATING_ADMISSION_POLICY),
        Access::read(&resources::VALIDATING_ADMISSION_POLICY_BINDING),
        // Giving a role away needs all its rights, or this verb on it: by name, so that no other role can be given.
        Access::hold("bind", &resources::CLUSTER_ROLE, || BINDABLE_ROLES.map(str::to_owned).to_vec()),
        // The admission policies ask for it before they bind the writer to what binds tenants.
        Access::hold(EXEMPT_VERB, &resources::TENANT, Vec::new),
        Access::own(&resources::TENANT_VIEW),
        // The gateway's name in environments.
        Access::own(&resources::SERVICE),
        // Listeners of a tenant's own.
        Access::read(&resources::API_SERVICE),
        Access::read(&resources::GATEWAY_CLASS),
        Access::own(&resources::GATEWAY),
        Access::own(&resources::LISTENER_SET),
        Access::own(&resources::CERTIFICATE),
        Access::own(&resources::REFERENCE_GRANT),
        Access::adjust(&resources::THEIR_GATEWAY),
    ];

    fn plan(tenant: &Tenant, world: &World, now: Timestamp) -> Plan {
        let mut draft = plan::draft(tenant, world, now);
        if let Some(when) = usage::Usage::due(tenant, &draft, world, now) {
            draft.plan.requeue_at(when);
        }
        draft.plan
    }

    fn status(tenant: &Tenant, world: &World, done: &Outcome, now: Timestamp) -> TenantStatus {
        status::status(tenant, world, done, now)
    }

    fn examples() -> Vec<Example<Tenant>> {
        examples::examples()
    }
}
