//! The in-memory API server as kube's client sees it.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ResourceQuota};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::{Api, Client, ResourceExt, runtime};
use serde_json::{Value, json};
use tenantry_testkit::faults::{CallFault, Pattern, WatchFault};
use tenantry_testkit::server::{ApiServer, Verb};

fn code(error: kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        _ => 0,
    }
}

async fn config_map(client: &Client, name: &str, data: Value) -> ConfigMap {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    let applied = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data});
    api.patch(name, &PatchParams::apply("test"), &Patch::Apply(&applied)).await.expect("applies")
}

#[tokio::test(start_paused = true)]
async fn applies_create_change_and_stay_quiet() {
    let server = ApiServer::new(1);
    let client = server.client_as("test");
    let first = config_map(&client, "m", json!({"a": "1"})).await;
    tokio::time::advance(Duration::from_secs(5)).await;
    let same = config_map(&client, "m", json!({"a": "1"})).await;
    assert_eq!(first.resource_version(), same.resource_version());
    let changed = config_map(&client, "m", json!({"b": "1"})).await;
    assert_ne!(first.resource_version(), changed.resource_version());
    assert_eq!(changed.data.unwrap().into_keys().collect::<Vec<_>>(), ["b"]);
    let record = server.record();
    assert_eq!(
        record.iter().map(|call| (call.code, call.mutated)).collect::<Vec<_>>(),
        [(201, true), (200, false), (200, true)]
    );
}

#[tokio::test(start_paused = true)]
async fn refuses_stale_writes_and_wrong_preconditions() {
    let server = ApiServer::new(1);
    let client = server.client();
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    let mut old = config_map(&client, "m", json!({"a": "1"})).await;
    config_map(&client, "m", json!({"a": "2"})).await;
    old.metadata.managed_fields = None;
    assert_eq!(code(api.replace("m", &PostParams::default(), &old).await.unwrap_err()), 409);
    let wrong = DeleteParams::default()
        .preconditions(kube::api::Preconditions { uid: Some("other".into()), resource_version: None });
    assert_eq!(code(api.delete("m", &wrong).await.unwrap_err()), 409);
    assert_eq!(code(api.get("absent").await.unwrap_err()), 404);
    let create = ConfigMap { metadata: old.metadata.clone(), ..ConfigMap::default() };
    let mut create = create;
    create.metadata.resource_version = None;
    assert_eq!(code(api.create(&PostParams::default(), &create).await.unwrap_err()), 409);
    api.delete("m", &DeleteParams::default()).await.unwrap();
    assert!(api.get_opt("m").await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn watches_follow_selectors() {
    let server = ApiServer::new(1);
    let client = server.client();
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    let list = api.list(&ListParams::default()).await.unwrap();
    let version = list.metadata.resource_version.unwrap();
    let watch = api.watch(&WatchParams::default().labels("x=1").timeout(5), &version).await.unwrap();
    let mut map = ConfigMap::default();
    map.metadata.name = Some("m".into());
    map.metadata.labels = Some([("x".to_owned(), "1".to_owned())].into());
    api.create(&PostParams::default(), &map).await.unwrap();
    let patch = json!({"metadata": {"labels": {"x": "2"}}});
    api.patch("m", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    let events: Vec<WatchEvent<ConfigMap>> = watch.try_collect().await.unwrap();
    let kinds = events.iter().map(|event| format!("{event:?}")).collect::<Vec<_>>();
    assert_eq!(kinds, ["Added event", "Deleted event"]);
}

#[tokio::test(start_paused = true)]
async fn serves_kubes_watcher_in_both_modes() {
    let server = ApiServer::new(1);
    for config in [runtime::watcher::Config::default(), runtime::watcher::Config::default().streaming_lists()] {
        let api: Api<Namespace> = Api::all(server.client());
        let mut stream = runtime::watcher(api, config).boxed();
        let mut seen = 0;
        loop {
            match stream.next().await.unwrap().unwrap() {
                runtime::watcher::Event::InitApply(_) => seen += 1,
                runtime::watcher::Event::InitDone => break,
                _ => {}
            }
        }
        assert_eq!(seen, 4);
    }
}

#[tokio::test(start_paused = true)]
async fn namespaces_live_and_die() {
    let server = ApiServer::new(1);
    let client = server.client();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some("a".into());
    let created = namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    assert_eq!(created.labels()["kubernetes.io/metadata.name"], "a");
    let quotas: Api<ResourceQuota> = Api::namespaced(client.clone(), "a");
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "10"}}});
    let apply = PatchParams::apply("test");
    quotas.patch("q", &apply, &Patch::Apply(&quota)).await.unwrap();
    server.controllers_settle();
    let filled = quotas.get("q").await.unwrap().status.unwrap();
    assert_eq!(filled.hard.unwrap()["pods"].0, "10");
    assert!(server.object("", "serviceaccounts", "a", "default").is_some());
    namespaces.delete("a", &DeleteParams::default()).await.unwrap();
    let late: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "x"}})).unwrap();
    let maps = Api::<ConfigMap>::namespaced(client, "a");
    assert_eq!(code(maps.create(&PostParams::default(), &late).await.unwrap_err()), 403);
    server.controllers_settle();
    assert!(namespaces.get_opt("a").await.unwrap().is_none());
    assert!(server.object("", "resourcequotas", "a", "q").is_none());
}

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.g.example"},
        "spec": {
            "group": "g.example", "scope": "Cluster", "names": {"plural": "things", "kind": "Thing"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}}, "schema": {"openAPIV3Schema": {
                "type": "object", "required": ["spec"],
                "properties": {
                    "spec": {
                        "type": "object", "required": ["size"],
                        "x-kubernetes-validations": [{"rule": "self.size >= oldSelf.size", "message": "may not shrink"}],
                        "properties": {
                            "size": {"type": "integer", "minimum": 1}, "mode": {"type": "string", "enum": ["A", "B"], "default": "A"},
                            "name": {"type": "string", "maxLength": 3, "pattern": "^[a-z]*$"},
                        },
                    },
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                },
            }}}],
        },
    })
}

