//! An environment with a Gateway of its own, made by the operator: HTTP and HTTPS, gRPC, WebSockets and events, TLS that backends end
//! themselves, each by a real request.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::json;
use tenantry_e2e::eventually;
use tenantry_e2e::gateway::{Caller, Gateway, Programs, Settings, acceptor, tls_secret};
use tenantry_e2e::pki::Authority;

use super::scene::{OWN, OWN_TCP_PORT, OWN_TLS_PORT, Scene, ours, route};
use crate::stage::{SOON, until};

/// What these pods end TLS at.
const SECURE_PORT: u16 = 8443;
const RPC_HOST: &str = "rpc.acme.example";
const VAULT_HOST: &str = "vault.acme.example";

pub async fn an_environment_is_reached_by_a_gateway_of_its_own(scene: &Scene, programs: &Programs) {
    let made = format!("tenantry-{OWN}");
    let gateway = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": { "namespace": "acme-dev", "name": made },
    });
    let authority = Authority::new("platform").expect("made");
    let certificate = authority.server(&["infra-proxy", RPC_HOST]).expect("made");
    scene.apply(&tls_secret("acme-dev", "own-tls", &certificate)).await;
    let traefik = started(scene, programs, &made).await;
    scene.condition_of(&gateway, "Programmed", "True").await;

    over_http_and_https(scene, &traefik, &authority).await;
    by_grpc(scene, &traefik.caller()).await;
    tls_that_the_backend_ends(scene, traefik.address()).await;
    a_port_alone_is_refused(scene).await;
    let log = traefik.log();
    assert!(!log.contains("forbidden"), "it has the rights that it asks for:\n{log}");
}

/// A data plane for this one Gateway alone.
async fn started(scene: &Scene, programs: &Programs, name: &str) -> Gateway {
    let address = Ipv4Addr::new(10, 200, 0, 6);
    let only = |field: &str, value: &str| format!("--providers.kubernetesgateway.gateways[0].{field}={value}");
    let settings = Settings {
        name: "traefik-own".to_owned(),
        address,
        arguments: vec![
            only("namespace", "acme-dev"),
            only("name", name),
            format!("--entrypoints.passthrough.address={address}:{OWN_TLS_PORT}"),
        ],
    };
    Gateway::start_with(&scene.cluster, programs, settings).await.expect("starts")
}

async fn over_http_and_https(scene: &Scene, traefik: &Gateway, authority: &Authority) {
    let plain = traefik.caller();
    let secure = traefik.secure_caller(&authority.pem().certificate).expect("a caller");
    let spec = json!({
        "backend": { "applicationRef": { "name": "shop" } }, "api": { "name": "OWN", "version": "v1" }, "exposure": "Tenant",
    });
    for namespace in ["acme-dev", "globex-dev"] {
        scene.apply(&route(namespace, "own", spec.clone())).await;
    }
    let status = scene.ready("acme-dev", "own").await["status"].clone();
    assert_eq!(status["urls"], json!(["http://infra-proxy/api/v1/OWN/", "https://infra-proxy/api/v1/OWN/"]));
    for (caller, scheme) in [(&plain, "http"), (&secure, "https")] {
        let answer = until(caller, "infra-proxy", "is served", "/api/v1/OWN/orders", |it| it.status == 200).await;
        assert!(answer.backend().starts_with("acme-dev/shop-app-"), "{}", answer.text());
        assert_eq!(answer.json()["path"], "/orders");
        assert_eq!(answer.json()["headers"]["x-forwarded-proto"], scheme);
    }
    let heard = plain.websocket("infra-proxy", "/api/v1/OWN/talk", "hello").await.expect("a WebSocket");
    assert!(heard.starts_with("acme-dev/shop-app-") && heard.ends_with(": hello"), "{heard}");
    let event = secure.first_event("infra-proxy", "/api/v1/OWN/events").await.expect("an event");
    assert!(event.starts_with("acme-dev/shop-app-"), "{event}");
    let strangers = Authority::new("somebody-else").expect("made");
    let stranger = traefik.secure_caller(&strangers.pem().certificate).expect("a caller");
    stranger.get("infra-proxy", "/api/v1/OWN/").await.expect_err("nobody vouches for it");
}

