//! Golden cases: `src/kinds/<kind>/golden/<case>/{cr,world}.yaml` in; `plan.yaml`, `status.yaml`, `why.txt` out.
//! A folder is a test. `UPDATE_GOLDEN=1` rewrites the outputs; a file that no test reads is a failure.

#![allow(clippy::panic)] // A case that cannot be read is named.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use similar::TextDiff;
use support::{documents, entries, folder_of, kinds_folder, outcome, plan, plan_as_value, read_world, status};
use tenantry_core::check;
use tenantry_core::conditions::Reason;
use tenantry_core::kind::Registration;
use tenantry_core::kinds::KINDS;

#[test]
fn every_case_gives_what_is_written_down() {
    let mut faults = Vec::new();
    let mut reasons = BTreeSet::new();
    let mut cases = 0;
    for registration in KINDS {
        let folder = kinds_folder().join(folder_of(registration.resource.kind)).join("golden");
        for case in entries(&folder) {
            check_case(registration, &case, &mut faults, &mut reasons);
            cases += 1;
        }
    }
    assert!(faults.is_empty(), "UPDATE_GOLDEN=1 accepts these if they are right:\n{}", faults.join("\n"));
    assert!(cases > 0);
    // What plans refuse with, and what they wait for: each has a case.
    let wanted: BTreeSet<&str> = [
        Reason::Invalid,
        Reason::Conflicted,
        Reason::ProviderMissing,
        Reason::Unsupported,
        Reason::RefNotFound,
        Reason::Pending,
        Reason::NotOwned,
        Reason::DeletionBlocked,
        Reason::Deleting,
        Reason::GatewayNotReady,
    ]
    .map(Reason::name)
    .into();
    assert_eq!(reasons, wanted, "a reason without a case, or a case with a reason that is not listed here");
}

fn check_case(
    registration: &Registration,
    case: &Path,
    faults: &mut Vec<String>,
    reasons: &mut BTreeSet<&'static str>,
) {
    let cr =
        documents(&case.join("cr.yaml")).into_iter().next().unwrap_or_else(|| panic!("{}: no cr.yaml", case.display()));
    let world = read_world(&case.join("world.yaml"));
    let plan = plan(registration, &cr, &world);
    if let Some(violation) = check::violation(&plan) {
        faults.push(format!("{}: the plan is refused by its check: {violation}", case.display()));
    }
    reasons.extend(plan.refusals.iter().map(|refusal| refusal.reason.name()));
    reasons.extend(plan.waits.iter().map(|wait| wait.reason.name()));
    let status = status(registration, &cr, &world, &outcome(&plan, &world));
    let yaml = |value: &serde_json::Value| serde_saphyr::to_string(value).expect("YAML");
    for (name, text) in
        [("plan.yaml", yaml(&plan_as_value(&plan))), ("status.yaml", yaml(&status)), ("why.txt", plan.to_string())]
    {
        compare(&case.join(name), &text, faults);
    }
    for path in entries(case) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !["cr.yaml", "world.yaml", "plan.yaml", "status.yaml", "why.txt"].contains(&name) {
            faults.push(format!("{}: nothing reads this file", path.display()));
        }
    }
}

fn compare(path: &Path, actual: &str, faults: &mut Vec<String>) {
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == actual {
        return;
    }
    if update_is_wanted() {
        fs::write(path, actual).expect("writable");
        return;
    }
    faults.push(format!("{}:\n{}", path.display(), TextDiff::from_lines(expected.as_str(), actual).unified_diff()));
}

#[allow(clippy::disallowed_methods)] // A switch for whoever runs the tests; the program itself has none.
fn update_is_wanted() -> bool {
    std::env::var("UPDATE_GOLDEN").is_ok()
}
