//! The registry: one line per kind, in reading order. Watches, CRDs, RBAC, the command line, docs and tests iterate over it.

use crate::kind::Registration;

pub mod tenant;
pub mod tenant_class;
pub mod tenantry_platform;

/// Every kind Tenantry serves.
pub static KINDS: &[Registration] = &[
    Registration::of::<tenantry_platform::TenantryPlatformKind>(),
    Registration::of::<tenant_class::TenantClassKind>(),
    Registration::of::<tenant::TenantKind>(),
];
