//! Ways to take a path that is another's. Each is tried, captures no request, and is shown to work where it may.

use serde_json::{Value, json};
use tenantry_e2e::gateway::{CLASS, NAMESPACE};
use tenantry_e2e::objects;

use super::scene::{Scene, route, to_shop};

pub async fn nobody_takes_a_path(scene: &Scene) {
    let victim = to_shop("acme-dev", "victim", "VICTIM");
    scene.apply(&victim).await;
    scene.ready("acme-dev", "victim").await;
    scene.first("dev", "infra-proxy", "/api/v1/VICTIM/").await;

    by_routes_of_ours(scene).await;
    by_an_older_resource(scene).await;
    by_hand(scene).await;
    by_tricks_with_paths(scene).await;
}

/// Whoever answers it is the victim's shop.
async fn is_unharmed(scene: &Scene, path: &str) {
    let answer = scene.get("dev", "infra-proxy", path, &[]).await;
    assert!(answer.status == 200 && answer.backend().starts_with("acme-dev/shop-app-"), "{path}: {}", answer.text());
}

async fn lost(scene: &Scene, attack: &Value) {
    scene.apply(attack).await;
    let name = objects::name(attack);
    let refused = scene.condition("globex-dev", name, "Accepted", "False").await;
    assert_eq!(refused["reason"], "Conflicted", "{refused}");
    let text = refused["message"].as_str().unwrap_or_default();
    assert!(text.contains("ServiceRoute acme-dev/victim"), "it names who has the path: {text}");
    let route = objects::collection_of(&scene.client, "gateway.networking.k8s.io/v1", "HTTPRoute", Some("globex-dev"));
    assert!(route.get_opt(&format!("{name}-route")).await.expect("asked").is_none(), "{name} has no route");
    is_unharmed(scene, "/api/v1/VICTIM/login").await;
}

async fn by_routes_of_ours(scene: &Scene) {
    // The same path, in whatever case.
    lost(scene, &to_shop("globex-dev", "same", "VICTIM")).await;
    lost(scene, &to_shop("globex-dev", "case", "Victim")).await;
    // Paths beneath and above cannot even be asked for where tenants share a host.
    for path in ["/api/v1/VICTIM/login", "/api/v1", "/api", "/"] {
        let spec = json!({ "backend": { "applicationRef": { "name": "shop" } }, "basePath": path });
        scene.apply(&route("globex-dev", "beneath", spec)).await;
        let refused = scene.condition("globex-dev", "beneath", "Accepted", "False").await;
        assert_eq!(refused["reason"], "Invalid", "{path}: {refused}");
        is_unharmed(scene, "/api/v1/VICTIM/login").await;
    }
    // Where it may, it works: a path of its own, and one beneath another of its own.
    let own = |name: &str, path: &str| {
        route("globex-dev", name, json!({ "backend": { "applicationRef": { "name": "shop" } }, "basePath": path }))
    };
    scene.apply(&own("beneath", "/depth")).await;
    scene.ready("globex-dev", "beneath").await;
    scene.apply(&own("deeper", "/depth/login")).await;
    scene.ready("globex-dev", "deeper").await;
    let deep = scene.first("dev", "infra-proxy", "/depth/login").await;
    assert!(deep.backend().starts_with("globex-dev/shop-app-"), "{}", deep.text());
    // Another tenant may neither go beneath nor above.
    for path in ["/depth/login/more", "/depth/other", "/DEPTH"] {
        let spec = json!({ "backend": { "applicationRef": { "name": "shop" } }, "basePath": path });
        scene.apply(&route("acme-dev", "guest", spec)).await;
        let refused = scene.condition("acme-dev", "guest", "Accepted", "False").await;
        assert_eq!(refused["reason"], "Conflicted", "{path}: {refused}");
        assert!(scene.get("dev", "infra-proxy", "/depth/login/more", &[]).await.backend().starts_with("globex-dev/"));
    }
}

/// A resource that is older than the victim's and changes its mind.
async fn by_an_older_resource(scene: &Scene) {
    let older = scene.apply(&to_shop("globex-dev", "older", "OLDER")).await;
    scene.ready("globex-dev", "older").await;
    scene.apply(&to_shop("acme-dev", "younger", "YOUNGER")).await;
    scene.ready("acme-dev", "younger").await;
    scene.first("dev", "infra-proxy", "/api/v1/YOUNGER/").await;
    scene.apply(&to_shop("globex-dev", "older", "YOUNGER")).await;
    let refused = scene.condition("globex-dev", "older", "Accepted", "False").await;
    assert_eq!(refused["reason"], "Conflicted", "{refused}");
    let answer = scene.get("dev", "infra-proxy", "/api/v1/YOUNGER/", &[]).await;
    assert!(answer.backend().starts_with("acme-dev/"), "{}: {}", older["metadata"]["creationTimestamp"], answer.text());
    // When the younger lets go, it has it at once.
    scene.delete(&to_shop("acme-dev", "younger", "YOUNGER")).await;
    scene.ready("globex-dev", "older").await;
    scene
        .until("dev", "/api/v1/YOUNGER/", "is the older one's", |answer| answer.backend().starts_with("globex-dev/"))
        .await;
}

