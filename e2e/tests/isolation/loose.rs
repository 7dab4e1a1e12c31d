//! Holes outside the policies: rights too wide, network policies open, and namespaces that say more than the Tenant.

use serde_json::{Value, json};
use tenantry_core::policies::keys;

use crate::hole::{Edit, Finds, Hole};
use crate::stage::Stage;
use crate::{access, benchmark, grants, network, tampering, tokens};

const RBAC: &str = "rbac.authorization.k8s.io/v1";
const NETWORKING: &str = "networking.k8s.io/v1";

/// Rights: roles and bindings. The checks that notice ask for rights only, so they meet no hole in a policy.
pub fn rights(stage: &Stage) -> Vec<Hole> {
    let [north, south] = &stage.tenants;
    let (dev, other) = (north.dev(), south.dev());
    let widened = |role: &str, group: &str, resource: &str, verbs: &[&str], family, name: String| Hole {
        name: format!("tenantry:{role} may {} {resource}", verbs.join(", ")),
        lane: "rights".to_owned(),
        target: (RBAC, "ClusterRole", None, format!("tenantry:{role}")),
        edit: Edit::Patch(
            json!([{ "op": "add", "path": "/rules/-", "value": { "apiGroups": [group], "resources": [resource], "verbs": verbs } }]),
        ),
        finds: Finds { family: Some(family), name: Some(name), ..Finds::default() },
    };
    let bound = |name: &str, kind, namespace: Option<&str>, role: &str, group: &str, family, part: String| Hole {
        name: name.to_owned(),
        lane: "rights".to_owned(),
        target: (RBAC, kind, namespace.map(str::to_owned), format!("{}-too-wide", stage.prefix)),
        edit: Edit::Make(json!({
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group }],
        })),
        finds: Finds { family: Some(family), name: Some(part), ..Finds::default() },
    };
    let escalation = || "PL2-CC-TI-1".to_owned();
    let admins = format!("{}-admins", north.name);
    let roles = "rbac.authorization.k8s.io";
    vec![
        widened("admin", roles, "roles", &["escalate"], benchmark::FAMILY, escalation()),
        widened("admin", roles, "clusterroles", &["bind"], benchmark::FAMILY, escalation()),
        widened("admin", "", "resourcequotas", &["update"], benchmark::FAMILY, "PL1-CC-TI-1".to_owned()),
        widened(
            "admin",
            "",
            "serviceaccounts",
            &["impersonate"],
            tokens::FAMILY,
            "impersonate serviceaccounts".to_owned(),
        ),
        widened("viewer", "", "secrets", &["get"], access::FAMILY, "viewer of".to_owned()),
        widened("viewer", "", "pods/exec", &["create"], access::FAMILY, "viewer of".to_owned()),
        widened("viewer", "*", "*", &["get"], access::FAMILY, "viewer of".to_owned()),
        widened("developer", "", "serviceaccounts/token", &["create"], tokens::FAMILY, "as developer".to_owned()),
        widened("developer", roles, "rolebindings", &["create"], access::FAMILY, "developer of".to_owned()),
        bound(
            "a role of one tenant holds everywhere",
            "ClusterRoleBinding",
            None,
            "tenantry:viewer",
            &admins,
            access::FAMILY,
            format!("in {other}"),
        ),
        bound(
            "a tenant has rights at another",
            "RoleBinding",
            Some(&other),
            "tenantry:viewer",
            &admins,
            access::FAMILY,
            format!("in {other}"),
        ),
        bound(
            "the other way round",
            "RoleBinding",
            Some(&dev),
            "tenantry:viewer",
            &format!("{}-admins", south.name),
            access::FAMILY,
            format!("in {dev}"),
        ),
        bound(
            "everybody has rights in kube-system",
            "RoleBinding",
            Some("kube-system"),
            "tenantry:viewer",
            "system:authenticated",
            access::FAMILY,
            "in kube-system".to_owned(),
        ),
        bound(
            "everybody may do everything",
            "ClusterRoleBinding",
            None,
            "cluster-admin",
            "system:authenticated",
            access::FAMILY,
            "of the cluster".to_owned(),
        ),
    ]
}

