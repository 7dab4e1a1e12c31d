//! What holds for every object in a tenant's namespace: Tenantry's own are not to be touched, its keys are reserved, and a
//! suspended tenant stands still.

use crate::policies::rule::{ALL, CHANGE, Exempt, Group, Rule, WRITE};

/// Rules of every group but namespaces themselves.
pub const UNIVERSAL: [Rule; 3] = [
    Rule {
        name: "managed-objects",
        // Gateways tell of routes in their status, which the server keeps apart from all else; members have no right to it.
        expression: "(request.resource.group == 'gateway.networking.k8s.io' && has(request.subResource) && request.subResource == 'status') || oldObject == null || !has(oldObject.metadata) || !has(oldObject.metadata.annotations) || !('tenantry.dev/owner' in oldObject.metadata.annotations)",
        operations: CHANGE,
        resources: &[],
        exempt: Exempt::PlatformAndSystem,
        field: "",
        allowed: "",
        message: "this object is managed by Tenantry: change the Tenant, or the workload, that it follows from instead",
    },
    Rule {
        name: "reserved-keys",
        expression: "object == null || !has(object.metadata) || ((!has(object.metadata.labels) || object.metadata.labels.all(k, (!k.startsWith('tenantry.dev/') && (k != 'app.kubernetes.io/managed-by' || object.metadata.labels[k] != 'tenantry')) || (oldObject != null && has(oldObject.metadata.labels) && k in oldObject.metadata.labels && oldObject.metadata.labels[k] == object.metadata.labels[k]))) && (!has(object.metadata.annotations) || object.metadata.annotations.all(k, !k.startsWith('tenantry.dev/') || (oldObject != null && has(oldObject.metadata.annotations) && k in oldObject.metadata.annotations && oldObject.metadata.annotations[k] == object.metadata.annotations[k]))) && (oldObject == null || !has(oldObject.metadata) || ((!has(oldObject.metadata.labels) || oldObject.metadata.labels.all(k, !k.startsWith('tenantry.dev/') || (has(object.metadata.labels) && k in object.metadata.labels))) && (!has(oldObject.metadata.annotations) || oldObject.metadata.annotations.all(k, !k.startsWith('tenantry.dev/') || (has(object.metadata.annotations) && k in object.metadata.annotations))))))",
        operations: WRITE,
        resources: &[],
        exempt: Exempt::PlatformAndSystem,
        field: "",
        allowed: "",
        message: "labels and annotations under tenantry.dev/, and managed-by: tenantry, are set by Tenantry alone: leave them as they are",
    },
    Rule {
        name: "suspended",
        expression: "(request.resource.group == 'gateway.networking.k8s.io' && has(request.subResource) && request.subResource == 'status') || {suspend} != 'Quarantine' && ({suspend} != 'Freeze' || request.operation == 'CONNECT')",
        operations: ALL,
        resources: &[],
        exempt: Exempt::PlatformAndSystem,
        field: "spec.suspend",
        allowed: "",
        message: "the tenant is suspended, and nothing may be changed meanwhile",
    },
];

/// Everything that no other group names, present and future.
pub const OBJECTS: Group = Group { name: "objects", targets: &[], pod: "", template: "", rules: &[] };
