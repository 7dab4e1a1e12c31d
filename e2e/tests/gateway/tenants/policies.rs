//! Each policy of a route is seen to be enforced by requests, or refused in words that name it. Nothing is passed over.

use std::time::Duration;

use serde_json::{Value, json};
use tenantry_e2e::gateway::{Answer, acceptor};
use tenantry_e2e::pki::Authority;
use tenantry_e2e::{eventually, objects};

use super::scene::{Scene, ours, route, to_shop};
use super::truth::{SECURE, Truth};

/// Where pods speak TLS, and as whom.
const SECURE_PORT: u16 = 8444;
const SECURE_HOST: &str = "shop.internal";

pub async fn each_is_enforced_or_refused(scene: &Scene) {
    let mut truth = Truth::default();
    limits_bite(scene, &mut truth).await;
    others_decide(scene, &mut truth).await;
    networks_and_bodies(scene, &mut truth).await;
    failures_are_met(scene, &mut truth).await;
    headers_and_pages(scene, &mut truth).await;
    backends_are_believed_by_name(scene, &mut truth).await;
    what_nothing_enforces_is_said(scene).await;
    truth.hold(scene).await;
}

/// Publishes the shop with these policies.
async fn publish(scene: &Scene, api: &str, policies: Value) {
    let mut route = to_shop("acme-dev", &api.to_lowercase(), api);
    route["spec"]["policies"] = policies;
    scene.apply(&route).await;
}

/// The first answer of what has been published so, once it is Ready.
async fn first(scene: &Scene, api: &str) -> Answer {
    scene.ready("acme-dev", &api.to_lowercase()).await;
    scene.first("dev", "infra-proxy", &path(api)).await
}

async fn ask(scene: &Scene, api: &str, headers: &[(&str, &str)]) -> Answer {
    scene.get("dev", "infra-proxy", &path(api), headers).await
}

async fn status_from(scene: &Scene, api: &str, source: &str) -> u16 {
    let caller = scene.gateway("dev").caller().from(source.parse().expect("an address"));
    caller.get("infra-proxy", &path(api)).await.expect("an answer").status
}

fn path(api: &str) -> String {
    format!("/api/v1/{api}/")
}

async fn limits_bite(scene: &Scene, truth: &mut Truth) {
    publish(scene, "LIMITED", json!({ "rateLimit": { "requests": 5, "per": "Hour" } })).await;
    let found = scene.ready("acme-dev", "limited").await;
    let enforced = objects::condition(&found, "PoliciesEnforced").expect("told").clone();
    assert_eq!(enforced["status"], "True", "{enforced}");
    assert!(enforced["message"].as_str().unwrap_or_default().contains("each proxy"), "{enforced}");
    let mut codes = vec![first(scene, "LIMITED").await.status];
    for _ in 0..7 {
        codes.push(ask(scene, "LIMITED", &[]).await.status);
    }
    assert_eq!(codes, [200, 200, 200, 200, 200, 429, 429, 429]);
    assert_eq!(status_from(scene, "LIMITED", "10.200.9.9").await, 200, "each address has its own");
    truth.seen("rateLimit.requests", "five an hour, and 429 for the sixth");

    publish(scene, "BRIEF", json!({ "rateLimit": { "requests": 1, "per": "Second" } })).await;
    first(scene, "BRIEF").await;
    let limited = eventually(Duration::from_secs(10), "a second request in a second", async || {
        let status = ask(scene, "BRIEF", &[]).await.status;
        (status == 429).then_some(()).ok_or_else(|| status.to_string())
    });
    limited.await.unwrap_or_else(|late| panic!("{late}"));
    scene.until("dev", &path("BRIEF"), "is let through in the next", |answer| answer.status == 200).await;
    truth.seen("rateLimit.per", "one a second, and the next goes through in the second after");

    publish(scene, "JOINT", json!({ "rateLimit": { "requests": 2, "per": "Hour", "by": "All" } })).await;
    first(scene, "JOINT").await;
    let mut codes = Vec::new();
    for source in ["10.200.9.7", "10.200.9.8", "10.200.9.9"] {
        codes.push(status_from(scene, "JOINT", source).await);
    }
    // The first answer that showed that it is served was one of the two.
    assert_eq!(codes, [200, 429, 429]);
    truth.seen(
        "rateLimit.by",
        "three addresses together have two an hour with All; with Client another address goes on",
    );
}

