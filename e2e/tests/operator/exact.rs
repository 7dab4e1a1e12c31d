//! What is written is what the server then shows, to the byte: else the operator would fight the server's own defaults, or
//! make requests for ever to find out that nothing has changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::Client;
use serde_json::{Value, json};
use tenantry_core::access;
use tenantry_core::content::{hash_desired, hash_observed};
use tenantry_core::kinds::KINDS;
use tenantry_core::object::{Desired, ObjectKey};
use tenantry_core::resources::{GATEWAY, Resource, Watch};
use tenantry_core::world::{Lookup, Scope, Source, World};
use tenantry_e2e::objects;

use crate::scene::{self, CLASS, onboard, stage, tenant};

/// Ways to write an amount; the server has one way to show it.
const CPU: [&str; 8] = ["0.5", "1000m", "1e3", "100m", "1.5", "2k", "0.0001", "+3"];
const MEMORY: [&str; 10] =
    ["1024Mi", "1Gi", "1073741824", "1500M", "0.5Gi", "1e9", "1536Ki", "12e6", "1.5Gi", "1000Ki"];

/// Tenants with everything a builder can be asked for.
pub fn rich_tenants() -> Vec<Value> {
    let amounts: Vec<Value> = CPU
        .iter()
        .zip(MEMORY)
        .enumerate()
        .map(|(index, (cpu, memory))| {
            let stage = ["Development", "Staging", "Production", "DisasterRecovery"][index % 4];
            let level = ["Restricted", "Baseline", "Privileged"][index % 3];
            json!({
                "name": format!("env-{index}"),
                "stage": stage,
                "podSecurity": level,
                "quota": { "max": {
                    "requests.cpu": cpu, "limits.cpu": cpu, "requests.memory": memory, "limits.memory": memory,
                    "requests.ephemeral-storage": memory, "pods": 20, "count/jobs.batch": "1e1",
                    "requests.nvidia.com/gpu": "4", "persistentvolumeclaims": "1k",
                    "fast.storageclass.storage.k8s.io/requests.storage": memory, "services.loadbalancers": "0",
                } },
            })
        })
        .collect();
    let quantities = json!({
        "environments": amounts,
        "limits": {
            "default": { "cpu": "0.5", "memory": "1024Mi", "ephemeral-storage": "1.5Gi" },
            "defaultRequest": { "cpu": "250m", "memory": "0.25Gi" },
            "max": { "cpu": "4000m", "memory": "8e9", "ephemeral-storage": "2048Mi" },
            "min": { "cpu": "0.001", "memory": "1" },
        },
    });
    let network = json!({
        "environments": [{ "name": "dev" }],
        "network": {
            "betweenEnvironments": "Allow",
            "internet": "Allow",
            "egress": [
                {
                    "name": "many-ports",
                    "to": { "cidr": "203.0.113.0/24", "except": ["203.0.113.128/25", "203.0.113.0/26"] },
                    "ports": [
                        { "port": 8443, "endPort": 8500 }, { "port": 53, "protocol": "UDP" },
                        { "port": 132, "protocol": "SCTP" }, { "port": 443, "protocol": "TCP" }, { "port": 443, "endPort": 443, "protocol": "UDP" },
                    ],
                },
                { "name": "all-four", "to": { "cidr": "0.0.0.0/0" }, "ports": [{ "port": 1 }] },
                { "name": "six", "to": { "cidr": "2001:db8::/32" }, "ports": [{ "port": 65535 }] },
                { "name": "six-long", "to": { "cidr": "2001:0db8:0000::/48" }, "ports": [{ "port": 443 }] },
                { "name": "one", "to": { "cidr": "198.51.100.7/32" }, "ports": [{ "port": 5432 }] },
            ],
        },
    });
    let members = json!({
        "environments": [{ "name": "dev" }, { "name": "prod", "stage": "Production" }],
        "members": [
            { "name": "z-last", "role": "Admin", "subjects": [
                { "kind": "User", "name": "jane@example.com" }, { "kind": "Group", "name": "oidc:team a" },
                { "kind": "ServiceAccount", "name": "deployer", "namespace": "exact-members-dev" },
            ] },
            { "name": "again", "role": "Admin", "subjects": [{ "kind": "User", "name": "jane@example.com" }] },
            { "name": "devs", "role": "Developer", "environments": ["dev"], "subjects": [
                { "kind": "User", "name": "http://issuer.example/#Ünï" }, { "kind": "Group", "name": "b" }, { "kind": "Group", "name": "B" },
            ] },
            { "name": "see", "role": "Viewer", "environments": ["prod"], "subjects": [{ "kind": "User", "name": "x" }] },
        ],
        "metadata": {
            "labels": { "cost-centre": "4711", "example.com/Team": "A.b_c-1", "empty": "" },
            "annotations": { "example.com/long": "ä".repeat(500), "empty": "", "json": "{\"a\": [1]}" },
        },
    });
    [
        ("exact-quantities", quantities),
        ("exact-network", network),
        ("exact-members", members),
        ("exact-bare", json!({})),
    ]
    .into_iter()
    .map(|(name, spec)| tenant(name, spec))
    .collect()
}

