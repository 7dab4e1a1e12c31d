//! Who may call a route, and how callers are known. Each type has fields of its own; what no gateway of the route can do is refused
//! by the plan, and not here.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LocalRef;

/// Who may call a route. What belongs to the type is set, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.external) == (self.type == 'External')").message("external belongs to type External: set both, or neither").field_path(".external"))]
#[x_kube(validation = Rule::new("has(self.secretRef) == (self.type in ['Basic', 'APIKey'])").message("secretRef belongs to the types Basic and APIKey: set both, or neither").field_path(".secretRef"))]
#[x_kube(validation = Rule::new("!has(self.apiKey) || self.type == 'APIKey'").message("apiKey belongs to type APIKey: remove it, or set type: APIKey").field_path(".apiKey"))]
#[x_kube(validation = Rule::new("has(self.jwt) == (self.type == 'JWT')").message("jwt belongs to type JWT: set both, or neither").field_path(".jwt"))]
#[x_kube(validation = Rule::new("has(self.oidc) == (self.type == 'OIDC')").message("oidc belongs to type OIDC: set both, or neither").field_path(".oidc"))]
#[x_kube(validation = Rule::new("has(self.mtls) == (self.type == 'MTLS')").message("mtls belongs to type MTLS: set both, or neither").field_path(".mtls"))]
pub struct Auth {
    /// How callers are known.
    #[serde(rename = "type")]
    pub type_: AuthType,
    /// Who is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalAuth>,
    /// A Secret in the same namespace. Of type Basic with one key that holds lines as htpasswd makes them: for Traefik `users`, for Envoy
    /// Gateway `.htpasswd`, with `{SHA}` lines alone. Of type APIKey with one key for each caller, whose value is what that caller sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalRef>,
    /// Where callers put their keys. Absent: in the header `X-Api-Key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKey>,
    /// Whose tokens are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt: Option<Jwt>,
    /// Where people log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc: Option<Oidc>,
    /// Whose certificates are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtls: Option<ClientCertificates>,
}

impl Auth {
    /// Whether anything is asked of callers.
    pub fn is_asked_for(&self) -> bool {
        self.type_ != AuthType::None
    }
}

/// How callers are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuthType {
    /// Not at all; to say so.
    None,
    /// Another service decides about each request.
    External,
    /// By name and password.
    Basic,
    /// By a key that each caller has.
    #[serde(rename = "APIKey")]
    ApiKey,
    /// By a signed token in the header Authorization.
    #[serde(rename = "JWT")]
    Jwt,
    /// By a login at a provider of OpenID Connect; for browsers.
    #[serde(rename = "OIDC")]
    Oidc,
    /// By a certificate. No gateway that is supported can ask for one on a single route: refused.
    #[serde(rename = "MTLS")]
    Mtls,
}

impl AuthType {
    /// As it is written in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::External => "External",
            Self::Basic => "Basic",
            Self::ApiKey => "APIKey",
            Self::Jwt => "JWT",
            Self::Oidc => "OIDC",
            Self::Mtls => "MTLS",
        }
    }
}

/// A service that decides about each request: 2xx lets it through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalAuth {
    /// An Application in the same namespace.
    pub application_ref: LocalRef,
    /// The path at which it is asked. Default: /.
    #[serde(default = "root")]
    #[schemars(length(min = 1, max = 256), regex(pattern = r"^/[^\s?#]*$"))]
    pub path: String,
    /// Headers of the request that it is shown besides Authorization. Absent: what the gateway shows by itself, which is all with Traefik
    /// and no other with Envoy Gateway. At most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 256), regex(pattern = r"^[A-Za-z0-9-]+$")))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub request_headers: Vec<String>,
    /// Headers of its answer that the backend is sent. At most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 256), regex(pattern = r"^[A-Za-z0-9-]+$")))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub response_headers: Vec<String>,
}

fn root() -> String {
    "/".to_owned()
}

/// Where callers put their keys. The backend is not sent them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// Headers. With no other place and none here: `X-Api-Key`. At most 4.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), inner(length(min = 1, max = 256), regex(pattern = r"^[A-Za-z0-9-]+$")))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub headers: Vec<String>,
    /// Parameters of the query. They stand in the logs of whatever a request passes. At most 4.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), inner(length(min = 1, max = 256), regex(pattern = r"^[A-Za-z0-9._-]+$")))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub query_parameters: Vec<String>,
    /// Cookies. At most 4.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), inner(length(min = 1, max = 256), regex(pattern = r"^[A-Za-z0-9._-]+$")))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub cookies: Vec<String>,
    /// A header in which the backend is told the caller: the key in the Secret whose value was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = r"^[A-Za-z0-9-]+$"))]
    pub caller_header: Option<String>,
}

/// Whose tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.jwksUri) != has(self.jwksConfigMapRef)").message("say where the issuer's keys are: name exactly one of jwksUri and jwksConfigMapRef"))]
pub struct Jwt {
    /// Who must have issued them.
    #[schemars(length(min = 1, max = 253))]
    pub issuer: String,
    /// For whom they must be, one of these. Absent: for anybody, also for others than this route. At most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 1, max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub audiences: Vec<String>,
    /// Where the issuer's keys are. The gateway fetches them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 9, max = 253), regex(pattern = r"^https://[^\s/?#@]+(/[^\s#]*)?$"))]
    pub jwks_uri: Option<String>,
    /// A ConfigMap in the same namespace that holds the issuer's keys, under the key `jwks`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_config_map_ref: Option<LocalRef>,
    /// What the backend is told of a token. At most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["header".into()]))]
    pub claim_to_headers: Vec<ClaimToHeader>,
}

/// A claim of a token, as a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimToHeader {
    /// The claim, such as `sub`, or `user.name` within another. Lists cannot be told.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[^\s]+$"))]
    pub claim: String,
    /// The header.
    #[schemars(length(min = 1, max = 256), regex(pattern = r"^[A-Za-z0-9-]+$"))]
    pub header: String,
}

/// Where people log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Oidc {
    /// The provider, whose endpoints the gateway finds under `/.well-known/openid-configuration`.
    #[schemars(length(min = 9, max = 253), regex(pattern = r"^https://[^\s/?#@]+(/[^\s?#]*)?$"))]
    pub issuer: String,
    /// As what the route is known to the provider.
    #[schemars(length(min = 1, max = 253))]
    pub client_id: String,
    /// A Secret in the same namespace, with the key `client-secret`.
    pub client_secret_ref: LocalRef,
    /// What the provider is asked for besides `openid`. At most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 253), regex(pattern = r"^[^\s]+$")))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub scopes: Vec<String>,
    /// Where the provider sends people back to: on a host and beneath the path of the route, as registered with the provider. Absent:
    /// `oauth2/callback` beneath the route's path, on the host that was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 10, max = 512), regex(pattern = r"^https?://[^\s/?#@]+/[^\s?#]+$"))]
    pub redirect_url: Option<String>,
}

/// Whose certificates are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientCertificates {
    /// A ConfigMap in the same namespace with the key `ca.crt`: the authorities that must have signed them.
    pub ca_config_map_ref: LocalRef,
}
