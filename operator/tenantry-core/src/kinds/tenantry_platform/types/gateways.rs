//! The gateways through which environments are reached.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TenantryPlatformSpec;
use crate::fields::Stage;

/// A gateway through which environments of some stages are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("(self.mode == 'GatewayPerEnvironment') == has(self.gatewayClassName) && (self.mode == 'GatewayPerEnvironment') != has(self.gatewayRef)").message("name gatewayClassName with mode GatewayPerEnvironment, and gatewayRef with every other"))]
#[x_kube(validation = Rule::new("self.mode != 'GatewayPerEnvironment' || has(self.dataPlane)").message("with mode GatewayPerEnvironment say which pods the controller's traffic comes from, outside the tenants' namespaces").field_path(".dataPlane"))]
#[x_kube(validation = Rule::new("self.mode != 'SharedListener' || !has(self.listeners)").message("listeners of tenants' own are made with every mode but SharedListener: choose another, or remove it").field_path(".listeners"))]
#[x_kube(validation = Rule::new("self.mode == 'GatewayPerEnvironment' || !has(self.listeners) || !has(self.listeners.tcp)").message("ports of TCP are opened with mode GatewayPerEnvironment alone: on a Gateway of the platform's, add listeners to that").field_path(".listeners.tcp"))]
#[x_kube(validation = Rule::new("!has(self.listeners) || ([has(self.listeners.http) ? self.listeners.http : 80] + (has(self.listeners.https) ? [self.listeners.https.port] : []) + (has(self.listeners.tlsPassthrough) ? [self.listeners.tlsPassthrough] : []) + (has(self.listeners.tcp) ? self.listeners.tcp : [])).all(p, ([has(self.listeners.http) ? self.listeners.http : 80] + (has(self.listeners.https) ? [self.listeners.https.port] : []) + (has(self.listeners.tlsPassthrough) ? [self.listeners.tlsPassthrough] : []) + (has(self.listeners.tcp) ? self.listeners.tcp : [])).exists_one(q, p == q))").message("two listeners have the same port: give each its own").field_path(".listeners"))]
#[x_kube(validation = Rule::new("!has(self.inside) || self.mode != 'GatewayPerEnvironment'").message("with mode GatewayPerEnvironment each Gateway has an address of its own, which its controller chooses: choose another mode, or remove it and make Services and network policies for the environments yourself").field_path(".inside"))]
#[x_kube(validation = Rule::new("!has(self.inside) || !has(self.exposures) || self.exposures.size() == 0 || 'Internal' in self.exposures").message("pods are led to a gateway for exposure Internal alone: add that to exposures, or remove it").field_path(".inside"))]
#[x_kube(validation = Rule::new("!has(self.inside) || (has(self.hosts) && self.hosts.exists(h, h.matches('^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$')))").message("pods find it by those of its hosts that can be the name of a Service, such as infra-proxy: add one to hosts, or remove it").field_path(".inside"))]
pub struct GatewayProfile {
    /// Its name, for people and for the status of routes.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// The Gateway, which the platform team makes and keeps. With every mode but GatewayPerEnvironment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_ref: Option<GatewayRef>,
    /// The GatewayClass of the Gateways that are made. With mode GatewayPerEnvironment alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub gateway_class_name: Option<String>,
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
    /// How routes are attached. SharedListener puts them on the Gateway's own listeners. ListenerSet puts those that name hostnames of their
    /// tenant's on listeners of the tenant's own, in a ListenerSet in its home namespace. ManagedListener does so with listeners in the
    /// Gateway itself, up to 64 in all, where that is annotated `tenantry.dev/managed-listeners: "true"`. GatewayPerEnvironment makes each
    /// environment a Gateway of its own. Auto (default) is ListenerSet where the Gateway allows them of all namespaces and its class
    /// supports them, and SharedListener elsewhere.
    #[serde(default)]
    pub mode: GatewayMode,
    /// The listeners of a tenant's own. Absent: HTTP at port 80.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listeners: Option<OwnListeners>,
    /// By what the policies of routes are enforced that the Gateway API has no field for: Auto (default) goes by the controller of the
    /// GatewayClass; Portable by nothing.
    #[serde(default)]
    pub policy_adapter: PolicyAdapter,
    /// The pods that the Gateway's traffic comes from. Absent: all pods in the Gateway's namespace. With mode GatewayPerEnvironment it must be
    /// there: pods of a controller that runs them outside the tenants' namespaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_plane: Option<DataPlane>,
    /// How pods in the environments reach it: each of `hosts` that is a single name becomes a Service there that leads to it, and a network
    /// policy lets them out to it. Not with mode GatewayPerEnvironment. Absent: they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<Inside>,
}

