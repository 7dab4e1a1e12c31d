//! Nobody has rights in a namespace that is not yet closed and bounded: watched from outside, in the server's own order.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use kube::api::{DynamicObject, ListParams, WatchEvent, WatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tenantry_core::names;
use tenantry_core::resources::{NAMESPACE, NETWORK_POLICY, RESOURCE_QUOTA, ROLE_BINDING, Resource};
use tenantry_e2e::{Cluster, Component, Options, eventually, objects};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::program::{Operator, SOON};
use crate::scene::{self, onboard, plain_tenant, ready, stage};

const WATCHED: [&Resource; 4] = [&NAMESPACE, &NETWORK_POLICY, &RESOURCE_QUOTA, &ROLE_BINDING];

/// What happened to objects since this was made, in the server's own order. All kinds of a server share one count of versions.
struct History {
    watches: JoinSet<()>,
    events: mpsc::UnboundedReceiver<(u64, Value)>,
}

fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|version| version.parse().ok()).expect("a number")
}

impl History {
    /// One watch for each kind, none of which knows of the others.
    async fn record(client: &Client) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let mut watches = JoinSet::new();
        for resource in WATCHED {
            let api: Api<DynamicObject> = objects::collection_of(client, &resource.api_version(), resource.kind, None);
            let from =
                api.list(&ListParams::default()).await.expect("listed").metadata.resource_version.expect("has one");
            let sender = sender.clone();
            watches.spawn(async move {
                let stream = api.watch(&WatchParams::default().timeout(290), &from).await.expect("watches");
                let mut stream = std::pin::pin!(stream);
                while let Some(event) = stream.next().await {
                    if let Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) = event {
                        let mut object = serde_json::to_value(object).expect("JSON");
                        object["kind"] = resource.kind.into();
                        let _ = sender.send((version(&object), object));
                    }
                }
            });
        }
        Self { watches, events }
    }

    /// What was seen so far, by namespace, in order.
    async fn until_all_have(mut self, namespaces: &[String], kind: &str) -> BTreeMap<String, Vec<(u64, Value)>> {
        let mut seen: BTreeMap<String, Vec<(u64, Value)>> = BTreeMap::new();
        let done = async {
            while let Some((version, object)) = self.events.recv().await {
                let place = if object["kind"] == "Namespace" { "name" } else { "namespace" };
                let place = object["metadata"][place].as_str().expect("text").to_owned();
                seen.entry(place).or_default().push((version, object));
                // Bindings of a namespace that ends stay until nothing else is left in it: only later ones count.
                let has = |name: &String| {
                    let events = seen.get(name).map(Vec::as_slice).unwrap_or_default();
                    let born = events.iter().find(|(_, object)| is_new_namespace(object)).map(|(version, _)| *version);
                    born.is_some_and(|born| events.iter().any(|(at, object)| *at > born && object["kind"] == kind))
                };
                if namespaces.iter().all(has) {
                    return;
                }
            }
        };
        tokio::time::timeout(SOON, done).await.expect("in time");
        self.watches.abort_all();
        for events in seen.values_mut() {
            events.sort_by_key(|(version, _)| *version);
        }
        seen
    }
}

fn is_new_namespace(object: &Value) -> bool {
    object["kind"] == "Namespace" && object["metadata"]["deletionTimestamp"].is_null()
}

/// When something was first so.
fn first(events: &[(u64, Value)], what: &str, is: impl Fn(&Value) -> bool) -> u64 {
    events.iter().find(|(_, object)| is(object)).unwrap_or_else(|| panic!("never: {what}\n{events:#?}")).0
}

fn denies_by_default(policy: &Value) -> bool {
    policy["kind"] == "NetworkPolicy"
        && policy["metadata"]["name"] == names::DEFAULT_DENY
        && policy["spec"]["podSelector"] == json!({})
        && policy["spec"]["policyTypes"] == json!(["Ingress", "Egress"])
}

