//! The harness itself: pods that do not exist answer through a real gateway, over all that is spoken, and say who they are.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenantry_e2e::gateway::{CLASS, NAMESPACE, WEBSECURE_PORT, tls_secret};
use tenantry_e2e::pki::Authority;
use tenantry_e2e::{eventually, skip};

use crate::stage::{
    HOST, PORT, RPC_HOST, SHARED, SOON, Stage, TEAM, backend, entered, route, route_of, under, until, workload,
};

#[tokio::test(flavor = "multi_thread")]
async fn pods_answer_through_the_gateway() {
    let programs = match entered("harness::pods_answer_through_the_gateway").await {
        Ok(Some(programs)) => programs,
        Ok(None) => return,
        Err(reason) => skip!("{reason}"),
    };
    let mut stage = Stage::start(&programs).await;
    stage.workload("stable", 2).await;
    stage.workload("canary", 1).await;

    a_prefix_is_stripped(&stage).await;
    weights_are_kept(&stage).await;
    headers_choose(&stage).await;
    by_hand(&stage).await;
    all_that_is_spoken(&stage).await;
    over_tls(&stage).await;

    paths_are_cleaned(&stage).await;

    stage.gateway.check_alive().expect("it runs");
    let log = stage.gateway.log();
    assert!(!log.contains("forbidden"), "it has the rights that it asks for:\n{log}");
    stage.gateway.stop().expect("it ends");
}

async fn a_prefix_is_stripped(stage: &Stage) {
    let strip = json!({ "type": "URLRewrite", "urlRewrite": { "path": { "type": "ReplacePrefixMatch", "replacePrefixMatch": "/" } } });
    let rules = json!([{ "matches": [under("/api/v1/shop")], "filters": [strip], "backendRefs": [backend("stable")] }]);
    let shop = route("shop", rules);
    stage.apply(&shop).await;
    let answer = stage.until("answers", "/api/v1/shop/orders?open=1", |answer| answer.status == 200).await;
    let asked = answer.json();
    assert_eq!((&asked["path"], &asked["query"]), (&json!("/orders"), &json!("open=1")));
    assert_eq!(asked["headers"]["x-forwarded-host"], HOST);
    assert!(answer.backend().starts_with("team/stable-"), "it says which pod it is: {asked}");
    let pods = stage.cluster.kubectl(&["get", "pods", "-n", TEAM, "-o", "name"]).await.expect("listed");
    let pod = answer.backend().replace("team/", "pod/");
    assert!(pods.lines().any(|line| line == pod), "{pod} is one of {pods}");

    let unknown = stage.gateway.caller().get(HOST, "/api/v1/shopping").await.expect("an answer");
    assert_eq!(unknown.status, 404, "a longer word is another path");
    let unknown = stage.gateway.caller().get("elsewhere", "/api/v1/shop/orders").await.expect("an answer");
    assert_eq!(unknown.status, 404, "another host is another service");

    let gateway = json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": { "namespace": NAMESPACE, "name": SHARED } });
    let address = stage.read(&gateway).await["status"]["addresses"][0]["value"].clone();
    assert_eq!(address, stage.gateway.address().to_string());

    let parent = &stage.read(&shop).await["status"]["parents"][0];
    let conditions = parent["conditions"].as_array().cloned().unwrap_or_default();
    for wanted in ["Accepted", "ResolvedRefs"] {
        assert!(conditions.iter().any(|one| one["type"] == wanted && one["status"] == "True"), "{parent}");
    }
    let class =
        json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": { "name": CLASS } });
    let class = stage.read(&class).await;
    let features = class["status"]["supportedFeatures"].as_array().expect("a list");
    let features: Vec<&str> = features.iter().filter_map(|one| one["name"].as_str()).collect();
    println!("supported features: {}", features.join(" "));
    assert!(features.contains(&"HTTPRoutePathRewrite"), "{features:?}");
    assert!(!features.contains(&"HTTPRouteRequestTimeout"), "{features:?}");
}

