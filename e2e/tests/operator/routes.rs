//! Routes without a gateway: what is written, put back and removed, with definitions that say nothing and a gateway that a test speaks
//! for. What requests do is seen in `e2e/tests/gateway`.

use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tenantry_e2e::{eventually, objects};

use crate::program::SOON;
use crate::scene::get;
use crate::workloads::workload;

const GATEWAY_API: &str = "gateway.networking.k8s.io";

async fn define(client: &Client, group: &str, version: &str, kind: &str, plural: &str, scope: &str) {
    let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{plural}.{group}"),
            "annotations": { "api-approved.kubernetes.io": "unapproved, for a test" },
        },
        "spec": {
            "group": group, "scope": scope,
            "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List") },
            "versions": [{ "name": version, "served": true, "storage": true, "schema": { "openAPIV3Schema": anything } }],
        },
    });
    objects::apply(client, &definition).await.expect("applied");
    eventually(SOON, &format!("{plural} are served"), async || {
        objects::list(client, &format!("{group}/{version}"), kind, None, "")
            .await
            .map(|_| ())
            .map_err(|error| error.to_string())
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

/// A gateway of a controller that can do what Traefik can.
async fn set_up(client: &Client) {
    define(client, GATEWAY_API, "v1beta1", "ReferenceGrant", "referencegrants", "Namespaced").await;
    for (kind, plural, scope) in [
        ("GatewayClass", "gatewayclasses", "Cluster"),
        ("Gateway", "gateways", "Namespaced"),
        ("HTTPRoute", "httproutes", "Namespaced"),
        ("GRPCRoute", "grpcroutes", "Namespaced"),
        ("TLSRoute", "tlsroutes", "Namespaced"),
        ("TCPRoute", "tcproutes", "Namespaced"),
        ("ListenerSet", "listenersets", "Namespaced"),
        ("BackendTLSPolicy", "backendtlspolicies", "Namespaced"),
    ] {
        define(client, GATEWAY_API, "v1", kind, plural, scope).await;
    }
    define(client, "cert-manager.io", "v1", "Certificate", "certificates", "Namespaced").await;
    define(client, "traefik.io", "v1alpha1", "Middleware", "middlewares", "Namespaced").await;
    for (kind, plural) in [("SecurityPolicy", "securitypolicies"), ("BackendTrafficPolicy", "backendtrafficpolicies")] {
        define(client, "gateway.envoyproxy.io", "v1alpha1", kind, plural, "Namespaced").await;
    }
    let version = format!("{GATEWAY_API}/v1");
    let features = ["HTTPRoutePathRewrite", "GRPCRoute", "TLSRoute", "TCPRoute", "ListenerSet", "BackendTLSPolicy"]
        .map(|name| json!({ "name": name }));
    let class = json!({
        "apiVersion": version, "kind": "GatewayClass", "metadata": { "name": "played" },
        "spec": { "controllerName": "traefik.io/gateway-controller" },
        "status": { "conditions": [{ "type": "Accepted", "status": "True" }], "supportedFeatures": features },
    });
    let gateway = json!({
        "apiVersion": version, "kind": "Gateway", "metadata": {
            "name": "played", "namespace": "default", "annotations": { "tenantry.dev/managed-listeners": "true" },
        },
        "spec": { "gatewayClassName": "played", "listeners": [{ "name": "web", "port": 80, "protocol": "HTTP" }] },
        "status": { "conditions": [{ "type": "Programmed", "status": "True" }] },
    });
    for object in [&class, &gateway] {
        objects::apply(client, object).await.expect("applied");
    }
    // The same for others, with policies of another controller's.
    let mut public = shared();
    public["name"] = "public".into();
    public["exposures"] = json!(["Public"]);
    public["policyAdapter"] = "EnvoyGateway".into();
    profiles(client, json!([shared(), public])).await;
}

fn shared() -> Value {
    json!({ "name": "all", "hosts": ["infra-proxy"], "gatewayRef": { "namespace": "default", "name": "played" } })
}

/// Has the platform say which gateways there are.
async fn profiles(client: &Client, profiles: Value) {
    let patch = Patch::Merge(json!({ "spec": { "gateways": profiles } }));
    let platforms = objects::collection_of(client, "tenantry.dev/v1alpha1", "TenantryPlatform", None);
    platforms.patch("default", &PatchParams::default(), &patch).await.expect("changed");
}

/// Listeners and certificates of a tenant's own come, change and go as the platform says.
async fn own_listeners(client: &Client, home: &str, namespace: &str) {
    let (gateway, set) = (("gateway.networking.k8s.io/v1", "Gateway"), ("gateway.networking.k8s.io/v1", "ListenerSet"));
    let certificate = ("cert-manager.io/v1", "Certificate");
    let grant = ("gateway.networking.k8s.io/v1beta1", "ReferenceGrant");
    let listens_at = |gateway: &Value, port: i32| {
        let mut listeners = gateway["spec"]["listeners"].as_array().into_iter().flatten();
        listeners
            .any(|one| one["port"] == port && one["name"].as_str().is_some_and(|name| name.starts_with("tenantry.")))
    };
    let own = |port: i32, issuer: &str| {
        json!([shared(), {
            "name": "own", "exposures": ["Tenant"], "mode": "GatewayPerEnvironment", "gatewayClassName": "played",
            "dataPlane": { "namespaceLabels": { "a": "b" } }, "hosts": ["infra-proxy"],
            "listeners": { "https": { "port": port, "issuerRef": { "name": issuer } }, "tcp": [5432] },
        }, {
            "name": "set", "exposures": ["Public"], "mode": "ListenerSet", "gatewayRef": { "namespace": "default", "name": "played" },
            "listeners": { "http": port + 1 },
        }, {
            "name": "managed", "exposures": ["Tenant"], "mode": "ManagedListener", "gatewayRef": { "namespace": "default", "name": "played" },
            "listeners": { "http": port + 1, "https": { "port": port + 2, "secretName": issuer } },
        }])
    };
    for (port, issuer) in [(443, "first"), (8443, "second")] {
        profiles(client, own(port, issuer)).await;
        until(client, gateway, namespace, "tenantry-own", true, |it| it["spec"]["listeners"][1]["port"] == port).await;
        until(client, set, home, "tenantry-set", true, |it| it["spec"]["listeners"][0]["port"] == port + 1).await;
        let issued = |it: &Value| it["spec"]["issuerRef"]["name"] == issuer;
        until(client, certificate, namespace, "tenantry-own", true, issued).await;
        until(client, gateway, "default", "played", true, |it| listens_at(it, port + 1) && listens_at(it, port + 2))
            .await;
        until(client, grant, home, "tenantry-managed", true, |it| it["spec"]["to"][0]["name"] == issuer).await;
    }
    profiles(client, json!([shared()])).await;
    until(client, gateway, namespace, "tenantry-own", false, |_| true).await;
    until(client, set, home, "tenantry-set", false, |_| true).await;
    until(client, certificate, namespace, "tenantry-own", false, |_| true).await;
    let web =
        |it: &Value| it["spec"]["listeners"].as_array().is_some_and(|all| all.len() == 1 && all[0]["name"] == "web");
    until(client, gateway, "default", "played", true, web).await;
    until(client, grant, home, "tenantry-managed", false, |_| true).await;
}

/// Streams by name and by port, changed and removed.
async fn streams(client: &Client, namespace: &str) {
    let stream = |name: &str, field: &str, value: Value| {
        let mut spec = json!({ "backend": { "applicationRef": { "name": "exposed" } }, "protocol": name });
        spec[field] = value;
        workload("ServiceRoute", namespace, &format!("stream-{}", name.to_lowercase()), &spec)
    };
    let (tls, tcp) = (("gateway.networking.k8s.io/v1", "TLSRoute"), ("gateway.networking.k8s.io/v1", "TCPRoute"));
    for (host, port) in [("c.recorded.example", 5432), ("d.recorded.example", 5433)] {
        let by_name = stream("TLSPassthrough", "hostnames", json!([host]));
        let by_port = stream("TCP", "port", json!(port));
        for object in [&by_name, &by_port] {
            objects::apply(client, object).await.expect("applied");
        }
        let named = |it: &Value| it["spec"]["hostnames"] == json!([host]);
        until(client, tls, namespace, "stream-tlspassthrough-route", true, named).await;
        let at = |it: &Value| it["spec"]["parentRefs"][0]["port"] == port;
        until(client, tcp, namespace, "stream-tcp-route", true, at).await;
    }
    // Where there is no gateway for them any more, they go.
    profiles(client, json!([])).await;
    until(client, tls, namespace, "stream-tlspassthrough-route", false, |_| true).await;
    until(client, tcp, namespace, "stream-tcp-route", false, |_| true).await;
    profiles(client, json!([shared()])).await;
    let by_name = stream("TLSPassthrough", "hostnames", json!(["c.recorded.example"]));
    for object in [&by_name, &stream("TCP", "port", json!(5432))] {
        objects::delete(client, object).await.expect("deleted");
    }
}

/// A route goes while another one waits for its path: it stays until that one has had its time.
async fn renamed(client: &Client, namespace: &str, old: &Value) {
    let (http, ours) = (("gateway.networking.k8s.io/v1", "HTTPRoute"), ("tenantry.dev/v1alpha1", "ServiceRoute"));
    let mut new = old.clone();
    new["metadata"]["name"] = "renamed".into();
    objects::apply(client, &new).await.expect("applied");
    let stays = |it: &Value| it["metadata"]["finalizers"] == json!(["tenantry.dev/children"]);
    until(client, ours, namespace, "spoken", true, stays).await;
    objects::delete(client, old).await.expect("deleted");
    until(client, http, namespace, "renamed-route", true, |_| true).await;
    until(client, http, namespace, "spoken-route", true, |it| it["metadata"]["ownerReferences"].is_null()).await;
    until(client, ours, namespace, "spoken", false, |_| true).await;
    until(client, http, namespace, "spoken-route", false, |_| true).await;
    objects::delete(client, &new).await.expect("deleted");
    until(client, http, namespace, "renamed-route", false, |_| true).await;
    objects::apply(client, old).await.expect("applied");
    until(client, http, namespace, "spoken-route", true, |_| true).await;
}

/// Waits until there is, or is not, such an object, and `holds` of it.
async fn until(
    client: &Client,
    (version, kind): (&str, &str),
    namespace: &str,
    name: &str,
    there: bool,
    holds: impl Fn(&Value) -> bool,
) {
    eventually(SOON, &format!("{kind} {name} is there: {there}"), async || {
        match get(client, version, kind, Some(namespace), name).await {
            Some(found) if there && holds(&found) => Ok(()),
            None if !there => Ok(()),
            found => {
                let routes = objects::list(client, "tenantry.dev/v1alpha1", "ServiceRoute", Some(namespace), "").await;
                let told: Vec<Value> =
                    routes.iter().flatten().map(|route| route["status"]["conditions"].clone()).collect();
                Err(format!("{found:?}, and the routes say {told:?}"))
            }
        }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

/// Policies, changed ones, and none, by each kind of object that enforces them.
async fn policies(client: &Client, namespace: &str, route: &impl Fn(Value) -> Value) {
    let middleware = ("traefik.io/v1alpha1", "Middleware");
    for requests in [5, 6] {
        let limited = json!({ "basePath": "/spoken", "policies": { "rateLimit": { "requests": requests } } });
        objects::apply(client, &route(limited)).await.expect("applied");
        until(client, middleware, namespace, "spoken-rate-limit", true, |found| {
            found["spec"]["rateLimit"]["average"] == requests
        })
        .await;
    }
    objects::apply(client, &route(json!({ "basePath": "/spoken" }))).await.expect("applied");
    until(client, middleware, namespace, "spoken-rate-limit", false, |_| true).await;
    let envoy = |kind: &'static str| ("gateway.envoyproxy.io/v1alpha1", kind);
    let kinds = [(envoy("SecurityPolicy"), "spoken-security"), (envoy("BackendTrafficPolicy"), "spoken-traffic")];
    for (requests, network) in [(5, "192.0.2.0/24"), (6, "198.51.100.0/24")] {
        let policies = json!({ "rateLimit": { "requests": requests }, "allowedNetworks": [network] });
        let public = json!({ "basePath": "/spoken", "exposure": "Public", "policies": policies });
        objects::apply(client, &route(public)).await.expect("applied");
        for (kind, name) in kinds {
            until(client, kind, namespace, name, true, |found| {
                let text = found["spec"].to_string();
                text.contains(network) || text.contains(&format!("\"requests\":{requests}"))
            })
            .await;
        }
    }
    objects::apply(client, &route(json!({ "basePath": "/spoken" }))).await.expect("applied");
    for (kind, name) in kinds {
        until(client, kind, namespace, name, false, |_| true).await;
    }
    let trusted = ("gateway.networking.k8s.io/v1", "BackendTLSPolicy");
    for hostname in ["one.internal", "two.internal"] {
        let policies = json!({ "backendTls": { "hostname": hostname } });
        objects::apply(client, &route(json!({ "basePath": "/spoken", "policies": policies }))).await.expect("applied");
        until(client, trusted, namespace, "spoken-backend-tls", true, |found| {
            found["spec"]["validation"]["hostname"] == hostname
        })
        .await;
    }
    objects::apply(client, &route(json!({ "basePath": "/spoken" }))).await.expect("applied");
    until(client, trusted, namespace, "spoken-backend-tls", false, |_| true).await;
}

/// Uses every right that routes and contracts need, in an environment of the tenant `recorded`. The platform must exist.
pub async fn use_every_right(client: &Client, namespace: &str) {
    set_up(client).await;
    let tenants = objects::collection_of(client, "tenantry.dev/v1alpha1", "Tenant", None);
    let hostnames = Patch::Merge(json!({ "spec": { "hostnames": ["*.recorded.example"] } }));
    tenants.patch("recorded", &PatchParams::default(), &hostnames).await.expect("changed");
    let (http, grpc) = (("gateway.networking.k8s.io/v1", "HTTPRoute"), ("gateway.networking.k8s.io/v1", "GRPCRoute"));
    let ours = ("tenantry.dev/v1alpha1", "ServiceRoute");
    let exposed = |name: &str| {
        workload(
            "Application",
            namespace,
            "exposed",
            &json!({
                "image": "registry.example/any:1", "ports": [{ "name": "http", "port": 8080 }],
                "expose": { "api": { "name": name, "version": "v1" } },
            }),
        )
    };
    objects::apply(client, &exposed("ONE")).await.expect("applied");
    until(client, http, namespace, "exposed-app-route", true, |_| true).await;
    objects::apply(client, &exposed("TWO")).await.expect("applied");
    until(client, http, namespace, "exposed-app-route", true, |route| {
        route["spec"].to_string().contains("/api/v1/TWO")
    })
    .await;
    let route = |spec: Value| {
        let mut spec = spec;
        spec["backend"] = json!({ "applicationRef": { "name": "exposed" } });
        workload("ServiceRoute", namespace, "spoken", &spec)
    };
    policies(client, namespace, &route).await;
    // By another protocol, and back.
    for host in ["a.recorded.example", "b.recorded.example"] {
        let spoken = json!({ "basePath": "/", "protocol": "GRPC", "hostnames": [host] });
        objects::apply(client, &route(spoken)).await.expect("applied");
        until(client, grpc, namespace, "spoken-route", true, |found| found["spec"]["hostnames"] == json!([host])).await;
    }
    until(client, http, namespace, "spoken-route", false, |_| true).await;
    objects::apply(client, &route(json!({ "basePath": "/spoken" }))).await.expect("applied");
    until(client, grpc, namespace, "spoken-route", false, |_| true).await;
    // A route by drift, and one that is not wanted any more.
    until(client, http, namespace, "spoken-route", true, |_| true).await;
    let routes = objects::collection_of(client, http.0, http.1, Some(namespace));
    let drift = Patch::Merge(json!({ "spec": { "hostnames": ["elsewhere.example"] } }));
    routes.patch("spoken-route", &PatchParams::default(), &drift).await.expect("changed");
    until(client, http, namespace, "spoken-route", true, |found| found["spec"]["hostnames"] == json!(["infra-proxy"]))
        .await;
    renamed(client, namespace, &route(json!({ "basePath": "/spoken" }))).await;
    streams(client, namespace).await;
    own_listeners(client, "recorded", namespace).await;
    let mut hidden = exposed("TWO");
    hidden["spec"].as_object_mut().map(|spec| spec.remove("expose"));
    objects::apply(client, &hidden).await.expect("applied");
    until(client, ours, namespace, "exposed-app", false, |_| true).await;
    let grant = workload(
        "ServiceGrant",
        namespace,
        "to-nobody",
        &json!({
            "provider": { "applicationRef": { "name": "exposed" } }, "consumer": { "tenant": "nobody" },
        }),
    );
    objects::apply(client, &grant).await.expect("applied");
    until(client, ("tenantry.dev/v1alpha1", "ServiceGrant"), namespace, "to-nobody", true, |found| {
        found["status"]["state"] == "Offered"
    })
    .await;
    for object in [&grant, &route(json!({ "basePath": "/spoken" })), &hidden] {
        objects::delete(client, object).await.expect("deleted");
    }
    let tenants_patch = Patch::Merge(json!({ "spec": { "hostnames": null } }));
    tenants.patch("recorded", &PatchParams::default(), &tenants_patch).await.expect("changed");
}