#[tokio::test]
async fn rights_come_last() {
    let cluster = stage().await;
    let client = cluster.client().await.expect("client");
    let tenants = ["born-a", "born-b", "born-c"];
    let history = History::record(&client).await;
    for name in tenants {
        let mut tenant = plain_tenant(name);
        tenant["spec"]["environments"] = json!([scene::environment("dev"), scene::environment("prod")]);
        objects::apply(&client, &tenant).await.expect("applied");
    }
    // A member who tries from the first moment on, by real requests.
    let member = cluster.user("eager@example.com", &["born-a-developers"]).expect("issued");
    let member = member.client().await.expect("client");
    let map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": "first", "namespace": "born-a-dev" },
    });
    let first_write =
        eventually(SOON, "the member may write", async || objects::create(&member, &map).await).await.expect("in time");
    let namespaces: Vec<String> =
        tenants.iter().flat_map(|name| ["", "-dev", "-prod"].map(|ending| format!("{name}{ending}"))).collect();
    let seen = history.until_all_have(&namespaces, "RoleBinding").await;
    for name in &namespaces {
        let events = &seen[name];
        let (born, namespace) = &events[0];
        assert_eq!(namespace["kind"], "Namespace", "{name}: nothing before the namespace");
        for key in ["tenantry.dev/tenant", "tenantry.dev/environment", "pod-security.kubernetes.io/enforce"] {
            assert!(namespace["metadata"]["labels"][key].is_string(), "{name} was created without {key}: {namespace}");
        }
        assert!(namespace["metadata"]["annotations"]["tenantry.dev/owner"].is_string(), "{name}: {namespace}");
        let closed = first(events, "closed by a default-deny policy", denies_by_default);
        let quota = first(events, "a quota", |object| object["kind"] == "ResourceQuota");
        let bounded = first(events, "bounded by a quota in force", |object| {
            object["kind"] == "ResourceQuota"
                && object["status"]["hard"].is_object()
                && object["status"]["hard"] == object["spec"]["hard"]
        });
        let rights = first(events, "open to its members", |object| object["kind"] == "RoleBinding");
        assert!(
            *born < closed && closed < quota && quota < bounded && bounded < rights,
            "{name}: born {born}, closed {closed}, quota {quota}, in force {bounded}, open {rights}"
        );
        if name == "born-a-dev" {
            assert!(version(&first_write) > rights, "written at {}, open {rights}", version(&first_write));
        }
    }
    for name in tenants {
        ready(&client, name).await;
    }
}

#[tokio::test]
async fn without_a_quota_in_force_nobody_has_rights() {
    let cluster = Cluster::start(Options::default()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let _operator = Operator::start(&cluster).await;
    let plane = cluster.control_plane().expect("ours");
    // Nobody fills the quota's status now.
    plane.pause_component(Component::ControllerManager).expect("paused");
    objects::apply(&client, &plain_tenant("waiting")).await.expect("applied");
    eventually(SOON, "the quota exists", async || {
        let children = scene::children(&client, "waiting").await;
        children.keys().any(|title| title.starts_with("ResourceQuota waiting-dev/")).then_some(())
    })
    .await
    .expect("in time");
    let nobody_has_rights = async || {
        let children = scene::children(&client, "waiting").await;
        match children.keys().find(|title| title.starts_with("RoleBinding")) {
            Some(title) => Err(format!("{title} exists")),
            None => Ok(()),
        }
    };
    scene::stays(Duration::from_secs(4), nobody_has_rights).await;
    // After its moment of patience the status says what is waited for.
    let found = scene::is(&client, "waiting", "Ready", "Unknown", |_| true).await;
    assert!(found["status"]["conditions"].to_string().contains("quota"), "{}", found["status"]["conditions"]);
    // Nor does a spec whose quotas are refused open what is not bounded yet.
    let mut refused = plain_tenant("waiting");
    refused["spec"]["quota"] = json!({ "requests.nonsense": "1" });
    objects::apply(&client, &refused).await.expect("applied");
    scene::is(&client, "waiting", "Accepted", "False", |_| true).await;
    scene::stays(Duration::from_secs(2), nobody_has_rights).await;
    plane.resume_component(Component::ControllerManager).expect("resumed");
    onboard(&client, &plain_tenant("waiting")).await;
}

#[tokio::test]
async fn a_namespace_lost_is_born_again_in_the_same_order() {
    let client = stage().await.client().await.expect("client");
    onboard(&client, &plain_tenant("reborn")).await;
    let history = History::record(&client).await;
    objects::delete(&client, &json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "reborn-dev" } }))
        .await
        .expect("deleted");
    let name = "reborn-dev".to_owned();
    let before =
        scene::get(&client, "v1", "Namespace", None, &name).await.map(|found| found["metadata"]["uid"].clone());
    eventually(SOON, "it is a new one", async || {
        let now = scene::get(&client, "v1", "Namespace", None, &name).await.ok_or("gone")?;
        let children = scene::children(&client, "reborn").await;
        let bound = children.keys().any(|title| title.starts_with("RoleBinding reborn-dev/"));
        if Some(&now["metadata"]["uid"]) != before.as_ref() && bound { Ok(()) } else { Err("not all there") }
    })
    .await
    .expect("in time");
    ready(&client, "reborn").await;
    let seen = history.until_all_have(std::slice::from_ref(&name), "RoleBinding").await;
    let events = &seen[&name];
    let born = first(events, "a new namespace", is_new_namespace);
    let events: Vec<_> = events.iter().filter(|(version, _)| *version >= born).cloned().collect();
    let closed = first(&events, "closed", denies_by_default);
    let bounded =
        first(&events, "bounded", |object| object["kind"] == "ResourceQuota" && object["status"]["hard"].is_object());
    let rights = first(&events, "open", |object| object["kind"] == "RoleBinding");
    assert!(born < closed && closed < bounded && bounded < rights, "{born} {closed} {bounded} {rights}");
}
