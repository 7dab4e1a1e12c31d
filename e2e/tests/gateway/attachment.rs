//! Who may attach to which listener, and whose route wins: what Gateway API leaves to the owner of a gateway, and what Traefik makes of it.

use serde_json::{Value, json};
use tenantry_e2e::gateway::{CLASS, Gateway, NAMESPACE, Programs, Settings, WEB_PORT};
use tenantry_e2e::{eventually, objects, skip};

use crate::stage::{HOST, SOON, Stage, TEAM, backend, entered, namespace, route, route_of, under, until, workload};

const OTHERS: &str = "others";

#[tokio::test(flavor = "multi_thread")]
async fn listeners_take_on_whom_they_should() {
    let programs = match entered("attachment::listeners_take_on_whom_they_should").await {
        Ok(Some(programs)) => programs,
        Ok(None) => return,
        Err(reason) => skip!("{reason}"),
    };
    let mut stage = Stage::start(&programs).await;
    stage.workload("ours", 1).await;
    stage.apply(&namespace(OTHERS)).await;
    for object in workload(OTHERS, "theirs", 1) {
        stage.apply(&object).await;
    }
    stage.endpoints(OTHERS, "theirs", 1).await;

    by_namespace(&stage).await;
    by_hostname(&stage).await;
    a_longer_path_captures(&stage).await;
    the_older_of_two_wins(&stage).await;
    both_kinds_on_one_host(&stage).await;
    a_port_without_entry_point(&stage).await;
    listener_sets(&stage).await;
    stage.gateway.check_alive().expect("it runs");

    own_api_is_guarded(stage, &programs).await;
}

/// Unless told otherwise Traefik lets every route have a backend that is its own, and so read how all gateways are set up (`facts.json`,
/// `own-api-of-traefik`). This is the one setting against it; a policy that refuses such backends is the other way.
async fn own_api_is_guarded(stage: Stage, programs: &Programs) {
    let Stage { gateway, pods: _pods, client, cluster } = stage;
    gateway.stop().expect("it ends");
    let path = json!({ "type": "ReplacePrefixMatch", "replacePrefixMatch": "/api" });
    let rewrite = json!({ "type": "URLRewrite", "urlRewrite": { "path": path } });
    let own = json!({ "group": "traefik.io", "kind": "TraefikService", "name": "api@internal" });
    let own = route("own-api", json!([{ "matches": [under("/own-api")], "filters": [rewrite], "backendRefs": [own] }]));
    objects::apply(&client, &own).await.expect("applied");
    let settings = Settings {
        name: "traefik-guarded".to_owned(),
        arguments: vec![format!("--providers.kubernetesgateway.crossprovidernamespaces={NAMESPACE}")],
        ..Settings::default()
    };
    let gateway = Gateway::start_with(&cluster, programs, settings).await.expect("starts");
    // It takes on all routes at once.
    until(&gateway.caller(), HOST, "answers", "/after", |answer| answer.status == 200).await;
    let answer = gateway.caller().get(HOST, "/own-api/overview").await.expect("an answer");
    assert!(answer.status >= 400 && answer.json().is_null(), "{} {}", answer.status, answer.text());
}

/// A Gateway of its own with one listener, for the same entry point.
fn gateway(name: &str, hostname: &str, allowed: Value) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": { "namespace": NAMESPACE, "name": name },
        "spec": { "gatewayClassName": CLASS, "listeners": [{
            "name": "web", "port": WEB_PORT, "protocol": "HTTP", "hostname": hostname, "allowedRoutes": { "namespaces": allowed },
        }] },
    })
}

fn attached(namespace: &str, name: &str, gateway: &str, host: &str) -> Value {
    let service = if namespace == TEAM { "ours" } else { "theirs" };
    let mut route = route(name, json!([{ "backendRefs": [backend(service)] }]));
    route["metadata"]["namespace"] = namespace.into();
    route["spec"]["parentRefs"] = json!([{ "namespace": NAMESPACE, "name": gateway }]);
    route["spec"]["hostnames"] = json!([host]);
    route
}

