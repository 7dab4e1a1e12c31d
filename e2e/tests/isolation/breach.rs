//! Holes in the admission policies, made from the rules themselves: each rule gone, each resource and operation unlisted, each
//! policy without effect, and some conditions weakened.

use serde_json::{Value, json};
use tenantry_core::policies::rule::Group;
use tenantry_core::policies::rules::{ENDPOINTS, GROUPS, NAMESPACES, OBJECTS, SCALES};
use tenantry_core::policies::rules_of;

use crate::cases::FAMILY;
use crate::check::Check;
use crate::hole::{Edit, Finds, Hole};

const VERSION: &str = "admissionregistration.k8s.io/v1";
const POLICY: &str = "ValidatingAdmissionPolicy";
const BINDING: &str = "ValidatingAdmissionPolicyBinding";

/// Rules that say nothing in a group, and why.
const VOID: [(&str, &str, &str); 6] = [
    (ENDPOINTS.name, "managed-objects", "the group's own rule refuses every change"),
    (ENDPOINTS.name, "reserved-keys", "the group's own rule refuses every change"),
    (ENDPOINTS.name, "suspended", "the group's own rule refuses every change"),
    (
        "storage",
        "data-source",
        "the server drops the field before admission while CrossNamespaceVolumeDataSource is off",
    ),
    (SCALES.name, "managed-objects", "a Scale has no annotations"),
    (SCALES.name, "reserved-keys", "a Scale has neither labels nor annotations of its own"),
];

/// Conditions weakened: group, rule, what is there, what comes in its place, and a part of the name of a case that notices.
const WEAKENED: [(&str, &str, &str, &str, &str); 13] = [
    ("pods", "image-registry", "object.spec.ephemeralContainers.map(c, has(c.image) ? c.image : '')", "[]", "phemeral"),
    ("pods", "image-registry", "object.spec.initContainers.map(c, has(c.image) ? c.image : '')", "[]", "init"),
    ("pods", "tolerations", "has(t.key) && t.key != '' && !(", "!has(t.key) || !(", ""),
    ("pods", "pull-policy", "object.spec.ephemeralContainers.all(", "object.spec.containers.all(", "phemeral"),
    ("namespaces", "namespace-keys", "k.startsWith('pod-security.kubernetes.io/') || ", "", "pod security"),
    ("namespaces", "namespace-keys", "'app.kubernetes.io/managed-by', ", "", "managed-by"),
    (
        "namespaces",
        "namespace-keys",
        "(has(object.metadata.annotations) && k in object.metadata.annotations)",
        "true",
        "registries stripped",
    ),
    (
        "namespaces",
        "namespace-keys",
        "(has(object.metadata.labels) && k in object.metadata.labels)",
        "true",
        "stripped",
    ),
    ("routes", "route-hostnames", "object.spec.hostnames.size() > 0", "true", ""),
    ("routes", "route-hostnames", "!h.startsWith('*') && ", "", ""),
    (
        "network",
        "network-ingress",
        "has(r.from) && r.from.size() > 0 && r.from.all(",
        "!has(r.from) || r.from.all(",
        "everywhere",
    ),
    ("network", "network-egress", "!has(p.ipBlock) && ", "", ""),
    ("rbac", "binding-subjects", "s.kind == 'ServiceAccount' && ", "", "user"),
];

