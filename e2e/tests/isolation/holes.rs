//! The check of the checks: holes are made in the isolation, one after the other, and the suite must find each.

use std::collections::BTreeMap;
use std::time::Instant;

use futures::future::join_all;
use tenantry_e2e::cluster::KUBECONFIG_VARIABLE;
use tenantry_e2e::{eventually, skip};

use crate::check::Check;
use crate::hole::Hole;
use crate::program::SOON;
use crate::run;
use crate::stage::{Running, Stage};
use crate::{breach, loose, suite};

#[tokio::test]
async fn every_hole_is_found() {
    if std::env::var_os(KUBECONFIG_VARIABLE).is_some_and(|value| !value.is_empty()) {
        skip!("holes are not for a cluster that was given");
    }
    let began = Instant::now();
    let mut stage = Stage::set().await;
    let operator = Running::start(&stage).await;
    stage.populate().await;
    let (checks, _) = suite::checks(&mut stage).await;
    suite::settle(&stage, &checks).await;
    // It would repair them.
    if let Running::Ours(operator) = operator {
        operator.terminate().await;
    }
    let policies = breach::holes(&checks);
    let rights = loose::rights(&stage);
    // By the members' own requests, which meet the policies, too.
    let objects = loose::objects(&stage);
    let all = policies.len() + rights.len() + objects.len();
    println!("{all} holes, ready after {:.1} s", began.elapsed().as_secs_f64());
    let mut results = lanes(&stage, &checks, policies.into_iter().chain(rights)).await;
    results.extend(lanes(&stage, &checks, objects.into_iter()).await);
    let mut missed = Vec::new();
    let plain = |text: &str| text.replace(&format!("{}-", stage.prefix), "");
    for (hole, result) in results {
        match result {
            Ok(found) => println!("found: {} | {}", plain(&hole), plain(&found)),
            Err(why) => missed.push(format!("{hole}: {why}")),
        }
    }
    println!("{} of {all} holes found, {:.1} s", all - missed.len(), began.elapsed().as_secs_f64());
    stage.strike().await;
    assert!(missed.is_empty(), "{} holes were not found:\n{}", missed.len(), missed.join("\n"));
    assert!(all >= 30, "{all} holes");
}

/// Holes of one lane one after the other, lanes side by side.
async fn lanes(
    stage: &Stage,
    checks: &[Check],
    holes: impl Iterator<Item = Hole>,
) -> Vec<(String, Result<String, String>)> {
    let mut lanes: BTreeMap<String, Vec<Hole>> = BTreeMap::new();
    for hole in holes {
        lanes.entry(hole.lane.clone()).or_default().push(hole);
    }
    let lanes = lanes.into_values().map(async |holes| {
        let mut results = Vec::new();
        for hole in holes {
            let result = breached(stage, checks, &hole).await;
            results.push((hole.name, result));
        }
        results
    });
    join_all(lanes).await.into_iter().flatten().collect()
}

/// Opens a hole, waits until a check notices, closes it, and waits until that check is content again. Answers which it was.
async fn breached(stage: &Stage, checks: &[Check], hole: &Hole) -> Result<String, String> {
    let concerned: Vec<Check> = checks.iter().filter(|check| hole.finds.fits(check)).cloned().collect();
    if concerned.is_empty() {
        return Err("no check is about it".to_owned());
    }
    let before = hole.open(&stage.admin).await;
    let found = eventually(SOON, "a check notices", async || {
        // Another refusal is none of this hole's: what must not be has to be possible.
        run::first(stage, &concerned, |check, outcome| outcome.actual.is_ok() && !check.expected.fits(&outcome.actual))
            .await
    })
    .await;
    hole.close(&stage.admin, before).await;
    let found = found.map_err(|_| format!("{} checks noticed nothing", concerned.len()))?;
    eventually(SOON, "the hole is closed", async || {
        let outcome = run::one(stage, &found).await;
        if outcome.passed { Ok(()) } else { Err(run::fault(&found, &outcome)) }
    })
    .await
    .unwrap_or_else(|late| panic!("{}: {late}", hole.name));
    Ok(format!("{}: {}", found.family, found.name))
}
