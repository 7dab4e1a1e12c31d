//! The page of permissions: what the operator may do and why, and what members of tenants are given.

use std::fmt::Write;

use tenantry_core::access::{self, Right};
use tenantry_core::kind::Registration;
use tenantry_core::roles::{Grant, ROLES};

use super::super::manifests::{self, Place};
use super::{code, table};

pub(super) fn page(kinds: &[Registration]) -> String {
    let rows = access::rules(kinds).into_iter().map(|rule| {
        let looks = rule.verbs.contains("list");
        let verbs: Vec<&str> = rule.verbs.iter().copied().collect();
        let only: Vec<String> = rule.names.iter().map(|name| code(name)).collect();
        let purpose = purpose(kinds, &rule.group, &rule.resource, looks);
        let group = if rule.group.is_empty() { "core".to_owned() } else { code(&rule.group) };
        [group, code(&rule.resource), verbs.join(", "), only.join(", "), purpose]
    });
    let own = manifests::own_rules().map(|rule| {
        let place = match rule.place {
            Place::Own => "the operator's namespace",
            Place::Default => "`default`",
        };
        [code(rule.group), code(rule.resource), rule.verbs.join(", "), place.to_owned(), rule.purpose.to_owned()]
    });
    let reader = access::rules_where_asked(kinds).into_iter().map(|rule| {
        let verbs: Vec<&str> = rule.verbs.iter().copied().collect();
        [code(&rule.resource), verbs.join(", ")]
    });
    let mut page = format!(
        "# Permissions\n\n## Of the operator\n\n\
         The ClusterRole `{}`. It has no `*`, no `escalate`, no `impersonate`, and no right to read Secrets or ConfigMaps:\n\
         it writes copies without seeing what is there. It is made from what the kinds declare that they read, adjust and own.\n\n{}\n\
         In single namespaces only:\n\n{}\n\
         In each namespace named by `tenantry install --replicate-from` or the chart's value `replicateFrom`, by the Role\n\
         `tenantry-replicate`:\n\n{}",
        manifests::OPERATOR_ROLE,
        table(["group", "resource", "verbs", "only", "for"], rows),
        table(["group", "resource", "verbs", "where", "for"], own),
        table(["resource", "verbs"], reader),
    );
    page.push_str(
        "\n## Of members\n\nThese ClusterRoles are bound in the namespaces of a tenant, never cluster-wide.\n",
    );
    for role in ROLES {
        let _ = writeln!(page, "\n### `{}`\n\n{}\n", role.name, role.about);
        page.push_str(&table(["group", "resources", "verbs"], role.grants().map(member_rule)));
    }
    page
}

fn member_rule(grant: &Grant) -> [String; 3] {
    let group = if grant.group.is_empty() { "core".to_owned() } else { code(grant.group) };
    let resources: Vec<String> = grant.resources.iter().map(|resource| code(resource)).collect();
    [group, resources.join(", "), grant.verbs.join(", ")]
}

/// Which kinds read, adjust or own a resource.
fn purpose(kinds: &[Registration], group: &str, resource: &str, looks: bool) -> String {
    let plural = resource.split('/').next().unwrap_or_default();
    let uses = |is_it: fn(Right) -> bool| -> Vec<&str> {
        let using = kinds.iter().filter(|kind| {
            let mut declared = kind.access.iter();
            declared.any(|one| is_it(one.right) && one.resource.group == group && one.resource.plural == plural)
        });
        using.map(|kind| kind.resource.kind).collect()
    };
    let mut words = Vec::new();
    if kinds.iter().any(|kind| kind.resource.group == group && kind.resource.plural == plural) {
        words.push("a kind of Tenantry".to_owned());
    }
    // Of what is kept, looking holds for all and writing for the names alone: two rows.
    let kept = if looks { "read for" } else { "kept for" };
    for (using, verb) in [
        (uses(|right| right == Right::Own), "written for"),
        (uses(|right| right == Right::Adjust), "adjusted for"),
        (uses(|right| right == Right::Read), "read for"),
        (uses(|right| right == Right::Keep), kept),
        (uses(|right| matches!(right, Right::Hold(_))), "asked for by the API server in writes for"),
    ] {
        if !using.is_empty() {
            words.push(format!("{verb} {}", using.join(", ")));
        }
    }
    words.join("; ")
}