/// All of them. `checks` tell at which operations of a policy something can be noticed.
pub fn holes(checks: &[Check]) -> Vec<Hole> {
    let mut holes = Vec::new();
    for group in GROUPS.iter().chain([&NAMESPACES]) {
        let of_group = Finds { family: Some(FAMILY), group: Some(group.name), ..Finds::default() };
        let hole = |name: &str, kind: &'static str, edit, finds: Finds| Hole {
            name: format!("{}: {name}", group.name),
            lane: group.name.to_owned(),
            target: (VERSION, kind, None, format!("tenantry-{}", group.name)),
            edit,
            finds,
        };
        let audit = json!([{ "op": "replace", "path": "/spec/validationActions", "value": ["Audit"] }]);
        holes.push(hole("the binding only audits", BINDING, Edit::Patch(audit), of_group.clone()));
        holes.push(hole("the binding is missing", BINDING, Edit::Remove, of_group.clone()));
        holes.push(hole("the policy is missing", POLICY, Edit::Remove, of_group.clone()));
        let selector = if group.name == NAMESPACES.name {
            // It no longer matches an update that takes the label away in the same request.
            json!({ "matchExpressions": [{ "key": "tenantry.dev/tenant", "operator": "Exists" }] })
        } else {
            json!({ "matchLabels": { "tenantry.dev/tenant": "none" } })
        };
        let elsewhere =
            json!([{ "op": "replace", "path": "/spec/matchConstraints/namespaceSelector", "value": selector }]);
        holes.push(hole("the selector matches elsewhere", POLICY, Edit::Patch(elsewhere), of_group.clone()));
        for operation in ["CREATE", "UPDATE", "DELETE"] {
            let finds = Finds { operation: Some(operation), ..of_group.clone() };
            // Scales are only updated.
            if checks.iter().any(|check| finds.fits(check)) {
                let name = format!("{operation} is unlisted");
                holes.push(hole(&name, POLICY, Edit::Patch(without_operation(group, operation)), finds));
            }
        }
        for (target, at) in group.targets.iter().zip(0..) {
            for (resource, index) in target.resources.iter().copied().zip(0..) {
                let finds = Finds { resource: Some(resource), ..of_group.clone() };
                let name = format!("{resource} is unlisted");
                holes.push(hole(
                    &name,
                    POLICY,
                    Edit::Patch(without_resource(target.resources.len(), at, index)),
                    finds,
                ));
            }
        }
        for (index, rule) in rules_of(group).iter().enumerate() {
            if VOID.iter().any(|(name, void, _)| *name == group.name && *void == rule.name) {
                continue;
            }
            let gone = json!([{ "op": "remove", "path": format!("/spec/validations/{index}") }]);
            // A policy must have a rule.
            let edit = if rules_of(group).len() == 1 { Edit::Remove } else { Edit::Patch(gone) };
            let finds = Finds { rule: Some(rule.name), ..of_group.clone() };
            holes.push(hole(&format!("rule {} is missing", rule.name), POLICY, edit, finds));
            for (_, _, from, to, name) in WEAKENED.iter().filter(|weak| weak.0 == group.name && weak.1 == rule.name) {
                let finds = Finds { rule: Some(rule.name), name: Some((*name).to_owned()), ..of_group.clone() };
                let says = format!("rule {} says {to:?} for {from:?}", rule.name);
                holes.push(hole(&says, POLICY, Edit::Weaken { index, from, to }, finds));
            }
        }
    }
    holes
}

/// Takes an operation out of every rule of the policy's match.
fn without_operation(group: &Group, operation: &str) -> Value {
    let targets = if group.name == OBJECTS.name { 1 } else { group.targets.len() };
    let all = if group.name == OBJECTS.name {
        &["CREATE", "UPDATE", "DELETE", "CONNECT"][..]
    } else {
        &["CREATE", "UPDATE", "DELETE"][..]
    };
    let left: Vec<&str> = all.iter().copied().filter(|listed| *listed != operation).collect();
    let patch = |at| json!({ "op": "replace", "path": format!("/spec/matchConstraints/resourceRules/{at}/operations"), "value": left });
    (0..targets).map(patch).collect()
}

/// Takes a resource out of the policy's match; a rule that would list none is put to something else.
fn without_resource(listed: usize, at: usize, index: usize) -> Value {
    let path = format!("/spec/matchConstraints/resourceRules/{at}/resources");
    if listed == 1 {
        return json!([{ "op": "replace", "path": path, "value": ["none"] }]);
    }
    json!([{ "op": "remove", "path": format!("{path}/{index}") }])
}
