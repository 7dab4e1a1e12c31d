//! The gateways through which environments are reached.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fields::Stage;

/// A gateway through which environments of some stages are reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayProfile {
    /// Its name, for people and for the status of routes.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// The Gateway, which the platform team makes and keeps.
    pub gateway_ref: GatewayRef,
    /// The stages whose environments are reached through it. Absent: all. The first profile that fits an environment and the exposure
    /// of a route is the route's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub stages: Vec<Stage>,
    /// The exposures that it is for. Absent: Internal alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub exposures: Vec<Exposure>,
    /// The hosts that all tenants share, such as `infra-proxy`: routes that name no hostname of their tenant's are found there, each under
    /// a path that one tenant alone has. At most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 8),
        inner(
            length(min = 1, max = 253),
            regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
        )
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub hosts: Vec<String>,
    /// How routes are attached: Auto (default) and SharedListener put them on the Gateway's own listeners. ListenerSet,
    /// ManagedListener and GatewayPerEnvironment are not supported yet: what asks for them is refused.
    #[serde(default)]
    pub mode: GatewayMode,
    /// By what the policies of routes are enforced that the Gateway API has no field for: Auto (default) goes by the controller of the
    /// GatewayClass; Portable by nothing.
    #[serde(default)]
    pub policy_adapter: PolicyAdapter,
    /// The pods that the Gateway's traffic comes from. Absent: all pods in the Gateway's namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_plane: Option<DataPlane>,
}

/// A Gateway, or one listener of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayRef {
    /// Its namespace; never a tenant's.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: String,
    /// The listener that routes are attached to. Absent: every listener that takes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub section_name: Option<String>,
}

/// Who is meant to reach a route. It chooses the gateway; that the gateway is reached by them alone is the platform team's to see to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Exposure {
    /// The organisation.
    #[default]
    Internal,
    /// The tenant alone.
    Tenant,
    /// Everybody.
    Public,
}

/// How routes are attached to a Gateway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GatewayMode {
    /// As the class of the Gateway allows.
    #[default]
    Auto,
    /// On the Gateway's own listeners, which all tenants share.
    SharedListener,
    /// On listeners of the environment's own, in a ListenerSet.
    ListenerSet,
    /// On listeners of the environment's own, in the Gateway itself.
    ManagedListener,
    /// On a Gateway of the environment's own.
    GatewayPerEnvironment,
}

/// What enforces policies that the Gateway API has no field for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PolicyAdapter {
    /// What belongs to the controller of the GatewayClass.
    #[default]
    Auto,
    /// Nothing: what the Gateway API has no field for is not supported.
    Portable,
    /// Middlewares of Traefik.
    Traefik,
    /// SecurityPolicies and BackendTrafficPolicies of Envoy Gateway.
    EnvoyGateway,
}

/// The pods that a Gateway's traffic comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DataPlane {
    /// Labels of their namespace.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 8, "additionalProperties" = { "type": "string", "maxLength": 63 }))]
    pub namespace_labels: BTreeMap<String, String>,
    /// Labels of the pods. Absent: all pods there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 8, "additionalProperties" = { "type": "string", "maxLength": 63 }))]
    pub pod_labels: BTreeMap<String, String>,
}

impl GatewayProfile {
    /// The Gateway, as `namespace/name`.
    pub fn gateway(&self) -> String {
        format!("{}/{}", self.gateway_ref.namespace, self.gateway_ref.name)
    }

    /// Whether it is for routes of this exposure.
    pub fn is_for(&self, exposure: Exposure) -> bool {
        if self.exposures.is_empty() { exposure == Exposure::Internal } else { self.exposures.contains(&exposure) }
    }

    /// The pods that its traffic comes from.
    pub fn data_plane(&self) -> DataPlane {
        self.data_plane.clone().unwrap_or_else(|| DataPlane {
            namespace_labels: BTreeMap::from([(
                "kubernetes.io/metadata.name".to_owned(),
                self.gateway_ref.namespace.clone(),
            )]),
            pod_labels: BTreeMap::new(),
        })
    }
}
