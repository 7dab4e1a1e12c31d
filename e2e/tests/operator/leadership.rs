//! Two operators: one leads, the other stands by and takes over. Never two at once.

use std::time::{Duration, Instant};

use kube::api::{Patch, PatchParams};
use tenantry_e2e::operator::NAMESPACE;
use tenantry_e2e::{Cluster, Options, objects};

use crate::program::{self, Operator};
use crate::scene::{self, onboard, plain_tenant};

async fn holder(cluster: &Cluster) -> String {
    let client = cluster.client().await.expect("client");
    let lease = scene::get(&client, "coordination.k8s.io/v1", "Lease", Some(NAMESPACE), "tenantry").await;
    lease.map(|lease| lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn one_leads_and_the_other_takes_over() {
    let cluster = Cluster::start(Options::default()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let account = program::account(&cluster).await;
    let launch = |name: &str| Operator::launch(&cluster, &account, &[&format!("--identity={name}")]);

    let mut first = launch("first");
    first.reconciles().await;
    let mut second = launch("second");
    // It stands by before it has seen who leads.
    let stands_by = |code, text: &str| code == 200 && text.starts_with("standing by") && text.contains("first");
    second.says("/readyz", stands_by).await;
    assert_eq!(holder(&cluster).await, "first");
    onboard(&client, &plain_tenant("led")).await;
    // Who stands by writes nothing.
    assert!(second.metric("tenantry_api_calls_total", "create").await < 0.5);
    assert!(first.metric("tenantry_leader", "").await > 0.5 && second.metric("tenantry_leader", "").await < 0.5);

    // Killed: the lease must expire first. A change made meanwhile is not forgotten.
    first.kill();
    let began = Instant::now();
    objects::apply(&client, &plain_tenant("orphaned")).await.expect("applied");
    second.reconciles().await;
    let took = began.elapsed();
    println!("after SIGKILL the other leads within {:.1} s", took.as_secs_f64());
    assert!(took < Duration::from_secs(20), "{took:?}");
    scene::ready(&client, "orphaned").await;
    assert_eq!(holder(&cluster).await, "second");

    // Told to stop: it gives the lease back.
    let mut third = launch("third");
    third.says("/readyz", |code, text| code == 200 && text.starts_with("standing by")).await;
    let began = Instant::now();
    let (ended_after, status) = second.terminate().await;
    assert!(status.success(), "{status}");
    third.reconciles().await;
    let took = began.elapsed();
    println!(
        "after SIGTERM it ends in {:.1} s, the other leads within {:.1} s",
        ended_after.as_secs_f64(),
        took.as_secs_f64()
    );
    assert!(took < Duration::from_secs(4), "{took:?}");
    onboard(&client, &plain_tenant("led-again")).await;
}

#[tokio::test]
async fn a_leader_whose_lease_was_taken_stops() {
    let cluster = Cluster::start(Options::default()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let mut operator = Operator::start(&cluster).await;
    let lease =
        scene::get(&client, "coordination.k8s.io/v1", "Lease", Some(NAMESPACE), "tenantry").await.expect("there");
    let patch = Patch::Merge(serde_json::json!({
        "spec": { "holderIdentity": "thief", "renewTime": lease["spec"]["renewTime"] },
    }));
    let mut typed = lease.clone();
    typed["apiVersion"] = "coordination.k8s.io/v1".into();
    typed["kind"] = "Lease".into();
    objects::collection(&client, &typed).patch("tenantry", &PatchParams::default(), &patch).await.expect("stolen");
    let status = operator.ends().await;
    assert_eq!(status.code(), Some(1), "{}", operator.log());
    operator.logs("leadership was lost").await;
}
