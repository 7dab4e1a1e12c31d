//! Kinds of the Gateway API. What plans look at is everybody's: a route that is not ours can stand in the way of one that is. They are
//! read as far as needed and by no closed list of choices, so that what later versions add does no harm.

use serde_json::{Value, json};

use super::children::{child, conditions};
use super::{Keep, Resource, Watch, Wave, Write};
use crate::content;
use crate::meta::Owner;
use crate::routing::{claims, entries};

const GROUP: &str = "gateway.networking.k8s.io";

/// `gateway.networking.k8s.io/v1 GatewayClass`.
pub static GATEWAY_CLASS: Resource = Resource {
    namespaced: false,
    write: Write::Never,
    watch: Watch::OnDemand,
    keep: Keep::Projection(class_facts),
    index: Some(by_name),
    ..child(GROUP, "v1", "GatewayClass", "gatewayclasses")
};

/// `gateway.networking.k8s.io/v1 Gateway`: the platform's, and those that environments have of their own.
pub static GATEWAY: Resource = Resource { keep: Keep::Projection(gateway_facts), ..listening("Gateway", "gateways") };

/// `gateway.networking.k8s.io/v1 ListenerSet`: listeners of a tenant's own on a Gateway of the platform's.
pub static LISTENER_SET: Resource =
    Resource { keep: Keep::Projection(listener_set_facts), ..listening("ListenerSet", "listenersets") };

const fn listening(kind: &'static str, plural: &'static str) -> Resource {
    Resource {
        watch: Watch::OnDemand,
        wave: Wave::Configuration,
        index: Some(by_name),
        ..child(GROUP, "v1", kind, plural)
    }
}

/// `cert-manager.io/v1 Certificate`.
pub static CERTIFICATE: Resource = Resource {
    watch: Watch::WhereServed,
    wave: Wave::Configuration,
    keep: Keep::Projection(certificate_facts),
    ..child("cert-manager.io", "v1", "Certificate", "certificates")
};

/// `gateway.networking.k8s.io/v1beta1 ReferenceGrant`: the version that every release of the Gateway API serves, and controllers watch.
pub static REFERENCE_GRANT: Resource = Resource {
    watch: Watch::WhereServed,
    wave: Wave::Configuration,
    ..child(GROUP, "v1beta1", "ReferenceGrant", "referencegrants")
};

/// `gateway.networking.k8s.io/v1 HTTPRoute`.
pub static HTTP_ROUTE: Resource = route("HTTPRoute", "httproutes");

/// `gateway.networking.k8s.io/v1 GRPCRoute`.
pub static GRPC_ROUTE: Resource = route("GRPCRoute", "grpcroutes");

/// `gateway.networking.k8s.io/v1 TLSRoute`.
pub static TLS_ROUTE: Resource = route("TLSRoute", "tlsroutes");

/// `gateway.networking.k8s.io/v1 TCPRoute`: found by the port of a listener, which stands for its host.
pub static TCP_ROUTE: Resource = Resource { keep: Keep::Projection(tcp_route_facts), ..route("TCPRoute", "tcproutes") };

const fn route(kind: &'static str, plural: &'static str) -> Resource {
    Resource {
        watch: Watch::OnDemand,
        keep: Keep::Projection(route_facts),
        index: Some(claims::filed_route),
        ..child(GROUP, "v1", kind, plural)
    }
}

/// `namespace/name`.
fn by_name(facts: &Value) -> Vec<String> {
    let text = |field: &str| facts[field].as_str().unwrap_or_default();
    vec![format!("{}/{}", text("namespace"), text("name"))]
}

/// `traefik.io/v1alpha1 Middleware`: what Traefik does to requests besides what a route says.
pub static MIDDLEWARE: Resource = Resource {
    watch: Watch::WhereServed,
    wave: Wave::Configuration,
    ..child("traefik.io", "v1alpha1", "Middleware", "middlewares")
};

/// `gateway.envoyproxy.io/v1alpha1 SecurityPolicy`: who may call the routes that it names, as Envoy Gateway sees to.
pub static SECURITY_POLICY: Resource = envoy_policy("SecurityPolicy", "securitypolicies");

/// `gateway.envoyproxy.io/v1alpha1 BackendTrafficPolicy`: how many requests go on to what is behind those routes, and how.
pub static BACKEND_TRAFFIC_POLICY: Resource = envoy_policy("BackendTrafficPolicy", "backendtrafficpolicies");

const fn envoy_policy(kind: &'static str, plural: &'static str) -> Resource {
    Resource {
        watch: Watch::WhereServed,
        wave: Wave::Configuration,
        keep: Keep::Projection(attached_facts),
        ..child("gateway.envoyproxy.io", "v1alpha1", kind, plural)
    }
}