async fn by_grpc(scene: &Scene, caller: &Caller) {
    let spec = json!({ "image": "registry.example/app:1", "ports": [{ "name": "grpc", "port": crate::stage::PORT, "protocol": "GRPC" }] });
    let application = ours("Application", Some("acme-dev"), "rpc", spec);
    scene.apply(&application).await;
    scene.condition_of(&application, "Ready", "True").await;
    let spec = json!({
        "backend": { "applicationRef": { "name": "rpc" } }, "basePath": "/", "hostnames": [RPC_HOST], "protocol": "GRPC", "exposure": "Tenant",
    });
    scene.apply(&route("acme-dev", "rpc", spec)).await;
    scene.ready("acme-dev", "rpc").await;
    let rpc = eventually(SOON, "the call is answered", async || {
        let rpc = caller.grpc(RPC_HOST, "shop.Orders/List", &[], b"all").await.map_err(|error| error.to_string())?;
        if rpc.status == Some(0) { Ok(rpc) } else { Err(format!("{rpc:?}")) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    let asked: serde_json::Value = serde_json::from_slice(&rpc.message).expect("JSON");
    assert_eq!((&asked["path"], &asked["body"]), (&json!("/shop.Orders/List"), &json!("all")));
}

async fn tls_that_the_backend_ends(scene: &Scene, address: Ipv4Addr) {
    let own = Authority::new("team").expect("made");
    let certificate = own.server(&[VAULT_HOST]).expect("made");
    let ends = acceptor(&certificate).expect("made");
    scene.pods.listen_secure(SECURE_PORT, ends).await.expect("listens");
    stream(scene, "vault", SECURE_PORT).await;
    let spec = json!({
        "backend": { "applicationRef": { "name": "vault" } }, "hostnames": [VAULT_HOST], "protocol": "TLSPassthrough", "exposure": "Tenant",
    });
    scene.apply(&route("acme-dev", "vault", spec)).await;
    let status = scene.ready("acme-dev", "vault").await["status"].clone();
    assert_eq!(status["urls"], json!([format!("tls://{VAULT_HOST}:{OWN_TLS_PORT}")]));
    let at = SocketAddr::from((address, OWN_TLS_PORT));
    let caller = Caller::https(at, &own.pem().certificate).expect("a caller");
    let answer = until(&caller, VAULT_HOST, "is passed through", "/secret", |it| it.status == 200).await;
    assert!(answer.backend().starts_with("acme-dev/vault-app-"), "{}", answer.text());
}

/// Traefik has no TCPRoute of the version that the Gateway API serves, and does not say that it has.
async fn a_port_alone_is_refused(scene: &Scene) {
    let spec = json!({
        "backend": { "applicationRef": { "name": "shop" } }, "protocol": "TCP", "port": OWN_TCP_PORT, "exposure": "Tenant",
    });
    scene.apply(&route("acme-dev", "ledger", spec)).await;
    let refused = scene.condition("acme-dev", "ledger", "Accepted", "False").await;
    let text = refused["message"].as_str().unwrap_or_default();
    assert!(text.contains("spec.protocol: nothing enforces it") && text.contains("needs TCPRoute"), "{text}");
}

async fn stream(scene: &Scene, name: &str, port: u16) {
    let spec =
        json!({ "image": "registry.example/app:1", "ports": [{ "name": "stream", "port": port, "protocol": "TCP" }] });
    let application = ours("Application", Some("acme-dev"), name, spec);
    scene.apply(&application).await;
    scene.condition_of(&application, "Ready", "True").await;
}
