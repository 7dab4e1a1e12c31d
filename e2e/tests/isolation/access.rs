//! Who may do what where, by review of rights: tenant by tenant, resource by resource, and for the cluster as a whole. In the own
//! namespace the roles say what must be held, elsewhere nothing may be.

use std::collections::BTreeSet;

use kube::Client;
use serde_json::Value;
use tenantry_core::roles::{ROLES, RoleDefinition};
use tenantry_e2e::objects;

use crate::check::{Check, Expected, Kind, Who};
use crate::request::Request;
use crate::stage::{self, Stage};

/// Row of the matrix.
pub const FAMILY: &str = "access";
/// What can be done to an object.
pub const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
/// What gives rights away, or takes on another's.
const POWERS: [&str; 3] = ["escalate", "bind", "impersonate"];
/// What no member has, and some have in other systems.
const OTHERS: [(&str, &str); 14] = [
    ("", "bindings"),
    ("", "namespaces"),
    ("", "namespaces/finalize"),
    ("", "namespaces/status"),
    ("", "pods/binding"),
    ("", "pods/proxy"),
    ("", "pods/resize"),
    ("", "resourcequotas/status"),
    ("", "services/proxy"),
    ("", "services/status"),
    ("authorization.k8s.io", "localsubjectaccessreviews"),
    ("coordination.k8s.io", "leases"),
    ("networking.k8s.io", "ingresses/status"),
    ("resource.k8s.io", "resourceclaims"),
];

/// Members whose rights are looked at: every role, and the strongest of the first tenant in every way.
fn members(stage: &Stage, tenant: usize) -> Vec<(&'static str, Who)> {
    let by_group = stage::ROLES.map(|role| (role, stage.member(tenant, role, Kind::Group)));
    let admins = [Kind::User, Kind::ServiceAccount].map(|kind| ("admin", stage.member(tenant, "admin", kind)));
    by_group.into_iter().chain(admins.into_iter().filter(|_| tenant == 0)).collect()
}

/// All resources in namespaces that are looked at.
fn resources() -> BTreeSet<(String, String)> {
    let granted = ROLES.iter().flat_map(RoleDefinition::grants);
    let granted = granted.flat_map(|grant| grant.resources.iter().map(|resource| (grant.group, *resource)));
    granted.chain(OTHERS).map(|(group, resource)| (group.to_owned(), resource.to_owned())).collect()
}

/// What a role gives on a resource, as the review would say it.
fn held(role: &str, group: &str, resource: &str) -> String {
    let name = format!("tenantry:{role}");
    let grants = ROLES.iter().filter(|role| role.name == name).flat_map(RoleDefinition::grants);
    let verbs: BTreeSet<&str> = grants
        .filter(|grant| grant.group == group && grant.resources.contains(&resource))
        .flat_map(|grant| grant.verbs.iter().copied())
        .collect();
    let verbs: Vec<&str> = verbs.into_iter().collect();
    if verbs.is_empty() { "none".to_owned() } else { format!("{} {resource}", verbs.join(" ")) }
}

/// Rights of somebody on one resource.
fn on(who: &Who, namespace: &str, resource: &(String, String)) -> Request {
    let is_powerful = resource.0 == "rbac.authorization.k8s.io" || resource.1.starts_with("serviceaccounts");
    Request::Rights {
        subject: who.subject.clone(),
        namespace: namespace.to_owned(),
        resources: vec![resource.clone()],
        verbs: VERBS.into_iter().chain(POWERS.into_iter().filter(|_| is_powerful)).collect(),
    }
}

/// What shows that reviews of somebody say yes: a right that every member has at home.
pub fn yes(who: &Who, home: &str) -> (Request, &'static str) {
    let request = Request::Rights {
        subject: who.subject.clone(),
        namespace: home.to_owned(),
        resources: vec![(String::new(), "configmaps".to_owned())],
        verbs: vec!["get"],
    };
    (request, "get configmaps")
}

/// The matrix.
pub async fn checks(stage: &Stage) -> Vec<Check> {
    let mut checks = Vec::new();
    let cluster = cluster_scoped(&stage.admin).await;
    for (index, tenant) in stage.tenants.iter().enumerate() {
        let other = &stage.tenants[1 - index];
        for (role, who) in members(stage, index) {
            let home = tenant.dev();
            let (control, answer) = yes(&who, &home);
            for resource in resources() {
                let name = format!("{role} of {} on {}.{}", tenant.name, resource.1, resource.0);
                let own = Expected::Answer(held(role, &resource.0, &resource.1));
                checks.push(Check::new(FAMILY, format!("{name} at home"), &who, on(&who, &home, &resource), own));
                for place in [other.dev(), "kube-system".to_owned()] {
                    let request = on(&who, &place, &resource);
                    let none = Expected::Answer("none".to_owned());
                    let check = Check::new(FAMILY, format!("{name} in {place}"), &who, request, none);
                    checks.push(check.with_answer(control.clone(), answer));
                }
            }
            for resource in &cluster {
                let name = format!("{role} of {} on {}.{} of the cluster", tenant.name, resource.1, resource.0);
                let expected = Expected::Answer(everybody_may(&resource.1));
                let check = Check::new(FAMILY, name, &who, on(&who, "", resource), expected);
                checks.push(check.with_answer(control.clone(), answer));
            }
        }
    }
    checks
}

/// What the server lets everybody ask about themselves.
pub fn everybody_may(resource: &str) -> String {
    if resource.starts_with("selfsubject") { format!("create {resource}") } else { "none".to_owned() }
}

/// Every resource of the cluster as a whole, as the server names them.
pub async fn cluster_scoped(client: &Client) -> Vec<(String, String)> {
    discovered(client, false).await
}

/// Every resource in namespaces, as the server names them.
pub async fn namespaced(client: &Client) -> Vec<(String, String)> {
    discovered(client, true).await
}

async fn discovered(client: &Client, namespaced: bool) -> Vec<(String, String)> {
    let get = async |path: &str| -> Value {
        let request = http::Request::get(path).body(Vec::new()).expect("a request");
        client.request(request).await.unwrap_or_else(|error| panic!("{path}: {}", objects::words(&error)))
    };
    let mut found = BTreeSet::new();
    let groups = get("/apis").await;
    let versions = groups["groups"].as_array().into_iter().flatten();
    let versions = versions.filter_map(|group| group["preferredVersion"]["groupVersion"].as_str());
    let paths: Vec<(String, String)> = versions
        .map(|version| (version.split('/').next().unwrap_or_default().to_owned(), format!("/apis/{version}")))
        .chain([(String::new(), "/api/v1".to_owned())])
        .collect();
    for (group, path) in paths {
        let list = get(&path).await;
        for resource in list["resources"].as_array().into_iter().flatten() {
            if resource["namespaced"] == namespaced {
                found.insert((group.clone(), resource["name"].as_str().unwrap_or_default().to_owned()));
            }
        }
    }
    found.into_iter().collect()
}
