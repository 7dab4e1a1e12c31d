//! The annotations on a tenant's namespaces that the admission policies compare with. The operator writes them from the
//! Tenant; the policies read them through `namespaceObject`, so no policy has a parameter and none is made per tenant.
//!
//! Lists are comma-separated. `*` means any, an empty text means none, and so does a missing annotation: what was never
//! said is not allowed.

/// Whom to ask, as refusals tell it.
pub const CONTACT: &str = "tenantry.dev/contact";
/// All namespaces of the tenant.
pub const NAMESPACES: &str = "tenantry.dev/namespaces";
/// Prefixes of images, each ending in `/`.
pub const REGISTRIES: &str = "tenantry.dev/image-registries";
/// `Always` or `Any`.
pub const PULL_POLICY: &str = "tenantry.dev/image-pull-policy";
/// `Required` or `Optional`.
pub const DIGEST: &str = "tenantry.dev/image-digest";
/// StorageClasses.
pub const STORAGE_CLASSES: &str = "tenantry.dev/storage-classes";
/// PriorityClasses.
pub const PRIORITY_CLASSES: &str = "tenantry.dev/priority-classes";
/// RuntimeClasses.
pub const RUNTIME_CLASSES: &str = "tenantry.dev/runtime-classes";
/// IngressClasses.
pub const INGRESS_CLASSES: &str = "tenantry.dev/ingress-classes";
/// GatewayClasses.
pub const GATEWAY_CLASSES: &str = "tenantry.dev/gateway-classes";
/// Hostnames; `*.` stands for everything below.
pub const HOSTNAMES: &str = "tenantry.dev/hostnames";
/// Types of Services.
pub const SERVICE_TYPES: &str = "tenantry.dev/service-types";
/// Whether the tenant's environments may reach each other: `Allow` or `Deny`.
pub const BETWEEN_ENVIRONMENTS: &str = "tenantry.dev/between-environments";
