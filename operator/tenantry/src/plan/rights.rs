//! Which subject gains or loses which role in which namespace, by the RoleBindings before and after.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tenantry_core::resources::ROLE_BINDING;

use super::snapshot::Snapshot;

/// What changes for one subject.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rights {
    pub(super) subject: Subject,
    pub(super) gains: Vec<Role>,
    pub(super) loses: Vec<Role>,
}

/// Somebody who can be given rights.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subject {
    /// `Group`, `User` or `ServiceAccount`.
    pub(super) kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) namespace: String,
    pub(super) name: String,
}

/// A role, and the namespaces in which it is held.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Role {
    pub(super) role: String,
    pub(super) namespaces: Vec<String>,
}

/// Subject -> role and namespace, sorted.
type Held = BTreeMap<Subject, BTreeSet<(String, String)>>;

/// All subjects for which something changes, in order.
pub(super) fn changes(before: &Snapshot, after: &Snapshot) -> Vec<Rights> {
    let (before, after) = (held(before), held(after));
    let nothing = BTreeSet::new();
    let subjects: BTreeSet<&Subject> = before.keys().chain(after.keys()).collect();
    subjects
        .into_iter()
        .map(|subject| {
            let (had, has) = (before.get(subject).unwrap_or(&nothing), after.get(subject).unwrap_or(&nothing));
            Rights {
                subject: subject.clone(),
                gains: by_role(has.difference(had)),
                loses: by_role(had.difference(has)),
            }
        })
        .filter(|rights| !rights.gains.is_empty() || !rights.loses.is_empty())
        .collect()
}

fn held(snapshot: &Snapshot) -> Held {
    let mut held = Held::new();
    for (key, binding) in snapshot.objects().filter(|(key, _)| *key.resource == ROLE_BINDING) {
        let role = binding["roleRef"]["name"].as_str().unwrap_or_default();
        for subject in binding["subjects"].as_array().into_iter().flatten() {
            let text = |field: &str| subject[field].as_str().unwrap_or_default().to_owned();
            let subject = Subject { kind: text("kind"), namespace: text("namespace"), name: text("name") };
            held.entry(subject).or_default().insert((role.to_owned(), key.namespace.clone()));
        }
    }
    held
}

fn by_role<'a>(pairs: impl Iterator<Item = &'a (String, String)>) -> Vec<Role> {
    let mut roles: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (role, namespace) in pairs {
        roles.entry(role).or_default().push(namespace.clone());
    }
    roles.into_iter().map(|(role, namespaces)| Role { role: role.to_owned(), namespaces }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tenantry_core::object::ObjectKey;

    use super::*;

    fn cluster(bindings: &[(&str, &str, &str)]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (namespace, role, group) in bindings {
            let key = ObjectKey::namespaced(&ROLE_BINDING, *namespace, *role);
            snapshot.put(key, json!({ "roleRef": { "name": role }, "subjects": [{ "kind": "Group", "name": group }] }));
        }
        snapshot
    }

    #[test]
    fn a_change_of_role_is_a_loss_and_a_gain() {
        let before = cluster(&[("acme", "viewer", "ops"), ("acme-dev", "viewer", "ops"), ("acme", "admin", "root")]);
        let after = cluster(&[("acme", "viewer", "ops"), ("acme-dev", "admin", "ops"), ("acme", "admin", "root")]);
        let role = |role: &str| vec![Role { role: role.into(), namespaces: vec!["acme-dev".into()] }];
        let subject = Subject { kind: "Group".into(), namespace: String::new(), name: "ops".into() };
        assert_eq!(changes(&before, &after), [Rights { subject, gains: role("admin"), loses: role("viewer") }]);
    }
}
