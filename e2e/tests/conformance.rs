//! The in-memory API server against the real one: the same random requests to both, and the answers compared.

use tenantry_e2e::{Cluster, Component, Options};
use tenantry_testkit::conformance::{compare, generate, prepare, run, versions, watch};
use tenantry_testkit::server::ApiServer;

/// Seeds of the request lists, and how long each is. `CONFORMANCE_SEEDS=5..9` runs others.
const SEEDS: std::ops::Range<u64> = 0..6;
const LENGTH: usize = 400;

#[tokio::test]
async fn the_fake_answers_as_the_real_server_does() {
    let seeds = std::env::var_os("CONFORMANCE_SEEDS").and_then(|text| {
        let text = text.into_string().ok()?;
        let (first, last) = text.split_once("..")?;
        Some(first.parse().ok()?..last.parse().ok()?)
    });
    let mut report = String::new();
    let mut count = 0;
    for seed in seeds.unwrap_or(SEEDS) {
        let cluster = Cluster::start(Options::default()).await.expect("starts");
        // The background controllers would change objects between two requests.
        cluster.control_plane().expect("ours").pause_component(Component::ControllerManager).expect("pauses");
        let real = cluster.client().await.expect("client");
        let fake = ApiServer::new(seed).client();
        let steps = generate(seed, LENGTH);
        let (mut answers, mut events) = (Vec::new(), Vec::new());
        for client in [&real, &fake] {
            prepare(client).await.expect("prepares");
            let from = versions(client).await.expect("lists");
            answers.push(run(client, &steps).await.expect("answers"));
            events.push(watch(client, &from).await.expect("watches"));
        }
        if let Some(file) = std::env::var_os("CONFORMANCE_TRACE") {
            let lines = steps.iter().zip(answers[0].iter().zip(&answers[1])).enumerate();
            let lines = lines.map(|(index, (step, (real, fake)))| {
                format!("{index} {step}\n  - {} {} {}\n  + {} {} {}\n", real.code, real.message, real.body, fake.code, fake.message, fake.body)
            });
            std::fs::write(file, lines.collect::<String>()).expect("writes the trace");
        }
        let differences = compare(&steps, &answers[0], &answers[1]);
        count += differences.len();
        for difference in differences {
            report += &format!("seed {seed}, {difference}\n");
        }
        if events[0] != events[1] {
            count += 1;
            let pairs = events[0].iter().zip(&events[1]);
            let first = pairs.clone().position(|(real, fake)| real != fake);
            let (real, fake) = (events[0].len(), events[1].len());
            let shown = first.map(|index| format!("- {}\n+ {}", events[0][index], events[1][index]));
            report += &format!("seed {seed}, watches: {real} events and {fake}, first different:\n{}\n", shown.unwrap_or_default());
        }
        cluster.stop().await.expect("stops");
    }
    assert!(count == 0, "{count} differences (- real, + fake):\n{report}");
}
