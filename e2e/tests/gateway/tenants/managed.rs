//! Listeners of tenants' own in the platform's Gateway, made by the operator by its owner's consent: HTTP and HTTPS by real requests, and
//! what another tenant, and a listener that is broken, can do to them.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tenantry_e2e::gateway::{Answer, CLASS, NAMESPACE, WEB_PORT, WEBSECURE_PORT, tls_secret};
use tenantry_e2e::pki::Authority;
use tenantry_e2e::{eventually, objects};

use super::scene::{Scene, ours, route};
use crate::stage::{SOON, until};

/// Two that are on one Gateway, for a while.
const TENANTS: [&str; 2] = ["umbra", "vesta"];
/// The environment, and its stage, whose Gateway they share.
const ENVIRONMENT: &str = "stage";
const STAGE: &str = "Staging";
const SECRET: &str = "managed-tls";

pub async fn tenants_have_listeners_of_their_own_in_one_gateway(scene: &Scene) {
    let platform = ours("TenantryPlatform", None, "default", json!({}));
    let before = read(scene, &platform).await;
    let mut with = before["spec"]["gateways"].as_array().cloned().unwrap_or_default();
    with.push(json!({
        "name": "managed", "stages": [STAGE], "exposures": ["Public"], "mode": "ManagedListener",
        "gatewayRef": { "namespace": NAMESPACE, "name": ENVIRONMENT },
        "listeners": { "http": WEB_PORT, "https": { "port": WEBSECURE_PORT, "secretName": SECRET } },
    }));
    change(scene, &platform, json!({ "spec": { "gateways": with } })).await;

    let authority = Authority::new("platform").expect("made");
    set_up(scene, &authority).await;
    over_http_and_https(scene, &authority).await;
    nobody_else_is_on_them(scene).await;
    a_broken_listener_harms_nobody_else(scene).await;
    they_go_with_their_tenant(scene).await;

    change(scene, &platform, json!({ "spec": { "gateways": before["spec"]["gateways"] } })).await;
    listeners(scene, "are the platform's alone", |all| names(all) == ["web"]).await;
    scene.delete(&ours("Tenant", None, TENANTS[1], json!({}))).await;
}

/// Without the owner's word nothing is written, and everybody is told.
async fn set_up(scene: &Scene, authority: &Authority) {
    for tenant in TENANTS {
        let spec = json!({
            "className": "wide", "hostnames": [format!("*.{tenant}.example")],
            "quota": { "pods": "20" }, "environments": [{ "name": ENVIRONMENT, "stage": STAGE }],
        });
        let tenants = ours("Tenant", None, tenant, spec);
        scene.apply(&tenants).await;
        let told = scene.condition_of(&tenants, "Applied", "Unknown").await;
        let text = objects::condition(&told, "Applied").map(|one| one["message"].to_string()).unwrap_or_default();
        assert!(text.contains("tenantry.dev/managed-listeners"), "{text}");
    }
    assert_eq!(names(&read(scene, &gateway()).await["spec"]["listeners"]), ["web"]);
    for tenant in ["acme", "globex"].into_iter().chain(TENANTS) {
        let certificate = authority.server(&[&format!("shop.{tenant}.example")]).expect("made");
        scene.apply(&tls_secret(tenant, SECRET, &certificate)).await;
    }
    change(scene, &gateway(), json!({ "metadata": { "annotations": { "tenantry.dev/managed-listeners": "true" } } }))
        .await;
    for tenant in TENANTS {
        scene.condition_of(&ours("Tenant", None, tenant, json!({})), "Ready", "True").await;
        let namespace = format!("{tenant}-{ENVIRONMENT}");
        scene.application(&namespace, "shop", 1).await;
        scene.apply(&shop(&namespace, tenant)).await;
    }
}

