//! What the tests see and do: tenants, the objects made for them, and waiting for a state. It starts no process but the
//! one operator that most tests share.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};
use tenantry_core::meta;
use tenantry_core::resources::{
    LIMIT_RANGE, NAMESPACE, NETWORK_POLICY, RESOURCE_QUOTA, ROLE_BINDING, Resource, TENANT_VIEW,
};
use tenantry_e2e::audit::Audit;
use tenantry_e2e::operator::USER;
use tenantry_e2e::{Cluster, eventually, objects, shared};
use tokio::sync::OnceCell;

use crate::program::{self, Operator, SOON};

/// Kinds of which Tenants have children.
pub const CHILD_KINDS: [&Resource; 6] =
    [&NAMESPACE, &NETWORK_POLICY, &RESOURCE_QUOTA, &LIMIT_RANGE, &ROLE_BINDING, &TENANT_VIEW];
/// The TenantClass that everything is allowed in.
pub const CLASS: &str = "wide";

/// The cluster on which the shared operator runs. Every test there uses tenant names of its own and breaks nothing that others
/// use.
pub async fn stage() -> &'static Cluster {
    static OPERATOR: OnceCell<Operator> = OnceCell::const_new();
    let cluster = shared().await.expect("a cluster");
    OPERATOR
        .get_or_init(|| async {
            prepare(cluster).await;
            Operator::start(cluster).await
        })
        .await;
    cluster
}

/// Installs Tenantry without starting it, and makes the class of the tests.
pub async fn prepare(cluster: &Cluster) {
    program::prepare(cluster).await;
    let client = cluster.client().await.expect("client");
    objects::apply(&client, &class(CLASS, &json!({}))).await.expect("applied");
}

/// A class that allows everything a class can allow, with `defaults`.
pub fn class(name: &str, defaults: &Value) -> Value {
    json!({
        "apiVersion": "tenantry.dev/v1alpha1",
        "kind": "TenantClass",
        "metadata": { "name": name },
        "spec": {
            "defaults": defaults,
            "bounds": {
                "podSecurity": ["Restricted", "Baseline", "Privileged"],
                "network": { "internet": "Allow", "apiServer": "Allow", "egress": ["0.0.0.0/0", "::/0"] },
            },
        },
    })
}

/// A tenant of that class with this spec besides.
pub fn tenant(name: &str, spec: Value) -> Value {
    let mut tenant = json!({
        "apiVersion": "tenantry.dev/v1alpha1",
        "kind": "Tenant",
        "metadata": { "name": name },
    });
    tenant["spec"] = spec;
    if tenant["spec"]["className"].is_null() {
        tenant["spec"]["className"] = CLASS.into();
    }
    tenant
}

/// A tenant with an environment `dev` that has a quota and limits, and one group for each role.
pub fn plain_tenant(name: &str) -> Value {
    tenant(
        name,
        json!({
            "environments": [environment("dev")],
            "limits": { "max": { "cpu": "2", "memory": "2Gi" }, "default": { "cpu": "500m", "memory": "256Mi" } },
            "members": [
                member("admins", "Admin", &format!("{name}-admins")),
                member("developers", "Developer", &format!("{name}-developers")),
                member("viewers", "Viewer", &format!("{name}-viewers")),
            ],
        }),
    )
}

/// An environment with a quota.
pub fn environment(name: &str) -> Value {
    json!({ "name": name, "quota": { "max": { "pods": "10", "requests.cpu": "4", "limits.memory": "8Gi" } } })
}

/// A group with a role everywhere.
pub fn member(name: &str, role: &str, group: &str) -> Value {
    json!({ "name": name, "role": role, "subjects": [{ "kind": "Group", "name": group }] })
}

/// Applies a tenant as the platform team would, and waits until it is ready for this very spec.
pub async fn onboard(client: &Client, tenant: &Value) -> Value {
    objects::apply(client, tenant).await.expect("applied");
    ready(client, objects::name(tenant)).await
}

/// Waits until the tenant is ready for its present generation.
pub async fn ready(client: &Client, name: &str) -> Value {
    is(client, name, "Ready", "True", |_| true).await
}

