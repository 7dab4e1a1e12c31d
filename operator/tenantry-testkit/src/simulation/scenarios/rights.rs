//! Stories in which the operator itself lacks something: its definitions, a right, or the lead.

use std::time::Duration;

use serde_json::{Value, json};
use tenantry_core::policies;

use super::super::scenario::{Scenario, Step};
use super::super::stage::VALIDATING_ADMISSION_POLICIES;
use super::{NAMESPACES, class, create, delete, edit, environments, established, tenant};
use crate::server::Verb;

/// What the policy for pods is called.
const PODS_POLICY: &str = "tenantry-pods";

fn pods_policy() -> Value {
    let is_it = |policy: &Value| policy["metadata"]["name"] == PODS_POLICY && !policy["spec"]["validations"].is_null();
    policies::objects().into_iter().find(is_it).unwrap_or_default()
}

/// The stories.
pub fn rights() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "installed late",
            "the operator starts before its definitions are there",
            vec![],
            vec![
                Step::Pass(Duration::from_secs(20)),
                Step::Install,
                class(),
                create(tenant("globex", &["dev"])),
                create(tenant("acme", &["dev"])),
            ],
        )
        .not_installed(),
        Scenario::new(
            "right to write lost",
            "for half a minute the operator may not create role bindings",
            vec![class(), create(tenant("globex", &["dev"])), Step::Settle],
            vec![
                Step::Forbid(Verb::Create, "rolebindings"),
                create(tenant("acme", &["dev"])),
                Step::Pass(Duration::from_secs(30)),
                Step::Allow,
            ],
        ),
        Scenario::new(
            "right to close lost",
            "for half a minute the operator may not create network policies",
            vec![class(), create(tenant("globex", &["dev"])), Step::Settle],
            vec![
                Step::Forbid(Verb::Create, "networkpolicies"),
                create(tenant("acme", &["dev"])),
                Step::Pass(Duration::from_secs(30)),
                Step::Allow,
            ],
        ),
        Scenario::new(
            "blind deletion",
            "a tenant is deleted while a freshly started operator may not list namespaces",
            established(&["dev"]),
            vec![
                Step::Forbid(Verb::List, "namespaces"),
                Step::Crash,
                Step::Pass(Duration::from_secs(5)),
                delete(),
                Step::Pass(Duration::from_secs(30)),
                Step::Allow,
            ],
        ),
        Scenario::new(
            "right to look lost",
            "for half a minute the operator may not watch quotas",
            vec![class(), create(tenant("globex", &["dev"])), Step::Settle],
            vec![
                Step::Forbid(Verb::List, "resourcequotas"),
                Step::Delete(format!("{NAMESPACES}/globex-dev")),
                create(tenant("acme", &["dev"])),
                Step::Pass(Duration::from_secs(30)),
                Step::Allow,
            ],
        ),
        Scenario::new(
            "unpoliced",
            "a tenant is made while one of the admission policies is missing, which comes later",
            vec![
                class(),
                create(tenant("globex", &["dev"])),
                Step::Settle,
                Step::Delete(format!("{VALIDATING_ADMISSION_POLICIES}/{PODS_POLICY}")),
            ],
            vec![
                create(tenant("acme", &["dev"])),
                Step::Settle,
                Step::Create(VALIDATING_ADMISSION_POLICIES.into(), pods_policy()),
            ],
        ),
        Scenario::new(
            "two operators",
            "two replicas with a Lease; a tenant is made and changed",
            vec![],
            vec![
                class(),
                create(tenant("globex", &["dev"])),
                create(tenant("acme", &["dev"])),
                Step::Settle,
                edit(json!({"environments": environments(&["dev", "stage"])})),
            ],
        )
        .with_two_operators(),
    ]
}
