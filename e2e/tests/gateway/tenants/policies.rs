//! Each policy of a route is seen to be enforced by requests, or refused in words that name it. Nothing is passed over.

use serde_json::{Value, json};

use super::scene::{Scene, ours, to_shop};

pub async fn each_is_enforced_or_refused(scene: &Scene) {
    limits_bite(scene).await;
    others_decide(scene).await;
    networks_and_bodies(scene).await;
    headers_and_pages(scene).await;
    what_nothing_enforces_is_said(scene).await;
}

/// Publishes the shop with these policies.
async fn publish(scene: &Scene, api: &str, policies: Value) {
    let mut route = to_shop("acme-dev", &api.to_lowercase(), api);
    route["spec"]["policies"] = policies;
    scene.apply(&route).await;
}

async fn limits_bite(scene: &Scene) {
    publish(scene, "LIMITED", json!({ "rateLimit": { "requests": 5, "per": "Hour" } })).await;
    let found = scene.ready("acme-dev", "limited").await;
    let enforced = tenantry_e2e::objects::condition(&found, "PoliciesEnforced").expect("told").clone();
    assert_eq!(enforced["status"], "True", "{enforced}");
    assert!(enforced["message"].as_str().unwrap_or_default().contains("each proxy"), "{enforced}");
    let mut codes = vec![scene.first("dev", "infra-proxy", "/api/v1/LIMITED/").await.status];
    for _ in 0..7 {
        codes.push(scene.get("dev", "infra-proxy", "/api/v1/LIMITED/", &[]).await.status);
    }
    assert_eq!(codes, [200, 200, 200, 200, 200, 429, 429, 429]);
}

async fn others_decide(scene: &Scene) {
    scene.application("acme-dev", "guard", 1).await;
    scene.resolve("acme-dev", "guard-app").await;
    let external = json!({ "applicationRef": { "name": "guard" }, "path": "/check" });
    publish(scene, "GUARDED", json!({ "auth": { "type": "External", "external": external } })).await;
    scene.ready("acme-dev", "guarded").await;
    scene.first("dev", "infra-proxy", "/api/v1/GUARDED/").await;
    let allowed = scene.get("dev", "infra-proxy", "/api/v1/GUARDED/", &[]).await;
    assert!(allowed.status == 200 && allowed.backend().starts_with("acme-dev/shop-app-"), "{}", allowed.text());
    // The guard answers what the header says, and is asked with it.
    let refused = scene.get("dev", "infra-proxy", "/api/v1/GUARDED/", &[("x-answer-status", "403")]).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    let seen = scene.pods.seen();
    let whose = |seen: &Value| seen["backend"].as_str().unwrap_or_default().to_owned();
    let refused: Vec<&Value> = seen.iter().filter(|one| one["headers"]["x-answer-status"] == "403").collect();
    assert!(
        refused.iter().all(|one| whose(one).starts_with("acme-dev/guard-app-") && one["path"] == "/check"),
        "{refused:?}"
    );
    assert!(!refused.is_empty(), "the guard was asked");

    // `gold` with the password `gold`, as htpasswd -s writes it.
    let users = "gold:{SHA}Cf6xN/1eWKyRMb/2xmui5wJgv4w=\n";
    scene
        .apply(&json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "callers", "namespace": "acme-dev" }, "stringData": { "users": users } }))
        .await;
    publish(scene, "LOCKED", json!({ "auth": { "type": "Basic", "secretRef": { "name": "callers" } } })).await;
    scene.ready("acme-dev", "locked").await;
    scene.first("dev", "infra-proxy", "/api/v1/LOCKED/").await;
    let ask = async |headers: &[(&str, &str)]| scene.get("dev", "infra-proxy", "/api/v1/LOCKED/", headers).await;
    assert_eq!(ask(&[]).await.status, 401);
    let known = ask(&[("authorization", "Basic Z29sZDpnb2xk")]).await;
    assert_eq!(
        (known.status, known.json()["headers"]["authorization"].clone()),
        (200, Value::Null),
        "{}",
        known.text()
    );
    assert_eq!(ask(&[("authorization", "Basic Z29sZDpsZWFk")]).await.status, 401);
}

