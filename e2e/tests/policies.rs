//! Every case of the admission rules on the real API server: it must say what the rules' CEL says in unit tests, by the policy
//! and the rule that the case names. No operator runs.

#![allow(clippy::panic)] // A case that cannot be set up is named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use kube::Client;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tenantry_core::policies;
use tenantry_core::policies::rule::Operation;
use tenantry_e2e::{Cluster, Options, eventually, objects};
use tenantry_testkit::policy_cases::{self, Case, PLATFORM, TENANT};

const SOON: Duration = Duration::from_secs(60);

/// Kinds of others that the rules cover, with no schema of their own.
const DEFINITIONS: [(&str, &str, &str, &str); 11] = [
    ("gateway.networking.k8s.io", "v1", "Gateway", "gateways"),
    ("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
    ("gateway.networking.k8s.io", "v1", "GRPCRoute", "grpcroutes"),
    ("gateway.networking.k8s.io", "v1", "TLSRoute", "tlsroutes"),
    ("gateway.networking.k8s.io", "v1", "TCPRoute", "tcproutes"),
    ("gateway.networking.k8s.io", "v1", "UDPRoute", "udproutes"),
    ("gateway.networking.k8s.io", "v1", "ListenerSet", "listenersets"),
    ("gateway.networking.k8s.io", "v1", "ReferenceGrant", "referencegrants"),
    ("gateway.networking.x-k8s.io", "v1alpha1", "XListenerSet", "xlistenersets"),
    ("snapshot.storage.k8s.io", "v1", "VolumeSnapshot", "volumesnapshots"),
    ("tenantry.dev", "v1alpha1", "Tenant", "tenants"),
];

fn definition(group: &str, version: &str, kind: &str, plural: &str) -> Value {
    let scope = if plural == "tenants" { "Cluster" } else { "Namespaced" };
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{plural}.{group}"),
            // Only groups of Kubernetes itself ask for this.
            "annotations": { "api-approved.kubernetes.io": "unapproved, for tests" },
        },
        "spec": {
            "group": group, "scope": scope,
            "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase() },
            "versions": [{ "name": version, "served": true, "storage": true, "schema": { "openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true } } }],
        },
    })
}

struct Stage {
    cluster: Cluster,
    admin: Client,
    clients: BTreeMap<String, Client>,
    namespaces: BTreeMap<String, String>,
}

impl Stage {
    async fn set(cases: &[Case]) -> Self {
        let cluster = Cluster::start(Options::default()).await.expect("starts");
        let admin = cluster.client().await.expect("client");
        for (group, version, kind, plural) in DEFINITIONS {
            objects::apply(&admin, &definition(group, version, kind, plural)).await.expect("applied");
        }
        for object in policies::objects() {
            objects::apply(&admin, &object).await.unwrap_or_else(|error| panic!("{error}"));
        }
        let users: BTreeSet<&str> = cases.iter().flat_map(|case| [case.user.as_str(), case.maker.as_str()]).collect();
        let mut clients = BTreeMap::new();
        for user in users {
            let client = match user {
                PLATFORM => admin.clone(),
                TENANT => cluster.user("kim", &["acme-admins"]).expect("issued").client().await.expect("client"),
                name => cluster.user(name, &[]).expect("issued").client().await.expect("client"),
            };
            clients.insert(user.to_owned(), client);
        }
        let mut stage = Self { cluster, admin, clients, namespaces: BTreeMap::new() };
        stage.give_rights().await;
        for case in cases.iter().filter(|case| !case.is_namespace()) {
            stage.namespace_of(case).await;
        }
        stage
    }

    /// Everybody may do everything in namespaces, so that nothing but the policies stands in the way. That does not include the
    /// verb `exempt` on tenants, which are not in a namespace.
    async fn give_rights(&self) {
        let everything = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
        let namespaces = json!([{ "apiGroups": [""], "verbs": ["*"],
            "resources": ["namespaces", "namespaces/status", "namespaces/finalize"] }]);
        for (name, rules) in [("case-everything", everything), ("case-namespaces", namespaces)] {
            let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": name }, "rules": rules });
            objects::apply(&self.admin, &role).await.expect("applied");
        }
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "case-namespaces" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "case-namespaces" },
            "subjects": self.subjects(),
        });
        objects::apply(&self.admin, &binding).await.expect("applied");
    }

    fn subjects(&self) -> Value {
        let names = self.clients.keys().filter(|user| *user != PLATFORM);
        names
            .map(|user| if user == TENANT { "kim" } else { user })
            .map(|name| json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name }))
            .collect()
    }

    /// A namespace with the annotations and labels of the case; cases that agree in them share it.
    async fn namespace_of(&mut self, case: &Case) -> String {
        let key = json!([case.annotations, case.labels]).to_string();
        if let Some(name) = self.namespaces.get(&key) {
            return name.clone();
        }
        let name = format!("acme-{}", self.namespaces.len());
        objects::apply(&self.admin, &case.placed_in(&name).namespace(&name)).await.expect("applied");
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": { "name": "case-everything", "namespace": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "case-everything" },
            "subjects": self.subjects(),
        });
        objects::apply(&self.admin, &binding).await.expect("applied");
        self.namespaces.insert(key, name.clone());
        name
    }

    /// Pods are refused for want of it, and rights and policies take a moment to be known everywhere.
    async fn wait(&self) {
        for namespace in self.namespaces.values() {
            let accounts = objects::collection_of(&self.admin, "v1", "ServiceAccount", Some(namespace));
            eventually(SOON, "the default ServiceAccount exists", async || accounts.get("default").await.map(|_| ()))
                .await
                .unwrap_or_else(|late| panic!("{late}"));
        }
    }

    /// What the server says: nothing if it would do it, or its words.
    async fn ask(&self, case: &Case, number: usize) -> Result<(), String> {
        let name = format!("case-{number}");
        let namespace = if case.is_namespace() {
            name.clone()
        } else {
            self.namespaces[&json!([case.annotations, case.labels]).to_string()].clone()
        };
        let mut case = case.placed_in(&namespace);
        let rename = |object: &mut Value| object["metadata"]["name"] = name.as_str().into();
        rename(&mut case.object);
        case.old.iter_mut().for_each(rename);
        let maker = &self.clients[&case.maker];
        for object in case.prepare.iter_mut().filter(|object| object["kind"] != "RuntimeClass") {
            rename(object);
            object["metadata"]["namespace"] = namespace.as_str().into();
        }
        for object in &case.prepare {
            objects::apply(&self.admin, object).await.unwrap_or_else(|error| panic!("{}: {error}", case.title()));
        }
        if let Some(old) = case.old.as_ref().filter(|_| case.subresource != "scale") {
            // A dry run before may not have been the first to ask for it.
            match objects::create(maker, old).await {
                Err(error) if !error.to_string().contains("already exists") => panic!("{}: {error}", case.title()),
                _ => {}
            }
        }
        self.request(&case, &name).await
    }

    async fn request(&self, case: &Case, name: &str) -> Result<(), String> {
        let client = &self.clients[&case.user];
        let object = if case.subresource == "scale" { &case.prepare[0] } else { &case.object };
        let collection = objects::collection(client, object);
        let dry = PatchParams { dry_run: true, ..PatchParams::default() };
        // As kubectl does it: lists of built-in kinds are merged by name.
        let is_built_in = !["gateway.", "snapshot."].iter().any(|group| case.api_group().starts_with(group));
        let patch = if is_built_in { Patch::Strategic(&case.change) } else { Patch::Merge(&case.change) };
        let result = match (case.operation, case.subresource.as_str()) {
            (Operation::Create | Operation::Connect, _) => {
                let typed: DynamicObject = serde_json::from_value(case.object.clone()).expect("an object");
                let dry = PostParams { dry_run: true, ..PostParams::default() };
                collection.create(&dry, &typed).await.map(|_| ())
            }
            (Operation::Update, "") => collection.patch(name, &dry, &patch).await.map(|_| ()),
            (Operation::Update, "finalize") => {
                let body = serde_json::to_vec(&case.object).expect("JSON");
                let uri = format!("/api/v1/namespaces/{name}/finalize?dryRun=All");
                let request =
                    http::Request::put(uri).header("content-type", "application/json").body(body).expect("a request");
                client.request::<Value>(request).await.map(|_| ())
            }
            (Operation::Update, subresource) => {
                collection.patch_subresource(subresource, name, &dry, &patch).await.map(|_| ())
            }
            (Operation::Delete, _) => {
                collection.delete(name, &DeleteParams { dry_run: true, ..DeleteParams::default() }).await.map(|_| ())
            }
        };
        result.map_err(|error| objects::words(&error))
    }
}

