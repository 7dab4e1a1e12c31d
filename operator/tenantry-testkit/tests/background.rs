//! Lists, old resourceVersions and the background controllers of the in-memory API server.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::api::{
    DeleteParams, ListParams, PartialObjectMeta, PostParams, PropagationPolicy, VersionMatch, WatchEvent, WatchParams,
};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tenantry_testkit::server::ApiServer;

async fn create(api: &Api<ConfigMap>, metadata: Value) -> ConfigMap {
    let map = serde_json::from_value(json!({"metadata": metadata})).expect("a test writes valid objects");
    api.create(&PostParams::default(), &map).await.expect("is created")
}

fn code(error: &kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        _ => 0,
    }
}

#[tokio::test(start_paused = true)]
async fn pages_are_of_one_snapshot() {
    let server = ApiServer::new(1);
    let api: Api<ConfigMap> = Api::namespaced(server.client(), "kube-public");
    for name in ["a", "b", "c"] {
        create(&api, json!({"name": name})).await;
    }
    let first = api.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!((first.items.len(), first.metadata.remaining_item_count), (2, Some(2)));
    create(&api, json!({"name": "d"})).await;
    api.delete("c", &DeleteParams::default()).await.unwrap();
    let token = first.metadata.continue_.unwrap();
    let rest = api.list(&ListParams::default().continue_token(&token)).await.unwrap();
    assert_eq!(rest.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), ["c", "kube-root-ca.crt"]);
    server.compact();
    create(&api, json!({"name": "e"})).await;
    let late = api.list(&ListParams::default().continue_token(&token)).await.unwrap_err();
    assert_eq!(code(&late), 410);
}

#[tokio::test(start_paused = true)]
async fn resource_versions_too_old_and_too_new() {
    let server = ApiServer::new(1);
    let api: Api<ConfigMap> = Api::namespaced(server.client(), "default");
    let future = (server.revision() + 100).to_string();
    let ahead = ListParams {
        resource_version: Some(future.clone()),
        version_match: Some(VersionMatch::NotOlderThan),
        ..ListParams::default()
    };
    assert_eq!(code(&api.list(&ahead).await.unwrap_err()), 504);
    let silent = api.watch(&WatchParams::default().timeout(3), &future).await.unwrap();
    create(&api, json!({"name": "a"})).await;
    assert!(silent.try_collect::<Vec<_>>().await.unwrap().is_empty());
    let old = server.revision().to_string();
    create(&api, json!({"name": "b"})).await;
    server.compact();
    let events = api.watch(&WatchParams::default().timeout(3), &old).await.unwrap();
    match events.try_collect::<Vec<_>>().await.unwrap().as_slice() {
        [WatchEvent::Error(status)] => assert_eq!((status.code, status.reason.as_str()), (410, "Expired")),
        other => assert!(other.is_empty(), "{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn bookmarks_and_metadata_only() {
    let server = ApiServer::new(1);
    let api: Api<Secret> = Api::namespaced(server.client(), "default");
    let secret = serde_json::from_value(json!({"metadata": {"name": "s"}, "stringData": {"k": "v"}})).unwrap();
    let made = api.create(&PostParams::default(), &secret).await.unwrap();
    assert_eq!(made.data.unwrap()["k"].0, b"v");
    let only = api.list_metadata(&ListParams::default()).await.unwrap();
    assert_eq!(only.items[0].types.as_ref().unwrap().kind, "PartialObjectMetadata");
    let version = only.metadata.resource_version.unwrap();
    let watch = api.watch_metadata(&WatchParams::default().timeout(100), &version).await.unwrap();
    let start = tokio::time::Instant::now();
    let events: Vec<WatchEvent<PartialObjectMeta<Secret>>> = watch.try_collect().await.unwrap();
    assert!(matches!(events.as_slice(), [WatchEvent::Bookmark(_)]), "{events:?}");
    assert_eq!(start.elapsed(), Duration::from_secs(100));
}

#[tokio::test(start_paused = true)]
async fn garbage_is_collected() {
    let server = ApiServer::new(1);
    let api: Api<ConfigMap> = Api::namespaced(server.client(), "default");
    let owner = create(&api, json!({"name": "owner"})).await;
    let reference = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.uid().unwrap()});
    create(&api, json!({"name": "child", "ownerReferences": [reference]})).await;
    create(&api, json!({"name": "held", "ownerReferences": [reference], "finalizers": ["example.com/hold"]})).await;
    server.controllers_settle();
    assert!(api.get_opt("child").await.unwrap().is_some());
    let foreground =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Foreground), ..DeleteParams::default() };
    api.delete("owner", &foreground).await.unwrap();
    server.controllers_settle();
    assert!(api.get_opt("child").await.unwrap().is_none());
    assert!(api.get("held").await.unwrap().metadata.deletion_timestamp.is_some());
    assert!(api.get("owner").await.is_ok(), "waits for the dependent that is held");
    let free = kube::api::Patch::Merge(json!({"metadata": {"finalizers": null}}));
    api.patch("held", &kube::api::PatchParams::default(), &free).await.unwrap();
    server.controllers_settle();
    assert!(api.get_opt("owner").await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn controllers_run_by_themselves() {
    let server = ApiServer::new(1);
    let task = server.run_controllers(Duration::from_secs(1));
    let namespaces: Api<Namespace> = Api::all(server.client());
    let watch = namespaces.watch(&WatchParams::default().timeout(30), &server.revision().to_string()).await.unwrap();
    let namespace = serde_json::from_value(json!({"metadata": {"name": "n"}})).unwrap();
    namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    namespaces.delete("n", &DeleteParams::default()).await.unwrap();
    let gone =
        watch.try_filter(|event| futures::future::ready(matches!(event, WatchEvent::Deleted(_)))).boxed().next().await;
    assert!(gone.is_some());
    task.abort();
}
