//! What the operator may do, and the roles it gives to members of tenants. Rules come from what the kinds declare.

use serde_json::{Value, json};
use tenantry_core::access::{self, Rule};
use tenantry_core::kind::Registration;
use tenantry_core::policies::EXEMPT_VERB;
use tenantry_core::resources::TENANT;
use tenantry_core::roles;

use super::{NAME, metadata};

/// Name of the operator's ClusterRole and of its Roles.
pub const OPERATOR_ROLE: &str = "tenantry-operator";
/// Name of the operator's Role in namespaces from which it copies.
const READER_ROLE: &str = "tenantry-replicate";

/// Name of the ClusterRole for controllers of the platform that must write into tenants' namespaces.
pub const EXEMPT_ROLE: &str = "tenantry:exempt";

/// Name of the ClusterRole for the operator itself, if the platform wants it to watch what pods are configured by.
const WATCHER_ROLE: &str = "tenantry:watches-configuration";

/// Annotation by which Kubernetes tools show what an object is for.
const DESCRIPTION: &str = "kubernetes.io/description";

/// Rights in one namespace that come from no kind but from the engine itself.
pub struct OwnRule {
    /// What for.
    pub purpose: &'static str,
    /// API group.
    pub group: &'static str,
    /// Resource.
    pub resource: &'static str,
    /// Verbs.
    pub verbs: &'static [&'static str],
    /// Where.
    pub place: Place,
}

/// Where a right of the engine itself holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the operator's own namespace.
    Own,
    /// In the namespace `default`, the only one where the API server takes Events about cluster-scoped objects.
    Default,
}

/// Rights that come from no kind but from the engine itself.
pub fn own_rules() -> [OwnRule; 2] {
    [
        OwnRule {
            purpose: "leader election",
            group: "coordination.k8s.io",
            resource: "leases",
            verbs: &["create", "get", "update"],
            place: Place::Own,
        },
        OwnRule {
            purpose: "Events about cluster-scoped resources",
            group: "events.k8s.io",
            resource: "events",
            verbs: &["create"],
            place: Place::Default,
        },
    ]
}

/// The rules of the operator's ClusterRole, as RBAC writes them.
pub fn cluster_role_rules(kinds: &[Registration]) -> Vec<Value> {
    access::rules(kinds).iter().map(rule).collect()
}

/// The rules of the operator's Role in each namespace from which it copies, as RBAC writes them.
pub fn reader_rules(kinds: &[Registration]) -> Vec<Value> {
    access::rules_where_asked(kinds).iter().map(rule).collect()
}

fn rule(rule: &Rule) -> Value {
    let mut rendered = json!({ "apiGroups": [rule.group], "resources": [rule.resource], "verbs": rule.verbs });
    if !rule.names.is_empty() {
        rendered["resourceNames"] = json!(rule.names);
    }
    rendered
}

/// The ClusterRoles for others than the operator: what members of tenants are given, and what controllers of the platform may
/// be given.
pub fn roles_for_others(kinds: &[Registration]) -> Vec<Value> {
    roles::ROLES.iter().map(tenant_role).chain([exempt_role(), watcher_role(kinds)]).collect()
}

/// What the platform may give the operator beyond what it needs.
fn watcher_role(kinds: &[Registration]) -> Value {
    let mut metadata = metadata(WATCHER_ROLE, None);
    metadata["annotations"] = json!({ DESCRIPTION:
        "Lets Tenantry's operator watch Secrets and ConfigMaps, so that it replaces the pods that use them when they change. Bound to nobody at first." });
    json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": reader_rules(kinds) })
}

fn exempt_role() -> Value {
    let mut metadata = metadata(EXEMPT_ROLE, None);
    metadata["annotations"] = json!({ DESCRIPTION:
        "Exempts from the admission rules that bind tenants; gives no other right. For controllers of the platform." });
    let rule = json!({ "apiGroups": [TENANT.group], "resources": [TENANT.plural], "verbs": [EXEMPT_VERB] });
    json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": [rule] })
}

fn tenant_role(role: &roles::RoleDefinition) -> Value {
    let rules: Vec<Value> = role
        .grants()
        .map(|grant| json!({ "apiGroups": [grant.group], "resources": grant.resources, "verbs": grant.verbs }))
        .collect();
    let mut metadata = metadata(role.name, None);
    metadata["annotations"] = json!({ DESCRIPTION: role.about });
    json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules })
}

/// The operator's roles and their bindings.
pub(super) fn operator(kinds: &[Registration], namespace: &str) -> Vec<Value> {
    let mut objects = vec![
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": metadata(OPERATOR_ROLE, None),
            "rules": cluster_role_rules(kinds),
        }),
        binding("ClusterRole", OPERATOR_ROLE, None, namespace),
    ];
    for (place, target) in [(Place::Own, namespace), (Place::Default, "default")] {
        let rules: Vec<Value> = own_rules()
            .iter()
            .filter(|rule| rule.place == place)
            .map(|rule| json!({ "apiGroups": [rule.group], "resources": [rule.resource], "verbs": rule.verbs }))
            .collect();
        objects.push(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": metadata(OPERATOR_ROLE, Some(target)),
            "rules": rules,
        }));
        objects.push(binding("Role", OPERATOR_ROLE, Some(target), namespace));
    }
    objects
}

/// The operator's Role in a namespace from which it copies, and its binding.
pub(super) fn reader(kinds: &[Registration], place: &str, namespace: &str) -> [Value; 2] {
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": metadata(READER_ROLE, Some(place)),
        "rules": reader_rules(kinds),
    });
    [role, binding("Role", READER_ROLE, Some(place), namespace)]
}

fn binding(role: &str, name: &str, place: Option<&str>, account_namespace: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": format!("{role}Binding"),
        "metadata": metadata(name, place),
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": NAME, "namespace": account_namespace }],
    })
}