/// The world as the engine's caches would show it, listed once.
pub struct Listed(BTreeMap<(&'static str, &'static str), Vec<Value>>);

impl Listed {
    /// As it is now.
    pub async fn from(client: &Client) -> Self {
        let mut all = BTreeMap::new();
        // Add-ons are another test's business, and not on this cluster.
        let is_here = |resource: &&Resource| resource.watch != Watch::WhereServed && resource.group != GATEWAY.group;
        for resource in access::watched(KINDS).into_iter().filter(is_here) {
            let list = objects::list(client, &resource.api_version(), resource.kind, None, "").await.expect("listed");
            all.insert((resource.group, resource.plural), list);
        }
        Self(all)
    }

    fn of(&self, resource: &Resource) -> &[Value] {
        self.0.get(&(resource.group, resource.plural)).map_or(&[], Vec::as_slice)
    }
}

impl Source for Listed {
    fn get(&self, key: &ObjectKey) -> Lookup<Arc<Value>> {
        let is_it = |object: &&Value| {
            object["metadata"]["name"] == key.name.as_str()
                && object["metadata"]["namespace"].as_str().unwrap_or_default() == key.namespace
        };
        self.of(key.resource)
            .iter()
            .find(is_it)
            .map_or(Lookup::Missing, |found| Lookup::Found(Arc::new(key.resource.kept(found))))
    }

    fn list(&self, resource: &'static Resource, scope: &Scope) -> Lookup<Vec<Arc<Value>>> {
        Lookup::Found(
            self.of(resource)
                .iter()
                .filter(|object| scope.contains(resource, object))
                .map(|object| Arc::new(resource.kept(object)))
                .collect(),
        )
    }
}

/// What the operator wants for a tenant now.
pub async fn wanted(client: &Client, tenant: &Value) -> Vec<Desired> {
    let listed = Listed::from(client).await;
    let kind = KINDS.iter().find(|kind| kind.resource.kind == "Tenant").expect("registered");
    let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
    let now = jiff::Timestamp::try_from(std::time::UNIX_EPOCH + now).expect("a time");
    (kind.plan)(tenant, &World::new(&listed), now).expect("well-formed").desired
}

/// What the server has stored of a wanted object, which must be just that.
pub async fn stored_as_wanted(client: &Client, object: &Desired) -> Value {
    let key = object.key();
    let stored = scene::child(client, key.resource, &key.namespace, &key.name).await.expect("exists");
    assert_eq!(
        hash_desired(key.resource, object.body()),
        hash_observed(key.resource, &stored),
        "{key}: wanted\n{:#}\nstored\n{stored:#}",
        object.body()
    );
    stored
}

#[tokio::test]
async fn the_server_stores_what_was_wanted_to_the_byte() {
    let client = stage().await.client().await.expect("client");
    let mut looked_at = BTreeMap::new();
    for mut tenant in rich_tenants() {
        tenant["metadata"]["name"] = objects::name(&tenant).replace("exact", "byte").into();
        let tenant: Value =
            serde_json::from_str(&tenant.to_string().replace("exact-members-dev", "byte-members-dev")).expect("JSON");
        let found = onboard(&client, &tenant).await;
        let wanted = wanted(&client, &found).await;
        assert!(wanted.iter().any(|object| object.key().resource.kind == "NetworkPolicy"), "{wanted:?}");
        for object in wanted {
            let key = object.key();
            let stored = stored_as_wanted(&client, &object).await;
            if key.resource.kind != "Namespace" {
                assert!(
                    stored["metadata"]["generation"].as_i64().unwrap_or(1) == 1,
                    "{key} was written once: {stored}"
                );
            }
            *looked_at.entry(key.resource.kind).or_insert(0) += 1;
        }
    }
    println!("{looked_at:?} in class {CLASS}");
    assert_eq!(looked_at.len(), scene::CHILD_KINDS.len(), "{looked_at:?}");
}
