//! A leader whose renewal is late may not write for a moment. What it looked at meanwhile must not be dropped for good.

use std::time::Duration;

use http::{Method, Request};
use kube::Client;
use serde_json::{Value, json};
use tenantry_core::kinds::KINDS;
use tenantry_testkit::faults::{CallFault, Pattern};
use tenantry_testkit::server::{ApiServer, Verb};
use tenantry_testkit::simulation::operator::{Replica, clock};
use tenantry_testkit::simulation::outside::Servers;
use tokio::time::{sleep, timeout};

const OPERATOR: &str = "tenantry-a";
const CLASSES: &str = "/apis/tenantry.dev/v1alpha1/tenantclasses";

async fn request(user: &Client, method: Method, path: &str, body: &Value) -> Value {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json").body(body);
    user.request(request.expect("a request")).await.expect("is done")
}

#[tokio::test(start_paused = true)]
async fn what_was_looked_at_while_leadership_had_lapsed_is_looked_at_again() {
    let server = ApiServer::new(1);
    let user = server.client_as("user");
    for kind in KINDS {
        let definition = serde_json::to_value((kind.crd)()).unwrap();
        request(&user, Method::POST, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).await;
    }
    server.controllers_settle();
    let outside = Servers::default();
    let replica = Replica { agent: OPERATOR, kinds: KINDS, elects: true, seed: 1, outside, clock: clock() };
    let _operator = replica.start(&server);
    sleep(Duration::from_secs(5)).await;

    let renewals = || {
        let record = server.record();
        record.iter().filter(|entry| entry.call.resource == "leases" && entry.call.verb == Verb::Update).count()
    };
    let before = renewals();
    while renewals() == before {
        sleep(Duration::from_millis(10)).await;
    }
    // The next renewal comes 2 s after this one and takes 9 s: from the 10th second to the 11th the lease may not be relied on.
    let renewal = Pattern::agent(OPERATOR).verb(Verb::Update).resource("leases");
    server.faults().on_calls(renewal, 1, CallFault::Delay(Duration::from_secs(9)));
    sleep(Duration::from_millis(10_500)).await;
    let class = json!({
        "apiVersion": "tenantry.dev/v1alpha1",
        "kind": "TenantClass",
        "metadata": {"name": "late"},
        "spec": {},
    });
    request(&user, Method::POST, CLASSES, &class).await;

    let told = async {
        let path = format!("{CLASSES}/late");
        while request(&user, Method::GET, &path, &Value::Null).await["status"]["observedGeneration"] != 1 {
            sleep(Duration::from_secs(1)).await;
        }
    };
    timeout(Duration::from_mins(1), told).await.expect("the class has a status within a minute");
}