/// Where a gateway is found by pods of tenants.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inside {
    /// Full name of the Service in front of the gateway's pods, such as `gateway.ingress.svc.cluster.local`.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)+[a-z]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub address: String,
    /// The TCP ports of the gateway's pods that HTTP is spoken at. They may be others than the Service's; network policies go by these. At
    /// most 8.
    #[schemars(length(min = 1, max = 8), inner(range(min = 1, max = 65535)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub ports: Vec<i32>,
}

/// A Gateway, or one listener of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
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

/// Listeners that are made for a tenant or an environment alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnListeners {
    /// The port of HTTP. Absent: 80.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub http: Option<i32>,
    /// HTTPS. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub https: Option<Https>,
    /// The port of TLS that backends end themselves. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub tls_passthrough: Option<i32>,
    /// Ports of TCP, each for one route. Absent: none. At most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(range(min = 1, max = 65535)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub tcp: Vec<i32>,
}

/// Listeners of HTTPS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.issuerRef) != has(self.secretName)").message("name exactly one of issuerRef, by which cert-manager makes certificates, and secretName, which is there already"))]
pub struct Https {
    /// The port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// Who issues certificates for the tenant's hostnames, by cert-manager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer_ref: Option<IssuerRef>,
    /// The Secret with certificate and key, of type kubernetes.io/tls. It must be there beside the listeners: in the home namespace of each tenant, or
    /// with mode GatewayPerEnvironment in each environment, where `spec.replicate` of the Tenant can put it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub secret_name: Option<String>,
}

/// An issuer of cert-manager that is there for all namespaces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssuerRef {
    /// Name of the ClusterIssuer.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: String,
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
    /// On listeners of the tenant's own, in a ListenerSet.
    ListenerSet,
    /// On listeners of the tenant's own, in the Gateway itself.
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

impl TenantryPlatformSpec {
    /// The gateway of environments of the stage with this label, for routes of this exposure.
    pub fn gateway_for(&self, stage: &str, exposure: Exposure) -> Option<&GatewayProfile> {
        self.gateways.iter().find(|profile| profile.serves(stage) && profile.is_for(exposure))
    }
}

/// One sort of listener of a tenant's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listened {
    /// What it is called.
    pub(crate) role: &'static str,
    /// Its protocol.
    pub(crate) protocol: &'static str,
    /// Its port.
    pub(crate) port: i32,
}

impl GatewayProfile {
    /// The platform's Gateway, as `namespace/name`; none where each environment has its own.
    pub fn gateway(&self) -> Option<String> {
        self.gateway_ref.as_ref().map(|reference| format!("{}/{}", reference.namespace, reference.name))
    }

    /// What is called after it in tenants' namespaces. Members can attach nothing to what is called so.
    pub fn own_name(&self) -> String {
        format!("tenantry-{}", self.name)
    }

    /// What is listened for on a tenant's own, by host.
    pub(crate) fn listened(&self) -> Vec<Listened> {
        let own = self.listeners.as_ref();
        let http = Listened { role: "http", protocol: "HTTP", port: own.and_then(|own| own.http).unwrap_or(80) };
        let https = own.and_then(|own| own.https.as_ref());
        let https = https.map(|https| Listened { role: "https", protocol: "HTTPS", port: https.port });
        let passthrough = own.and_then(|own| own.tls_passthrough);
        let passthrough = passthrough.map(|port| Listened { role: "tls", protocol: "TLS", port });
        [Some(http), https, passthrough].into_iter().flatten().collect()
    }

    /// Whether it is for routes of this exposure.
    pub fn is_for(&self, exposure: Exposure) -> bool {
        if self.exposures.is_empty() { exposure == Exposure::Internal } else { self.exposures.contains(&exposure) }
    }

    /// Whether it is for environments of the stage with this label.
    pub fn serves(&self, stage: &str) -> bool {
        self.stages.is_empty() || self.stages.iter().any(|one| one.label() == stage)
    }

    /// The pods that its traffic comes from. The schema sees to it that it is known.
    pub fn data_plane(&self) -> DataPlane {
        let namespace = self.gateway_ref.as_ref().map(|reference| reference.namespace.clone()).unwrap_or_default();
        self.data_plane.clone().unwrap_or_else(|| DataPlane {
            namespace_labels: BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), namespace)]),
            pod_labels: BTreeMap::new(),
        })
    }
}
