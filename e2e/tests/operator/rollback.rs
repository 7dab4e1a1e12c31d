//! Rollouts that fail, on a real control plane: what was available before comes back once and stays, the spec is left alone, and an
//! operator that was away meanwhile comes to the same.

use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};
use tenantry_e2e::audit::{Audit, Request};
use tenantry_e2e::operator::USER;
use tenantry_e2e::{Cluster, Options, eventually, objects};

use crate::program::{Operator, SOON};
use crate::scene::{self, get, onboard, plain_tenant};
use crate::workloads::{is, run, workload};

/// An application of this image; none of its pods finds a node if it is a bad one.
fn web(image: &str, bad: bool) -> Value {
    let mut spec = json!({
        "image": format!("registry.example/{image}"), "ports": [{ "name": "http", "port": 8080 }],
        "scaling": { "minReplicas": 2 }, "rollout": { "progressDeadline": "3s", "onFailure": "Rollback" },
    });
    if bad {
        spec["placement"] = json!({ "nodeSelector": { "no": "such-node" } });
    }
    workload("Application", "returning-dev", "web", &spec)
}

async fn deployment(client: &Client) -> Value {
    get(client, "apps/v1", "Deployment", Some("returning-dev"), "web-app").await.expect("exists")
}

fn image(deployment: &Value) -> &str {
    deployment["spec"]["template"]["spec"]["containers"][0]["image"].as_str().expect("an image")
}

#[tokio::test]
async fn what_fails_is_rolled_back_once_and_the_spec_is_left_alone() {
    let cluster = Cluster::start(Options::with_nodes(2).with_audit_log()).await.expect("starts");
    let client = cluster.client().await.expect("client");
    scene::prepare(&cluster).await;
    let operator = Operator::start(&cluster).await;
    onboard(&client, &plain_tenant("returning")).await;
    run(&client, &[web("a:1", false)]).await;

    objects::apply(&client, &web("a:2", true)).await.expect("applied");
    let found = is(&client, &web("a:2", true), "Applied", "False", "RolledBack").await;
    assert_eq!(found["spec"]["image"], "registry.example/a:2", "the spec is its owner's");
    let found = is(&client, &web("a:2", true), "Available", "True", "").await;
    assert_eq!(found["status"]["url"], "http://web-app.returning-dev.svc:8080", "what runs is called as before");
    is(&client, &web("a:2", true), "Ready", "False", "RolledBack").await;
    let back = deployment(&client).await;
    assert_eq!(image(&back), "registry.example/a:1");

    // It stays, whoever looks.
    operator.kill();
    let audit = Audit::from_now(&cluster.audit_log().expect("asked for")).expect("readable");
    let operator = Operator::start(&cluster).await;
    scene::stays(Duration::from_secs(10), async || {
        let now = deployment(&client).await;
        if now["metadata"]["generation"] == back["metadata"]["generation"] {
            Ok(())
        } else {
            Err(now["spec"].to_string())
        }
    })
    .await;
    let requests = audit.requests_of(USER).expect("readable");
    // Of the tenant, what it uses is told now and then.
    let is_of_another = |one: &Request| {
        one.is_lease() || ["events", "tenants/status", "tenantviews/status"].contains(&one.resource.as_str())
    };
    let writes: Vec<String> =
        requests.iter().filter(|one| one.is_write() && !is_of_another(one)).map(Request::to_string).collect();
    assert!(writes.is_empty(), "{writes:?}");

    // Something else is tried; its deadline passes while nobody is there to see it.
    objects::apply(&client, &web("a:3", true)).await.expect("applied");
    eventually(SOON, "the next one is tried", async || {
        let now = deployment(&client).await;
        if image(&now) == "registry.example/a:3" { Ok(()) } else { Err(image(&now).to_owned()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    operator.kill();
    eventually(SOON, "its deadline passes", async || {
        let now = deployment(&client).await;
        let conditions = now["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let late = conditions.iter().any(|one| one["reason"] == "ProgressDeadlineExceeded");
        if late { Ok(()) } else { Err(now["status"].to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
    let _operator = Operator::start(&cluster).await;
    is(&client, &web("a:3", true), "Applied", "False", "RolledBack").await;
    assert_eq!(image(&deployment(&client).await), "registry.example/a:1");

    // And one that works is ready.
    objects::apply(&client, &web("a:4", false)).await.expect("applied");
    is(&client, &web("a:4", false), "Ready", "True", "").await;
    assert_eq!(image(&deployment(&client).await), "registry.example/a:4");
}
