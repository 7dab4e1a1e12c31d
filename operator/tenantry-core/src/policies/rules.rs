//! The rules, by concern. Each file is one row or two of the table in `docs/security-model.md`.

mod access;
mod namespaces;
mod network;
mod pods;
mod routes;
mod self_guard;
mod services;
mod storage;
mod universal;

pub use access::RBAC;
pub use namespaces::NAMESPACES;
pub use network::{ENDPOINTS, NETWORK};
pub use pods::{CRON_JOBS, PODS, SCALES, WORKLOADS};
pub use routes::{GATEWAY_API, ROUTES};
pub use self_guard::SELF_GUARD;
pub use services::SERVICES;
pub use storage::STORAGE;
pub use universal::{OBJECTS, UNIVERSAL};

use super::rule::Group;

/// Everything in a tenant's namespace falls into exactly one of these; what no other names falls into [`OBJECTS`].
pub const GROUPS: [Group; 11] =
    [PODS, WORKLOADS, CRON_JOBS, SCALES, SERVICES, ENDPOINTS, STORAGE, ROUTES, NETWORK, RBAC, OBJECTS];
