//! What the routes of the facts name: Middlewares, Services, grants, and backends that speak TLS.

use serde_json::{Value, json};

use crate::asked::MORE;
use crate::stage::{Stage, TEAM, namespace, workload};

/// Puts all of it into the cluster.
pub async fn prepare(stage: &Stage) {
    let middleware = async |name: &str, spec: Value| {
        let metadata = json!({ "namespace": TEAM, "name": name });
        stage.apply(&json!({ "apiVersion": "traefik.io/v1alpha1", "kind": "Middleware", "metadata": metadata, "spec": spec })).await;
    };
    middleware("rate-limit", json!({ "rateLimit": { "average": 1, "burst": 1, "period": "1h" } })).await;
    middleware("in-flight", json!({ "inFlightReq": { "amount": 1 } })).await;
    middleware("ip-allow-list", json!({ "ipAllowList": { "sourceRange": ["10.200.9.0/24"] } })).await;
    middleware("basic-auth", json!({ "basicAuth": { "secret": "people" } })).await;
    middleware(
        "forward-auth",
        json!({ "forwardAuth": { "address": "http://10.200.8.8:8080/check", "authResponseHeaders": [MORE],
        "authRequestHeaders": ["x-answer-status", "x-answer-header"] } }),
    )
    .await;
    middleware("forward-auth-down", json!({ "forwardAuth": { "address": "http://10.200.8.8:1/check" } })).await;
    middleware("retry-status", json!({ "retry": { "attempts": 4, "status": ["503"] } })).await;
    middleware("retry-network", json!({ "retry": { "attempts": 4 } })).await;
    middleware("buffering-limit", json!({ "buffering": { "maxRequestBodyBytes": 8 } })).await;
    middleware(
        "circuit-breaker",
        json!({ "circuitBreaker": { "expression": "ResponseCodeRatio(500, 600, 0, 600) > 0.5",
        "checkPeriod": "100ms", "fallbackDuration": "1m" } }),
    )
    .await;
    middleware("headers", json!({ "headers": { "customRequestHeaders": { MORE: "set" } } })).await;
    middleware(
        "cors-by-middleware",
        json!({ "headers": { "accessControlAllowOriginList": ["https://shop.example"],
        "accessControlAllowMethods": ["PUT"], "accessControlMaxAge": 60 } }),
    )
    .await;
    middleware("chain", json!({ "chain": { "middlewares": [{ "name": "headers" }] } })).await;
    middleware(
        "chain-other-namespace",
        json!({ "chain": { "middlewares": [{ "name": "theirs", "namespace": "other" }] } }),
    )
    .await;
    middleware("takes-away", json!({ "headers": { "customRequestHeaders": { MORE: "" } } })).await;
    // gold:gold, by bcrypt's oldest relative, which every htpasswd still writes.
    stage
        .apply(&json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "namespace": TEAM, "name": "people" },
        "stringData": { "users": "gold:{SHA}Cf6xN/1eWKyRMb/2xmui5wJgv4w=\n" } }))
        .await;
    stage.pods.name("10.200.8.8".parse().expect("an address"), "judge");

    let service = async |namespace: &str, name: &str, app: &str, protocol: &str| {
        let [_, mut service] = workload(namespace, name, 1);
        service["spec"]["selector"]["app"] = app.into();
        if !protocol.is_empty() {
            service["spec"]["ports"][0]["appProtocol"] = protocol.into();
        }
        stage.apply(&service).await;
    };
    service(TEAM, "speaks-ws", "canary", "kubernetes.io/ws").await;
    service(TEAM, "speaks-h2c", "canary", "kubernetes.io/h2c").await;
    service(TEAM, "empty", "nobody", "").await;
    secure_backends(stage).await;

    stage.apply(&namespace("other")).await;
    stage.apply(&json!({ "apiVersion": "traefik.io/v1alpha1", "kind": "Middleware", "metadata": { "namespace": "other", "name": "theirs" },
        "spec": { "headers": { "customRequestHeaders": { MORE: "set" } } } })).await;
    for name in ["elsewhere", "granted"] {
        for object in workload("other", name, 1) {
            stage.apply(&object).await;
        }
        stage.endpoints("other", name, 1).await;
    }
    stage
        .apply(&json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "ReferenceGrant",
        "metadata": { "namespace": "other", "name": "granted" },
        "spec": {
            "from": [{ "group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": TEAM }],
            "to": [{ "group": "", "kind": "Service", "name": "granted" }],
        } }))
        .await;
    for name in ["speaks-ws", "speaks-h2c"] {
        stage.endpoints(TEAM, name, 1).await;
    }
}

const SECURE_PORT: u16 = 8443;
const SECURE_HOST: &str = "canary.team.internal";

/// A backend that speaks TLS, once with the authority that vouches for it and once with another.
async fn secure_backends(stage: &Stage) {
    let ours = tenantry_e2e::pki::Authority::new("backends").expect("made");
    let strangers = tenantry_e2e::pki::Authority::new("strangers").expect("made");
    let certificate = ours.server(&[SECURE_HOST]).expect("made");
    let acceptor = tenantry_e2e::gateway::acceptor(&certificate).expect("made");
    stage.pods.listen_secure(SECURE_PORT, acceptor).await.expect("listens");
    for (name, authority) in [("secure", &ours), ("secure-stranger", &strangers)] {
        let [_, mut service] = workload(TEAM, name, 1);
        service["spec"]["selector"]["app"] = "canary".into();
        service["spec"]["ports"][0]["targetPort"] = SECURE_PORT.into();
        stage.apply(&service).await;
        stage.endpoints(TEAM, name, 1).await;
        let metadata = json!({ "namespace": TEAM, "name": name });
        stage
            .apply(&json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata,
            "data": { "ca.crt": authority.pem().certificate } }))
            .await;
        stage.apply(&json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "BackendTLSPolicy", "metadata": metadata,
            "spec": {
                "targetRefs": [{ "group": "", "kind": "Service", "name": name }],
                "validation": { "hostname": SECURE_HOST, "caCertificateRefs": [{ "group": "", "kind": "ConfigMap", "name": name }] },
            } })).await;
    }
}
