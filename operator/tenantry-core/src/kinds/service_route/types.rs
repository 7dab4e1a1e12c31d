//! The ServiceRoute resource as users write it and as its status tells it.

#![allow(clippy::duplicated_attributes)] // Each print column names its own type; clippy reads them as one list.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::Condition;
use crate::kinds::tenantry_platform::types::Exposure;
use crate::workload::types::{ExposedApi, Match};

mod auth;
mod policies;

pub use auth::{ApiKey, Auth, AuthType, ClaimToHeader, ClientCertificates, ExternalAuth, Jwt, Oidc};
pub use policies::{BackendTls, Breaker, Cors, HeaderEdit, Limited, Per, Policies, RateLimit, Retry, Timeouts};

/// Publishes a service of an environment under a path of the environment's gateway.
#[derive(Debug, Clone, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "ServiceRoute",
    shortname = "sroute",
    category = "tenantry",
    namespaced,
    status = "ServiceRouteStatus",
    derive = "PartialEq",
    cel,
    doc = "Publishes a service of an environment under a path of the environment's gateway.",
    printcolumn(name = "Path", type_ = "string", json_path = ".status.claim.path", description = "What it has claimed"),
    printcolumn(name = "Hosts", type_ = "string", json_path = ".status.claim.hosts", description = "Where"),
    printcolumn(name = "Gateway", type_ = "string", json_path = ".status.implementation.gateway", description = "Through which gateway"),
    printcolumn(name = "URL", type_ = "string", json_path = ".status.urls[0]", description = "Where it is called"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status", description = "Usable now"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason", description = "Why"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Since it was created"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$')").message("metadata.name: use at most 63 lower-case letters, digits and dashes, beginning with a letter"),
    validation = Rule::new("self.spec.protocol in ['TCP', 'TLSPassthrough'] || has(self.spec.api) != has(self.spec.basePath)").message("spec: name exactly one of api, which is found under /api/VERSION/NAME, and basePath"),
    validation = Rule::new("!(self.spec.protocol in ['TCP', 'TLSPassthrough']) || (!has(self.spec.api) && !has(self.spec.basePath) && !has(self.spec.policies) && (!has(self.spec.variants) || self.spec.variants.all(v, !has(v.match))))").message("spec: nothing in a stream can be looked at: with TCP and TLSPassthrough remove api, basePath, policies and the match of each variant"),
    validation = Rule::new("(self.spec.protocol == 'TCP') == has(self.spec.port) && (self.spec.protocol != 'TCP' || !has(self.spec.hostnames))").message("spec: TCP is found by a port alone: with TCP name port and no hostnames, and name no port with anything else"),
    validation = Rule::new("(self.spec.protocol in ['TCP', 'TLSPassthrough'] ? self.spec.protocol : '') == (oldSelf.spec.protocol in ['TCP', 'TLSPassthrough'] ? oldSelf.spec.protocol : '')").message("spec.protocol: what is a stream stays one, and what is none becomes none: make another ServiceRoute"),
    validation = Rule::new("!has(self.spec.variants) || self.spec.variants.map(v, has(v.weight) ? v.weight : 0).sum() <= 100").message("the weights of the variants add up to more than 100: what they leave is the backend's").field_path(".spec.variants"),
)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRouteSpec {
    /// What answers.
    pub backend: Backend,
    /// The API as which it is found: under `/api/VERSION/NAME/`, in the same way in every environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<ExposedApi>,
    /// The path under which it is found, such as `/tickets`, instead of `api`. On hosts that tenants share it may not begin with `/api`,
    /// and `/` is nobody's there. Up to 8 segments.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 256),
        regex(pattern = r"^/$|^(/[A-Za-z0-9_~-]([A-Za-z0-9._~-]{0,61}[A-Za-z0-9_~-])?){1,8}$")
    )]
    #[x_kube(validation = Rule::new("!self.contains('..')").message("no segment of a path may hold two dots in a row: choose another name"))]
    pub base_path: Option<String>,
    /// Who is meant to reach it: Internal (default), Tenant or Public. It chooses among the gateways that the platform has for the
    /// environment's stage.
    #[serde(default)]
    pub exposure: Exposure,
    /// Hostnames of the tenant's, as `spec.hostnames` of its Tenant allows. Absent: the hosts that the gateway's tenants share. At most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(
            length(max = 253),
            regex(pattern = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$")
        )
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub hostnames: Vec<String>,
    /// HTTP (default), WebSocket or SSE, which are found by host and path; GRPC and TLSPassthrough, whose TLS the backend itself ends, which are
    /// found by hostname alone; TCP, which is found by `port`.
    #[serde(default)]
    pub protocol: Protocol,
    /// The port of the gateway's listener, of TCP alone. It is one route's alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// Whether the path under which it is found is taken off before the backend sees it: Strip (default) or Keep. Streams have none.
    #[serde(default)]
    pub prefix: Prefix,
    /// Other backends beside it: for a share of the requests, or for those that carry certain headers. At most 15.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 15))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub variants: Vec<Variant>,
    /// What happens to requests on their way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies: Option<Policies>,
    /// What becomes of the route where the gateway cannot enforce a policy. Absent: Fail for auth, rateLimit, maxBody, allowedNetworks and
    /// allowedTenants, and Degrade for the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_unsupported: Option<OnUnsupported>,
    /// What is said about the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docs: Option<Docs>,
}