/// `gateway.networking.k8s.io/v1 BackendTLSPolicy`: whom a gateway believes what is behind a Service to be. Bundles before 1.4 lack it.
pub static BACKEND_TLS_POLICY: Resource = Resource {
    watch: Watch::OnDemand,
    wave: Wave::Configuration,
    keep: Keep::Projection(attached_facts),
    ..child(GROUP, "v1", "BackendTLSPolicy", "backendtlspolicies")
};

/// `v1 Service` of whoever has made it. Of those that we have made, see [`super::SERVICE`].
pub static TENANT_SERVICE: Resource = Resource {
    write: Write::Never,
    watch: Watch::OnDemand,
    keep: Keep::Projection(service_facts),
    wave: Wave::Contents,
    ..child("", "v1", "Service", "services")
};

/// Shape: `{name, type, selector: {key: value}, ports: [{port, target}]}`, with the number or the name of the pods' port.
fn service_facts(service: &Value) -> Value {
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    let target =
        |one: &Value| if one["targetPort"].is_null() { one["port"].clone() } else { one["targetPort"].clone() };
    json!({
        "name": service["metadata"]["name"],
        "type": service["spec"]["type"],
        "selector": service["spec"]["selector"],
        "ports": ports.map(|one| json!({ "port": one["port"], "target": target(one) })).collect::<Vec<Value>>(),
    })
}

/// Shape: `{name, controller, accepted, features: [name]}`.
fn class_facts(class: &Value) -> Value {
    let features = class["status"]["supportedFeatures"].as_array().into_iter().flatten();
    // Before version 1.3 they were texts.
    let name = |one: &Value| one["name"].as_str().or(one.as_str()).map(str::to_owned);
    json!({
        "name": class["metadata"]["name"],
        "controller": class["spec"]["controllerName"],
        "accepted": is_true(&class["status"], "Accepted"),
        "features": features.filter_map(name).collect::<Vec<String>>(),
    })
}

/// Shape: `{namespace, name, class, generation, takesSets, consents, listeners: [{name, hostname?, port, protocol, from, tls?, trouble?}], conditions}`, with
/// what keeps a listener from working, in the words of the controller.
fn gateway_facts(gateway: &Value) -> Value {
    let mut facts = listeners(gateway);
    facts["class"] = gateway["spec"]["gatewayClassName"].clone();
    facts["takesSets"] = (gateway["spec"]["allowedListeners"]["namespaces"]["from"] == "All").into();
    facts["consents"] = entries::consents(gateway).into();
    facts
}

/// Shape: `{namespace, name, generation, gateway: "namespace/name", listeners, conditions}`, else as of a Gateway.
fn listener_set_facts(set: &Value) -> Value {
    let mut facts = listeners(set);
    let own = set["metadata"]["namespace"].as_str().unwrap_or_default();
    facts["gateway"] = parent(own, &set["spec"]["parentRef"]).into();
    facts
}

fn listeners(holder: &Value) -> Value {
    let told_of = |name: &Value| {
        let mut statuses = holder["status"]["listeners"].as_array().into_iter().flatten();
        statuses.find(|one| one["name"] == *name).map(|one| &one["conditions"])
    };
    let listener = |one: &Value| {
        json!({
            "name": one["name"],
            "hostname": one["hostname"],
            "port": one["port"],
            "protocol": one["protocol"],
            "from": one["allowedRoutes"]["namespaces"]["from"],
            "tls": one["tls"]["mode"],
            "trouble": told_of(&one["name"]).and_then(trouble),
        })
    };
    let all = holder["spec"]["listeners"].as_array().into_iter().flatten();
    json!({
        "namespace": holder["metadata"]["namespace"],
        "name": holder["metadata"]["name"],
        "generation": holder["metadata"]["generation"],
        "listeners": all.map(listener).collect::<Vec<Value>>(),
        "conditions": told(&holder["status"]["conditions"]),
    })
}

/// What a listener's conditions say against it.
fn trouble(conditions: &Value) -> Option<String> {
    let mut conditions = conditions.as_array().into_iter().flatten();
    let bad = conditions.find(|one| {
        let wanted = match one["type"].as_str() {
            Some("Accepted" | "Programmed" | "ResolvedRefs") => "False",
            Some("Conflicted") => "True",
            _ => return false,
        };
        one["status"] == wanted
    })?;
    let text = |field: &str| bad[field].as_str().unwrap_or_default();
    Some(format!("{}={}: {}: {}", text("type"), text("status"), text("reason"), text("message")))
}