async fn over_http_and_https(scene: &Scene, authority: &Authority) {
    let plain = scene.gateway(ENVIRONMENT).caller();
    let secure = scene.gateway(ENVIRONMENT).secure_caller(&authority.pem().certificate).expect("a caller");
    for tenant in TENANTS {
        let (namespace, host) = (format!("{tenant}-{ENVIRONMENT}"), format!("shop.{tenant}.example"));
        let status = scene.ready(&namespace, "shop").await["status"].clone();
        assert_eq!(status["urls"], json!([format!("http://{host}/"), format!("https://{host}/")]));
        for (caller, scheme) in [(&plain, "http"), (&secure, "https")] {
            let answer = until(caller, &host, "is served", "/orders", |it| it.status == 200).await;
            assert!(answer.backend().starts_with(&format!("{namespace}/shop-app-")), "{}", answer.text());
            assert_eq!(answer.json()["headers"]["x-forwarded-proto"], scheme);
        }
    }
    // The platform's own listener is as it was, and serves what it served.
    let found = read(scene, &gateway()).await;
    let web = json!({ "name": "web", "port": WEB_PORT, "protocol": "HTTP", "allowedRoutes": { "namespaces": { "from": "All" } } });
    assert_eq!(found["spec"]["listeners"][0], web);
    let answer = scene.get(ENVIRONMENT, "infra-proxy", "/api/v1/SHOP_ACME/orders", &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // A tenant's route is on its own listeners and on no other: the platform's would take it, too.
    for tenant in TENANTS {
        let made = routes_of(scene, tenant).await;
        let parents = made["spec"]["parentRefs"].as_array().cloned().unwrap_or_default();
        let sections: Vec<&str> = parents.iter().filter_map(|one| one["sectionName"].as_str()).collect();
        assert_eq!(
            sections,
            [
                format!("tenantry.{tenant}.http-80-any.{tenant}.example"),
                format!("tenantry.{tenant}.https-443-any.{tenant}.example")
            ]
        );
    }
}

async fn nobody_else_is_on_them(scene: &Scene) {
    let [victim, thief] = TENANTS;
    let listener = format!("tenantry.{victim}.http-80-any.{victim}.example");
    let namespace = format!("{thief}-{ENVIRONMENT}");
    // By a resource.
    scene.apply(&shop_called("taken", &namespace, victim)).await;
    let refused = scene.condition(&namespace, "taken", "Accepted", "False").await;
    assert!(refused["message"].as_str().is_some_and(|text| text.contains("is not granted")), "{refused}");
    // By hand, past all rules: the listener itself does not take it.
    let mut forced = routes_of(scene, thief).await;
    forced["metadata"] = json!({ "namespace": namespace, "name": "forced" });
    forced["spec"]["hostnames"] = json!([format!("shop.{victim}.example")]);
    forced["spec"]["parentRefs"] = json!([{ "namespace": NAMESPACE, "name": ENVIRONMENT, "sectionName": listener }]);
    forced["spec"]["rules"][0]["matches"] = json!([{ "path": { "type": "PathPrefix", "value": "/orders/deep" } }]);
    forced.as_object_mut().map(|fields| fields.remove("status"));
    scene.apply(&forced).await;
    eventually(SOON, "the listener refuses another tenant's route", async || {
        let found = read(scene, &forced).await;
        let conditions = found["status"]["parents"][0]["conditions"].as_array().cloned().unwrap_or_default();
        let is_refused = |one: &Value| {
            one["type"] == "Accepted" && one["status"] == "False" && one["reason"] == "NotAllowedByListeners"
        };
        if conditions.iter().any(is_refused) { Ok(()) } else { Err(found["status"].to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    let answer = scene.get(ENVIRONMENT, &format!("shop.{victim}.example"), "/orders/deep/x", &[]).await;
    assert!(answer.backend().starts_with(&format!("{victim}-")), "{}", answer.text());
    for object in [&forced, &route(&namespace, "taken", json!({}))] {
        scene.delete(object).await;
    }
}

/// One tenant's certificate is gone: that one's HTTPS does not work, and says so; all others are served.
async fn a_broken_listener_harms_nobody_else(scene: &Scene) {
    let [broken, whole] = TENANTS;
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "namespace": broken, "name": SECRET } });
    let kept = read(scene, &secret).await;
    scene.delete(&secret).await;
    let namespace = format!("{broken}-{ENVIRONMENT}");
    eventually(SOON, "its route names no https address", async || {
        let found = read(scene, &route(&namespace, "shop", json!({}))).await;
        let urls = json!([format!("http://shop.{broken}.example/")]);
        if found["status"]["urls"] == urls {
            Ok(())
        } else {
            Err(format!("{:#} {:#}", found["status"], read(scene, &gateway()).await["status"]))
        }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    let served = |answer: &Answer| answer.status == 200;
    let plain = scene.gateway(ENVIRONMENT).caller();
    for tenant in TENANTS {
        until(&plain, &format!("shop.{tenant}.example"), "is served", "/", served).await;
    }
    scene.ready(&format!("{whole}-{ENVIRONMENT}"), "shop").await;
    scene.ready("acme-stage", "shop").await;
    scene
        .apply(&json!({
            "apiVersion": "v1", "kind": "Secret", "type": kept["type"], "data": kept["data"],
            "metadata": { "namespace": broken, "name": SECRET },
        }))
        .await;
    scene.ready(&namespace, "shop").await;
}

async fn they_go_with_their_tenant(scene: &Scene) {
    let [gone, stays] = TENANTS;
    scene.delete(&ours("Tenant", None, gone, json!({}))).await;
    let of = |all: &Value, tenant: &str| names(all).iter().any(|name| name.starts_with(&format!("tenantry.{tenant}.")));
    listeners(scene, "are without those of the tenant that is gone", |all| !of(all, gone) && of(all, stays)).await;
    let plain = scene.gateway(ENVIRONMENT).caller();
    until(&plain, &format!("shop.{gone}.example"), "is nobody's", "/orders", |it| it.status == 404).await;
    let answer = scene.get(ENVIRONMENT, &format!("shop.{stays}.example"), "/orders", &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn shop(namespace: &str, tenant: &str) -> Value {
    shop_called("shop", namespace, tenant)
}

fn shop_called(name: &str, namespace: &str, tenant: &str) -> Value {
    let spec = json!({
        "backend": { "applicationRef": { "name": "shop" } }, "basePath": "/", "exposure": "Public",
        "hostnames": [format!("shop.{tenant}.example")],
    });
    route(namespace, name, spec)
}

fn gateway() -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": { "namespace": NAMESPACE, "name": ENVIRONMENT }, "spec": { "gatewayClassName": CLASS },
    })
}

fn names(listeners: &Value) -> Vec<String> {
    listeners.as_array().into_iter().flatten().filter_map(|one| one["name"].as_str().map(str::to_owned)).collect()
}

async fn routes_of(scene: &Scene, tenant: &str) -> Value {
    let metadata = json!({ "namespace": format!("{tenant}-{ENVIRONMENT}"), "name": "shop-route" });
    read(scene, &json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata }))
        .await
}

async fn listeners(scene: &Scene, what: &str, fits: impl Fn(&Value) -> bool) {
    eventually(SOON, &format!("the Gateway's listeners {what}"), async || {
        let found = read(scene, &gateway()).await;
        let all = &found["spec"]["listeners"];
        if fits(all) { Ok(()) } else { Err(names(all).join(", ")) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

async fn read(scene: &Scene, object: &Value) -> Value {
    let found = objects::collection(&scene.client, object).get(objects::name(object)).await.expect("is there");
    serde_json::to_value(found).expect("JSON")
}

async fn change(scene: &Scene, object: &Value, patch: Value) {
    let patch = Patch::Merge(patch);
    let collection = objects::collection(&scene.client, object);
    collection.patch(objects::name(object), &PatchParams::default(), &patch).await.expect("changed");
}
