//! The definitions a gateway needs: Gateway API's, as its project ships them, and those of Traefik's own kinds, of which the project's
//! are in no registry: ours have the parts of Middleware that we write, and nothing of the others.

use std::path::PathBuf;
use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};

use super::traefik::Programs;
use crate::objects::{self, ObjectError};
use crate::packages::{self, NotInstalled};
use crate::wait::{NotInTime, eventually};

const MODULE: (&str, &str) = ("sigs.k8s.io/gateway-api", "v1.6.3");
const SOON: Duration = Duration::from_mins(1);

/// The kinds that Traefik watches, Middleware among them.
pub(super) const TRAEFIK_KINDS: [(&str, &str); 10] = [
    ("Middleware", "middlewares"),
    ("MiddlewareTCP", "middlewaretcps"),
    ("IngressRoute", "ingressroutes"),
    ("IngressRouteTCP", "ingressroutetcps"),
    ("IngressRouteUDP", "ingressrouteudps"),
    ("TraefikService", "traefikservices"),
    ("TLSOption", "tlsoptions"),
    ("TLSStore", "tlsstores"),
    ("ServersTransport", "serverstransports"),
    ("ServersTransportTCP", "serverstransporttcps"),
];

/// Why definitions are not there.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// They could not be read, or the server did not take them.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The server does not serve them.
    #[error(transparent)]
    NotServed(#[from] NotInTime),
}

/// The folder of Gateway API's definitions: the standard channel alone, as in most clusters.
pub fn fetch() -> Result<PathBuf, NotInstalled> {
    Ok(packages::go_module(MODULE.0, MODULE.1)?.join("config/crd/standard"))
}

/// Applies all of them and waits until they are served. Once more changes nothing.
pub async fn install(client: &Client, programs: &Programs) -> Result<(), DefinitionError> {
    let mut all = objects::read_folder(&programs.definitions)?;
    all.extend(TRAEFIK_KINDS.map(|(kind, plural)| traefik_kind(kind, plural)));
    // First the definitions, then the policy that keeps them from being replaced by older ones.
    all.sort_by_key(|object| object["kind"] != "CustomResourceDefinition");
    define(client, &all).await
}

/// Applies these in their order, and waits until those that are definitions are served.
pub async fn define(client: &Client, all: &[Value]) -> Result<(), DefinitionError> {
    for object in all {
        objects::apply(client, object).await?;
    }
    for object in all.iter().filter(|object| object["kind"] == "CustomResourceDefinition") {
        let name = objects::name(object);
        let definitions = objects::collection(client, object);
        eventually(SOON, &format!("{name} is served"), async || {
            let found = definitions.get(name).await.map_err(|error| error.to_string())?;
            let found = serde_json::to_value(found).map_err(|error| error.to_string())?;
            let established = objects::condition(&found, "Established").is_some_and(|one| one["status"] == "True");
            if established { Ok(()) } else { Err("it is not established") }.map_err(str::to_owned)
        })
        .await?;
    }
    Ok(())
}

fn traefik_kind(kind: &str, plural: &str) -> Value {
    let spec = if kind == "Middleware" { middleware() } else { anything() };
    let schema = json!({
        "type": "object", "required": ["spec"],
        "properties": { "apiVersion": { "type": "string" }, "kind": { "type": "string" }, "metadata": { "type": "object" }, "spec": spec },
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.traefik.io") },
        "spec": {
            "group": "traefik.io", "scope": "Namespaced",
            "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List") },
            "versions": [{ "name": "v1alpha1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } }],
        },
    })
}

