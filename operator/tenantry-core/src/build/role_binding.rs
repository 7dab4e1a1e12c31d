//! RoleBindings to Tenantry's own ClusterRoles. Never to any other role.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::kinds::tenant::types::{Role, Subject, SubjectKind};
use crate::names::Place;
use crate::object::{Desired, ObjectKey};
use crate::resources::ROLE_BINDING;

/// Binds the subjects, of which there is at least one, to a role.
pub fn build_role_binding(place: &Place, role: Role, subjects: &BTreeSet<Subject>) -> Desired {
    let word = role.word();
    let key = ObjectKey::namespaced(&ROLE_BINDING, &place.namespace, format!("tenantry-{word}"));
    let subjects: Vec<Value> = subjects.iter().map(subject).collect();
    Desired::new(key)
        .labels(place.labels())
        .with(
            "roleRef",
            json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": format!("tenantry:{word}") }),
        )
        .with("subjects", subjects)
}

fn subject(subject: &Subject) -> Value {
    match subject.kind {
        SubjectKind::ServiceAccount => {
            json!({ "kind": "ServiceAccount", "name": subject.name, "namespace": subject.namespace })
        }
        SubjectKind::Group => json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": subject.name }),
        SubjectKind::User => json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": subject.name }),
    }
}