/// What answers. Exactly one field is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.agentRef) ? 1 : 0) + (has(self.mcpServerRef) ? 1 : 0) + (has(self.modelDeploymentRef) ? 1 : 0) + (has(self.applicationRef) ? 1 : 0) + (has(self.serviceRef) ? 1 : 0) == 1").message("name exactly one of agentRef, mcpServerRef, modelDeploymentRef, applicationRef and serviceRef"))]
pub struct Backend {
    /// An Agent in the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_ref: Option<LocalRef>,
    /// An McpServer in the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcp_server_ref: Option<LocalRef>,
    /// A ModelDeployment in the same namespace. Its versions have the shares and headers that it gives them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_deployment_ref: Option<LocalRef>,
    /// An Application in the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_ref: Option<LocalRef>,
    /// A Service in the same namespace that selects pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_ref: Option<ServiceRef>,
}

/// A resource in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct LocalRef {
    /// Its name.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
}

/// A port of a Service in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct ServiceRef {
    /// Its name.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// Its port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
}

/// Another backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.weight) || has(self.match)").message("say for which requests it is: give it a weight, match, or both"))]
#[x_kube(validation = Rule::new("!has(self.match) || (has(self.match.headers) && size(self.match.headers) > 0)").message("match names no header, and would be for all requests: name one, or remove it").field_path(".match"))]
pub struct Variant {
    /// Its name.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// What answers.
    pub backend: Backend,
    /// How many of a hundred requests it answers, of those that no `match` decides about. 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub weight: Option<i32>,
    /// It answers all requests that carry these headers.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub match_: Option<Match>,
}

/// What is spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Protocol {
    /// HTTP requests.
    #[default]
    #[serde(rename = "HTTP")]
    Http,
    /// gRPC.
    #[serde(rename = "GRPC")]
    Grpc,
    /// HTTP requests that become WebSockets.
    WebSocket,
    /// HTTP requests whose answers are streams of events.
    #[serde(rename = "SSE")]
    Sse,
    /// Any stream.
    #[serde(rename = "TCP")]
    Tcp,
    /// TLS that the backend itself ends.
    #[serde(rename = "TLSPassthrough")]
    TlsPassthrough,
}

impl Protocol {
    /// Whether nothing of it can be looked at on the way.
    pub fn is_stream(self) -> bool {
        matches!(self, Self::Tcp | Self::TlsPassthrough)
    }
}

/// What becomes of the path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Prefix {
    /// The backend sees what follows it.
    #[default]
    Strip,
    /// The backend sees all of it.
    Keep,
}

/// What becomes of a route whose policies cannot be enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnUnsupported {
    /// It is withdrawn.
    Fail,
    /// It serves without, and says so.
    Degrade,
}

/// What is said about an API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Docs {
    /// Where its OpenAPI document is, for catalogues and people. Tenantry does not read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub openapi: Option<OpenApi>,
    /// That it should not be used any more. Answers carry the headers Deprecation (RFC 9745), Sunset (RFC 8594) and Link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Deprecated>,
}

/// Where an OpenAPI document is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenApi {
    /// Its address.
    #[schemars(length(min = 8, max = 1024), regex(pattern = r"^https?://[^\s]+$"))]
    pub url: String,
}

/// Since when an API should not be used any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deprecated {
    /// Since when.
    #[schemars(with = "String", extend("format" = "date-time", "maxLength" = 64))]
    pub since: jiff::Timestamp,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time", "maxLength" = 64))]
    pub sunset: Option<jiff::Timestamp>,
    /// The address of what to use instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"^[^\s<>]+$"))]
    pub successor: Option<String>,
}

/// How a ServiceRoute stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRouteStatus {
    /// Generation of the spec that this status was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Accepted, ResolvedRefs, Applied, Programmed; PoliciesEnforced where there are policies; Reconciling and Stalled only while
    /// True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Where it is called, while it answers there. At most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 600)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub urls: Vec<String>,
    /// What it asks for, and who has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimStatus>,
    /// What puts it into effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub implementation: Option<Implementation>,
}

/// What a route asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimStatus {
    /// The hosts; none stands for all that the gateway answers for. At most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub hosts: Vec<String>,
    /// The path, with all that is under it.
    #[schemars(length(max = 256))]
    pub path: String,
    /// Who has it, as `Kind namespace/name`. Absent: nobody yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 400))]
    pub holder: Option<String>,
}

/// What puts a route into effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Implementation {
    /// The gateway profile of the platform.
    #[schemars(length(max = 63))]
    pub profile: String,
    /// The Gateway, as `namespace/name`.
    #[schemars(length(max = 320))]
    pub gateway: String,
    /// The controller of its GatewayClass. Absent: not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub controller: Option<String>,
    /// What the route asks for and nothing here can do, by the names of the fields. At most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub missing_features: Vec<String>,
}
