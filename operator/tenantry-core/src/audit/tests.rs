//! The policy is read here as the API server reads it: the first rule that matches decides.

use serde_json::json;

use super::*;

fn tenant(name: &str, level: Option<&str>, environments: &[&str]) -> Tenant {
    let environments: Vec<Value> = environments.iter().map(|name| json!({ "name": name })).collect();
    let mut tenant = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant", "metadata": { "name": name },
        "spec": { "className": "standard", "environments": environments },
    });
    if let Some(level) = level {
        tenant["spec"]["audit"] = json!({ "level": level });
    }
    serde_json::from_value(tenant).expect("a Tenant")
}

/// What is asked of the API server: who, what, where.
struct Request<'a> {
    user: &'a str,
    group: &'a str,
    verb: &'a str,
    api_group: &'a str,
    resource: &'a str,
    namespace: &'a str,
}

const WRITE: Request =
    Request { user: "jane", group: "people", verb: "create", api_group: "", resource: "configmaps", namespace: "" };

/// The level of a request, by the rules of k8s.io/apiserver/pkg/audit/policy/checker.go.
fn level(policy: &Value, request: &Request) -> String {
    let among = |list: &Value, word: &str| {
        list.as_array().is_none_or(|list| list.is_empty() || list.iter().any(|one| one == word))
    };
    let is_of = |kinds: &Value| {
        kinds.as_array().is_none_or(|kinds| {
            kinds.iter().any(|kind| {
                kind["group"] == request.api_group
                    && kind["resources"].as_array().is_some_and(|names| {
                        names.iter().filter_map(Value::as_str).any(|name| {
                            name == request.resource
                                || name.strip_suffix('*').is_some_and(|start| request.resource.starts_with(start))
                        })
                    })
            })
        })
    };
    let rules = policy["rules"].as_array().expect("rules");
    let rule = rules.iter().find(|rule| {
        among(&rule["users"], request.user)
            && among(&rule["userGroups"], request.group)
            && among(&rule["verbs"], request.verb)
            && among(&rule["namespaces"], request.namespace)
            && is_of(&rule["resources"])
    });
    rule.map_or("None", |rule| rule["level"].as_str().expect("a level")).to_owned()
}

#[test]
fn each_namespace_is_recorded_as_its_tenant_asks() {
    let tenants = [
        tenant("loud", Some("RequestResponse"), &["dev"]),
        tenant("asked", Some("Request"), &[]),
        tenant("plain", None, &["dev", "prod"]),
        tenant("silent", Some("None"), &["dev"]),
    ];
    for (rest, elsewhere) in [(AuditLevel::Metadata, "Metadata"), (AuditLevel::None, "None")] {
        let policy = policy(&levels(&tenants, &[]), rest);
        for (namespace, wanted) in [
            ("loud", "RequestResponse"),
            ("loud-dev", "RequestResponse"),
            ("asked", "Request"),
            ("plain-prod", "Metadata"),
            ("silent-dev", "None"),
            ("nobodys", elsewhere),
        ] {
            assert_eq!(level(&policy, &Request { namespace, ..WRITE }), wanted, "{namespace}, else {elsewhere}");
            let read = Request { namespace, verb: "list", ..WRITE };
            assert_eq!(level(&policy, &read), "None", "what is read is not recorded");
        }
    }
}

#[test]
fn the_class_says_what_the_tenant_does_not() {
    let class: TenantClass = serde_json::from_value(json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantClass", "metadata": { "name": "standard" },
        "spec": { "defaults": { "audit": { "level": "Request" } } },
    }))
    .expect("a class");
    let tenants = [tenant("a", None, &[]), tenant("b", Some("None"), &[])];
    let levels = levels(&tenants, &[class]);
    assert_eq!((levels["a"], levels["b"]), (AuditLevel::Request, AuditLevel::None));
}

#[test]
fn secrets_and_tokens_are_never_recorded_with_their_bodies() {
    let policy =
        policy(&levels(&[tenant("loud", Some("RequestResponse"), &["dev"])], &[]), AuditLevel::RequestResponse);
    for (api_group, resource) in [
        ("", "secrets"),
        ("", "secrets/status"),
        ("", "serviceaccounts/token"),
        ("authentication.k8s.io", "tokenreviews"),
    ] {
        for verb in WRITES {
            for namespace in ["loud", "loud-dev", "elsewhere", ""] {
                let request = Request { verb, api_group, resource, namespace, ..WRITE };
                let level = level(&policy, &request);
                assert!(["None", "Metadata"].contains(&level.as_str()), "{verb} {resource} in {namespace:?}: {level}");
            }
        }
    }
    let exec = Request { verb: "get", resource: "pods/exec", namespace: "loud-dev", ..WRITE };
    assert_eq!(level(&policy, &exec), "Metadata");
}

#[test]
fn the_cluster_itself_is_left_out_and_tenants_are_not_made_by_nobody() {
    let policy = policy(&levels(&[tenant("loud", Some("RequestResponse"), &[])], &[]), AuditLevel::Metadata);
    let node = Request { group: "system:nodes", namespace: "loud", resource: "pods/status", ..WRITE };
    let controller = Request { user: "system:kube-controller-manager", namespace: "loud", ..WRITE };
    assert_eq!((level(&policy, &node).as_str(), level(&policy, &controller).as_str()), ("None", "None"));
    let onboards = Request { api_group: "tenantry.dev", resource: "tenants", ..WRITE };
    assert_eq!(level(&policy, &onboards), "Request");
}

#[test]
fn no_tenant_silences_another_or_the_cluster() {
    // Namespace co-op is the home of one and would be an environment of the other.
    let silent = tenant("co", Some("None"), &["op"]);
    let tenants = [silent.clone(), tenant("co-op", Some("Request"), &[])];
    assert_eq!(levels(&tenants, &[])["co-op"], AuditLevel::Request);
    let mut greedy = silent;
    greedy.spec.environments[0].adopt =
        Some(crate::kinds::tenant::types::Adopt { namespace: "kube-system".to_owned() });
    assert!(!levels(&[greedy.clone()], &[]).contains_key("kube-system"));
    // One whose name somebody else holds, as the status tells.
    let status = json!({ "environments": [{ "name": "op", "namespace": "co-op", "ready": false, "reason": "NotOwned", "podSecurity": "Restricted", "members": 0 }] });
    greedy.status = Some(serde_json::from_value(status).expect("a status"));
    assert_eq!(levels(&[greedy], &[]).keys().collect::<Vec<_>>(), ["co"]);
}

#[test]
fn without_tenants_no_rule_is_for_all_namespaces_by_mistake() {
    let policy = policy(&Levels::new(), AuditLevel::None);
    assert_eq!(policy["rules"].as_array().map(Vec::len), Some(1), "{policy}");
    assert_eq!(level(&policy, &Request { namespace: "any", ..WRITE }), "None");
}