/// What the case should get, as part of the server's words; empty if it is to be accepted.
fn wanted(case: &Case) -> Vec<String> {
    if !case.refused {
        return Vec::new();
    }
    vec![format!("ValidatingAdmissionPolicy 'tenantry-{}'", case.group().name), format!("[rule {}", case.rule)]
}

fn fault(case: &Case, answer: &Result<(), String>) -> Option<String> {
    let wanted = wanted(case);
    match answer {
        Ok(()) if wanted.is_empty() => None,
        Err(words) if !wanted.is_empty() && wanted.iter().all(|part| words.contains(part)) => None,
        other => Some(format!("{}: {other:?}, wanted {wanted:?}", case.title())),
    }
}

#[tokio::test]
async fn the_server_judges_every_case_as_it_says() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cases = policy_cases::read(&policy_cases::folder(&repository)).unwrap_or_else(|error| panic!("{error}"));
    let stage = Stage::set(&cases).await;
    stage.wait().await;
    // Once the first refusal of each policy is there, everything must be judged rightly at the first try.
    let mut awake = BTreeSet::new();
    for (number, case) in cases.iter().enumerate().filter(|(_, case)| case.refused && case.dropped_by_server.is_empty())
    {
        if awake.insert((case.group().name, case.user.clone())) {
            eventually(SOON, &case.title(), async || fault(case, &stage.ask(case, number).await).map_or(Ok(()), Err))
                .await
                .unwrap_or_else(|late| panic!("{late}"));
        }
    }
    let mut faults = Vec::new();
    let mut judged = 0;
    for (number, case) in cases.iter().enumerate() {
        if !case.dropped_by_server.is_empty() {
            println!("left out: {}: {}", case.title(), case.dropped_by_server);
            continue;
        }
        judged += 1;
        faults.extend(fault(case, &stage.ask(case, number).await));
    }
    assert!(faults.is_empty(), "{} of {judged}:\n{}", faults.len(), faults.join("\n"));
    println!("{judged} cases, all judged as they say");
    no_policy_has_warnings(&stage.admin).await;
    stage.cluster.stop().await.expect("stops");
}

/// The controller-manager checks the types of expressions after the fact and notes what cannot be right.
async fn no_policy_has_warnings(client: &Client) {
    let version = "admissionregistration.k8s.io/v1";
    eventually(SOON, "all policies are type-checked without a warning", async || {
        let policies = objects::list(client, version, "ValidatingAdmissionPolicy", None, "")
            .await
            .map_err(|error| error.to_string())?;
        for policy in policies.iter().filter(|policy| objects::name(policy).starts_with("tenantry-")) {
            let status = &policy["status"];
            if status["observedGeneration"] != policy["metadata"]["generation"]
                || status["typeChecking"]["expressionWarnings"].as_array().is_some_and(|warnings| !warnings.is_empty())
            {
                return Err(format!("{}: {status}", objects::name(policy)));
            }
        }
        Ok(())
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));
}