#[tokio::test(start_paused = true)]
async fn definitions_are_served_and_checked() {
    let server = ApiServer::new(1);
    let client = server.client();
    let resource = kube::core::ApiResource {
        group: "g.example".into(),
        version: "v1".into(),
        api_version: "g.example/v1".into(),
        kind: "Thing".into(),
        plural: "things".into(),
    };
    let things: Api<kube::core::DynamicObject> = Api::all_with(client.clone(), &resource);
    assert_eq!(code(things.list(&ListParams::default()).await.unwrap_err()), 404);
    let crds: Api<k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition> =
        Api::all(client.clone());
    let apply = PatchParams::apply("test");
    let stored = crds.patch("things.g.example", &apply, &Patch::Apply(&definition())).await.unwrap();
    assert_eq!(stored.spec.names.list_kind.as_deref(), Some("ThingList"));
    assert!(server.object("apiregistration.k8s.io", "apiservices", "", "v1.g.example").is_some());
    let thing =
        |spec: Value| json!({"apiVersion": "g.example/v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": spec});
    let put = async |spec: Value| things.patch("x", &apply, &Patch::Apply(&thing(spec))).await;
    let message = put(json!({"size": 0, "mode": "C", "name": "ABCD"})).await.unwrap_err().to_string();
    for part in ["spec.size", "spec.mode: Unsupported value", "spec.name"] {
        assert!(message.contains(part), "{message}");
    }
    let made = put(json!({"size": 2})).await.unwrap();
    assert_eq!(made.data["spec"]["mode"], "A");
    assert_eq!(made.metadata.generation, Some(1));
    assert!(put(json!({"size": 1})).await.unwrap_err().to_string().contains("may not shrink"));
    let status = json!({"apiVersion": "g.example/v1", "kind": "Thing", "status": {"ready": true}});
    let after = things.patch_status("x", &apply, &Patch::Apply(&status)).await.unwrap();
    assert_eq!((after.metadata.generation, &after.data["status"]["ready"]), (Some(1), &json!(true)));
    assert_eq!(put(json!({"size": 3})).await.unwrap().metadata.generation, Some(2));
    crds.delete("things.g.example", &DeleteParams::default()).await.unwrap();
    server.controllers_settle();
    assert_eq!(code(things.get("x").await.unwrap_err()), 404);
    assert!(server.object("apiregistration.k8s.io", "apiservices", "", "v1.g.example").is_none());
}

