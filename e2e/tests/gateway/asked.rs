//! The single things that are asked of the gateway, each by a route of its own.

use serde_json::{Value, json};

use crate::stage::{backend, under};

/// One thing to ask for.
pub struct Fact {
    /// Its name, and that of its route; its path unless the rule says otherwise.
    pub name: &'static str,
    /// As `supportedFeatures` calls it.
    pub feature: Option<&'static str>,
    /// Kind of the route.
    pub kind: &'static str,
    /// Its rule; path and backend are added where they are missing.
    pub rule: Value,
    /// It answers by itself.
    pub is_redirect: bool,
    /// Where in the route's `spec` what was asked for must still be, as the server may have dropped it.
    pub kept: &'static str,
}

fn fact(name: &'static str, feature: &'static str, rule: Value) -> Fact {
    let feature = Some(feature).filter(|feature| !feature.is_empty());
    Fact { name, feature, kind: "HTTPRoute", rule, is_redirect: false, kept: "" }
}

fn filtered(name: &'static str, feature: &'static str, filter: Value) -> Fact {
    fact(name, feature, json!({ "filters": [filter] }))
}

fn redirected(name: &'static str, feature: &'static str, redirect: Value) -> Fact {
    let filter = json!({ "type": "RequestRedirect", "requestRedirect": redirect });
    Fact { is_redirect: true, ..filtered(name, feature, filter) }
}

fn rewritten(name: &'static str, feature: &'static str, rewrite: Value) -> Fact {
    filtered(name, feature, json!({ "type": "URLRewrite", "urlRewrite": rewrite }))
}

/// By a Middleware of the route's name.
fn by_middleware(name: &'static str) -> Fact {
    filtered(name, "", extension(name))
}

fn extension(name: &str) -> Value {
    json!({ "type": "ExtensionRef", "extensionRef": { "group": "traefik.io", "kind": "Middleware", "name": name } })
}

fn only(name: &'static str, feature: &'static str, condition: Value) -> Fact {
    let mut chosen = under(&format!("/{name}"));
    for (field, value) in condition.as_object().into_iter().flatten() {
        chosen[field] = value.clone();
    }
    fact(name, feature, json!({ "matches": [chosen] }))
}

/// The header that is made or sent.
pub const MORE: &str = "x-more";

/// What a Middleware of that name does.
pub const BY_MIDDLEWARE: [&str; 14] = [
    "rate-limit",
    "in-flight",
    "ip-allow-list",
    "basic-auth",
    "forward-auth",
    "forward-auth-down",
    "retry-status",
    "retry-network",
    "buffering-limit",
    "circuit-breaker",
    "headers",
    "cors-by-middleware",
    "chain",
    "chain-other-namespace",
];
/// The one that Traefik refuses: it names another of another namespace.
pub const NEVER_KNOWN: &str = "chain-other-namespace";

/// All of them.
pub fn facts() -> Vec<Fact> {
    let mut facts = conditions();
    facts.extend(filters());
    facts.extend(backends());
    facts.extend(middlewares());
    facts
}

/// Which requests a rule is for.
fn conditions() -> Vec<Fact> {
    let path = |type_: &str, value: &str| json!({ "path": { "type": type_, "value": value } });
    vec![
        only("path-exact", "", path("Exact", "/path-exact")),
        only("path-regular-expression", "", path("RegularExpression", "/path-regular-[a-z]+")),
        only("header-exact", "", json!({ "headers": [{ "name": "x-plan", "value": "gold" }] })),
        only(
            "header-regular-expression",
            "",
            json!({ "headers": [{ "name": "x-plan", "value": "go.d", "type": "RegularExpression" }] }),
        ),
        only("method", "HTTPRouteMethodMatching", json!({ "method": "PUT" })),
        only("query", "HTTPRouteQueryParamMatching", json!({ "queryParams": [{ "name": "plan", "value": "gold" }] })),
    ]
}

