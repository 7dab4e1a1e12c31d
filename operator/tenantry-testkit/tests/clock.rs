//! What has an end by the clock ends, also where the clock is set meanwhile.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use tenantry_core::kinds::KINDS;
use tenantry_testkit::simulation::scenario::{Scenario, Step};
use tenantry_testkit::simulation::{scenarios, stage};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Longer than the pause after which a moment that is waited for is looked at again.
const A_WHILE: Duration = Duration::from_secs(40);

/// Policies of the consumer's that let out to the provider, after the clock has been set so.
fn ways_after(set: &[SignedDuration]) -> Vec<String> {
    let contract = scenarios::all().into_iter().find(|one| one.name == "a contract").expect("a story of that name");
    // An hour after the simulation begins.
    let offer = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "ServiceGrant",
        "metadata": { "name": "tickets", "namespace": "globex-dev" },
        "spec": {
            "provider": { "mcpServerRef": { "name": "tickets" } }, "consumer": { "tenant": "acme", "environment": "dev" },
            "expiresAt": "2026-01-01T01:00:00Z",
        },
    });
    let grants = "/apis/tenantry.dev/v1alpha1/namespaces/globex-dev/servicegrants".to_owned();
    let mut steps = vec![Step::Create(grants, offer), Step::Settle];
    for by in set {
        steps.extend([Step::SetClock(*by), Step::Pass(A_WHILE)]);
    }
    let scenario = Scenario::new("clock", "", contract.prelude, steps);
    let trace = stage::play(KINDS, &scenario, None, 1);
    assert_eq!(trace.runaway, None);
    let leads_there = |policy: &Value| policy["spec"]["egress"].to_string().contains("globex-dev");
    let all = trace.objects.into_iter().filter(|object| object["kind"] == "NetworkPolicy" && leads_there(object));
    all.map(|policy| format!("{}/{}", policy["metadata"]["namespace"], policy["metadata"]["name"])).collect()
}

#[test]
fn a_contract_ends_though_the_clock_is_set() {
    assert_eq!(ways_after(&[]).len(), 1, "it is open for an hour");
    assert_eq!(ways_after(&[HOUR * 2]), [] as [&str; 0], "forward");
    assert_eq!(ways_after(&[-HOUR * 24, HOUR * 26]), [] as [&str; 0], "back, and forward again");
    assert_eq!(ways_after(&[-HOUR * 24]).len(), 1, "back: it is not its time yet");
}