/// What a reference in this namespace names: `namespace/name` of a Gateway, and the kind before it of anything else.
fn parent(own: &str, reference: &Value) -> String {
    let text = |field: &str| reference[field].as_str().unwrap_or_default();
    let namespace = if text("namespace").is_empty() { own } else { text("namespace") };
    match text("kind") {
        "" | "Gateway" => format!("{namespace}/{}", text("name")),
        kind => format!("{kind} {namespace}/{}", text("name")),
    }
}

/// Shape: `{namespace, name, uid, created, generation, owner?, marked?, parents: [text], hostnames: [text], paths: [{type, value}],
/// told: [{parent, section, controller, conditions}]}`, with the path of its owner mark where it is ours.
fn route_facts(route: &Value) -> Value {
    let (metadata, spec) = (&route["metadata"], &route["spec"]);
    let own = metadata["namespace"].as_str().unwrap_or_default();
    let parent = |one: &Value| parent(own, one);
    let rules = spec["rules"].as_array().into_iter().flatten();
    let matches = rules.flat_map(|rule| match rule["matches"].as_array().filter(|all| !all.is_empty()) {
        Some(all) => all.iter().map(path).collect(),
        None => vec![path(&Value::Null)],
    });
    let mut paths: Vec<Value> = matches.collect();
    paths.sort_by_key(ToString::to_string);
    paths.dedup();
    let parents = spec["parentRefs"].as_array().into_iter().flatten().map(parent);
    let statuses = route["status"]["parents"].as_array().into_iter().flatten();
    let told = statuses.map(|one| {
        json!({
            "parent": parent(&one["parentRef"]),
            "section": one["parentRef"]["sectionName"],
            "controller": one["controllerName"],
            "conditions": told(&one["conditions"]),
        })
    });
    let mut facts = json!({
        "namespace": own,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "created": metadata["creationTimestamp"],
        "generation": metadata["generation"],
        "parents": parents.collect::<Vec<String>>(),
        "hostnames": spec["hostnames"],
        "paths": paths,
        "told": told.collect::<Vec<Value>>(),
    });
    // A mark can be copied; that of a write of ours cannot.
    if let Some(owner) = Owner::marked_on(route).filter(|owner| owner.namespace == own) {
        let field = if content::was_written_by_us(route) { "owner" } else { "marked" };
        facts[field] = owner.path().into();
    }
    facts
}

/// Shape: as of other routes, with `:port` of each listener that it names as its hostnames.
fn tcp_route_facts(route: &Value) -> Value {
    let mut facts = route_facts(route);
    let parents = route["spec"]["parentRefs"].as_array().into_iter().flatten();
    let ports = parents.filter_map(|one| Some(format!(":{}", one["port"].as_i64()?)));
    facts["hostnames"] = ports.collect::<Vec<String>>().into();
    facts
}

/// Shape: `{generation, told: [{gateway: "namespace/name", controller, conditions}]}`, one entry for each gateway or listener that the
/// policy has come to by the routes or Services that it names.
fn attached_facts(policy: &Value) -> Value {
    let own = policy["metadata"]["namespace"].as_str().unwrap_or_default();
    let ancestors = policy["status"]["ancestors"].as_array().into_iter().flatten();
    let entry = |one: &Value| {
        json!({
            "gateway": parent(own, &one["ancestorRef"]),
            "controller": one["controllerName"],
            "conditions": told(&one["conditions"]),
        })
    };
    json!({
        "generation": policy["metadata"]["generation"],
        "told": ancestors.map(entry).collect::<Vec<Value>>(),
    })
}

/// Of gRPC and of a match without a path: all of them.
fn path(one: &Value) -> Value {
    let path = &one["path"];
    json!({
        "type": path["type"].as_str().unwrap_or("PathPrefix"),
        "value": path["value"].as_str().unwrap_or("/"),
    })
}

/// Shape: `{generation, ready: {type, status, reason, message, observedGeneration}?}`. Not Issuing, which comes and goes with each renewal.
fn certificate_facts(certificate: &Value) -> Value {
    let conditions = told(&certificate["status"]["conditions"]);
    let ready = conditions.as_array().into_iter().flatten().find(|one| one["type"] == "Ready");
    json!({ "generation": certificate["metadata"]["generation"], "ready": ready })
}

/// Conditions without their times, with the generation that each was made for.
fn told(conditions_of: &Value) -> Value {
    let mut told = conditions(&json!({ "conditions": conditions_of }));
    for (told, one) in told.as_array_mut().into_iter().flatten().zip(conditions_of.as_array().into_iter().flatten()) {
        told["observedGeneration"] = one["observedGeneration"].clone();
    }
    told
}

fn is_true(status: &Value, type_: &str) -> bool {
    let mut conditions = status["conditions"].as_array().into_iter().flatten();
    conditions.any(|one| one["type"] == type_ && one["status"] == "True")
}