/// Waits until a condition of a tenant is so for its present generation, and answers the tenant.
pub async fn is(client: &Client, name: &str, type_: &str, status: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let what = format!("tenant {name} is {type_}={status}");
    eventually(SOON, &what, async || {
        let found =
            get(client, "tenantry.dev/v1alpha1", "Tenant", None, name).await.ok_or("there is no such tenant")?;
        let condition = objects::condition(&found, type_).cloned().unwrap_or_default();
        let current = condition["observedGeneration"] == found["metadata"]["generation"];
        if condition["status"] == status && current && fits(&condition) {
            Ok(found)
        } else {
            Err(format!("generation {}, status {}", found["metadata"]["generation"], found["status"]["conditions"]))
        }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"))
}

/// Waits until a condition of a cluster-scoped resource of ours is so.
pub async fn is_of(client: &Client, kind: &str, name: &str, type_: &str, status: &str) {
    eventually(SOON, &format!("{kind} {name} is {type_}={status}"), async || {
        let found = get(client, "tenantry.dev/v1alpha1", kind, None, name).await.ok_or("there is none")?;
        let condition = objects::condition(&found, type_).cloned().unwrap_or_default();
        if condition["status"] == status { Ok(()) } else { Err(found["status"].to_string()) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

/// One object, if it exists. There is none of a kind that is not served: yet, or any more.
pub async fn get(client: &Client, version: &str, kind: &str, namespace: Option<&str>, name: &str) -> Option<Value> {
    match objects::collection_of(client, version, kind, namespace).get(name).await {
        Ok(found) => Some(serde_json::to_value(found).expect("JSON")),
        Err(kube::Error::Api(status)) if status.code == 404 => None,
        Err(error) => panic!("{kind} {name}: {error}"),
    }
}

/// One object of a kind that Tenants have as children.
pub async fn child(client: &Client, resource: &Resource, namespace: &str, name: &str) -> Option<Value> {
    let namespace = resource.namespaced.then_some(namespace);
    get(client, &resource.api_version(), resource.kind, namespace, name).await
}

/// Everything that exists for a tenant, by `Kind namespace/name`.
pub async fn children(client: &Client, tenant: &str) -> BTreeMap<String, Value> {
    let label = format!("{}={tenant}", meta::TENANT);
    let mut found = BTreeMap::new();
    for resource in CHILD_KINDS {
        let listed = objects::list(client, &resource.api_version(), resource.kind, None, &label).await.expect("listed");
        for mut object in listed {
            object["apiVersion"] = resource.api_version().into();
            object["kind"] = resource.kind.into();
            found.insert(objects::title(&object), object);
        }
    }
    found
}

/// The resourceVersion of each.
pub fn versions(objects: &BTreeMap<String, Value>) -> BTreeMap<&str, &str> {
    objects
        .iter()
        .map(|(title, object)| (title.as_str(), object["metadata"]["resourceVersion"].as_str().unwrap_or_default()))
        .collect()
}

/// The resource table's entry for an object's kind.
pub fn resource_of(object: &Value) -> &'static Resource {
    CHILD_KINDS.into_iter().find(|resource| object["kind"] == resource.kind).expect("a kind that Tenants have")
}

/// Waits until a namespace is gone.
pub async fn namespace_is_gone(client: &Client, name: &str) {
    is_gone(client, ("v1", "Namespace"), name).await;
}

/// Waits until a Tenant is gone.
pub async fn tenant_is_gone(client: &Client, name: &str) {
    is_gone(client, ("tenantry.dev/v1alpha1", "Tenant"), name).await;
}

async fn is_gone(client: &Client, (version, kind): (&str, &str), name: &str) {
    eventually(SOON, &format!("{kind} {name} is gone"), async || match get(client, version, kind, None, name).await {
        None => Ok(()),
        Some(found) => Err(found["status"].to_string()),
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

/// Longer than a status holds back what it tells of usage.
const TOLD_WITHIN: Duration = Duration::from_secs(33);

/// Waits until the operator has told in statuses what was still to be told: it asks nothing for so long.
pub async fn told_all(log: &std::path::Path) {
    let mut audit = Audit::from_now(log).expect("readable");
    let mut since = std::time::Instant::now();
    eventually(Duration::from_mins(3), "the operator asks nothing any more", async || {
        let requests = audit.take_requests_of(USER).expect("readable");
        let noise: Vec<_> = requests.iter().filter(|one| !one.is_upkeep()).collect();
        if !noise.is_empty() {
            since = std::time::Instant::now();
        }
        if since.elapsed() > TOLD_WITHIN { Ok(()) } else { Err(format!("{noise:?}")) }
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}

/// Lets time pass in which nothing may happen, and fails as soon as something does.
pub async fn stays(duration: Duration, mut holds: impl AsyncFnMut() -> Result<(), String>) {
    let began = std::time::Instant::now();
    while began.elapsed() < duration {
        if let Err(what) = holds().await {
            panic!("after {:.1} s: {what}", began.elapsed().as_secs_f64());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
