//! `docs/reference/policies.md`: every admission rule, from the rules themselves.

use std::fmt::Write;

use tenantry_core::policies::rule::{Exempt, Group, Rule};
use tenantry_core::policies::rules::{GROUPS, NAMESPACES, SELF_GUARD, UNIVERSAL};

use super::{code, table};

/// The page.
pub(super) fn page() -> String {
    let mut text = String::from(
        "# Admission rules\n\nWhat the API server refuses in tenants' namespaces, by policy. Refusals name the rule, the Tenant's field that decides, and whom to ask. \
         Cases of each are in `operator/tenantry-core/src/policies/cases`.\n\nExempt: *platform* is whoever has the verb `exempt` on `tenants.tenantry.dev`; *system* is Kubernetes itself.\n",
    );
    text.push_str("\n## For every object\n\n");
    text.push_str(&rows(&UNIVERSAL));
    for group in GROUPS.iter().chain([&NAMESPACES, &SELF_GUARD]).filter(|group| !group.rules.is_empty()) {
        let _ = write!(text, "\n## tenantry-{}\n\n{}\n\n", group.name, covered(group));
        text.push_str(&rows(group.rules));
    }
    text
}

fn covered(group: &Group) -> String {
    if group.targets.is_empty() {
        return "Everything that the operator's own ServiceAccount does.".to_owned();
    }
    let resources = group.targets.iter().flat_map(|target| target.resources).map(|resource| format!("`{resource}`"));
    format!("Looks at {}.", resources.collect::<Vec<_>>().join(", "))
}

fn rows(rules: &[Rule]) -> String {
    let rows = rules.iter().map(|rule| {
        let operations: Vec<String> = rule.operations.iter().map(|operation| operation.word().to_lowercase()).collect();
        let exempt = match rule.exempt {
            Exempt::Nobody => "nobody",
            Exempt::Platform => "platform",
            Exempt::PlatformAndSystem => "platform, system",
        };
        [code(rule.name), operations.join(", "), rule.message.to_owned(), code(rule.field), exempt.to_owned()]
    });
    table(["rule", "looks at", "refuses, and what to do", "field", "exempt"], rows)
}
