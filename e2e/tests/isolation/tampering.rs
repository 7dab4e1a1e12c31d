//! Tampering with what the operator has made for a tenant, its namespaces included, by somebody with every right there: the
//! policies alone stand in the way.

use http::Method;
use serde_json::{Value, json};
use tenantry_core::meta;
use tenantry_core::resources::{LIMIT_RANGE, NETWORK_POLICY, RESOURCE_QUOTA, ROLE_BINDING};
use tenantry_e2e::objects;

use crate::check::{Check, Expected, Kind, Who};
use crate::request::Request;
use crate::stage::{self, Stage};

/// Row of the matrix: objects in namespaces.
pub const OBJECTS: &str = "managed objects";
/// Row of the matrix: namespaces themselves.
pub const NAMESPACES: &str = "namespace metadata";

/// One way to tamper.
struct Attempt {
    says: String,
    request: Request,
    policy: &'static str,
    rule: &'static str,
}

/// Every object of the first tenant, in every way.
pub async fn checks(stage: &Stage) -> Vec<Check> {
    let tenant = &stage.tenants[0];
    let mut checks = Vec::new();
    for name in tenant.namespaces() {
        let namespace = objects::collection_of(&stage.admin, "v1", "Namespace", None).get(&name).await.expect("exists");
        let mut namespace = serde_json::to_value(namespace).expect("JSON");
        identify(&mut namespace, "v1", "Namespace");
        assert!(stage::is_tenants(&namespace), "{namespace}");
        for who in Kind::MEMBERS.map(|kind| stage.attacker(kind)) {
            let control = change(&namespace, "", json!({ "metadata": { "labels": { "cost": "a" } } }));
            let made = namespace_attempts(&namespace).into_iter().map(|attempt| attempt.check(NAMESPACES, &who));
            checks.extend(made.map(|check| check.with_control(control.clone())));
        }
        for (resource, policy) in [
            (&NETWORK_POLICY, "tenantry-network"),
            (&RESOURCE_QUOTA, "tenantry-objects"),
            (&LIMIT_RANGE, "tenantry-objects"),
            (&ROLE_BINDING, "tenantry-rbac"),
        ] {
            let version = resource.api_version();
            let label = format!("{}={}", meta::TENANT, tenant.name);
            let found =
                objects::list(&stage.admin, &version, resource.kind, Some(&name), &label).await.expect("listed");
            for mut object in found {
                identify(&mut object, &version, resource.kind);
                let control = Request::Create(own(&object));
                for who in Kind::MEMBERS.map(|kind| stage.attacker(kind)) {
                    let made = object_attempts(&object, policy).into_iter();
                    let made = made.map(|attempt| attempt.check(OBJECTS, &who).with_control(control.clone()));
                    checks.extend(made);
                }
            }
        }
    }
    checks
}

/// Lists do not say of what kind their items are.
fn identify(object: &mut Value, version: &str, kind: &str) {
    object["apiVersion"] = version.into();
    object["kind"] = kind.into();
}

/// An object of the same kind that a tenant may make for itself.
fn own(object: &Value) -> Value {
    let spec = match object["kind"].as_str() {
        Some("NetworkPolicy") => json!({ "podSelector": {}, "policyTypes": ["Ingress"] }),
        Some("ResourceQuota") => json!({ "hard": { "pods": "5" } }),
        Some("LimitRange") => json!({ "limits": [{ "type": "PersistentVolumeClaim", "max": { "storage": "1Gi" } }] }),
        _ => Value::Null,
    };
    let mut own = json!({
        "apiVersion": object["apiVersion"], "kind": object["kind"],
        "metadata": { "name": "own", "namespace": object["metadata"]["namespace"] },
    });
    if spec.is_null() {
        own["roleRef"] = object["roleRef"].clone();
        own["subjects"] =
            json!([{ "kind": "ServiceAccount", "name": "own", "namespace": object["metadata"]["namespace"] }]);
    } else {
        own["spec"] = spec;
    }
    own
}

