//! The operator's power, as it is generated: bounded whatever the kinds declare.

use super::*;
use crate::check::BINDABLE_ROLES;
use crate::enforcement;
use crate::kinds::KINDS;
use crate::policies;
use crate::resources::{VALIDATING_ADMISSION_POLICY, VALIDATING_ADMISSION_POLICY_BINDING};

fn on(resource: &str) -> Vec<Rule> {
    rules(KINDS).into_iter().filter(|rule| rule.resource == resource).collect()
}

#[test]
fn nothing_is_granted_that_grants_everything() {
    for rule in rules(KINDS) {
        for verb in ["*", "escalate", "impersonate", "deletecollection", "proxy"] {
            assert!(!rule.verbs.contains(verb), "{rule:?}");
        }
        assert!(rule.group != "*" && !rule.resource.contains('*'), "{rule:?}");
        let privileged = ["serviceaccounts/token", "nodes", "clusterrolebindings", "customresourcedefinitions"];
        assert!(!privileged.contains(&rule.resource.as_str()), "{rule:?}");
        // Copies are written blindly; an empty patch would show what is there, and so is a right to read.
        let reads = rule.verbs.iter().any(|verb| ["get", "list", "watch", "patch"].contains(verb));
        assert!(!reads || rule.resource != "secrets", "{rule:?}");
        // Pods of suspended tenants are named; none is made, changed or entered.
        let looks = rule.verbs.iter().all(|verb| ["list", "watch"].contains(verb));
        assert!(looks || !rule.resource.starts_with("pods"), "{rule:?}");
        if rule.verbs.contains("bind") {
            assert_eq!(rule.names, BINDABLE_ROLES, "{rule:?}");
        }
    }
    assert!(on("clusterroles").iter().all(|rule| rule.verbs == BTreeSet::from(["bind"])), "roles are given, not made");
}

#[test]
fn policies_are_kept_by_name_and_the_one_that_binds_the_operator_is_not_among_them() {
    let guard: Vec<String> = policies::self_guard("any")
        .iter()
        .map(|object| object["metadata"]["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(guard.len(), 2);
    for resource in [&VALIDATING_ADMISSION_POLICY, &VALIDATING_ADMISSION_POLICY_BINDING] {
        let names = enforcement::kept_names(resource);
        assert!(!names.is_empty());
        assert!(guard.iter().all(|name| !names.contains(name)), "{guard:?} in {names:?}");
        let rule = |names: Vec<String>, verbs: [&'static str; 2]| Rule {
            group: resource.group.into(),
            resource: resource.plural.into(),
            verbs: verbs.into(),
            names,
        };
        assert_eq!(on(resource.plural), [rule(Vec::new(), ["list", "watch"]), rule(names, ["create", "patch"])]);
    }
}

#[test]
fn the_verb_that_exempts_from_tenants_rules_is_held_once() {
    let held: Vec<Rule> = rules(KINDS).into_iter().filter(|rule| rule.verbs.contains(policies::EXEMPT_VERB)).collect();
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].group.as_str(), held[0].resource.as_str()), ("tenantry.dev", "tenants"));
}
