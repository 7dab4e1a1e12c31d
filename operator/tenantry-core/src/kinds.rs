//! The registry: one line per kind, in reading order. Watches, CRDs, RBAC, the command line, docs and tests iterate over it.

use serde::de::DeserializeOwned;

use crate::kind::{Example, Registration};

pub mod agent;
pub mod application;
pub mod mcp_server;
pub mod model_deployment;
pub mod service_grant;
pub mod service_route;
pub mod tenant;
pub mod tenant_class;
pub mod tenant_view;
pub mod tenantry_platform;

/// Every kind Tenantry serves.
pub static KINDS: &[Registration] = &[
    Registration::of::<tenantry_platform::TenantryPlatformKind>(),
    Registration::of::<tenant_class::TenantClassKind>(),
    Registration::of::<tenant::TenantKind>(),
    Registration::of::<tenant_view::TenantViewKind>(),
    Registration::of::<application::ApplicationKind>(),
    Registration::of::<model_deployment::ModelDeploymentKind>(),
    Registration::of::<mcp_server::McpServerKind>(),
    Registration::of::<agent::AgentKind>(),
    Registration::of::<service_route::ServiceRouteKind>(),
    Registration::of::<service_grant::ServiceGrantKind>(),
];

/// Examples from their files. A file that does not fit its type is left out; a test counts them.
fn example_list<Cr: DeserializeOwned>(files: &[(&'static str, &'static str, &str)]) -> Vec<Example<Cr>> {
    files
        .iter()
        .filter_map(|(name, about, file)| Some(Example { name, about, cr: serde_json::from_str(file).ok()? }))
        .collect()
}
