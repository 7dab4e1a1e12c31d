//! Every case of the admission rules, by evaluating their CEL: accepted by all rules, or refused by exactly the rule that the
//! file is named after, in words that name rule, field and contact.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use tenantry_core::policies::judge::refused_anew;
use tenantry_core::policies::rule::Operation;
use tenantry_core::policies::rules::{GROUPS, NAMESPACES};
use tenantry_core::policies::{self, rules_of};
use tenantry_core::resources::judged;
use tenantry_testkit::policy_cases::{self, Case, judge};

fn cases() -> Vec<Case> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    policy_cases::read(&policy_cases::folder(&repository)).expect("readable cases")
}

#[test]
fn every_case_is_judged_as_it_says() {
    let mut faults = Vec::new();
    let cases = cases();
    for case in &cases {
        let verdict = judge(case);
        let by: Vec<&str> = verdict.iter().map(|(rule, _)| rule.as_str()).collect();
        let wanted: &[&str] = if case.refused { &[case.rule.as_str()] } else { &[] };
        if by != wanted {
            faults.push(format!("{}: refused by {verdict:?}, not by {wanted:?}", case.title()));
            continue;
        }
        for (rule, words) in verdict {
            let names_all =
                words.contains(&format!("[rule {rule}")) && words.contains("Tenant acme") && words.contains("ask ");
            if !names_all && !case.is_namespace() {
                faults.push(format!("{}: the refusal does not name rule, tenant and contact: {words}", case.title()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    println!("{} cases", cases.len());
}

/// What is kept of pods and workloads, to tell of conflicts, is enough for all rules.
#[test]
fn of_every_workload_the_kept_part_is_judged_as_the_whole() {
    let made = |case: &&Case| case.operation == Operation::Create && case.subresource.is_empty();
    let groups = ["pods", "workloads", "cron-jobs"];
    let (mut judged_ones, mut refused) = (0, 0);
    for case in cases().iter().filter(made).filter(|case| groups.contains(&case.group().name)) {
        let namespace = case.namespace("acme-dev");
        let anew = |object: &Value| {
            let rules = refused_anew(case.api_group(), &case.resource, object, &namespace);
            rules.into_iter().map(|rule| rule.name).collect::<Vec<_>>()
        };
        let whole = anew(&case.object);
        assert_eq!(anew(&judged(&case.object)), whole, "{}", case.title());
        judged_ones += 1;
        refused += usize::from(!whole.is_empty());
    }
    assert!(judged_ones > 50 && refused > 20, "{refused} of {judged_ones}");
}

#[test]
fn every_rule_has_cases_that_it_refuses_and_every_file_is_a_rule() {
    let named: BTreeSet<String> =
        GROUPS.iter().chain([&NAMESPACES]).flat_map(rules_of).map(|rule| rule.name.to_owned()).collect();
    let refused: BTreeSet<String> = cases().into_iter().filter(|case| case.refused).map(|case| case.rule).collect();
    assert_eq!(named, refused);
    let accepted: BTreeSet<String> = cases().into_iter().filter(|case| !case.refused).map(|case| case.rule).collect();
    let without: Vec<&String> = named.difference(&accepted).filter(|rule| *rule != "endpoints").collect();
    assert!(without.is_empty(), "no positive control: {without:?}");
}

#[test]
fn a_request_meets_at_most_one_policy_besides_that_of_the_operator_itself() {
    let objects = policies::objects();
    let policies: Vec<_> = objects.iter().filter(|object| object["kind"] == "ValidatingAdmissionPolicy").collect();
    let mut seen = BTreeSet::new();
    for policy in &policies {
        for rule in policy["spec"]["matchConstraints"]["resourceRules"].as_array().into_iter().flatten() {
            for group in rule["apiGroups"].as_array().into_iter().flatten() {
                for resource in rule["resources"].as_array().into_iter().flatten() {
                    assert!(seen.insert(format!("{group}/{resource}")), "{group}/{resource} is in two policies");
                }
            }
        }
    }
    // The policy for everything else leaves out exactly what the others cover.
    let rest = policies.iter().find(|policy| policy["metadata"]["name"] == "tenantry-objects").expect("there");
    let excluded: BTreeSet<String> = rest["spec"]["matchConstraints"]["excludeResourceRules"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|rule| {
            let groups = rule["apiGroups"].as_array().cloned().unwrap_or_default();
            let resources = rule["resources"].as_array().cloned().unwrap_or_default();
            groups
                .into_iter()
                .flat_map(move |group| resources.clone().into_iter().map(move |resource| format!("{group}/{resource}")))
        })
        .filter(|resource| !resource.contains("events"))
        .collect();
    let covered: BTreeSet<String> =
        seen.into_iter().filter(|resource| !resource.contains('*') && !resource.contains("namespaces")).collect();
    assert_eq!(excluded, covered);
}