async fn weights_are_kept(stage: &Stage) {
    let with = |name: &str, weight: u32| {
        let mut backend = backend(name);
        backend["weight"] = weight.into();
        backend
    };
    let rules = |stable, canary| json!([{ "matches": [under("/weights")], "backendRefs": [with("stable", stable), with("canary", canary)] }]);
    stage.apply(&route("weights", rules(90, 10))).await;
    stage.until("answers", "/weights", |answer| answer.status == 200).await;
    let mut answered: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..200 {
        let answer = stage.gateway.caller().get(HOST, "/weights").await.expect("an answer");
        *answered.entry(answer.backend()).or_default() += 1;
    }
    let of = |start: &str| answered.iter().filter(|(name, _)| name.starts_with(start)).map(|(_, count)| count).sum();
    let counts: (usize, usize) = (of("team/stable-"), of("team/canary-"));
    assert_eq!(counts, (180, 20), "{answered:?}");
    assert_eq!(answered.len(), 3, "both pods of `stable` have their part: {answered:?}");

    stage.apply(&route("weights", rules(0, 1))).await;
    stage.until("goes to the canary", "/weights", |answer| answer.backend().starts_with("team/canary-")).await;
    for _ in 0..20 {
        let answer = stage.gateway.caller().get(HOST, "/weights").await.expect("an answer");
        assert!(answer.backend().starts_with("team/canary-"), "nothing goes to a weight of 0: {}", answer.backend());
    }
}

async fn headers_choose(stage: &Stage) {
    let mut chosen = under("/choice");
    chosen["headers"] = json!([{ "name": "x-version", "value": "next" }]);
    let rules = json!([
        { "matches": [chosen], "backendRefs": [backend("canary")] },
        { "matches": [under("/choice")], "backendRefs": [backend("stable")] },
    ]);
    stage.apply(&route("choice", rules)).await;
    stage.until("answers", "/choice", |answer| answer.backend().starts_with("team/stable-")).await;
    let ask = async |value| {
        let headers = [("x-version", value)];
        let answer = stage.gateway.caller().request(http::Method::GET, HOST, "/choice", &headers).await;
        answer.expect("an answer").backend()
    };
    assert!(ask("next").await.starts_with("team/canary-"));
    assert!(ask("other").await.starts_with("team/stable-"));
}

/// Endpoints without pods, for what is not in the cluster.
async fn by_hand(stage: &Stage) {
    let address = "10.200.7.7".parse().expect("an address");
    stage.pods.name(address, "elsewhere");
    let metadata = json!({ "namespace": TEAM, "name": "elsewhere" });
    let ports = json!([{ "name": "http", "port": PORT }]);
    stage
        .apply(&json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": { "ports": ports } }))
        .await;
    stage
        .apply(&json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "ports": ports,
            "metadata": { "namespace": TEAM, "name": "elsewhere", "labels": { "kubernetes.io/service-name": "elsewhere" } },
            // Said outright, as the controller that makes slices does: what an absent answer means is for each reader to say.
            "endpoints": [{ "addresses": [address], "conditions": { "ready": true } }],
        }))
        .await;
    let rules = json!([{ "matches": [under("/by-hand")], "backendRefs": [backend("elsewhere")] }]);
    stage.apply(&route("by-hand", rules)).await;
    stage.until("answers", "/by-hand", |answer| answer.backend() == "elsewhere").await;
}