/// Routes that are not ours: members may not make them, and those of whoever may are named.
async fn by_hand(scene: &Scene) {
    let rules = json!([{ "matches": [{ "path": { "type": "PathPrefix", "value": "/api/v1/VICTIM/login" } }], "backendRefs": [{ "name": "shop-app", "port": 8080 }] }]);
    let made = |gateway: (&str, &str), host: &str| {
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": { "namespace": "globex-dev", "name": "by-hand" },
            "spec": { "parentRefs": [{ "namespace": gateway.0, "name": gateway.1 }], "hostnames": [host], "rules": rules },
        })
    };
    let member = scene.cluster.user("globex-developer", &["globex-dev"]).expect("made");
    let member = member.client().await.expect("client");
    for host in ["infra-proxy", "x.globex.example"] {
        let refused = objects::apply(&member, &made((NAMESPACE, "dev"), host)).await.expect_err("refused").to_string();
        assert!(refused.contains("route-parents") || refused.contains("route-hostnames"), "{refused}");
    }
    // On a gateway of its own it may have what it likes.
    let listener = json!({ "name": "web", "port": 80, "protocol": "HTTP", "hostname": "x.globex.example" });
    let gateway = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": { "namespace": "globex-dev", "name": "own" },
        "spec": { "gatewayClassName": CLASS, "listeners": [listener] },
    });
    objects::apply(&member, &gateway).await.expect("its own gateway");
    objects::apply(&member, &made(("globex-dev", "own"), "x.globex.example")).await.expect("its own route");
    is_unharmed(scene, "/api/v1/VICTIM/login").await;

    // The platform's admin can do it: then the status says who takes what.
    let mut intruder = made((NAMESPACE, "dev"), "infra-proxy");
    intruder["metadata"] = json!({ "namespace": NAMESPACE, "name": "intruder" });
    scene.apply(&intruder).await;
    let told = scene.condition("acme-dev", "victim", "Programmed", "False").await;
    assert_eq!(told["reason"], "PathConflict");
    assert!(
        told["message"].as_str().unwrap_or_default().contains(&format!("HTTPRoute {NAMESPACE}/intruder")),
        "{told}"
    );
    scene.delete(&intruder).await;
    scene.ready("acme-dev", "victim").await;
    scene
        .until("dev", "/api/v1/VICTIM/login", "is the victim's again", |answer| {
            answer.backend().starts_with("acme-dev/")
        })
        .await;
}

/// Requests that look like one path and are another.
async fn by_tricks_with_paths(scene: &Scene) {
    for (path, wanted) in [
        ("/api/v1/SHOP_GLOBEX/../VICTIM/x", Some("acme-dev/")),
        ("/api/v1/SHOP_GLOBEX/%2e%2e/VICTIM/x", Some("acme-dev/")),
        ("/api/v1//VICTIM/x", Some("acme-dev/")),
        ("//api/v1/VICTIM/x", Some("acme-dev/")),
        ("/api/v1/VICTIM%2fx", None),
        ("/api/v1/VICTIM;x/", None),
        ("/api/v1/victim/x", None),
        ("/api/v1/VICTIMS/x", None),
    ] {
        let answer = scene.get("dev", "infra-proxy", path, &[]).await;
        match wanted {
            Some(whose) => assert!(answer.backend().starts_with(whose), "{path}: {} {}", answer.status, answer.text()),
            None => assert_eq!(answer.status, 404, "{path}: {}", answer.text()),
        }
    }
    // No such path can be asked for either.
    for path in ["/a//b", "/a/../b", "/a/%2e", "/a/.", "/a b", "a", "/a/", "/a?b", "/a;b"] {
        let spec = json!({ "backend": { "applicationRef": { "name": "shop" } }, "basePath": path });
        let refused =
            objects::apply(&scene.client, &route("globex-dev", "odd", spec)).await.expect_err(path).to_string();
        assert!(refused.contains("basePath"), "{path}: {refused}");
    }
}