#[tokio::test(start_paused = true)]
async fn calls_fail_as_ordered() {
    let server = ApiServer::new(1);
    let client = server.client_as("op");
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    let faults = server.faults();
    faults.at_call(Pattern::agent("op").verb(Verb::Get), 1, CallFault::Answer { code: 429, retry_after: Some(2) });
    assert_eq!(code(api.get("m").await.unwrap_err()), 404);
    assert_eq!(code(api.get("m").await.unwrap_err()), 429);
    faults.at_call(Pattern::agent("op"), 0, CallFault::ResetAfterCommit);
    let map = serde_json::from_value(json!({"metadata": {"name": "m"}})).unwrap();
    assert!(matches!(api.create(&PostParams::default(), &map).await.unwrap_err(), kube::Error::Service(_)));
    assert!(api.get("m").await.is_ok());
    let crashed = faults.crashed();
    faults.at_call(Pattern::agent("op"), 0, CallFault::CrashAfter);
    assert!(api.delete("m", &DeleteParams::default()).await.is_err());
    assert!(crashed.has_changed());
    assert!(api.get("m").await.is_err());
    faults.revive("op");
    assert_eq!(code(api.get("m").await.unwrap_err()), 404);
    assert!(faults.are_spent());
}

#[tokio::test(start_paused = true)]
async fn watches_fail_as_ordered() {
    let run = async |fault: WatchFault| {
        let server = ApiServer::new(1);
        let client = server.client_as("op");
        let api: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
        let version = server.revision().to_string();
        server.faults().at_event(Pattern::agent("op"), 1, fault);
        let watch = api.watch(&WatchParams::default().timeout(60), &version).await.unwrap();
        for name in ["a", "b", "c"] {
            config_map(&client, name, json!({})).await;
        }
        let start = tokio::time::Instant::now();
        let events = tokio::time::timeout(
            Duration::from_secs(100),
            watch
                .map(|event| match event {
                    Ok(WatchEvent::Added(map)) => map.name_any(),
                    other => format!("{other:?}"),
                })
                .collect::<Vec<_>>(),
        )
        .await;
        (events.unwrap_or_else(|_| vec!["hangs".to_owned()]).join(" "), start.elapsed().as_secs())
    };
    assert_eq!(run(WatchFault::Drop).await, ("a c".to_owned(), 60));
    assert_eq!(run(WatchFault::Double).await, ("a b b c".to_owned(), 60));
    assert_eq!(run(WatchFault::Freeze(Duration::from_secs(30))).await, ("a b c".to_owned(), 60));
    assert_eq!(run(WatchFault::Delay { writes: 2, at_most: Duration::from_secs(200) }).await.0, "a");
    assert_eq!(run(WatchFault::End).await, ("a".to_owned(), 0));
    assert_eq!(run(WatchFault::Silent).await, ("hangs".to_owned(), 100));
    assert!(run(WatchFault::Gone).await.0.contains("410"));
    assert_eq!(run(WatchFault::Truncate).await, ("a".to_owned(), 0));
}

#[tokio::test(start_paused = true)]
async fn rights_can_be_taken_away() {
    let server = ApiServer::new(1);
    let api: Api<ConfigMap> = Api::namespaced(server.client(), "default");
    server.authorize(|call| call.verb != Verb::Create);
    let map: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "m"}})).unwrap();
    assert_eq!(code(api.create(&PostParams::default(), &map).await.unwrap_err()), 403);
    server.allow_all();
    assert!(api.create(&PostParams::default(), &map).await.is_ok());
}
