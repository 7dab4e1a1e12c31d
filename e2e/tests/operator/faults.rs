//! Processes that die, hang and come back in the middle of onboarding: the end is the same as without, and nothing is left over.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};
use tenantry_core::content::hash_observed;
use tenantry_core::meta;
use tenantry_e2e::{Cluster, Component, Options, eventually, objects};

use crate::program::{self, Operator, SOON};
use crate::scene::{self, environment, onboard, plain_tenant, ready, resource_of};

/// A few tenants with what tenants have.
fn tenants(prefix: &str, count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| {
            let mut tenant = plain_tenant(&format!("{prefix}-{number}"));
            tenant["spec"]["environments"] = json!([environment("dev"), environment("stage"), environment("prod")]);
            tenant
        })
        .collect()
}

/// What a tenant has, without what differs from one tenant to the next.
async fn shape(client: &Client, tenant: &str) -> BTreeMap<String, String> {
    let children = scene::children(client, tenant).await;
    children
        .into_iter()
        .map(|(title, object)| {
            let uid = meta::Owner::marked_on(&object).expect("an owner mark").uid;
            let text = object.to_string().replace(&uid, "uid").replace(tenant, "x");
            let mut object: Value = serde_json::from_str(&text).expect("JSON");
            object["metadata"]["managedFields"] = Value::Null;
            let kind = resource_of(&object);
            let content = if kind.kind == "Namespace" {
                json!([object["metadata"]["labels"], object["metadata"]["annotations"]]).to_string()
            } else {
                hash_observed(kind, &object).to_string()
            };
            (title.replace(tenant, "x"), content)
        })
        .collect()
}

/// Everything Tenantry ever wrote, by the tenant it says it is for.
async fn of_unknown_tenants(client: &Client, known: &[String]) -> Vec<String> {
    let mut leaked = Vec::new();
    for resource in scene::CHILD_KINDS {
        let label = format!("{}={}", meta::MANAGED_BY, meta::MANAGER);
        for object in objects::list(client, &resource.api_version(), resource.kind, None, &label).await.expect("listed")
        {
            let tenant = object["metadata"]["labels"][meta::TENANT].as_str().unwrap_or_default();
            if !known.iter().any(|name| name == tenant) {
                leaked.push(objects::title(&object));
            }
        }
    }
    leaked
}

