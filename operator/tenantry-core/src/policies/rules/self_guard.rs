//! A namespace whose labels somebody stripped is still known as its own by the server's record of who wrote to it.
//!
//! What the operator itself may do, whoever holds its token: it writes to tenants' namespaces only, takes none that did not
//! consent, gives no rights but Tenantry's own roles, and touches no Secret and no
//! workload's part but those it made.

use crate::policies::rule::{ALL, CHANGE, CREATE, DELETE, Exempt, Group, Operation, Rule, UPDATE, WRITE};

/// Everything that the operator's ServiceAccount does.
pub const SELF_GUARD: Group = Group {
    name: "self-guard",
    targets: &[],
    pod: "",
    template: "",
    rules: &[
        Rule {
            name: "outside-tenants",
            expression: "namespaceObject == null || (has(namespaceObject.metadata.labels) && 'tenantry.dev/tenant' in namespaceObject.metadata.labels) || (request.namespace == '{operator-namespace}' && request.resource.resource == 'leases') || (request.namespace == 'default' && request.resource.resource == 'events') || (request.resource.group == 'tenantry.dev' && has(request.subResource) && request.subResource == 'status')",
            operations: ALL,
            resources: &[],
            exempt: Exempt::Nobody,
            field: "",
            allowed: "",
            message: "Tenantry's operator writes to namespaces of tenants only, but to tell a resource of its own that it is in the wrong place",
        },
        Rule {
            name: "protected-namespaces",
            // Not by the request's name: a name that the server generates is not in it.
            expression: "[object == null ? oldObject.metadata.name : object.metadata.name].all(n, !(n == 'default' || n == 'kube' || n.startsWith('kube-') || n == '{operator-namespace}'))",
            operations: CHANGE,
            resources: &["namespaces"],
            exempt: Exempt::Nobody,
            field: "",
            allowed: "",
            message: "Tenantry's operator touches no namespace of the cluster itself",
        },
        Rule {
            name: "namespace-claim",
            expression: "has(object.metadata.labels) && 'tenantry.dev/tenant' in object.metadata.labels && 'app.kubernetes.io/managed-by' in object.metadata.labels && object.metadata.labels['app.kubernetes.io/managed-by'] == 'tenantry' && (oldObject == null || (has(oldObject.metadata.labels) && 'tenantry.dev/tenant' in oldObject.metadata.labels && oldObject.metadata.labels['tenantry.dev/tenant'] == object.metadata.labels['tenantry.dev/tenant']) || (has(oldObject.metadata.annotations) && 'tenantry.dev/adoptable-by' in oldObject.metadata.annotations && oldObject.metadata.annotations['tenantry.dev/adoptable-by'] == object.metadata.labels['tenantry.dev/tenant']) || (!(has(oldObject.metadata.labels) && 'tenantry.dev/tenant' in oldObject.metadata.labels) && has(oldObject.metadata.managedFields) && oldObject.metadata.managedFields.exists(f, has(f.manager) && f.manager == 'tenantry')))",
            operations: WRITE,
            resources: &["namespaces"],
            exempt: Exempt::Nobody,
            field: "",
            allowed: "",
            message: "Tenantry's operator takes no namespace that did not consent by the annotation tenantry.dev/adoptable-by",
        },
        Rule {
            name: "namespace-release",
            expression: "has(oldObject.metadata.labels) && 'tenantry.dev/tenant' in oldObject.metadata.labels",
            operations: DELETE,
            resources: &["namespaces"],
            exempt: Exempt::Nobody,
            field: "",
            allowed: "",
            message: "Tenantry's operator deletes namespaces of tenants only",
        },
        Rule {
            name: "bindings",
            expression: "object.roleRef.kind == 'ClusterRole' && object.roleRef.name in ['tenantry:admin', 'tenantry:developer', 'tenantry:viewer'] && (!has(object.subjects) || object.subjects.all(s, s.name != '' && !s.name.startsWith('system:') && (s.kind != 'ServiceAccount' || (has(s.namespace) && s.namespace != '{operator-namespace}' && s.namespace != 'default' && !s.namespace.startsWith('kube-') && s.namespace in (has(namespaceObject.metadata.annotations) && 'tenantry.dev/namespaces' in namespaceObject.metadata.annotations ? namespaceObject.metadata.annotations['tenantry.dev/namespaces'] : '').split(',')))))",
            operations: WRITE,
            resources: &["rolebindings"],
            exempt: Exempt::Nobody,
            field: "",
            allowed: "",
            message: "Tenantry's operator gives Tenantry's own roles only, to nobody of the cluster itself",
        },
        Rule {
            name: "tenants",
            expression: "object.spec == oldObject.spec",
            operations: UPDATE,
            resources: &["tenants"],
            exempt: Exempt::Nobody,
            field: "",
            allowed: "",
            message: "Tenantry's operator does not change what a Tenant asks for",
        },
        Rule {
            name: "workloads",
            // What was others' before does not become ours by a mark.
            expression: "((has(oldObject.metadata.annotations) && 'tenantry.dev/owner' in oldObject.metadata.annotations) || (has(oldObject.metadata.ownerReferences) && oldObject.metadata.ownerReferences.exists(r, r.apiVersion.startsWith('tenantry.dev/')))) || (!((has(object.metadata.annotations) && 'tenantry.dev/owner' in object.metadata.annotations) || (has(object.metadata.ownerReferences) && object.metadata.ownerReferences.exists(r, r.apiVersion.startsWith('tenantry.dev/')))) && (!has(oldObject.spec.template) || object.spec.template == oldObject.spec.template) && (!has(oldObject.spec.jobTemplate) || object.spec.jobTemplate == oldObject.spec.jobTemplate))",
            operations: UPDATE,
            resources: &["deployments", "statefulsets", "replicasets", "replicationcontrollers", "cronjobs", "jobs"],
            exempt: Exempt::Nobody,
            field: "",
            allowed: "",
            message: "Tenantry's operator stops and starts workloads of others, and does not change what they run",
        },
        Rule {
            name: "made-workloads",
            expression: "has(object.metadata.annotations) && 'tenantry.dev/owner' in object.metadata.annotations && has(object.metadata.ownerReferences) && object.metadata.ownerReferences.exists(r, r.apiVersion.startsWith('tenantry.dev/'))",
            operations: CREATE,
            resources: &["deployments"],
            exempt: Exempt::Nobody,
            field: "",
            allowed: "",
            message: "Tenantry's operator makes workloads for its own resources only",
        },
        Rule {
            name: "parts",
            expression: "((has(oldObject.metadata.annotations) && 'tenantry.dev/owner' in oldObject.metadata.annotations) || (has(oldObject.metadata.ownerReferences) && oldObject.metadata.ownerReferences.exists(r, r.apiVersion.startsWith('tenantry.dev/'))))",
            operations: &[Operation::Update, Operation::Delete],
            resources: &[
                "services",
                "serviceaccounts",
                "persistentvolumeclaims",
                "poddisruptionbudgets",
                "horizontalpodautoscalers",
                "scaledobjects",
                "verticalpodautoscalers",
            ],
            exempt: Exempt::Nobody,
            field: "",
            allowed: "",
            message: "Tenantry's operator changes no Service, account, volume claim, budget or autoscaler but those it made",
        },
        Rule {
            name: "removed-workloads",
            expression: "((has(oldObject.metadata.annotations) && 'tenantry.dev/owner' in oldObject.metadata.annotations) || (has(oldObject.metadata.ownerReferences) && oldObject.metadata.ownerReferences.exists(r, r.apiVersion.startsWith('tenantry.dev/'))))",
            operations: DELETE,
            resources: &["deployments"],
            exempt: Exempt::Nobody,
            field: "",
            allowed: "",
            message: "Tenantry's operator removes no workload but those it made",
        },
        Rule {
            name: "policies-of-others",
            // Ours say so, or the server's record does, where somebody stripped them. Of all others only which pods they select is
            // changed, and only to none or from none.
            expression: "(has(oldObject.metadata.annotations) && 'tenantry.dev/owner' in oldObject.metadata.annotations) || (has(oldObject.metadata.managedFields) && oldObject.metadata.managedFields.exists(f, has(f.manager) && f.manager == 'tenantry')) || (object != null && has(object.spec.ingress) == has(oldObject.spec.ingress) && (!has(object.spec.ingress) || object.spec.ingress == oldObject.spec.ingress) && has(object.spec.egress) == has(oldObject.spec.egress) && (!has(object.spec.egress) || object.spec.egress == oldObject.spec.egress) && has(object.spec.policyTypes) == has(oldObject.spec.policyTypes) && (!has(object.spec.policyTypes) || object.spec.policyTypes == oldObject.spec.policyTypes) && (object.spec.podSelector == oldObject.spec.podSelector || [object, oldObject].exists(o, has(o.spec.podSelector.matchExpressions) && o.spec.podSelector.matchExpressions.exists(e, e.key == 'tenantry.dev/resume' && e.operator == 'DoesNotExist'))) && (!has(object.metadata.annotations) || !('tenantry.dev/owner' in object.metadata.annotations)))",
            operations: &[Operation::Update, Operation::Delete],
            resources: &["networkpolicies"],
            exempt: Exempt::Nobody,
            field: "",
            allowed: "",
            message: "Tenantry's operator closes network policies of others for a quarantine and opens them again, and changes nothing else of them",
        },
        Rule {
            name: "secrets",
            expression: "has(oldObject.metadata.annotations) && 'tenantry.dev/owner' in oldObject.metadata.annotations",
            operations: &[Operation::Update, Operation::Delete],
            resources: &["secrets", "configmaps"],
            exempt: Exempt::Nobody,
            field: "",
            allowed: "",
            message: "Tenantry's operator touches no Secret and no ConfigMap but those it made",
        },
    ],
};
