//! What a campaign says to people: one line of figures, and for each failure how to see it again.

use std::fmt::Write as _;
use std::time::Duration;

use super::campaign::{Finding, Results};
use super::oracle::Oracle;
use super::scenario::Scenario;

/// How many failures are shown in full.
const SHOWN: usize = 20;

/// The figures in one line.
pub fn summary(results: &Results, scenarios: &[Scenario]) -> String {
    let all = || results.clean.iter().chain(&results.findings);
    let runs = results.findings.len();
    let with = |oracles: &[Oracle]| {
        all().filter(|finding| finding.violations.iter().any(|violation| oracles.contains(&violation.oracle))).count()
    };
    let extra: usize = results.findings.iter().map(|finding| finding.extra_writes).sum();
    let most = results.findings.iter().map(|finding| finding.extra_writes).max().unwrap_or_default();
    let worst = results.findings.iter().map(|finding| finding.recovery).max().unwrap_or_default();
    let quiet = all().map(|finding| finding.quiet_requests).max().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a mean for people")]
    let mean = extra as f64 / runs.max(1) as f64;
    format!(
        "{runs} of {} fault points x {} scenarios = {} runs: {} lost, {} orphaned, {} diverged, {} unsafe; \
         worst recovery {:.1} s; extra writes {mean:.2}/{most}; requests in 60 s quiet: {quiet}",
        results.points,
        scenarios.len(),
        runs + results.clean.len(),
        with(&[Oracle::NothingLost]),
        with(&[Oracle::NothingOrphaned]),
        with(&[Oracle::SameEnd, Oracle::HonestStatus, Oracle::Converges, Oracle::FewWrites, Oracle::Quiet]),
        with(&[Oracle::Safe]),
        Duration::as_secs_f64(&worst),
    )
}

/// The failures, worst understood first: each with what broke and the command that plays it again.
pub fn failures(results: &Results, scenarios: &[Scenario]) -> String {
    let failed: Vec<&Finding> =
        results.clean.iter().chain(&results.findings).filter(|finding| !finding.violations.is_empty()).collect();
    let mut text = String::new();
    for finding in failed.iter().take(SHOWN) {
        text.push_str(&describe(finding, &scenarios[finding.trial.scenario]));
    }
    if failed.len() > SHOWN {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "and {} more", failed.len() - SHOWN);
    }
    text
}

fn describe(finding: &Finding, scenario: &Scenario) -> String {
    let fault = finding.trial.fault.map(|fault| fault.to_string()).unwrap_or_default();
    let mut text = format!(
        "{} ({}), fault {}, seed {}\n",
        scenario.name,
        scenario.about,
        if fault.is_empty() { "none" } else { &fault },
        finding.trial.seed
    );
    for violation in finding.violations.iter().take(5) {
        let _ = writeln!(text, "    {violation}");
    }
    let _ = writeln!(
        text,
        "    again: SIM_SCENARIO='{}' SIM_FAULT={fault} SEED={} cargo test -p tenantry-testkit --test simulation replay -- --nocapture",
        scenario.name, finding.trial.seed
    );
    text
}
