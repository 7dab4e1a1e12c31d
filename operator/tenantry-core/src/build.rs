//! Pure builders, one small file per Kubernetes kind. Bodies are as the API server stores them, with every default spelt
//! out, because drift is found by comparing content. A builder cannot fail: what it gets has been checked.

mod copy;
mod deployment;
mod gate;
mod grant_policy;
mod horizontal_pod_autoscaler;
mod http_route;
mod limit_range;
mod listeners;
mod namespace;
mod network_policy;
mod parts;
mod pod_disruption_budget;
mod resource_quota;
mod role_binding;
mod route_policy;
mod scaled_object;
mod service;
mod service_account;
mod service_route;
mod stream_route;
mod tenant_view;
mod vertical_pod_autoscaler;
mod volume_claim;
mod workload_policy;

pub use copy::build_copy;
pub use deployment::build_deployment;
pub(crate) use gate::{Gate, build_gate, build_gate_ways, gate_pods};
pub(crate) use grant_policy::{GrantedPods, build_grant_egress, build_grant_ingress};
pub use horizontal_pod_autoscaler::{Bounds, build_horizontal_pod_autoscaler};
pub(crate) use http_route::{RouteParts, build_routes};
pub use limit_range::build_limit_range;
pub(crate) use listeners::{
    Listening, build_certificate, build_entries, build_gateway, build_listener_set, build_reference_grant,
};
pub use namespace::{NamespaceParts, build_namespace, build_namespace_as_it_is, build_retained_namespace};
pub use network_policy::{Opening, build_allow, build_default_deny, build_quarantine, build_to_gateway, no_pods};
pub use parts::Parts;
pub use pod_disruption_budget::build_pod_disruption_budget;
pub use resource_quota::build_resource_quota;
pub use role_binding::build_role_binding;
pub(crate) use route_policy::build_route_policies;
pub use scaled_object::build_scaled_object;
pub use service::{build_service, build_service_alias};
pub use service_account::build_service_account;
pub(crate) use service_route::build_service_route;
pub(crate) use stream_route::build_stream_routes;
pub use tenant_view::build_tenant_view;
pub use vertical_pod_autoscaler::build_vertical_pod_autoscaler;
pub use volume_claim::{Claim, build_volume_claim};
pub(crate) use workload_policy::build_workload_policy;