async fn networks_and_bodies(scene: &Scene) {
    publish(scene, "NEAR", json!({ "allowedNetworks": ["10.200.9.0/24"] })).await;
    scene.ready("acme-dev", "near").await;
    scene.first("dev", "infra-proxy", "/api/v1/NEAR/").await;
    let from = async |source: &str| {
        let caller = scene.gateway("dev").caller().from(source.parse().expect("an address"));
        caller.get("infra-proxy", "/api/v1/NEAR/").await.expect("an answer").status
    };
    assert_eq!((from("10.200.9.9").await, from("10.200.8.9").await), (200, 403));

    publish(scene, "SMALL", json!({ "maxBody": 10 })).await;
    scene.ready("acme-dev", "small").await;
    scene.first("dev", "infra-proxy", "/api/v1/SMALL/").await;
    let send = async |body: &str| {
        let caller = scene.gateway("dev").caller();
        caller.send(http::Method::POST, "infra-proxy", "/api/v1/SMALL/", &[], body).await.expect("an answer").status
    };
    assert_eq!((send("short").await, send("much too long").await), (200, 413));

    publish(scene, "AGAIN", json!({ "retry": { "attempts": 2 } })).await;
    scene.ready("acme-dev", "again").await;
    scene.first("dev", "infra-proxy", "/api/v1/AGAIN/").await;
    let ask = async |times: &str| {
        scene.get("dev", "infra-proxy", "/api/v1/AGAIN/", &[("x-answer-refuse", times)]).await.status
    };
    assert_eq!((ask("again-two/2").await, ask("again-nine/9").await), (200, 503));
}

async fn headers_and_pages(scene: &Scene) {
    let mut route = to_shop("acme-dev", "spoken", "SPOKEN");
    route["spec"]["policies"] = json!({
        "requestHeaders": { "set": { "X-Route": "spoken" }, "remove": ["X-Internal"] },
        "responseHeaders": { "set": { "X-Served": "here" } },
        "cors": { "allowOrigins": ["https://desk.example"], "allowMethods": ["PUT"] },
    });
    route["spec"]["docs"] = json!({ "deprecated": { "since": "2026-01-01T00:00:00Z", "sunset": "2026-12-31T00:00:00Z", "successor": "/api/v2/SPOKEN/" } });
    scene.apply(&route).await;
    scene.ready("acme-dev", "spoken").await;
    scene.first("dev", "infra-proxy", "/api/v1/SPOKEN/").await;
    let headers = [("x-internal", "secret"), ("origin", "https://desk.example")];
    let answer = scene.get("dev", "infra-proxy", "/api/v1/SPOKEN/", &headers).await;
    let seen = &answer.json()["headers"];
    assert_eq!((&seen["x-route"], &seen["x-internal"]), (&json!("spoken"), &Value::Null), "{seen}");
    assert_eq!(answer.header("x-served"), "here");
    assert_eq!(answer.header("deprecation"), "@1767225600");
    assert_eq!(answer.header("sunset"), "Thu, 31 Dec 2026 00:00:00 GMT");
    assert_eq!(answer.header("link"), "</api/v2/SPOKEN/>; rel=\"successor-version\"");
    assert_eq!(answer.header("access-control-allow-origin"), "https://desk.example");
    let other = scene.get("dev", "infra-proxy", "/api/v1/SPOKEN/", &[("origin", "https://elsewhere.example")]).await;
    assert_eq!(other.header("access-control-allow-origin"), "");
    let caller = scene.gateway("dev").caller();
    assert!(
        caller.websocket("infra-proxy", "/api/v1/SPOKEN/", "hello").await.expect("a WebSocket").ends_with(": hello")
    );
    assert!(
        caller.first_event("infra-proxy", "/api/v1/SPOKEN/").await.expect("an event").starts_with("acme-dev/shop-app-")
    );
}

async fn what_nothing_enforces_is_said(scene: &Scene) {
    // What must not be missing takes the route away, also one that has served.
    let open = to_shop("acme-dev", "strict", "STRICT");
    scene.apply(&open).await;
    scene.ready("acme-dev", "strict").await;
    scene.first("dev", "infra-proxy", "/api/v1/STRICT/").await;
    assert_eq!(scene.get("dev", "infra-proxy", "/api/v1/STRICT/", &[]).await.status, 200);
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