fn anything() -> Value {
    json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

/// Of the middlewares that we write, every field by its name and type, so that a misspelt one is refused by a strict write here as it
/// would be where Traefik's own definition is; of the rest, that they are there.
fn middleware() -> Value {
    let text = || json!({ "type": "string" });
    let texts = || json!({ "type": "array", "items": { "type": "string" } });
    let whole = || json!({ "type": "integer", "format": "int64" });
    let yes_or_no = || json!({ "type": "boolean" });
    let time = || json!({ "anyOf": [{ "type": "integer" }, { "type": "string" }], "x-kubernetes-int-or-string": true });
    let map = || json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let object = |fields: Value| json!({ "type": "object", "properties": fields });
    let strategy = || object(json!({ "depth": whole(), "excludedIPs": texts(), "ipv6Subnet": whole() }));
    let source =
        || object(json!({ "ipStrategy": strategy(), "requestHeaderName": text(), "requestHost": yes_or_no() }));
    let tls = object(json!({
        "caSecret": text(), "caOptional": yes_or_no(), "certSecret": text(), "insecureSkipVerify": yes_or_no(),
    }));
    let mut known = json!({
        "rateLimit": object(json!({ "average": whole(), "burst": whole(), "period": time(), "sourceCriterion": source(),
            "redis": anything() })),
        "inFlightReq": object(json!({ "amount": whole(), "sourceCriterion": source() })),
        "forwardAuth": object(json!({
            "address": text(), "trustForwardHeader": yes_or_no(), "authResponseHeaders": texts(),
            "authResponseHeadersRegex": text(), "authRequestHeaders": texts(), "addAuthCookiesToResponse": texts(),
            "headerField": text(), "forwardBody": yes_or_no(), "maxBodySize": whole(), "maxResponseBodySize": whole(),
            "preserveLocationHeader": yes_or_no(), "preserveRequestMethod": yes_or_no(), "tls": tls,
        })),
        "basicAuth": object(json!({ "secret": text(), "realm": text(), "removeHeader": yes_or_no(), "headerField": text() })),
        "ipAllowList": object(json!({ "sourceRange": texts(), "ipStrategy": strategy(), "rejectStatusCode": whole() })),
        "circuitBreaker": object(json!({
            "expression": text(), "checkPeriod": time(), "fallbackDuration": time(), "recoveryDuration": time(),
            "responseCode": whole(),
        })),
        "retry": object(json!({
            "attempts": whole(), "initialInterval": time(), "timeout": time(), "status": texts(),
            "maxRequestBodyBytes": whole(), "disableRetryOnNetworkError": yes_or_no(),
            "retryNonIdempotentMethod": yes_or_no(),
        })),
        "buffering": object(json!({
            "maxRequestBodyBytes": whole(), "memRequestBodyBytes": whole(), "maxResponseBodyBytes": whole(),
            "memResponseBodyBytes": whole(), "retryExpression": text(),
        })),
        "headers": object(json!({
            "customRequestHeaders": map(), "customResponseHeaders": map(), "accessControlAllowCredentials": yes_or_no(),
            "accessControlAllowHeaders": texts(), "accessControlAllowMethods": texts(),
            "accessControlAllowOriginList": texts(), "accessControlAllowOriginListRegex": texts(),
            "accessControlExposeHeaders": texts(), "accessControlMaxAge": whole(), "addVaryHeader": yes_or_no(),
            "stsSeconds": whole(), "frameDeny": yes_or_no(), "contentTypeNosniff": yes_or_no(),
        })),
        "addPrefix": object(json!({ "prefix": text() })),
        "stripPrefix": object(json!({ "prefixes": texts() })),
        "replacePathRegex": object(json!({ "regex": text(), "replacement": text() })),
        "chain": object(json!({ "middlewares": { "type": "array", "items": object(json!({ "name": text(), "namespace": text() })) } })),
    });
    for other in [
        "compress",
        "contentType",
        "digestAuth",
        "errors",
        "grpcWeb",
        "passTLSClientCert",
        "plugin",
        "redirectRegex",
        "redirectScheme",
        "replacePath",
        "stripPrefixRegex",
    ] {
        known[other] = anything();
    }
    object(known)
}
