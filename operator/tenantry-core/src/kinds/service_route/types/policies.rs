//! What happens to requests on their way. Where the Gateway API has a field for it, that is used; else what belongs to the gateway's
//! controller; where nothing can do it, the status says so.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LocalRef;
use super::auth::Auth;
use crate::workload::types::Span;

/// What happens to requests on their way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policies {
    /// How long answers may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,
    /// Whether requests that failed are made again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Which web pages of other origins may call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors: Option<Cors>,
    /// Who may call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// How many requests are let through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// The largest body of a request in bytes, up to 1 GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_073_741_824))]
    pub max_body: Option<i64>,
    /// The networks from which it may be called, in CIDR notation. Behind another proxy all requests come from there. At most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 43)))]
    #[x_kube(merge_strategy = ListMerge::Set, validation = Rule::new("self.all(e, isCIDR(e))").message("each entry must be a network in CIDR notation; one address is 192.0.2.10/32"))]
    pub allowed_networks: Vec<String>,
    /// The tenants that may call it. No gateway that is supported can tell tenants apart: refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub allowed_tenants: Vec<String>,
    /// When a backend that fails is left alone for a while.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<Breaker>,
    /// That the backend speaks TLS, and whom the gateway believes it to be. Absent: it speaks in the clear. It is for all backends of the
    /// route, and for whatever other routes lead to the same Services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend_tls: Option<BackendTls>,
    /// What is changed in the headers of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_headers: Option<HeaderEdit>,
    /// What is changed in the headers of answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_headers: Option<HeaderEdit>,
}

/// Whom the gateway believes a backend to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackendTls {
    /// The name that the certificate of the backend must hold, and by which the gateway asks for it.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
    )]
    pub hostname: String,
    /// A ConfigMap in the same namespace with the key `ca.crt`: the authorities that must have signed it. Absent: those that the gateway's
    /// own system trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_config_map_ref: Option<LocalRef>,
}

/// How long answers may take.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Timeouts {
    /// From the request to the end of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Span>,
    /// For one attempt of the gateway at a backend; no longer than `request`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend_request: Option<Span>,
}

/// Whether requests are made again that got no answer, or 502, 503 or 504.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// How often at most, 1 to 10.
    #[schemars(range(min = 1, max = 10))]
    pub attempts: i32,
}

/// Which web pages of other origins may call it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cors {
    /// The origins, such as `https://desk.example.com`. 1 to 64.
    #[schemars(
        length(min = 1, max = 64),
        inner(
            length(max = 253),
            regex(pattern = r"^(\*|https?://(\*|(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)(:[0-9]{1,5})?)$")
        )
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub allow_origins: Vec<String>,
    /// The methods besides GET, HEAD and POST. At most 9.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 9), inner(length(max = 16), regex(pattern = r"^[A-Z]+$")))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub allow_methods: Vec<String>,
    /// The headers that pages may send. At most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub allow_headers: Vec<String>,
    /// Whether pages may send cookies and the like. Default: not.
    #[serde(default)]
    pub allow_credentials: bool,
}

/// How many requests are let through. Each proxy of the gateway counts for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// So many, 1 to 1,000,000; at once, too.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub requests: i32,
    /// In a Second (default), Minute or Hour.
    #[serde(default)]
    pub per: Per,
    /// Of whom: of each Client address (default), or All together.
    #[serde(default)]
    pub by: Limited,
}

/// A span that is counted in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Per {
    /// A second.
    #[default]
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Limited {
    /// Those of one address.
    #[default]
    Client,
    /// All.
    All,
}

/// When a backend that fails is left alone for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Breaker {
    /// How many of a hundred answers may be errors of the backend (5xx, or none at all). 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub error_percent: i32,
}

/// What is changed in headers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeaderEdit {
    /// What they are set to, whatever they were. At most 16.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16, "additionalProperties" = { "type": "string", "minLength": 1, "maxLength": 4096 }))]
    #[x_kube(validation = Rule::new("self.all(key, key.matches('^[A-Za-z0-9-]{1,256}$'))").message("names of headers are letters, digits and dashes, at most 256"))]
    pub set: BTreeMap<String, String>,
    /// Which are taken off. At most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 256), regex(pattern = r"^[A-Za-z0-9-]+$")))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub remove: Vec<String>,
}
