//! The suite as one test: all checks with the operator, all of them again without.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use tenantry_e2e::{eventually, objects, skip};

use crate::check::{Check, Expected};
use crate::program::SOON;
use crate::request::Request;
use crate::run::{self, Runs};
use crate::stage::{self, Running, Stage};
use crate::{access, benchmark, cases, grants, network, tampering, tokens, writer};

/// Row of the matrix: others than tenants.
const OTHERS: &str = "unconcerned writers";

/// All checks of all families, and what was left out.
pub async fn checks(stage: &mut Stage) -> (Vec<Check>, Vec<String>) {
    let (mut checks, left_out) = cases::checks(stage).await;
    checks.extend(access::checks(stage).await);
    checks.extend(tampering::checks(stage).await);
    checks.extend(grants::checks(stage));
    checks.extend(network::checks(stage));
    checks.extend(tokens::checks(stage));
    checks.extend(benchmark::checks(stage).await);
    (checks, left_out)
}

/// Policies and rights are known everywhere only a moment after they were written: waits for the first refusal of each policy,
/// and for the first thing that each identity may do.
pub async fn settle(stage: &Stage, checks: &[Check]) {
    let mut seen = BTreeSet::new();
    for check in checks {
        let about = check.about.as_ref().map_or(check.family, |about| about.group);
        let is_first = seen.insert((about, check.who.client.clone(), matches!(check.expected, Expected::Refused(_))));
        if is_first {
            eventually(SOON, &check.name, async || {
                let outcome = run::one(stage, check).await;
                if outcome.passed { Ok(()) } else { Err(run::fault(check, &outcome)) }
            })
            .await
            .unwrap_or_else(|late| panic!("{late}"));
        }
    }
}

#[tokio::test]
async fn isolation_holds_with_and_without_the_operator() {
    let began = Instant::now();
    let mut stage = Stage::set().await;
    if stage.has_tenant("acme").await {
        stage.strike().await;
        skip!("the cluster has a tenant acme, whose name the cases use in namespaces of their own");
    }
    let operator = Running::start(&stage).await;
    stage.populate().await;
    let (mut checks, left_out) = checks(&mut stage).await;
    let (tally, writer) = writer::start(stage.admin.clone(), stage.stranger.clone());
    let undisturbed = Expected::Answer("every write was done".to_owned());
    checks.push(Check::new(
        OTHERS,
        "writes to a namespace of no tenant",
        &stage::platform(),
        Request::Undisturbed(tally.clone()),
        undisturbed,
    ));
    settle(&stage, &checks).await;
    println!("{} checks prepared after {:.1} s", checks.len(), began.elapsed().as_secs_f64());

    let mut runs: Runs = vec![("up", run::all(&stage, &checks).await)];
    println!("with the operator: done after {:.1} s", began.elapsed().as_secs_f64());
    match operator {
        Running::Ours(operator) => {
            let (_, status) = operator.terminate().await;
            assert!(status.success(), "the operator ended with {status}");
            // The writer must have gone on while nobody was there.
            let before = tally.done();
            eventually(SOON, "more is written without the operator", async || {
                (tally.done() > before + 10).then_some(())
            })
            .await
            .unwrap_or_else(|late| panic!("{late}"));
            runs.push(("down", run::all(&stage, &checks).await));
            println!("without the operator: done after {:.1} s", began.elapsed().as_secs_f64());
        }
        Running::Theirs => {
            println!("SKIPPED: the run without the operator: it runs in this cluster, and is not ours to stop");
        }
    }
    writer.abort();

    for line in &left_out {
        println!("left out: {line}");
    }
    println!("{}", run::matrix(&checks, &runs));
    println!("quota races and the operator's own token are tried in e2e/tests/operator");
    if let Some(path) = std::env::var_os(run::FILE).filter(|value| !value.is_empty()).map(PathBuf::from) {
        let text = serde_json::to_string_pretty(&run::report(&checks, &runs, &left_out)).expect("JSON");
        std::fs::write(&path, text).expect("written");
        println!("every request, expected and actual answer: {}", path.display());
    }
    let mut faults = Vec::new();
    for (name, outcomes) in &runs {
        for (check, outcome) in checks.iter().zip(outcomes).filter(|(_, outcome)| !outcome.passed) {
            faults.push(format!("[operator {name}] {}", run::fault(check, outcome)));
        }
    }
    if let [(_, up), (_, down)] = runs.as_slice() {
        for ((check, up), down) in checks.iter().zip(up).zip(down) {
            if up.actual != down.actual || up.control != down.control {
                faults.push(format!("not the same without the operator: {}: {up:?}, {down:?}", check.name));
            }
        }
    }
    no_policy_has_warnings(&stage).await;
    println!("{} checks, {} answers, {:.1} s", checks.len(), checks.len() * runs.len(), began.elapsed().as_secs_f64());
    stage.strike().await;
    assert!(faults.is_empty(), "{}:\n{}", faults.len(), faults.join("\n"));
    assert!(checks.len() >= 300, "{} checks", checks.len());
}

/// The controller-manager checks the types of expressions after the fact and notes what cannot be right.
async fn no_policy_has_warnings(stage: &Stage) {
    let version = "admissionregistration.k8s.io/v1";
    eventually(SOON, "all policies are type-checked without a warning", async || {
        let policies = objects::list(&stage.admin, version, "ValidatingAdmissionPolicy", None, "")
            .await
            .map_err(|error| error.to_string())?;
        for policy in policies.iter().filter(|policy| objects::name(policy).starts_with("tenantry-")) {
            let status = &policy["status"];
            if status["observedGeneration"] != policy["metadata"]["generation"]
                || status["typeChecking"]["expressionWarnings"].as_array().is_some_and(|warnings| !warnings.is_empty())
            {
                return Err(format!("{}: {status}", objects::name(policy)));
            }
        }
        Ok(())
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}
