//! Namespaces themselves. These rules look at all of them and judge by what was there before: a selector on the namespace's
//! labels would no longer match an update that strips them.

use crate::policies::rule::{DELETE, Exempt, Group, Rule, Target, WRITE};

/// Namespaces.
pub const NAMESPACES: Group = Group {
    name: "namespaces",
    targets: &[Target { groups: &[""], resources: &["namespaces", "namespaces/finalize", "namespaces/status"] }],
    pod: "",
    template: "",
    rules: &[
        Rule {
            name: "namespace-keys",
            expression: "object == null || ((!has(object.metadata.labels) || object.metadata.labels.all(k, !(k.startsWith('tenantry.dev/') || ({tenant} != '' && (k.startsWith('pod-security.kubernetes.io/') || k in ['app.kubernetes.io/managed-by', 'app.kubernetes.io/part-of']))) || (oldObject != null && has(oldObject.metadata.labels) && k in oldObject.metadata.labels && oldObject.metadata.labels[k] == object.metadata.labels[k]))) && (!has(object.metadata.annotations) || object.metadata.annotations.all(k, !k.startsWith('tenantry.dev/') || k == 'tenantry.dev/adoptable-by' || (oldObject != null && has(oldObject.metadata.annotations) && k in oldObject.metadata.annotations && oldObject.metadata.annotations[k] == object.metadata.annotations[k]))) && (oldObject == null || ((!has(oldObject.metadata.labels) || oldObject.metadata.labels.all(k, !(k.startsWith('tenantry.dev/') || ({tenant} != '' && (k.startsWith('pod-security.kubernetes.io/') || k in ['app.kubernetes.io/managed-by', 'app.kubernetes.io/part-of']))) || (has(object.metadata.labels) && k in object.metadata.labels))) && (!has(oldObject.metadata.annotations) || oldObject.metadata.annotations.all(k, !k.startsWith('tenantry.dev/') || k == 'tenantry.dev/adoptable-by' || (has(object.metadata.annotations) && k in object.metadata.annotations))))))",
            operations: WRITE,
            resources: &[],
            exempt: Exempt::Platform,
            field: "",
            allowed: "",
            message: "this would change labels or annotations that tell whose a namespace is and what holds in it: change the Tenant instead",
        },
        Rule {
            name: "namespace-owners",
            expression: "object == null || {tenant} == '' || !has(object.metadata.ownerReferences) || object.metadata.ownerReferences.size() == 0 || (oldObject != null && has(oldObject.metadata.ownerReferences) && oldObject.metadata.ownerReferences == object.metadata.ownerReferences)",
            operations: WRITE,
            resources: &[],
            exempt: Exempt::Nobody,
            field: "",
            allowed: "",
            message: "a namespace of a tenant may have no owner reference: garbage collection would take it away with its owner",
        },
        Rule {
            name: "namespace-delete",
            expression: "oldObject == null || {tenant} == ''",
            operations: DELETE,
            resources: &[],
            exempt: Exempt::Platform,
            field: "spec.deletionPolicy",
            allowed: "",
            message: "this namespace belongs to a tenant: remove the environment from the Tenant instead",
        },
    ],
};