/// What is done to requests and answers.
fn filters() -> Vec<Fact> {
    let more = || json!({ "set": [{ "name": MORE, "value": "set" }], "remove": ["x-less"] });
    let mirror = json!({ "type": "RequestMirror", "requestMirror": { "backendRef": backend("canary") } });
    let cors = json!({ "type": "CORS", "cors": { "allowOrigins": ["https://shop.example"], "allowMethods": ["PUT"] } });
    let mut own_filter = backend("stable");
    own_filter["filters"] = json!([{ "type": "RequestHeaderModifier", "requestHeaderModifier": more() }]);
    vec![
        filtered("request-header", "", json!({ "type": "RequestHeaderModifier", "requestHeaderModifier": more() })),
        filtered(
            "response-header",
            "HTTPRouteResponseHeaderModification",
            json!({ "type": "ResponseHeaderModifier", "responseHeaderModifier": more() }),
        ),
        fact(
            "backend-request-header",
            "HTTPRouteBackendRequestHeaderModification",
            json!({ "backendRefs": [own_filter] }),
        ),
        redirected("redirect-host", "", json!({ "hostname": "shop.example", "statusCode": 302 })),
        redirected("redirect-scheme", "HTTPRouteSchemeRedirect", json!({ "scheme": "https", "statusCode": 301 })),
        redirected("redirect-port", "HTTPRoutePortRedirect", json!({ "port": 8443 })),
        redirected(
            "redirect-path",
            "HTTPRoutePathRedirect",
            json!({ "path": { "type": "ReplacePrefixMatch", "replacePrefixMatch": "/new" } }),
        ),
        redirected(
            "redirect-308",
            "HTTPRoute308RedirectStatusCode",
            json!({ "hostname": "shop.example", "statusCode": 308 }),
        ),
        rewritten(
            "rewrite-prefix",
            "HTTPRoutePathRewrite",
            json!({ "path": { "type": "ReplacePrefixMatch", "replacePrefixMatch": "/new" } }),
        ),
        rewritten(
            "rewrite-full-path",
            "HTTPRoutePathRewrite",
            json!({ "path": { "type": "ReplaceFullPath", "replaceFullPath": "/new" } }),
        ),
        rewritten("rewrite-host", "HTTPRouteHostRewrite", json!({ "hostname": "shop.example" })),
        filtered("mirror", "HTTPRouteRequestMirror", mirror),
        filtered("cors", "HTTPRouteCORS", cors),
        fact("timeout-request", "HTTPRouteRequestTimeout", json!({ "timeouts": { "request": "100ms" } })),
        fact(
            "timeout-backend-request",
            "HTTPRouteBackendTimeout",
            json!({ "timeouts": { "backendRequest": "100ms" } }),
        ),
        Fact {
            kept: "/rules/0/retry",
            ..fact("retry", "HTTPRouteRetry", json!({ "retry": { "attempts": 3, "codes": [503] } }))
        },
        Fact {
            kept: "/rules/0/sessionPersistence",
            ..fact("session-persistence", "", json!({ "sessionPersistence": { "type": "Cookie" } }))
        },
        fact("rule-name", "HTTPRouteNamedRouteRule", json!({ "name": "the-rule" })),
    ]
}

/// Where requests go.
fn backends() -> Vec<Fact> {
    let mut elsewhere = backend("elsewhere");
    elsewhere["namespace"] = "other".into();
    let mut granted = backend("granted");
    granted["namespace"] = "other".into();
    // Whoever may write routes may read from it how every gateway's routes are built.
    let own_api = json!({ "group": "traefik.io", "kind": "TraefikService", "name": "api@internal" });
    let api_path = json!({ "path": { "type": "ReplacePrefixMatch", "replacePrefixMatch": "/api" } });
    let to_api = json!([{ "type": "URLRewrite", "urlRewrite": api_path }]);
    let method = json!({ "service": "shop.Orders", "method": "List" });
    let rpc = json!({ "method": method, "headers": [{ "name": "x-plan", "value": "gold" }] });
    vec![
        fact(
            "websocket-backend",
            "HTTPRouteBackendProtocolWebSocket",
            json!({ "backendRefs": [backend("speaks-ws")] }),
        ),
        fact("h2c-backend", "HTTPRouteBackendProtocolH2C", json!({ "backendRefs": [backend("speaks-h2c")] })),
        fact("missing-backend", "", json!({ "backendRefs": [backend("missing")] })),
        fact("backend-without-endpoints", "", json!({ "backendRefs": [backend("empty")] })),
        fact("other-namespace-not-granted", "", json!({ "backendRefs": [elsewhere] })),
        fact("other-namespace-granted", "", json!({ "backendRefs": [granted] })),
        fact("backend-tls", "BackendTLSPolicy", json!({ "backendRefs": [backend("secure")] })),
        fact("backend-tls-wrong-authority", "", json!({ "backendRefs": [backend("secure-stranger")] })),
        Fact {
            kind: "GRPCRoute",
            ..fact("grpc-method-and-header", "", json!({ "matches": [rpc], "backendRefs": [backend("speaks-h2c")] }))
        },
        fact("own-api-of-traefik", "", json!({ "backendRefs": [own_api], "filters": to_api })),
    ]
}

/// What Gateway API has no words for.
fn middlewares() -> Vec<Fact> {
    let mut facts = vec![
        filtered("middleware-missing", "", extension("nowhere")),
        filtered(
            "middleware-of-another-kind",
            "",
            json!({ "type": "ExtensionRef",
            "extensionRef": { "group": "example.com", "kind": "Limit", "name": "any" } }),
        ),
    ];
    facts.extend(BY_MIDDLEWARE.map(by_middleware));
    // In another order it would not be so: the first makes a header that the second takes away.
    let set = json!({ "set": [{ "name": MORE, "value": "set" }] });
    let first = json!({ "type": "RequestHeaderModifier", "requestHeaderModifier": set });
    facts.push(fact("filters-in-order", "", json!({ "filters": [first, extension("takes-away")] })));
    facts
}
