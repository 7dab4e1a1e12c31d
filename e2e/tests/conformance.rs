//! The in-memory API server against the real one: the same random requests to both, and the answers and events compared.

use std::ops::Range;

use tenantry_e2e::{Cluster, Component, Options};
use tenantry_testkit::conformance::{compare, generate, prepare, run, versions, watch};
use tenantry_testkit::server::ApiServer;

/// Seeds of the request lists; `CONFORMANCE_SEEDS=10..30` runs others.
const SEEDS: Range<u64> = 0..4;
const LENGTH: usize = 400;

fn seeds() -> Range<u64> {
    let given = std::env::var_os("CONFORMANCE_SEEDS").and_then(|text| text.into_string().ok());
    let given = given.and_then(|text| {
        let (first, last) = text.split_once("..")?;
        Some(first.parse().ok()?..last.parse().ok()?)
    });
    given.unwrap_or(SEEDS)
}

#[tokio::test]
async fn the_fake_answers_as_the_real_server_does() {
    let cluster = Cluster::start(Options::default()).await.expect("starts");
    // The background controllers would change objects between two requests.
    cluster.control_plane().expect("ours").pause_component(Component::ControllerManager).expect("pauses");
    let clients = [cluster.client().await.expect("client"), ApiServer::new(1).client()];
    for client in &clients {
        prepare(client).await.expect("prepares");
    }
    let mut report = Vec::new();
    for seed in seeds() {
        let steps = generate(seed, LENGTH);
        let (mut answers, mut events) = (Vec::new(), Vec::new());
        for client in &clients {
            let from = versions(client).await.expect("lists");
            answers.push(run(client, &steps).await.expect("answers"));
            events.push(watch(client, &from).await.expect("watches"));
        }
        let differences = compare(&steps, &answers[0], &answers[1]);
        println!(
            "seed {seed}: {} requests, {} events, {} differences",
            steps.len(),
            events[0].len(),
            differences.len()
        );
        report.extend(differences.iter().map(|difference| format!("seed {seed}, {difference}")));
        if events[0] != events[1] {
            let first = events[0].iter().zip(&events[1]).find(|(real, fake)| real != fake);
            let shown = first.map(|(real, fake)| format!("- {real}\n+ {fake}")).unwrap_or_default();
            let (real, fake) = (events[0].len(), events[1].len());
            report.push(format!("seed {seed}, watches: {real} events and {fake}\n{shown}"));
        }
    }
    cluster.stop().await.expect("stops");
    assert!(report.is_empty(), "{} differences (- real, + fake):\n{}", report.len(), report.join("\n"));
}
