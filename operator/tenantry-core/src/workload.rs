//! What all workloads of a tenant share: the fields that users write, what becomes of them, and how the status tells it. A kind adds
//! what is special about it and repeats nothing. Nothing here knows which kinds there are, but by [`sort::SORTS`].

mod availability;
mod bindings;
mod consumed;
mod draft;
mod finding;
mod home;
mod inquiry;
mod pods;
mod references;
mod refusals;
mod rollout;
mod scaling;
pub mod sort;
mod status;
pub mod types;

pub(crate) use availability::{has_endpoints, service_of_ours};
pub use bindings::BINDINGS_PATH;
pub(crate) use draft::{Draft, Extras, First, Lack, Workload, draft, draft_with};
pub(crate) use finding::{Finding, finding, unasked, verdict};
pub(crate) use home::{Home, Standing, home_of, standing};
pub(crate) use inquiry::Inquiry;
pub(crate) use pods::{CACHE, Pods};
pub(crate) use references::{Edge, follow, refers_to};
pub(crate) use status::{Verdict, judge, tell};

use crate::access::Access;
use crate::resources;

/// What a workload's status tells of those that it refers to, and that refer to it.
pub(crate) const INCIDENTAL: &[&str] = &["models", "tools", "peers", "usedBy"];

/// What every workload reads and owns, besides what is special about its kind.
pub(crate) const ACCESS: &[Access] = &[
    Access::read(&resources::NAMESPACE),
    Access::read(&resources::RESOURCE_QUOTA),
    Access::read(&resources::LIMIT_RANGE),
    Access::read(&resources::ENDPOINT_SLICE),
    Access::read(&resources::TROUBLED_POD),
    Access::read(&resources::API_SERVICE),
    Access::read(&resources::TENANTRY_PLATFORM),
    Access::read(&resources::SECRET_ORIGINAL),
    Access::read(&resources::CONFIG_MAP_ORIGINAL),
    Access::read(&resources::APPLICATION),
    Access::read(&resources::AGENT),
    Access::read(&resources::MCP_SERVER),
    Access::read(&resources::MODEL_DEPLOYMENT),
    Access::read(&resources::SERVICE_GRANT),
    Access::own(&resources::NETWORK_POLICY),
    Access::own(&resources::SERVICE_ROUTE),
    Access::own(&resources::SERVICE_ACCOUNT),
    Access::own(&resources::SERVICE),
    Access::own(&resources::VOLUME_CLAIM),
    Access::own(&resources::MANAGED_DEPLOYMENT),
    Access::own(&resources::POD_DISRUPTION_BUDGET),
    Access::own(&resources::HORIZONTAL_POD_AUTOSCALER),
    Access::own(&resources::SCALED_OBJECT),
    Access::own(&resources::VERTICAL_POD_AUTOSCALER),
];
