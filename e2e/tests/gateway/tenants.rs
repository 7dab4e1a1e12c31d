//! What teams live through with routes: the operator under its own rights, three gateways for three stages, and requests that are
//! really made.

mod certificates;
mod hijack;
mod managed;
mod own;
mod policies;
mod scene;
mod steady;
mod truth;

use std::collections::BTreeMap;

use serde_json::json;
use tenantry_e2e::skip;

use crate::stage::entered;
use scene::{Scene, route, with};

#[tokio::test(flavor = "multi_thread")]
async fn teams_are_reached_by_what_they_write() {
    let programs = match entered("tenants::teams_are_reached_by_what_they_write").await {
        Ok(Some(programs)) => programs,
        Ok(None) => return,
        Err(reason) => skip!("{reason}"),
    };
    let mut scene = Scene::start(&programs).await;
    every_environment_is_reached_alike(&scene).await;
    shares_and_headers_decide(&scene).await;
    hostnames_are_the_tenants_own(&scene).await;
    own::an_environment_is_reached_by_a_gateway_of_its_own(&scene, &programs).await;
    managed::tenants_have_listeners_of_their_own_in_one_gateway(&scene).await;
    policies::each_is_enforced_or_refused(&scene).await;
    hijack::nobody_takes_a_path(&scene).await;
    steady::nothing_fails_while_things_change(&mut scene).await;
    scene.stop();
}

async fn every_environment_is_reached_alike(scene: &Scene) {
    for (tenant, api) in scene::TENANTS {
        for (environment, _) in scene::STAGES {
            let namespace = format!("{tenant}-{environment}");
            scene.application(&namespace, "shop", 1).await;
            scene.apply(&route(&namespace, "shop", json!({ "backend": { "applicationRef": { "name": "shop" } }, "api": { "name": api, "version": "v1" } }))).await;
        }
    }
    for (tenant, api) in scene::TENANTS {
        for (environment, _) in scene::STAGES {
            let namespace = format!("{tenant}-{environment}");
            let status = scene.ready(&namespace, "shop").await["status"].clone();
            let path = format!("/api/v1/{api}/orders");
            let answer = scene.first(environment, "infra-proxy", &path).await;
            assert_eq!(answer.status, 200, "{namespace}: {}", answer.text());
            assert!(answer.backend().starts_with(&format!("{namespace}/shop-app-")), "{}", answer.text());
            assert_eq!(answer.json()["path"], "/orders", "the prefix is taken off");
            assert_eq!(status["urls"], json!([format!("http://infra-proxy/api/v1/{api}/")]));
        }
    }
    // Another stage's gateway knows nothing of what only one has.
    scene.application("acme-dev", "lone", 1).await;
    scene
        .apply(&route(
            "acme-dev",
            "lone",
            json!({ "backend": { "applicationRef": { "name": "lone" } }, "basePath": "/lone", "prefix": "Keep" }),
        ))
        .await;
    scene.ready("acme-dev", "lone").await;
    let answer = scene.first("dev", "infra-proxy", "/lone/x").await;
    assert_eq!((answer.status, answer.json()["path"].clone()), (200, json!("/lone/x")), "{}", answer.text());
    assert_eq!(scene.get("prod", "infra-proxy", "/lone/x", &[]).await.status, 404);
}

async fn shares_and_headers_decide(scene: &Scene) {
    for name in ["stable", "canary", "beta"] {
        scene.application("acme-dev", name, 1).await;
    }
    let spec = json!({
        "backend": { "applicationRef": { "name": "stable" } }, "api": { "name": "SHARES", "version": "v1" },
        "variants": [
            { "name": "canary", "weight": 10, "backend": { "applicationRef": { "name": "canary" } } },
            { "name": "beta", "backend": { "applicationRef": { "name": "beta" } }, "match": { "headers": { "X-Group": "beta" } } },
        ],
    });
    scene.apply(&route("acme-dev", "shares", spec)).await;
    scene.ready("acme-dev", "shares").await;
    scene.first("dev", "infra-proxy", "/api/v1/SHARES/").await;
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..200 {
        let answer = scene.get("dev", "infra-proxy", "/api/v1/SHARES/", &[]).await;
        let backend = answer.backend();
        let app = backend.trim_start_matches("acme-dev/").split("-app-").next().unwrap_or_default().to_owned();
        *counts.entry(app).or_default() += 1;
    }
    assert_eq!(counts, BTreeMap::from([("stable".to_owned(), 180), ("canary".to_owned(), 20)]));
    for _ in 0..10 {
        let answer = scene.get("dev", "infra-proxy", "/api/v1/SHARES/", &[("x-group", "beta")]).await;
        assert!(answer.backend().starts_with("acme-dev/beta-app-"), "{}", answer.text());
    }
}

async fn hostnames_are_the_tenants_own(scene: &Scene) {
    let spec = json!({ "backend": { "applicationRef": { "name": "shop" } }, "basePath": "/", "hostnames": ["shop.acme.example"] });
    scene.apply(&route("acme-dev", "own-host", spec.clone())).await;
    scene.ready("acme-dev", "own-host").await;
    let answer = scene.first("dev", "shop.acme.example", "/anything").await;
    assert_eq!((answer.status, answer.json()["path"].clone()), (200, json!("/anything")), "{}", answer.text());
    assert_eq!(scene.get("dev", "shop.globex.example", "/anything", &[]).await.status, 404);
    // Somebody else's hostname is refused, and what is served goes on.
    scene.apply(&route("globex-dev", "own-host", spec.clone())).await;
    let refused = scene.condition("globex-dev", "own-host", "Accepted", "False").await;
    let text = refused["message"].as_str().unwrap_or_default();
    assert!(text.contains("spec.hostnames[shop.acme.example]: is not granted to tenant globex"), "{text}");
    let wider = with(spec, "/hostnames", json!(["shop.acme.example", "*.globex.example"]));
    scene.apply(&route("acme-dev", "own-host", wider)).await;
    scene.condition("acme-dev", "own-host", "Accepted", "False").await;
    assert_eq!(scene.get("dev", "shop.acme.example", "/anything", &[]).await.status, 200, "what was granted goes on");
}
