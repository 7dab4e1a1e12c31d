//! The real engine over the in-memory API server, with faults at every call and every watch event.
//!
//! `cargo xtask sim` plays it with more seeds. `SIM_RUNS=all` tries every fault point.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tenantry_core::kind::Registration;
use tenantry_core::meta::Owner;
use tenantry_testkit::server::Verb;
use tenantry_testkit::simulation::campaign::{self, Trial, Width};
use tenantry_testkit::simulation::fault::Fault;
use tenantry_testkit::simulation::{oracle, report, scenarios, stage};

static KINDS: &[Registration] = tenantry_core::kinds::KINDS;

/// Runs with a fault in an ordinary test run.
const RUNS: usize = 400;

#[expect(clippy::disallowed_methods, reason = "tests have no command line of their own")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[test]
fn every_fault_is_survived() {
    let scenarios = scenarios::all();
    let seeds = setting("SEEDS").map_or(1, |seeds| seeds.parse().expect("SEEDS is a number"));
    let runs = match setting("SIM_RUNS").as_deref() {
        None => Some(RUNS),
        Some("all") => None,
        Some(runs) => Some(runs.parse().expect("SIM_RUNS is a number, or all")),
    };
    let results = campaign::run(KINDS, &scenarios, &Width { seeds: (1..=seeds).collect(), runs });
    println!("{}", report::summary(&results, &scenarios));
    let failures = report::failures(&results, &scenarios);
    assert!(failures.is_empty(), "{}\n{failures}", report::summary(&results, &scenarios));
}

/// Every object is written once, and nothing is tried that must fail: creation costs what the objects cost.
#[test]
fn onboarding_wastes_no_call() {
    let scenario = &scenarios::all()[0];
    let trace = stage::play(KINDS, scenario, None, 1);
    assert_eq!(trace.refusals(), BTreeMap::new());
    let ours = |object: &&Arc<Value>| Owner::marked_on(object).is_some();
    let children = trace.objects.iter().filter(ours).count();
    // A class: its status. A tenant: finalizer and inventory, and one status (that of its view is not counted).
    assert_eq!(trace.writes(), children + 1 + 2 * 2, "{}", trace.transcript());
}

/// Fifty tenants have listeners in one Gateway at once: nobody's is lost, and nobody tries in vain.
#[test]
fn a_crowd_at_one_gateway_comes_to_rest() {
    const TENANTS: usize = 50;
    let trace = stage::play(KINDS, &scenarios::crowd(TENANTS), None, 1);
    let violations = oracle::judge(KINDS, &trace, None);
    assert!(violations.is_empty(), "{violations:?}");
    let gateway = trace.objects.iter().find(|object| object["kind"] == "Gateway").expect("there");
    let listeners = gateway["spec"]["listeners"].as_array().expect("a list");
    let names: Vec<&str> = listeners.iter().filter_map(|one| one["name"].as_str()).collect();
    let stay: Vec<String> = (1..TENANTS)
        .step_by(2)
        .map(|number| format!("tenantry.team-{number:02}.http-80.team-{number:02}.example"))
        .collect();
    assert_eq!(names[0], "web");
    assert_eq!(names[1..], stay);
    let writes =
        trace.calls.iter().filter(|record| record.call.resource == "gateways" && record.call.verb == Verb::Patch);
    let (done, in_vain): (Vec<_>, Vec<_>) = writes.partition(|record| record.code == 200);
    println!("{} writes, {} in vain, at rest after {:?}", done.len(), in_vain.len(), trace.rests);
    assert_eq!(done.len(), TENANTS + TENANTS / 2, "each listener is written once, and removed once");
    assert!(in_vain.is_empty(), "{} in vain", in_vain.len());
}

#[test]
fn equal_seeds_give_equal_traces() {
    for scenario in scenarios::all().into_iter().step_by(3) {
        let one = stage::play(KINDS, &scenario, None, 7).transcript();
        let other = stage::play(KINDS, &scenario, None, 7).transcript();
        assert!(one == other, "{}: two runs with one seed differ", scenario.name);
    }
}

#[test]
fn replay() {
    let Some(name) = setting("SIM_SCENARIO") else { return };
    let all = scenarios::all();
    let index = all.iter().position(|scenario| scenario.name == name).expect("SIM_SCENARIO names a scenario");
    let fault: Option<Fault> = setting("SIM_FAULT").map(|fault| fault.parse().expect("SIM_FAULT is a fault"));
    let seed = setting("SEED").map_or(1, |seed| seed.parse().expect("SEED is a number"));
    let clean = stage::play(KINDS, &all[index], None, seed);
    let trace = stage::play(KINDS, &all[index], fault, seed);
    println!("{}", trace.transcript());
    for change in &trace.history {
        println!(
            "{:?} {:?} {} {}/{} by {}",
            change.at, change.kind, change.resource, change.namespace, change.name, change.agent
        );
    }
    for violation in oracle::judge(KINDS, &trace, fault.map(|fault| (fault, &clean))) {
        println!("{violation}");
    }
    let finding = campaign::try_one(KINDS, &all[index], Trial { scenario: index, fault, seed }, &clean);
    assert!(finding.violations.is_empty(), "{:?}", finding.violations);
}
