//! The pieces of CEL that rules are written with, and how names in braces are put in.

use super::rule::{Exempt, Group, Rule};
use super::{EXEMPT_VERB, keys};
use crate::meta;

/// Names in expressions that stand for the text of an annotation of the namespace.
pub const LISTS: [(&str, &str); 12] = [
    ("between", keys::BETWEEN_ENVIRONMENTS),
    ("digest", keys::DIGEST),
    ("gateway-classes", keys::GATEWAY_CLASSES),
    ("hostnames", keys::HOSTNAMES),
    ("ingress-classes", keys::INGRESS_CLASSES),
    ("namespaces", keys::NAMESPACES),
    ("priority-classes", keys::PRIORITY_CLASSES),
    ("pull-policy", keys::PULL_POLICY),
    ("registries", keys::REGISTRIES),
    ("runtime-classes", keys::RUNTIME_CLASSES),
    ("service-types", keys::SERVICE_TYPES),
    ("storage-classes", keys::STORAGE_CLASSES),
];

/// Kubernetes itself: its controllers, nodes and scheduler. Nobody else can have these names.
const SYSTEM: &str = "request.userInfo.username.startsWith('system:serviceaccount:kube-system:') || request.userInfo.username.startsWith('system:node:') || request.userInfo.username.startsWith('system:kube-') || request.userInfo.username == 'system:apiserver'";

/// Whether a route may claim the host `h`: lower-case, granted by name, or below a granted wildcard and none itself.
const HOST: &str = "h.matches('^([*][.])?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$') && {hostnames}.split(',').exists(g, g != '' && (h == g || (g.startsWith('*.') && !h.startsWith('*') && h.endsWith(g.substring(1)))))";

/// Whether a namespace selector `p.namespaceSelector` stays within the tenant, as far as its environments may meet.
const OWN_NAMESPACES: &str = "has(p.namespaceSelector.matchLabels) && (('kubernetes.io/metadata.name' in p.namespaceSelector.matchLabels && (p.namespaceSelector.matchLabels['kubernetes.io/metadata.name'] == request.namespace || ({between} == 'Allow' && p.namespaceSelector.matchLabels['kubernetes.io/metadata.name'] in {namespaces}.split(',')))) || ({between} == 'Allow' && 'tenantry.dev/tenant' in p.namespaceSelector.matchLabels && p.namespaceSelector.matchLabels['tenantry.dev/tenant'] == {tenant}))";

/// All images of a pod: of containers of every sort, and of image volumes.
const IMAGES: &str = "({pod}.containers.map(c, has(c.image) ? c.image : '') + (has({pod}.initContainers) ? {pod}.initContainers.map(c, has(c.image) ? c.image : '') : []) + (has({pod}.ephemeralContainers) ? {pod}.ephemeralContainers.map(c, has(c.image) ? c.image : '') : []) + (has({pod}.volumes) ? {pod}.volumes.filter(v, has(v.image)).map(v, has(v.image.reference) ? v.image.reference : '') : []))";

/// Whether a Gateway is changed that is in no tenant's namespace.
const THEIR_GATEWAY: &str = "(request.operation == 'UPDATE' && request.resource.group == 'gateway.networking.k8s.io' && request.resource.resource == 'gateways' && !(has(request.subResource) && request.subResource != '') && namespaceObject != null && !(has(namespaceObject.metadata.labels) && 'tenantry.dev/tenant' in namespaceObject.metadata.labels))";

/// Whether of a ServiceRoute nothing is changed but our finalizer.
const FINALIZER_ALONE: &str = "(request.operation == 'UPDATE' && request.resource.group == 'tenantry.dev' && request.resource.resource == 'serviceroutes' && object.spec == oldObject.spec && ['labels', 'annotations', 'ownerReferences'].all(k, (k in object.metadata) == (k in oldObject.metadata) && (!(k in object.metadata) || object.metadata[k] == oldObject.metadata[k])) && (has(object.metadata.finalizers) ? object.metadata.finalizers : []).filter(f, f != 'tenantry.dev/children') == (has(oldObject.metadata.finalizers) ? oldObject.metadata.finalizers : []).filter(f, f != 'tenantry.dev/children'))";