/// What the operator made for the tenants, changed while nobody repairs it.
pub fn objects(stage: &Stage) -> Vec<Hole> {
    let mut holes = network_policies(stage);
    holes.extend(namespaces(stage));
    holes
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn network_policies(stage: &Stage) -> Vec<Hole> {
    let [north, south] = &stage.tenants;
    let (dev, other) = (north.dev(), south.dev());
    let policy = |says: &str, namespace: &str, name: &str, edit, family, part: String| Hole {
        name: format!("{name}: {says}"),
        lane: "objects".to_owned(),
        target: (NETWORKING, "NetworkPolicy", Some(namespace.to_owned()), name.to_owned()),
        edit,
        finds: Finds { family: Some(family), name: Some(part), ..Finds::default() },
    };
    let patch = |op: &str, path: &str, value: Value| Edit::Patch(json!([{ "op": op, "path": path, "value": value }]));
    let (deny, allow) = ("tenantry-default-deny", "tenantry-allow");
    let (inward, outward) = (format!("{dev} Ingress"), format!("{dev} Egress"));
    let all = json!([{ "namespaceSelector": {} }]);
    let reach = network::REACH;
    vec![
        policy("missing", &dev, deny, Edit::Remove, reach, inward.clone()),
        policy("lets everybody in", &dev, deny, patch("add", "/spec/ingress/-", json!({})), reach, inward.clone()),
        policy(
            "lets all namespaces in",
            &dev,
            deny,
            patch("add", "/spec/ingress/-", json!({ "from": all })),
            reach,
            inward.clone(),
        ),
        policy(
            "lets all addresses out",
            &dev,
            deny,
            patch("add", "/spec/egress/-", json!({ "to": [{ "ipBlock": { "cidr": "0.0.0.0/0" } }] })),
            reach,
            format!("{outward} metadata"),
        ),
        policy(
            "is about some pods only",
            &dev,
            deny,
            patch("replace", "/spec/podSelector", json!({ "matchLabels": { "app": "x" } })),
            reach,
            inward.clone(),
        ),
        policy(
            "is not about what goes out",
            &north.name,
            deny,
            patch("replace", "/spec/policyTypes", json!(["Ingress"])),
            reach,
            format!("{} Egress {other}", north.name),
        ),
        policy(
            "lets out to all pods of kube-system",
            &dev,
            deny,
            patch("replace", "/spec/egress/1/to/0/podSelector", json!({})),
            reach,
            format!("{outward} other pods of kube-system"),
        ),
        policy(
            "lets siblings be any namespace",
            &other,
            allow,
            patch("replace", "/spec/ingress/0/from/0/namespaceSelector", json!({})),
            reach,
            format!("{other} Ingress"),
        ),
        policy(
            "names another tenant besides",
            &other,
            allow,
            patch(
                "add",
                "/spec/egress/0/to/-",
                json!({ "namespaceSelector": { "matchLabels": { "tenantry.dev/tenant": north.name } } }),
            ),
            reach,
            format!("{other} Egress"),
        ),
        policy(
            "opens more than the network that was granted",
            &dev,
            allow,
            patch("replace", "/spec/egress/0/to/0/ipBlock/cidr", "0.0.0.0/0".into()),
            reach,
            format!("{outward} internet"),
        ),
        policy(
            "a further policy opens the namespace",
            &dev,
            "one-more",
            Edit::Make(
                json!({ "spec": { "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{ "from": all }] } }),
            ),
            benchmark::FAMILY,
            "network isolation between tenants".to_owned(),
        ),
        policy(
            "is not marked as managed",
            &dev,
            deny,
            patch("remove", "/metadata/annotations/tenantry.dev~1owner", Value::Null),
            tampering::OBJECTS,
            format!("NetworkPolicy {dev}/{deny}"),
        ),
    ]
}

fn namespaces(stage: &Stage) -> Vec<Hole> {
    let [north, south] = &stage.tenants;
    let (dev, other) = (north.dev(), south.dev());
    let namespace = |says: &str, patch: Value, family, part: &str| Hole {
        name: format!("namespace: {says}"),
        lane: "objects".to_owned(),
        target: ("v1", "Namespace", None, dev.clone()),
        edit: Edit::Patch(json!([patch])),
        finds: Finds { family: Some(family), name: Some(part.to_owned()), ..Finds::default() },
    };
    let path = |section: &str, key: &str| format!("/metadata/{section}/{}", key.replace('/', "~1"));
    let widened = |key: &str, value: String, family, part: &str| {
        let patch = json!({ "op": "replace", "path": path("annotations", key), "value": value });
        namespace(&format!("{key} is {value}"), patch, family, part)
    };
    let label = |key: &str, value: &str| json!({ "op": "replace", "path": path("labels", key), "value": value });
    let without = |key: &str| json!({ "op": "remove", "path": path("labels", key) });
    let level = "pod-security.kubernetes.io/enforce";
    let quota = |says: &str, edit| Hole {
        name: format!("quota: {says}"),
        lane: "objects".to_owned(),
        target: ("v1", "ResourceQuota", Some(dev.clone()), "tenantry".to_owned()),
        edit,
        finds: Finds { family: Some(benchmark::FAMILY), name: Some("PL1-CC-FNS".to_owned()), ..Finds::default() },
    };
    vec![
        widened(keys::REGISTRIES, "*".into(), grants::FAMILY, "an image of another registry"),
        widened(keys::PULL_POLICY, "Any".into(), benchmark::FAMILY, "PL1-CC-DI-1"),
        widened(keys::HOSTNAMES, "*.mine.example,*.other.example".into(), grants::FAMILY, "another's host"),
        widened(keys::SERVICE_TYPES, "ClusterIP,LoadBalancer".into(), network::OPENINGS, "Ingress: all addresses"),
        widened(keys::STORAGE_CLASSES, "*".into(), grants::FAMILY, "another storage class"),
        widened(keys::INGRESS_CLASSES, "*".into(), grants::FAMILY, "another ingress class"),
        widened(keys::NAMESPACES, format!("{dev},{other}"), grants::FAMILY, "another tenant's ServiceAccount"),
        widened(keys::BETWEEN_ENVIRONMENTS, "Allow".into(), network::OPENINGS, "a sibling by name"),
        namespace("its level is privileged", label(level, "privileged"), benchmark::FAMILY, "PL1-BC-CPI-5"),
        namespace("its level is baseline", label(level, "baseline"), benchmark::FAMILY, "PL1-BC-CPI-4"),
        namespace("it has no level", without(level), benchmark::FAMILY, "PL1-BC-HI-4"),
        namespace("it is nobody's", without("tenantry.dev/tenant"), grants::FAMILY, ""),
        namespace(
            "it is another tenant's",
            label("tenantry.dev/tenant", &south.name),
            network::REACH,
            &format!("{other} Ingress {dev}"),
        ),
        quota("missing", Edit::Remove),
        quota("does not count secrets", Edit::Patch(json!([{ "op": "remove", "path": "/spec/hard/secrets" }]))),
    ]
}