fn object_attempts(object: &Value, policy: &'static str) -> Vec<Attempt> {
    let attempt = |says: &str, request| Attempt {
        says: format!("{}: {says}", objects::title(object)),
        request,
        policy,
        rule: "managed-objects",
    };
    let content = match object["kind"].as_str() {
        Some("NetworkPolicy") => json!({ "spec": { "podSelector": { "matchLabels": { "none": "x" } } } }),
        Some("ResourceQuota") => json!({ "spec": { "hard": { "pods": "10000" } } }),
        Some("LimitRange") => json!({ "spec": { "limits": [] } }),
        _ => {
            json!({ "subjects": [{ "kind": "ServiceAccount", "name": "own", "namespace": object["metadata"]["namespace"] }] })
        }
    };
    let mut attempts = vec![
        attempt("delete", Request::Delete(object.clone())),
        attempt("content", change(object, "", content)),
        attempt(
            "take the owner's mark away",
            change(object, "", json!({ "metadata": { "annotations": { meta::OWNER: null } } })),
        ),
        attempt(
            "take the tenant's label away",
            change(object, "", json!({ "metadata": { "labels": { meta::TENANT: null } } })),
        ),
        attempt("add a label", change(object, "", json!({ "metadata": { "labels": { "own": "x" } } }))),
        attempt("replace all labels", replace(object)),
    ];
    if object["kind"] == "ResourceQuota" {
        attempts
            .push(attempt("status", change(object, "status", json!({ "status": { "hard": { "pods": "10000" } } }))));
    }
    attempts
}

fn namespace_attempts(namespace: &Value) -> Vec<Attempt> {
    let attempt = |says: String, request, rule| Attempt {
        says: format!("{}: {says}", objects::title(namespace)),
        request,
        policy: "tenantry-namespaces",
        rule,
    };
    let mut attempts = vec![attempt("delete".to_owned(), Request::Delete(namespace.clone()), "namespace-delete")];
    let is_guarded = |key: &str| {
        key.starts_with(meta::PREFIX) || key.starts_with("pod-security.kubernetes.io/") || key == meta::MANAGED_BY
    };
    for section in ["labels", "annotations"] {
        for key in namespace["metadata"][section].as_object().into_iter().flatten().map(|(key, _)| key) {
            if is_guarded(key) {
                // The server itself refuses what is no level and no version.
                let other = match key.strip_prefix("pod-security.kubernetes.io/") {
                    Some(mode) if mode.ends_with("-version") => "v1.0",
                    Some(_) => "privileged",
                    None => "other",
                };
                for (says, value) in [("strip", Value::Null), ("change", other.into())] {
                    let patch = json!({ "metadata": { section: { key: value } } });
                    attempts.push(attempt(
                        format!("{says} {section} {key}"),
                        change(namespace, "", patch),
                        "namespace-keys",
                    ));
                }
            }
        }
    }
    let stolen = json!({ "metadata": { "labels": { meta::TENANT: "other" } } });
    attempts.push(attempt("through the status".into(), change(namespace, "status", stolen), "namespace-keys"));
    let suspended = json!({ "metadata": { "labels": { meta::SUSPEND: "Freeze" } } });
    attempts.push(attempt("add a suspension".into(), change(namespace, "", suspended), "namespace-keys"));
    let owner = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "11111111-1111-1111-1111-111111111111" }]);
    let owned = json!({ "metadata": { "ownerReferences": owner } });
    attempts.push(attempt("add an owner".into(), change(namespace, "", owned), "namespace-owners"));
    let mut body = namespace.clone();
    body["metadata"]["labels"][meta::TENANT] = "other".into();
    let path = format!("/api/v1/namespaces/{}/finalize?dryRun=All", objects::name(namespace));
    let finalize = Request::Raw { method: Method::PUT, path, headers: Vec::new(), body };
    attempts.push(attempt("through finalize".into(), finalize, "namespace-keys"));
    attempts
}

fn change(object: &Value, subresource: &str, change: Value) -> Request {
    // What is tampered with is named; its content would only make the report long.
    let metadata = json!({ "name": object["metadata"]["name"], "namespace": object["metadata"]["namespace"] });
    let object = json!({ "apiVersion": object["apiVersion"], "kind": object["kind"], "metadata": metadata });
    Request::Change { object, subresource: subresource.to_owned(), change }
}

/// A PUT without labels and annotations.
fn replace(object: &Value) -> Request {
    let mut body = object.clone();
    body["metadata"] = json!({ "name": object["metadata"]["name"], "namespace": object["metadata"]["namespace"] });
    let (group, plural) = match object["kind"].as_str() {
        Some("NetworkPolicy") => ("apis/networking.k8s.io/v1", "networkpolicies"),
        Some("ResourceQuota") => ("api/v1", "resourcequotas"),
        Some("LimitRange") => ("api/v1", "limitranges"),
        _ => ("apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    };
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let path = format!("/{group}/namespaces/{namespace}/{plural}/{}?dryRun=All", objects::name(object));
    Request::Raw { method: Method::PUT, path, headers: Vec::new(), body }
}

impl Attempt {
    fn check(self, family: &'static str, who: &Who) -> Check {
        Check::new(family, self.says, who, self.request, Expected::refused_by(self.policy, self.rule))
    }
}