/// CEL that is true for whoever has the verb `exempt`. Asked only when a rule would refuse.
pub fn platform() -> String {
    format!("authorizer.group('tenantry.dev').resource('tenants').check('{EXEMPT_VERB}').allowed()")
}

/// What must be true for a request to pass this rule. `platform` is the CEL that tells the exempted, so that it can be
/// judged without an API server.
pub fn validation(rule: &Rule, group: &Group, platform: &str) -> String {
    let mut clauses = Vec::new();
    if rule.operations != super::rule::ALL {
        let operations: Vec<String> =
            rule.operations.iter().map(|operation| format!("'{}'", operation.word())).collect();
        clauses.push(format!("!(request.operation in [{}])", operations.join(", ")));
    }
    if !rule.resources.is_empty() {
        let resources: Vec<String> = rule.resources.iter().map(|resource| format!("'{resource}'")).collect();
        clauses.push(format!("!(request.resource.resource in [{}])", resources.join(", ")));
    }
    clauses.push(format!("({})", filled(rule.expression, group)));
    match rule.exempt {
        Exempt::Nobody => {}
        Exempt::Platform => clauses.push(platform.to_owned()),
        Exempt::PlatformAndSystem => clauses.extend([SYSTEM.to_owned(), platform.to_owned()]),
    }
    clauses.join(" || ")
}

/// CEL for the text of a refusal: what is wrong, what is allowed, which rule and field, whose, and whom to ask.
pub fn refusal(rule: &Rule, group: &Group) -> String {
    let mut parts = vec![quoted(rule.message)];
    if !rule.allowed.is_empty() {
        let list = filled(&format!("{{{}}}", rule.allowed), group);
        parts.push(format!("'; allowed: ' + ({list} == '' ? 'none' : {list})"));
    }
    parts.push(quoted(&format!(" [rule {}", rule.name)));
    parts.push(quoted(&if rule.field.is_empty() { ";".to_owned() } else { format!("; {} of", rule.field) }));
    parts.push(format!("' Tenant ' + {}", filled("{tenant}", group)));
    parts.push(format!("'; ask ' + {} + ']'", contact(group)));
    parts.join(" + ")
}

/// Puts in the names in braces.
pub fn filled(expression: &str, group: &Group) -> String {
    let mut text = expression
        .replace("{host}", HOST)
        .replace("{own-namespaces}", OWN_NAMESPACES)
        .replace("{images}", IMAGES)
        .replace("{their-gateway}", THEIR_GATEWAY)
        .replace("{finalizer-alone}", FINALIZER_ALONE)
        .replace("{pod}", group.pod)
        .replace("{template}", group.template);
    for (name, key) in LISTS {
        text = text.replace(&format!("{{{name}}}"), &annotation(key, "''", group));
    }
    text.replace("{tenant}", &label(meta::TENANT, group)).replace("{suspend}", &label(meta::SUSPEND, group))
}

/// Where the namespace that a request is about stands: `namespaceObject` is null for a namespace itself.
fn namespace(group: &Group) -> &'static str {
    if group.name == super::rules::NAMESPACES.name {
        "(oldObject == null ? object : oldObject)"
    } else {
        "namespaceObject"
    }
}

fn contact(group: &Group) -> String {
    annotation(keys::CONTACT, "'the platform team'", group)
}

fn annotation(key: &str, absent: &str, group: &Group) -> String {
    lookup("annotations", key, absent, group)
}

fn label(key: &str, group: &Group) -> String {
    lookup("labels", key, "''", group)
}

fn lookup(section: &str, key: &str, absent: &str, group: &Group) -> String {
    let map = format!("{}.metadata.{section}", namespace(group));
    format!("(has({map}) && '{key}' in {map} ? {map}['{key}'] : {absent})")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