/// What is said about a route: `status/reason` of its first parent's condition.
async fn said(stage: &Stage, route: &Value, type_: &str, wanted: &str) {
    let title = objects::title(route);
    eventually(SOON, &format!("{title} is {type_}={wanted}"), async || {
        let found = stage.read(route).await;
        let conditions = found["status"]["parents"][0]["conditions"].as_array().cloned().unwrap_or_default();
        let one = conditions.iter().find(|one| one["type"] == type_).cloned().unwrap_or_default();
        let told = format!("{}/{}", one["status"].as_str().unwrap_or("-"), one["reason"].as_str().unwrap_or("-"));
        if told == wanted { Ok(()) } else { Err(found["status"].to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

async fn by_namespace(stage: &Stage) {
    let mut labelled = namespace(TEAM);
    labelled["metadata"]["labels"] = json!({ "plan": "gold" });
    stage.apply(&labelled).await;
    let gold = json!({ "from": "Selector", "selector": { "matchLabels": { "plan": "gold" } } });
    stage.apply(&gateway("gold", "gold.example", gold)).await;
    let ours = attached(TEAM, "gold-ours", "gold", "gold.example");
    let theirs = attached(OTHERS, "gold-theirs", "gold", "gold.example");
    stage.apply(&theirs).await;
    stage.apply(&ours).await;
    said(stage, &theirs, "Accepted", "False/NotAllowedByListeners").await;
    said(stage, &ours, "Accepted", "True/Accepted").await;
    let caller = stage.gateway.caller();
    let from = |start: &'static str| move |answer: &tenantry_e2e::gateway::Answer| answer.backend().starts_with(start);
    until(&caller, "gold.example", "is ours", "/", from("team/ours-")).await;
    // And with the label goes the right.
    let mut without = labelled.clone();
    without["metadata"]["labels"] = json!({ "plan": "silver" });
    stage.apply(&without).await;
    until(&caller, "gold.example", "is nobody's", "/", |answer| answer.status == 404).await;
    said(stage, &ours, "Accepted", "False/NotAllowedByListeners").await;

    stage.apply(&gateway("same", "same.example", json!({ "from": "Same" }))).await;
    let stranger = attached(TEAM, "same-ours", "same", "same.example");
    stage.apply(&stranger).await;
    said(stage, &stranger, "Accepted", "False/NotAllowedByListeners").await;
}

async fn by_hostname(stage: &Stage) {
    stage.apply(&gateway("one", "*.one.example", json!({ "from": "All" }))).await;
    let inside = attached(TEAM, "one-inside", "one", "shop.one.example");
    let outside = attached(TEAM, "one-outside", "one", "shop.two.example");
    stage.apply(&inside).await;
    stage.apply(&outside).await;
    said(stage, &inside, "Accepted", "True/Accepted").await;
    said(stage, &outside, "Accepted", "False/NoMatchingListenerHostname").await;
    let caller = stage.gateway.caller();
    until(&caller, "shop.one.example", "answers", "/", |answer| answer.status == 200).await;
    let other = caller.get("shop.two.example", "/").await.expect("an answer");
    assert_eq!(other.status, 404);
}

/// Why Tenantry has claims: another namespace's longer path takes what is under it, and both are told that all is well.
async fn a_longer_path_captures(stage: &Stage) {
    stage
        .apply(&route("prefix", json!([{ "matches": [under("/api/v1/shop")], "backendRefs": [backend("ours")] }])))
        .await;
    stage.until("is ours", "/api/v1/shop/login", |answer| answer.backend().starts_with("team/ours-")).await;
    let mut intruder =
        route("intruder", json!([{ "matches": [under("/api/v1/shop/login")], "backendRefs": [backend("theirs")] }]));
    intruder["metadata"]["namespace"] = OTHERS.into();
    stage.apply(&intruder).await;
    stage.until("is captured", "/api/v1/shop/login", |answer| answer.backend().starts_with("others/theirs-")).await;
    said(stage, &intruder, "Accepted", "True/Accepted").await;
}

/// Of two routes for the same path the one that was made first has it all, and the other is told that all is well.
async fn the_older_of_two_wins(stage: &Stage) {
    let rules = |service: &str| json!([{ "matches": [under("/twice")], "backendRefs": [backend(service)] }]);
    let first = stage.apply(&route("twice", rules("ours"))).await;
    let mut second = route("twice", rules("theirs"));
    second["metadata"]["namespace"] = OTHERS.into();
    // Times have no fractions: made within one second, names would decide.
    eventually(SOON, "a second has passed", async || {
        objects::delete(&stage.client, &second).await.map_err(|error| error.to_string())?;
        let made = objects::create(&stage.client, &second).await.map_err(|error| error.to_string())?;
        let (early, late) = (&first["metadata"]["creationTimestamp"], &made["metadata"]["creationTimestamp"]);
        if early == late { Err("made at the same time".to_owned()) } else { Ok(()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    said(stage, &second, "Accepted", "True/Accepted").await;
    stage.until("is ours", "/twice", |answer| answer.backend().starts_with("team/ours-")).await;
    stage.apply(&route("after", json!([{ "matches": [under("/after")], "backendRefs": [backend("ours")] }]))).await;
    stage.until("answers", "/after", |answer| answer.status == 200).await;
    for _ in 0..20 {
        let answer = stage.gateway.caller().get(HOST, "/twice").await.expect("an answer");
        assert!(answer.backend().starts_with("team/ours-"), "{}", answer.backend());
    }
}

/// A host that HTTPRoutes have is refused to a GRPCRoute, and it says so.
async fn both_kinds_on_one_host(stage: &Stage) {
    let [_, mut service] = workload(TEAM, "ours", 1);
    service["metadata"]["name"] = "ours-rpc".into();
    service["spec"]["ports"][0]["appProtocol"] = "kubernetes.io/h2c".into();
    stage.apply(&service).await;
    stage.endpoints(TEAM, "ours-rpc", 1).await;
    let method = json!({ "method": { "service": "shop.Orders", "method": "List" } });
    let mut rpc = route_of("GRPCRoute", "rpc", json!([{ "matches": [method], "backendRefs": [backend("ours-rpc")] }]));
    rpc["spec"]["hostnames"] = json!([HOST]);
    stage.apply(&rpc).await;
    said(stage, &rpc, "Accepted", "False/HostnameConflict").await;
}

async fn a_port_without_entry_point(stage: &Stage) {
    let mut nowhere = gateway("nowhere", "nowhere.example", json!({ "from": "All" }));
    nowhere["spec"]["listeners"][0]["port"] = 8081.into();
    stage.apply(&nowhere).await;
    let told = eventually(SOON, "something is said", async || {
        let found = stage.read(&nowhere).await;
        let listener = found["status"]["listeners"][0].clone();
        if listener.is_object() { Ok(found["status"].clone()) } else { Err(found["status"].to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    assert_eq!(told["listeners"][0]["conditions"][0]["reason"], "PortUnavailable", "{told}");
    assert_eq!(told["conditions"][1]["status"], "False", "it is not Programmed: {told}");
}

/// It does not know ListenerSets: nothing is said about them, and nothing is served.
async fn listener_sets(stage: &Stage) {
    let mut open = gateway("open", "open.example", json!({ "from": "All" }));
    open["spec"]["allowedListeners"] = json!({ "namespaces": { "from": "All" } });
    stage.apply(&open).await;
    let set = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "ListenerSet", "metadata": { "namespace": TEAM, "name": "own" },
        "spec": {
            "parentRef": { "namespace": NAMESPACE, "name": "open" },
            "listeners": [{ "name": "web", "port": WEB_PORT, "protocol": "HTTP", "hostname": "set.example" }],
        },
    });
    stage.apply(&set).await;
    let mut on_set = attached(TEAM, "on-set", "own", "set.example");
    on_set["spec"]["parentRefs"] =
        json!([{ "kind": "ListenerSet", "group": "gateway.networking.k8s.io", "name": "own" }]);
    stage.apply(&on_set).await;
    let on_gateway = attached(TEAM, "on-open", "open", "open.example");
    stage.apply(&on_gateway).await;
    said(stage, &on_gateway, "Accepted", "True/Accepted").await;
    let caller = stage.gateway.caller();
    until(&caller, "open.example", "answers", "/", |answer| answer.status == 200).await;
    let answer = caller.get("set.example", "/").await.expect("an answer");
    assert_eq!(answer.status, 404);
    let told = stage.read(&set).await["status"].clone();
    // As the API server fills it in.
    assert_eq!(told["conditions"][0]["reason"], "Pending", "{told}");
    assert!(stage.read(&on_set).await["status"].is_null(), "and about the route nobody says anything");
}
