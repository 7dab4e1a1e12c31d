//! The page of permissions: what the operator may do and why, and what members of tenants are given.

use std::fmt::Write;

use serde_json::Value;
use tenantry_core::access::{self, Right};
use tenantry_core::kind::Registration;

use super::super::manifests::{self, Place};
use super::{code, table};

pub(super) fn page(kinds: &[Registration]) -> String {
    let rows = access::rules(kinds).into_iter().map(|rule| {
        let verbs: Vec<&str> = rule.verbs.iter().copied().collect();
        let only: Vec<String> = rule.names.iter().map(|name| code(name)).collect();
        let purpose = purpose(kinds, &rule.group, &rule.resource);
        [code(&rule.group), code(&rule.resource), verbs.join(", "), only.join(", "), purpose]
    });
    let own = manifests::own_rules().map(|rule| {
        let place = match rule.place {
            Place::Own => "the operator's namespace",
            Place::Default => "`default`",
        };
        [code(rule.group), code(rule.resource), rule.verbs.join(", "), place.to_owned(), rule.purpose.to_owned()]
    });
    let mut page = format!(
        "# Permissions\n\n## Of the operator\n\n\
         The ClusterRole `{}`. It has no `*`, no `escalate`, no `impersonate` and no access to Secrets; it is made from what\n\
         the kinds declare that they read and own.\n\n{}\n\
         In single namespaces only:\n\n{}",
        manifests::OPERATOR_ROLE,
        table(["group", "resource", "verbs", "only", "for"], rows),
        table(["group", "resource", "verbs", "where", "for"], own),
    );
    let roles = manifests::tenant_roles();
    if !roles.is_empty() {
        page.push_str(
            "\n## Of members\n\nThese ClusterRoles are bound in the namespaces of a tenant, never cluster-wide.\n",
        );
    }
    for role in &roles {
        let _ = writeln!(page, "\n### `{}`\n", role["metadata"]["name"].as_str().unwrap_or_default());
        page.push_str(&table(
            ["group", "resources", "verbs"],
            role["rules"].as_array().into_iter().flatten().map(member_rule),
        ));
    }
    page
}

fn member_rule(rule: &Value) -> [String; 3] {
    let all = |field: &str| -> Vec<String> {
        let items = rule[field].as_array().into_iter().flatten();
        items
            .filter_map(Value::as_str)
            .map(|item| if item.is_empty() { "core".to_owned() } else { code(item) })
            .collect()
    };
    let verbs: Vec<&str> = rule["verbs"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    [all("apiGroups").join(", "), all("resources").join(", "), verbs.join(", ")]
}

/// Which kinds read or own a resource.
fn purpose(kinds: &[Registration], group: &str, resource: &str) -> String {
    let plural = resource.split('/').next().unwrap_or_default();
    let uses = |wanted: Right| -> Vec<&str> {
        let using = kinds.iter().filter(|kind| {
            let mut declared = kind.access.iter();
            declared.any(|one| one.right == wanted && one.resource.group == group && one.resource.plural == plural)
        });
        using.map(|kind| kind.resource.kind).collect()
    };
    let mut words = Vec::new();
    if kinds.iter().any(|kind| kind.resource.group == group && kind.resource.plural == plural) {
        words.push("a kind of Tenantry".to_owned());
    }
    for (right, verb) in [(Right::Own, "written for"), (Right::Read, "read for")] {
        let using = uses(right);
        if !using.is_empty() {
            words.push(format!("{verb} {}", using.join(", ")));
        }
    }
    words.join("; ")
}