async fn others_decide(scene: &Scene, truth: &mut Truth) {
    scene.application("acme-dev", "guard", 1).await;
    scene.resolve("acme-dev", "guard-app").await;
    let external = json!({
        "applicationRef": { "name": "guard" }, "path": "/check",
        "requestHeaders": ["X-Answer-Status", "X-Answer-Header"], "responseHeaders": ["X-User"],
    });
    publish(scene, "GUARDED", json!({ "auth": { "type": "External", "external": external } })).await;
    first(scene, "GUARDED").await;
    let allowed = ask(scene, "GUARDED", &[]).await;
    assert!(allowed.status == 200 && allowed.backend().starts_with("acme-dev/shop-app-"), "{}", allowed.text());
    // The guard answers what the header says, and is asked with it.
    let refused = ask(scene, "GUARDED", &[("x-answer-status", "403")]).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    let seen = scene.pods.seen();
    let whose = |seen: &Value| seen["backend"].as_str().unwrap_or_default().to_owned();
    let refused: Vec<&Value> = seen.iter().filter(|one| one["headers"]["x-answer-status"] == "403").collect();
    assert!(
        refused.iter().all(|one| whose(one).starts_with("acme-dev/guard-app-") && one["path"] == "/check"),
        "{refused:?}"
    );
    assert!(!refused.is_empty(), "the guard was asked");
    truth.seen("auth.type: External", "what the guard answers 403 is answered 403");
    truth.seen("auth.external.applicationRef", "the guard's pods are asked");
    truth.seen("auth.external.path", "at that path");
    let told = ask(scene, "GUARDED", &[("x-answer-header", "x-user=gold"), ("x-secret", "yes")]).await;
    assert_eq!(told.json()["headers"]["x-user"], "gold", "{}", told.text());
    truth.seen("auth.external.responseHeaders", "the backend is sent the header of the guard's answer");
    let seen = scene.pods.seen();
    let asked = seen.iter().rfind(|one| whose(one).starts_with("acme-dev/guard-app-")).expect("the guard was asked");
    let shown = &asked["headers"];
    assert_eq!((&shown["x-answer-header"], &shown["x-secret"]), (&json!("x-user=gold"), &Value::Null), "{shown}");
    assert_eq!(told.json()["headers"]["x-secret"], "yes", "the backend is sent all");
    truth.seen("auth.external.requestHeaders", "the guard is shown those, and no other of the caller's");
    publish(scene, "OPEN", json!({ "auth": { "type": "None" } })).await;
    assert_eq!(first(scene, "OPEN").await.status, 200);
    truth.seen("auth.type: None", "everybody is answered");

    // `gold` with the password `gold`, as htpasswd -s writes it.
    let users = "gold:{SHA}Cf6xN/1eWKyRMb/2xmui5wJgv4w=\n";
    scene
        .apply(&json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "callers", "namespace": "acme-dev" }, "stringData": { "users": users } }))
        .await;
    publish(scene, "LOCKED", json!({ "auth": { "type": "Basic", "secretRef": { "name": "callers" } } })).await;
    first(scene, "LOCKED").await;
    assert_eq!(ask(scene, "LOCKED", &[]).await.status, 401);
    let known = ask(scene, "LOCKED", &[("authorization", "Basic Z29sZDpnb2xk")]).await;
    assert_eq!(
        (known.status, known.json()["headers"]["authorization"].clone()),
        (200, Value::Null),
        "{}",
        known.text()
    );
    assert_eq!(ask(scene, "LOCKED", &[("authorization", "Basic Z29sZDpsZWFk")]).await.status, 401);
    truth.seen("auth.type: Basic", "401 without the password or with another; the backend is not sent it");
}

async fn networks_and_bodies(scene: &Scene, truth: &mut Truth) {
    publish(scene, "NEAR", json!({ "allowedNetworks": ["10.200.9.0/24"] })).await;
    first(scene, "NEAR").await;
    assert_eq!(
        (status_from(scene, "NEAR", "10.200.9.9").await, status_from(scene, "NEAR", "10.200.8.9").await),
        (200, 403)
    );
    truth.seen("allowedNetworks", "403 from another network");

    publish(scene, "SMALL", json!({ "maxBody": 10 })).await;
    first(scene, "SMALL").await;
    let send = async |body: &str| {
        let caller = scene.gateway("dev").caller();
        caller.send(http::Method::POST, "infra-proxy", "/api/v1/SMALL/", &[], body).await.expect("an answer").status
    };
    assert_eq!((send("ten bytes!").await, send("eleven byte").await, send("much too long").await), (200, 413, 413));
    truth.seen("maxBody", "413 for one byte too many and more");
}

