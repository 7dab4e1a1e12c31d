//! What fields of the route itself do, as far as the class of the gateway supports them.

use serde_json::{Map, Value, json};

use super::{Adapter, Demands, Enforced, Enforcing, Names};
use crate::kinds::service_route::types::{BackendTls, Cors, Deprecated, HeaderEdit, Prefix};
use crate::resources::BACKEND_TLS_POLICY;
use crate::routing::features::{Controller, Feature};

pub(super) fn enforce(demands: &Demands, controller: &Controller, adapter: Adapter, enforcing: &mut Enforcing) {
    let policies = demands.policies;
    let lacks = |enforcing: &mut Enforcing, field, is_strict, feature: Feature| {
        enforcing.lacks(demands, field, is_strict, feature.name());
    };
    if demands.prefix == Prefix::Strip && demands.path != "/" {
        if controller.can(Feature::PathRewrite) {
            let path = json!({ "type": "ReplacePrefixMatch", "replacePrefixMatch": "/" });
            enforcing.filters.push(json!({ "type": "URLRewrite", "urlRewrite": { "path": path } }));
        } else {
            // The backend would be asked for other paths than it has.
            let feature = format!("{}, or prefix: Keep", Feature::PathRewrite.name());
            enforcing.missing.push(super::Missing { field: "spec.prefix", feature, is_strict: true });
        }
    }
    if let Some(filter) = policies.request_headers.as_ref().and_then(edit) {
        enforcing.filters.push(json!({ "type": "RequestHeaderModifier", "requestHeaderModifier": filter }));
    }
    let answers = answers(demands.deprecated, policies.response_headers.as_ref());
    if let Some(filter) = edit(&answers) {
        if controller.can(Feature::ResponseHeaders) {
            enforcing.filters.push(json!({ "type": "ResponseHeaderModifier", "responseHeaderModifier": filter }));
        } else {
            if demands.deprecated.is_some() {
                lacks(enforcing, "spec.docs.deprecated", false, Feature::ResponseHeaders);
            }
            if policies.response_headers.as_ref().and_then(edit).is_some() {
                lacks(enforcing, "spec.policies.responseHeaders", false, Feature::ResponseHeaders);
            }
        }
    }
    let mut timeouts = Map::new();
    // Envoy Gateway's own policy has all of them in one place.
    if let Some(wanted) = policies.timeouts.as_ref().filter(|_| adapter != Adapter::EnvoyGateway) {
        if let Some(span) = wanted.request {
            if controller.can(Feature::RequestTimeout) && !demands.grpc {
                timeouts.insert("request".into(), json!(span));
            } else {
                lacks(enforcing, "spec.policies.timeouts.request", false, Feature::RequestTimeout);
            }
        }
        if let Some(span) = wanted.backend_request {
            if controller.can(Feature::BackendTimeout) && !demands.grpc {
                timeouts.insert("backendRequest".into(), json!(span));
            } else {
                lacks(enforcing, "spec.policies.timeouts.backendRequest", false, Feature::BackendTimeout);
            }
        }
    }
    if !timeouts.is_empty() {
        enforcing.timeouts = Value::Object(timeouts);
    }
    if let Some(wanted) = &policies.cors {
        if controller.can(Feature::Cors) && !demands.grpc && adapter != Adapter::EnvoyGateway {
            enforcing.filters.push(json!({ "type": "CORS", "cors": cors(wanted) }));
        } else if adapter == Adapter::Nothing {
            lacks(enforcing, "spec.policies.cors", false, Feature::Cors);
        }
    }
    if let Some(wanted) = &policies.backend_tls {
        if controller.can(Feature::BackendTls) {
            enforcing.objects.push(Enforced {
                role: "backend-tls",
                resource: &BACKEND_TLS_POLICY,
                spec: json!({ "validation": validation(wanted) }),
                names: Names::Services,
            });
        } else {
            // The backend would be spoken to in the clear, and understand nothing.
            let (field, feature) = ("spec.policies.backendTls", Feature::BackendTls.name().to_owned());
            enforcing.missing.push(super::Missing { field, feature, is_strict: true });
        }
    }
    if !policies.allowed_tenants.is_empty() {
        enforcing.lacks(demands, "spec.policies.allowedTenants", true, "a gateway that can tell tenants apart");
    }
}

/// What answers carry: what the spec sets, and what says that the API should not be used any more.
fn answers(deprecated: Option<&Deprecated>, wanted: Option<&HeaderEdit>) -> HeaderEdit {
    let mut edit = wanted.cloned().unwrap_or_default();
    let Some(deprecated) = deprecated else { return edit };
    // RFC 9745: a structured date, which is the second after an at sign.
    edit.set.insert("Deprecation".into(), format!("@{}", deprecated.since.as_second()));
    if let Some(sunset) = deprecated.sunset {
        // RFC 8594: a date of HTTP.
        let date = sunset.to_zoned(jiff::tz::TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        edit.set.insert("Sunset".into(), date);
    }
    if let Some(successor) = &deprecated.successor {
        edit.set.insert("Link".into(), format!("<{successor}>; rel=\"successor-version\""));
    }
    edit
}

fn edit(wanted: &HeaderEdit) -> Option<Value> {
    if wanted.set.is_empty() && wanted.remove.is_empty() {
        return None;
    }
    let mut filter = Map::new();
    if !wanted.set.is_empty() {
        let set = wanted.set.iter().map(|(name, value)| json!({ "name": name, "value": value }));
        filter.insert("set".into(), set.collect());
    }
    if !wanted.remove.is_empty() {
        filter.insert("remove".into(), json!(wanted.remove));
    }
    Some(Value::Object(filter))
}

fn validation(wanted: &BackendTls) -> Value {
    let mut validation = json!({ "hostname": wanted.hostname });
    match &wanted.ca_config_map_ref {
        Some(reference) => {
            let reference = json!({ "group": "", "kind": "ConfigMap", "name": reference.name });
            validation["caCertificateRefs"] = json!([reference]);
        }
        None => validation["wellKnownCACertificates"] = "System".into(),
    }
    validation
}

fn cors(wanted: &Cors) -> Value {
    let mut cors = json!({
        "allowOrigins": wanted.allow_origins,
        "allowCredentials": wanted.allow_credentials,
        "maxAge": 5,
    });
    if !wanted.allow_methods.is_empty() {
        cors["allowMethods"] = json!(wanted.allow_methods);
    }
    if !wanted.allow_headers.is_empty() {
        cors["allowHeaders"] = json!(wanted.allow_headers);
    }
    cors
}
