//! Taking on another's identity: tokens of ServiceAccounts, and impersonation.

use http::Method;
use serde_json::{Value, json};
use tenantry_e2e::operator::{ACCOUNT, NAMESPACE};

use crate::access;
use crate::check::{Check, Expected, Kind};
use crate::request::Request;
use crate::stage::Stage;

/// Row of the matrix.
pub const FAMILY: &str = "tokens, impersonation";

/// By admins of both tenants, and by developers and viewers, who may not even ask for their own.
pub fn checks(stage: &Stage) -> Vec<Check> {
    let mut checks = Vec::new();
    for (index, tenant) in stage.tenants.iter().enumerate() {
        let (dev, other) = (tenant.dev(), stage.tenants[1 - index].dev());
        for who in Kind::MEMBERS.map(|kind| stage.member(index, "admin", kind)) {
            let own = token(&dev, "viewer");
            for (name, namespace, account) in [
                ("of another tenant", other.as_str(), "admin"),
                ("of kube-system", "kube-system", "default"),
                ("of the operator", NAMESPACE, ACCOUNT),
            ] {
                let expected = Expected::refused(&["cannot create resource \"serviceaccounts/token\""]);
                let name = format!("{}: a token of a ServiceAccount {name}", tenant.name);
                checks.push(
                    Check::new(FAMILY, name, &who, token(namespace, account), expected).with_control(own.clone()),
                );
            }
            let (control, answer) = access::yes(&who, &dev);
            for (group, resource) in [
                ("", "users:system:admin"),
                ("", "groups:system:masters"),
                ("", "serviceaccounts"),
                ("authentication.k8s.io", "uids"),
                ("authentication.k8s.io", "userextras/scopes"),
            ] {
                for namespace in ["", &dev, &other] {
                    let request = Request::Rights {
                        subject: who.subject.clone(),
                        namespace: namespace.to_owned(),
                        resources: vec![(group.to_owned(), resource.to_owned())],
                        verbs: vec!["impersonate", "impersonate:user-info", "impersonate:serviceaccount"],
                    };
                    let place = if namespace.is_empty() { "in the cluster" } else { namespace };
                    let name = format!("{}: impersonate {resource} {place}", tenant.name);
                    let none = Expected::Answer("none".to_owned());
                    checks.push(Check::new(FAMILY, name, &who, request, none).with_answer(control.clone(), answer));
                }
            }
        }
        // With a header, too: by a token, as other identities may be made by impersonation themselves.
        let robot = stage.member(index, "admin", Kind::ServiceAccount);
        for (name, user, words) in [
            ("a user", "system:admin".to_owned(), "cannot impersonate"),
            ("another ServiceAccount", format!("system:serviceaccount:{other}:admin"), "cannot impersonate"),
        ] {
            let name = format!("{}: read as {name}", tenant.name);
            let check = Check::new(FAMILY, name, &robot, read(&dev, Some(user)), Expected::refused(&[words]));
            checks.push(check.with_control(read(&dev, None)));
        }
        for role in ["developer", "viewer"] {
            for who in Kind::MEMBERS.map(|kind| stage.member(index, role, kind)) {
                let expected = Expected::refused(&["cannot create resource \"serviceaccounts/token\""]);
                let name = format!("{}: a token of the admin's ServiceAccount, as {role}", tenant.name);
                let check = Check::new(FAMILY, name, &who, token(&dev, "admin"), expected);
                checks.push(check.with_control(read(&dev, None)));
            }
        }
    }
    checks
}

fn token(namespace: &str, account: &str) -> Request {
    Request::Raw {
        method: Method::POST,
        path: format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token?dryRun=All"),
        headers: Vec::new(),
        body: json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "expirationSeconds": 600 } }),
    }
}

fn read(namespace: &str, user: Option<String>) -> Request {
    Request::Raw {
        method: Method::GET,
        path: format!("/api/v1/namespaces/{namespace}/configmaps"),
        headers: user.into_iter().map(|user| ("Impersonate-User", user)).collect(),
        body: Value::Null,
    }
}