async fn failures_are_met(scene: &Scene, truth: &mut Truth) {
    publish(scene, "AGAIN", json!({ "retry": { "attempts": 2 } })).await;
    first(scene, "AGAIN").await;
    let refusing = async |times: &str| ask(scene, "AGAIN", &[("x-answer-refuse", times)]).await.status;
    assert_eq!((refusing("again-two/2").await, refusing("again-nine/9").await), (200, 503));
    truth.seen("retry.attempts", "two failures are made good with two, nine are not");

    publish(scene, "BROKEN", json!({ "circuitBreaker": { "errorPercent": 50 } })).await;
    first(scene, "BROKEN").await;
    let opened = eventually(Duration::from_secs(20), "the circuit opens", async || {
        let answer = ask(scene, "BROKEN", &[("x-answer-status", "500")]).await;
        // What the gateway answers by itself does not come from a pod.
        if answer.status == 503 && answer.backend().is_empty() { Ok(()) } else { Err(answer.status.to_string()) }
    });
    opened.await.unwrap_or_else(|late| panic!("{late}"));
    truth.seen("circuitBreaker.errorPercent", "after errors alone the gateway answers 503 by itself");
}

async fn headers_and_pages(scene: &Scene, truth: &mut Truth) {
    let mut route = to_shop("acme-dev", "spoken", "SPOKEN");
    route["spec"]["policies"] = json!({
        "requestHeaders": { "set": { "X-Route": "spoken" }, "remove": ["X-Internal"] },
        "responseHeaders": { "set": { "X-Served": "here" }, "remove": ["X-Inner"] },
        "cors": {
            "allowOrigins": ["https://desk.example"], "allowMethods": ["PUT"], "allowHeaders": ["X-Desk"], "allowCredentials": true,
        },
    });
    route["spec"]["docs"] = json!({ "deprecated": { "since": "2026-01-01T00:00:00Z", "sunset": "2026-12-31T00:00:00Z", "successor": "/api/v2/SPOKEN/" } });
    scene.apply(&route).await;
    first(scene, "SPOKEN").await;
    let headers = [("x-internal", "secret"), ("origin", "https://desk.example"), ("x-answer-header", "x-inner=yes")];
    let answer = ask(scene, "SPOKEN", &headers).await;
    let seen = &answer.json()["headers"];
    assert_eq!((&seen["x-route"], &seen["x-internal"]), (&json!("spoken"), &Value::Null), "{seen}");
    assert_eq!(answer.json()["path"], "/");
    truth.seen("prefix: Strip", "the backend sees what follows the path");
    truth.seen("requestHeaders.set", "the backend is sent it");
    truth.seen("requestHeaders.remove", "the backend is not sent it");
    assert_eq!((answer.header("x-served"), answer.header("x-inner")), ("here", ""));
    truth.seen("responseHeaders.set", "the caller is sent it");
    truth.seen("responseHeaders.remove", "the caller is not sent what the backend answered");
    assert_eq!(answer.header("deprecation"), "@1767225600");
    assert_eq!(answer.header("sunset"), "Thu, 31 Dec 2026 00:00:00 GMT");
    assert_eq!(answer.header("link"), "</api/v2/SPOKEN/>; rel=\"successor-version\"");
    truth.seen("docs.deprecated", "answers carry Deprecation, Sunset and Link");
    assert_eq!(answer.header("access-control-allow-origin"), "https://desk.example");
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    truth.seen("cors.allowCredentials", "Access-Control-Allow-Credentials: true");
    let other = ask(scene, "SPOKEN", &[("origin", "https://elsewhere.example")]).await;
    assert_eq!(other.header("access-control-allow-origin"), "");
    truth.seen("cors.allowOrigins", "that origin is allowed, another is not");
    let asking = [
        ("origin", "https://desk.example"),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "x-desk"),
    ];
    let preflight = scene.gateway("dev").caller();
    let preflight = preflight.request(http::Method::OPTIONS, "infra-proxy", "/api/v1/SPOKEN/", &asking);
    let preflight = preflight.await.expect("an answer");
    assert!(preflight.header("access-control-allow-methods").contains("PUT"), "{:?}", preflight.headers);
    truth.seen("cors.allowMethods", "a preflight is answered with it");
    assert!(preflight.header("access-control-allow-headers").contains("X-Desk"), "{:?}", preflight.headers);
    truth.seen("cors.allowHeaders", "a preflight is answered with it");
    let caller = scene.gateway("dev").caller();
    assert!(
        caller.websocket("infra-proxy", "/api/v1/SPOKEN/", "hello").await.expect("a WebSocket").ends_with(": hello")
    );
    assert!(
        caller.first_event("infra-proxy", "/api/v1/SPOKEN/").await.expect("an event").starts_with("acme-dev/shop-app-")
    );
}

