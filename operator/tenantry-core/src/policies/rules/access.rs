//! To whom a tenant may give rights in its own namespaces: its programs. People have theirs from the Tenant, where they end
//! when their membership ends.

use crate::policies::rule::{Exempt, Group, Rule, Target, WRITE};

/// Roles and RoleBindings.
pub const RBAC: Group = Group {
    name: "rbac",
    targets: &[Target { groups: &["rbac.authorization.k8s.io"], resources: &["rolebindings", "roles"] }],
    pod: "",
    template: "",
    rules: &[
        Rule {
            name: "binding-subjects",
            expression: "!has(object.subjects) || object.subjects.all(s, s.kind == 'ServiceAccount' && (has(s.namespace) && s.namespace != '' ? s.namespace : request.namespace) in {namespaces}.split(','))",
            operations: WRITE,
            resources: &["rolebindings"],
            exempt: Exempt::Platform,
            field: "spec.members",
            allowed: "namespaces",
            message: "a RoleBinding of a tenant may name ServiceAccounts of its own namespaces only: people and groups get their rights from the Tenant",
        },
        Rule {
            name: "binding-role",
            expression: "object.roleRef.kind == 'Role' || object.roleRef.name in ['tenantry:admin', 'tenantry:developer', 'tenantry:viewer']",
            operations: WRITE,
            resources: &["rolebindings"],
            exempt: Exempt::Platform,
            field: "",
            allowed: "",
            message: "of ClusterRoles only tenantry:admin, tenantry:developer and tenantry:viewer may be bound: use one of these, or a Role of your own",
        },
    ],
};
