//! What Envoy Gateway does by policies that name the routes they are for: a SecurityPolicy says who may call, a BackendTrafficPolicy how
//! much goes on and how. Both are merged into what the platform has attached to the gateway itself: without that they would replace it,
//! with all that it demands.

mod auth;

use serde_json::{Map, Value, json};

use super::{Demands, Enforced, Enforcing, Names};
use crate::kinds::service_route::types::{Cors, Limited, Per, Policies, RateLimit};
use crate::resources::{BACKEND_TRAFFIC_POLICY, SECURITY_POLICY};

pub(super) fn enforce(demands: &Demands, enforcing: &mut Enforcing) {
    let security = security(demands, enforcing);
    let traffic = traffic(demands, enforcing);
    for (role, resource, mut spec) in
        [("security", &SECURITY_POLICY, security), ("traffic", &BACKEND_TRAFFIC_POLICY, traffic)]
    {
        if !spec.is_empty() {
            spec.insert("mergeType".into(), "StrategicMerge".into());
            enforcing.objects.push(Enforced { role, resource, spec: Value::Object(spec), names: Names::Routes });
        }
    }
}

/// Who may call.
fn security(demands: &Demands, enforcing: &mut Enforcing) -> Map<String, Value> {
    let policies = demands.policies;
    let mut spec = Map::new();
    auth::auth(demands, &mut spec, enforcing);
    if !policies.allowed_networks.is_empty() {
        let rule = json!({ "action": "Allow", "principal": { "clientCIDRs": policies.allowed_networks } });
        spec.insert("authorization".into(), json!({ "defaultAction": "Deny", "rules": [rule] }));
    }
    if let Some(wanted) = &policies.cors {
        spec.insert("cors".into(), cors(wanted));
    }
    spec
}

/// How much goes on to the backend, and how.
fn traffic(demands: &Demands, enforcing: &mut Enforcing) -> Map<String, Value> {
    let policies = demands.policies;
    let mut spec = Map::new();
    if let Some(limit) = &policies.rate_limit {
        spec.insert("rateLimit".into(), rate_limit(limit));
        let note = "each proxy of the gateway, and each rule of the route, counts requests for itself";
        enforcing.notes.push(note.to_owned());
    }
    if let Some(bytes) = policies.max_body {
        if demands.streams {
            let feature = "a protocol whose requests end: Envoy Gateway measures a body by waiting for all of it, and streams would hang";
            enforcing.lacks(demands, "spec.policies.maxBody", true, feature);
        } else {
            spec.insert("requestBuffer".into(), json!({ "limit": bytes.to_string() }));
        }
    }
    let (whole, attempt) = timeouts(policies);
    if let Some(span) = whole {
        spec.insert("timeout".into(), json!({ "http": { "requestTimeout": span } }));
    }
    if let Some(retry) = &policies.retry {
        let mut triggers = vec!["connect-failure", "refused-stream", "reset", "retriable-status-codes"];
        if demands.grpc {
            triggers.push("unavailable");
        }
        let on = json!({ "triggers": triggers, "httpStatusCodes": [502, 503, 504] });
        let mut retry = json!({ "numRetries": retry.attempts, "retryOn": on });
        if let Some(span) = attempt {
            retry["perRetry"] = json!({ "timeout": span });
        }
        spec.insert("retry".into(), retry);
    }
    if policies.circuit_breaker.is_some() {
        // Its circuit breakers count connections and requests; its outlier detection needs five endpoints before it looks at shares.
        let feature = "a gateway that breaks circuits by the share of errors, as Traefik does";
        enforcing.lacks(demands, "spec.policies.circuitBreaker", false, feature);
    }
    spec
}

/// For all attempts, and for each. A route's own field for each attempt is taken for all of them together.
fn timeouts(policies: &Policies) -> (Option<Value>, Option<Value>) {
    let Some(wanted) = &policies.timeouts else { return (None, None) };
    // None at all, for the Gateway API.
    let attempt = wanted.backend_request.filter(|span| span.seconds() > 0);
    let written = |span| json!(span);
    if policies.retry.is_some() {
        (wanted.request.map(written), attempt.map(written))
    } else {
        // The only attempt; it is never longer than all.
        (attempt.or(wanted.request).map(written), None)
    }
}

fn rate_limit(limit: &RateLimit) -> Value {
    let unit = match limit.per {
        Per::Second => "Second",
        Per::Minute => "Minute",
        Per::Hour => "Hour",
    };
    let limited = json!({ "requests": limit.requests, "unit": unit });
    let rules = match limit.by {
        Limited::All => vec![json!({ "limit": limited })],
        // Every address there is, each for itself.
        Limited::Client => ["0.0.0.0/0", "::/0"]
            .map(|all| {
                let source = json!({ "type": "Distinct", "value": all, "invert": false });
                json!({ "clientSelectors": [{ "sourceCIDR": source }], "limit": limited })
            })
            .into(),
    };
    json!({ "local": { "rules": rules } })
}

fn cors(wanted: &Cors) -> Value {
    let mut methods = vec!["GET".to_owned(), "HEAD".to_owned(), "POST".to_owned()];
    let others: Vec<String> = wanted.allow_methods.iter().filter(|one| !methods.contains(one)).cloned().collect();
    methods.extend(others);
    let mut cors = json!({
        "allowOrigins": wanted.allow_origins,
        "allowMethods": methods,
        "allowCredentials": wanted.allow_credentials,
    });
    if !wanted.allow_headers.is_empty() {
        cors["allowHeaders"] = json!(wanted.allow_headers);
    }
    cors
}