/// One Service whose pods speak TLS, and routes to it that expect another name, another authority, and what is there.
async fn backends_are_believed_by_name(scene: &Scene, truth: &mut Truth) {
    let (ours_, strangers) = (Authority::new("backends").expect("made"), Authority::new("strangers").expect("made"));
    let certificate = ours_.server(&[SECURE_HOST]).expect("made");
    scene.pods.listen_secure(SECURE_PORT, acceptor(&certificate).expect("made")).await.expect("listens");
    for (name, authority) in [("backends", &ours_), ("strangers", &strangers)] {
        let metadata = json!({ "namespace": "acme-dev", "name": name });
        let data = json!({ "ca.crt": authority.pem().certificate });
        scene.apply(&json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data })).await;
    }
    let labels = json!({ "tenantry.dev/kind": "Application", "tenantry.dev/name": "shop" });
    let serve = async |name: &str| {
        let ports = json!([{ "port": 443, "targetPort": SECURE_PORT }]);
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "namespace": "acme-dev", "name": name },
            "spec": { "selector": labels, "ports": ports },
        });
        scene.apply(&service).await;
    };
    serve(SECURE).await;
    let publish = async |name: &str, host: &str, authority: &str| {
        serve(name).await;
        let tls = json!({ "hostname": host, "caConfigMapRef": { "name": authority } });
        let spec = json!({
            "backend": { "serviceRef": { "name": name, "port": 443 } }, "basePath": format!("/{name}"),
            "policies": { "backendTls": tls },
        });
        scene.apply(&route("acme-dev", name, spec)).await;
    };
    publish("secure", SECURE_HOST, "backends").await;
    let found = scene.ready("acme-dev", "secure").await;
    let enforced = objects::condition(&found, "PoliciesEnforced").expect("told").clone();
    assert_eq!(enforced["status"], "True", "{enforced}");
    let answer = scene.until("dev", "/secure/", "is served", |answer| answer.status == 200).await;
    assert_eq!(answer.json()["secure"], true, "{}", answer.text());
    // The same pods, believed to be somebody else.
    publish("secure-name", "other.internal", "backends").await;
    publish("secure-authority", SECURE_HOST, "strangers").await;
    for name in ["secure-name", "secure-authority"] {
        scene.ready("acme-dev", name).await;
        let path = format!("/{name}/");
        let answer = scene.until("dev", &path, "is refused by the gateway", |answer| answer.status >= 500).await;
        assert_eq!(answer.backend(), "", "{}", answer.text());
    }
    truth.seen("backendTls.hostname", "the backend is asked over TLS; one with a certificate for another name is not");
    truth.seen("backendTls.caConfigMapRef", "one whose certificate another authority signed is not asked");
    // What is not there is told by the gateway.
    publish("secure-nowhere", SECURE_HOST, "nowhere").await;
    let told = scene.condition("acme-dev", "secure-nowhere", "PoliciesEnforced", "False").await;
    assert_eq!(told["reason"], "PolicyNotEnforced", "{told}");
}

async fn what_nothing_enforces_is_said(scene: &Scene) {
    // What must not be missing takes the route away, also one that has served.
    let open = to_shop("acme-dev", "strict", "STRICT");
    scene.apply(&open).await;
    first(scene, "STRICT").await;
    assert_eq!(ask(scene, "STRICT", &[]).await.status, 200);
    let jwt = json!({ "type": "JWT", "jwt": { "issuer": "https://id.example", "jwksUri": "https://id.example/keys" } });
    let strict = [
        ("spec.policies.auth", json!({ "auth": jwt })),
        ("spec.policies.auth", json!({ "auth": { "type": "APIKey", "secretRef": { "name": "keys" } } })),
        (
            "spec.policies.auth",
            json!({ "auth": { "type": "MTLS", "mtls": { "caConfigMapRef": { "name": "callers" } } } }),
        ),
        ("spec.policies.allowedTenants", json!({ "allowedTenants": ["globex"] })),
    ];
    for (field, policies) in strict {
        publish(scene, "STRICT", policies).await;
        let refused = scene.condition("acme-dev", "strict", "Accepted", "False").await;
        assert_eq!(refused["reason"], "Unsupported");
        assert!(refused["message"].as_str().unwrap_or_default().starts_with(field), "{refused}");
        scene.until("dev", "/api/v1/STRICT/", "is gone", |answer| answer.status == 404).await;
    }
    // What may be missing is named, and the route serves; with onUnsupported: Fail it does not.
    let timeouts = json!({ "timeouts": { "request": "5s", "backendRequest": "2s" } });
    publish(scene, "STRICT", timeouts.clone()).await;
    scene.ready("acme-dev", "strict").await;
    let told = scene.condition("acme-dev", "strict", "PoliciesEnforced", "False").await;
    let text = told["message"].as_str().unwrap_or_default();
    assert!(text.contains("timeouts.request") && text.contains("timeouts.backendRequest"), "{text}");
    let mut failing = ours("ServiceRoute", Some("acme-dev"), "strict", open["spec"].clone());
    failing["spec"]["policies"] = timeouts;
    failing["spec"]["onUnsupported"] = "Fail".into();
    scene.apply(&failing).await;
    scene.condition("acme-dev", "strict", "Accepted", "False").await;
    scene.until("dev", "/api/v1/STRICT/", "is gone", |answer| answer.status == 404).await;
}