async fn all_that_is_spoken(stage: &Stage) {
    let rules = json!([{ "matches": [under("/spoken")], "backendRefs": [backend("canary")] }]);
    stage.apply(&route("spoken", rules)).await;
    stage.until("answers", "/spoken", |answer| answer.status == 200).await;
    let caller = stage.gateway.caller();
    let heard = caller.websocket(HOST, "/spoken", "hello").await.expect("a WebSocket");
    assert!(heard.starts_with("team/canary-") && heard.ends_with(": hello"), "{heard}");
    let event = caller.first_event(HOST, "/spoken").await.expect("an event");
    assert!(event.starts_with("team/canary-"), "{event}");

    // gRPC needs a Service that says that it is spoken.
    let [_, mut service] = workload(TEAM, "canary", 1);
    service["metadata"]["name"] = "canary-rpc".into();
    service["spec"]["ports"][0]["appProtocol"] = "kubernetes.io/h2c".into();
    stage.apply(&service).await;
    stage.endpoints(TEAM, "canary-rpc", 1).await;
    let method = json!({ "method": { "service": "shop.Orders", "method": "List" } });
    stage
        .apply(&route_of("GRPCRoute", "rpc", json!([{ "matches": [method], "backendRefs": [backend("canary-rpc")] }])))
        .await;
    let rpc = eventually(SOON, "the call is answered", async || {
        let rpc = caller.grpc(RPC_HOST, "shop.Orders/List", &[], b"all").await.map_err(|error| error.to_string())?;
        if rpc.status == Some(0) { Ok(rpc) } else { Err(format!("{rpc:?}")) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    let asked: Value = serde_json::from_slice(&rpc.message).expect("JSON");
    assert_eq!(
        (&asked["path"], &asked["body"], &asked["version"]),
        (&json!("/shop.Orders/List"), &json!("all"), &json!("2"))
    );
    let other = caller.grpc(RPC_HOST, "shop.Orders/Drop", &[], b"all").await.expect("an answer");
    assert_ne!(other.status, Some(0), "another method is not routed: {other:?}");
}

async fn over_tls(stage: &Stage) {
    let authority = Authority::new("gateway-test-ca").expect("made");
    let host = "shop.example";
    let certificate = authority.server(&[host]).expect("made");
    stage.apply(&tls_secret(TEAM, "shop-tls", &certificate)).await;
    let gateway = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": { "namespace": TEAM, "name": "own" },
        "spec": { "gatewayClassName": CLASS, "listeners": [{
            "name": "secure", "port": WEBSECURE_PORT, "protocol": "HTTPS", "hostname": host,
            "tls": { "mode": "Terminate", "certificateRefs": [{ "name": "shop-tls" }] },
        }] },
    });
    stage.apply(&gateway).await;
    stage.condition(&gateway, "Programmed", "True").await;
    let mut secure = route("secure", json!([{ "backendRefs": [backend("stable")] }]));
    secure["spec"]["parentRefs"] = json!([{ "name": "own" }]);
    secure["spec"]["hostnames"] = json!([host]);
    stage.apply(&secure).await;
    let caller = stage.gateway.secure_caller(&authority.pem().certificate).expect("a caller");
    let answer = until(&caller, host, "answers over TLS", "/", |answer| answer.status == 200).await;
    assert_eq!(answer.json()["headers"]["x-forwarded-proto"], "https");
    let strangers = Authority::new("somebody-else").expect("made");
    let caller = stage.gateway.secure_caller(&strangers.pem().certificate).expect("a caller");
    caller.get(host, "/").await.expect_err("nobody vouches for it");
}

/// Who is routed by a prefix stays under it: dots go before routing, and what only looks like a slash is none.
async fn paths_are_cleaned(stage: &Stage) {
    let strip = json!({ "type": "URLRewrite", "urlRewrite": { "path": { "type": "ReplacePrefixMatch", "replacePrefixMatch": "/" } } });
    let rules = json!([{ "matches": [under("/dots")], "filters": [strip], "backendRefs": [backend("canary")] }]);
    stage.apply(&route("dots", rules)).await;
    stage.until("answers", "/dots", |answer| answer.status == 200).await;
    for (path, wanted) in [
        ("/dots/../choice", Some(("stable", "/choice"))),
        ("/dots/%2e%2e/choice", Some(("stable", "/choice"))),
        ("/dots/..%2fchoice", Some(("canary", "/..%2Fchoice"))),
        ("//dots/choice", Some(("canary", "/choice"))),
        ("/dots//choice", Some(("canary", "/choice"))),
        ("/dots%2fchoice", None),
        ("/dots;/choice", None),
        ("/DOTS/choice", None),
    ] {
        let answer = stage.gateway.caller().get(HOST, path).await.expect("an answer");
        let Some((app, seen)) = wanted else {
            assert_eq!(answer.status, 404, "{path}: {}", answer.text());
            continue;
        };
        assert!(answer.backend().starts_with(&format!("team/{app}-")), "{path}: {}", answer.text());
        assert_eq!(answer.json()["path"], seen, "{path}");
    }
}
