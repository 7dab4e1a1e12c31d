//! What Traefik does by Middlewares, which a route names by a filter. They are looked for in the namespace of the route alone.

use serde_json::{Value, json};

use super::{Demands, Enforced, Enforcing, Names};
use crate::kinds::service_route::types::{AuthType, Limited, Per};
use crate::names::child_name;
use crate::resources::MIDDLEWARE;

pub(super) fn enforce(demands: &Demands, enforcing: &mut Enforcing) {
    let policies = demands.policies;
    // Who may not call is turned away first; what is dear comes last.
    let mut middlewares: Vec<(&'static str, Value)> = Vec::new();
    if !policies.allowed_networks.is_empty() {
        middlewares.push(("networks", json!({ "ipAllowList": { "sourceRange": policies.allowed_networks } })));
    }
    if let Some(limit) = &policies.rate_limit {
        let period = match limit.per {
            Per::Second => "1s",
            Per::Minute => "1m",
            Per::Hour => "1h",
        };
        let mut spec = json!({ "average": limit.requests, "burst": limit.requests, "period": period });
        if limit.by == Limited::All {
            // The host is the same in all requests of a route with one.
            spec["sourceCriterion"] = json!({ "requestHost": true });
        }
        middlewares.push(("rate-limit", json!({ "rateLimit": spec })));
        enforcing.notes.push("each proxy of the gateway counts requests for itself".to_owned());
    }
    if let Some(cors) = &policies.cors
        && !enforcing.filters.iter().any(|filter| filter["type"] == "CORS")
    {
        let mut methods = vec!["GET".to_owned(), "HEAD".to_owned(), "POST".to_owned()];
        methods
            .extend(cors.allow_methods.iter().filter(|one| !["GET", "HEAD", "POST"].contains(&one.as_str())).cloned());
        let mut spec = json!({
            "accessControlAllowOriginList": cors.allow_origins,
            "accessControlAllowMethods": methods,
            "addVaryHeader": true,
        });
        if cors.allow_credentials {
            spec["accessControlAllowCredentials"] = true.into();
        }
        if !cors.allow_headers.is_empty() {
            spec["accessControlAllowHeaders"] = json!(cors.allow_headers);
        }
        middlewares.push(("cors", json!({ "headers": spec })));
    }
    if let Some(auth) = &policies.auth {
        match (auth.type_, &auth.secret_ref, &demands.authorizer) {
            (AuthType::None, ..) => {}
            (AuthType::Basic, Some(secret), _) => {
                // The backend has no use for the password.
                middlewares.push(("auth", json!({ "basicAuth": { "secret": secret.name, "removeHeader": true } })));
            }
            (AuthType::External, _, Some(authorizer)) => {
                let mut spec = json!({ "address": authorizer.address, "trustForwardHeader": false });
                let external = auth.external.as_ref();
                if let Some(headers) = external.map(|one| &one.response_headers).filter(|all| !all.is_empty()) {
                    spec["authResponseHeaders"] = json!(headers);
                }
                if let Some(headers) = external.map(|one| &one.request_headers).filter(|all| !all.is_empty()) {
                    let mut shown = headers.clone();
                    if !shown.iter().any(|one| one.eq_ignore_ascii_case("Authorization")) {
                        shown.push("Authorization".to_owned());
                    }
                    spec["authRequestHeaders"] = json!(shown);
                }
                middlewares.push(("auth", json!({ "forwardAuth": spec })));
            }
            (type_, ..) => {
                let feature =
                    format!("a gateway that knows auth of type {}: Traefik knows External and Basic", type_.name());
                enforcing.lacks(demands, "spec.policies.auth", true, feature);
            }
        }
    }
    if let Some(bytes) = policies.max_body {
        middlewares.push(("body", json!({ "buffering": { "maxRequestBodyBytes": bytes } })));
    }
    if let Some(breaker) = &policies.circuit_breaker {
        // Of the answers, those of the server's fault, or none at all.
        let share = format!("{}.{:02}", breaker.error_percent / 100, breaker.error_percent % 100);
        let expression = format!("ResponseCodeRatio(500, 600, 0, 600) >= {share} || NetworkErrorRatio() >= {share}");
        middlewares.push(("breaker", json!({ "circuitBreaker": { "expression": expression } })));
    }
    if let Some(retry) = &policies.retry {
        // Traefik counts the first attempt, and without a list of answers it tries again only where there was none.
        let spec = json!({ "attempts": retry.attempts + 1, "status": ["502", "503", "504"] });
        middlewares.push(("retry", json!({ "retry": spec })));
    }
    let (_, route) = demands.route;
    // Before what changes the request: they decide about what was sent.
    let named = middlewares.iter().map(|(role, _)| {
        let reference = json!({ "group": MIDDLEWARE.group, "kind": MIDDLEWARE.kind, "name": child_name(route, role) });
        json!({ "type": "ExtensionRef", "extensionRef": reference })
    });
    let filters: Vec<Value> = named.chain(std::mem::take(&mut enforcing.filters)).collect();
    enforcing.filters = filters;
    let object = |(role, spec)| Enforced { role, resource: &MIDDLEWARE, spec, names: Names::Nothing };
    enforcing.objects.extend(middlewares.into_iter().map(object));
}