#[tokio::test]
async fn onboarding_survives_whatever_dies() {
    let cluster = Cluster::start(Options::default()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    let plane = cluster.control_plane().expect("ours");
    scene::prepare(&cluster).await;
    let mut operator = Operator::start(&cluster).await;
    let mut clean = plain_tenant("clean");
    clean["spec"]["environments"] = json!([environment("dev"), environment("stage"), environment("prod")]);
    onboard(&client, &clean).await;
    let wanted = shape(&client, "clean").await;
    let mut known = vec!["clean".to_owned()];

    let mut check = async |what: &str, tenants: &[Value]| {
        for tenant in tenants {
            let name = objects::name(tenant);
            ready(&client, name).await;
            assert_eq!(shape(&client, name).await, wanted, "{what}: {name} (left) and the clean one");
            known.push(name.to_owned());
        }
        assert_eq!(of_unknown_tenants(&client, &known).await, Vec::<String>::new(), "{what}");
    };

    // The API server dies in the middle and comes back.
    let batch = tenants("api", 6);
    for tenant in &batch {
        objects::apply(&client, tenant).await.expect("applied");
    }
    tokio::time::sleep(Duration::from_millis(120)).await;
    plane.kill_component(Component::ApiServer).expect("killed");
    plane.start_component(Component::ApiServer).expect("started");
    plane.wait_until_ready(&client).await.expect("ready again");
    // It may have given up leading meanwhile; whoever runs it starts it again.
    if operator.has_ended() {
        operator = Operator::launch(&cluster, &program::account(&cluster).await, &[]);
    }
    check("after SIGKILL of kube-apiserver", &batch).await;

    // The store hangs for five seconds.
    let batch = tenants("etcd", 6);
    for tenant in &batch {
        objects::apply(&client, tenant).await.expect("applied");
    }
    tokio::time::sleep(Duration::from_millis(80)).await;
    plane.pause_component(Component::Etcd).expect("paused");
    tokio::time::sleep(Duration::from_secs(5)).await;
    plane.resume_component(Component::Etcd).expect("resumed");
    check("after etcd hung", &batch).await;
    assert!(!operator.has_ended(), "five seconds are less than it takes to lose the lease: {}", operator.log());

    // The operator itself dies at moments that nobody chose.
    for (round, pause) in [10_u64, 45, 90, 160, 300].into_iter().enumerate() {
        let batch = tenants(&format!("self-{round}"), 2);
        for tenant in &batch {
            objects::apply(&client, tenant).await.expect("applied");
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
        operator.kill();
        release_lease(&client).await;
        operator = Operator::start(&cluster).await;
        check(&format!("after SIGKILL of the operator at {pause} ms"), &batch).await;
    }
}

/// As if the lease had expired: fifteen seconds that every round would cost.
async fn release_lease(client: &Client) {
    let lease = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": "tenantry", "namespace": "tenantry-system" } });
    objects::delete(client, &lease).await.expect("deleted");
}

#[tokio::test]
async fn a_kind_that_is_missing_stops_only_what_needs_it() {
    let cluster = Cluster::start(Options::default()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let crd = |name: &str| json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": name } });
    let platforms = crd("tenantryplatforms.tenantry.dev");
    let tenants = crd("tenants.tenantry.dev");
    for missing in [&platforms, &tenants] {
        objects::delete(&client, missing).await.expect("deleted");
        eventually(SOON, "the CRD is gone", async || {
            objects::collection(&client, missing)
                .get_opt(objects::name(missing))
                .await
                .expect("answers")
                .is_none()
                .then_some(())
        })
        .await
        .expect("in time");
    }
    let account = program::account(&cluster).await;
    let mut operator = Operator::launch(&cluster, &account, &[]);
    // Once the others are listed, only these are waited for, one line each.
    let are_two = |code, text: &str| code == 503 && text.lines().count() == 3 && text.contains("install the CRDs");
    let text = operator.says("/readyz", are_two).await;
    assert!(text.contains("tenants:") && text.contains("tenantryplatforms:"), "{text}");
    operator.logs("install the CRDs").await;
    // What does not need it goes on.
    scene::is_of(&client, "TenantClass", scene::CLASS, "Ready", "True").await;
    program::prepare(&cluster).await;
    operator.reconciles().await;
    onboard(&client, &plain_tenant("late")).await;

    // Deleted and installed again in flight: namespaces and what is in them stay. Tenants are held by their finalizer until the
    // operator has let them go.
    let before: Vec<(String, String)> = uids(&client, "late").await;
    let map =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "data", "namespace": "late-dev" } });
    objects::apply(&client, &map).await.expect("applied");
    objects::delete(&client, &tenants).await.expect("deleted");
    eventually(SOON, "the CRD is gone", async || {
        objects::collection(&client, &tenants)
            .get_opt(objects::name(&tenants))
            .await
            .expect("answers")
            .is_none()
            .then_some(())
    })
    .await
    .expect("in time");
    let namespaces = |all: &[(String, String)]| -> Vec<(String, String)> {
        all.iter().filter(|(title, _)| title.starts_with("Namespace")).cloned().collect()
    };
    assert_eq!(namespaces(&uids(&client, "late").await), namespaces(&before), "no namespace is lost with the CRD");
    program::prepare(&cluster).await;
    onboard(&client, &plain_tenant("late")).await;
    assert_eq!(namespaces(&uids(&client, "late").await), namespaces(&before), "they are taken back");
    assert!(scene::get(&client, "v1", "ConfigMap", Some("late-dev"), "data").await.is_some());
}

async fn uids(client: &Client, tenant: &str) -> Vec<(String, String)> {
    let children = scene::children(client, tenant).await;
    children.into_iter().map(|(title, object)| (title, object["metadata"]["uid"].to_string())).collect()
}
