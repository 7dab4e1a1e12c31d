//! What the suite needs in a cluster: Tenantry, two tenants that the operator has made, members who come in every way, and
//! attackers with every right in a namespace. On a cluster that was given, it removes again what it made, and nothing else.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tenantry::render::manifests::{self, Installation};
use tenantry_core::kinds::KINDS;
use tenantry_core::meta;
use tenantry_e2e::cluster::KUBECONFIG_VARIABLE;
use tenantry_e2e::operator::{ACCOUNT, NAMESPACE, install};
use tenantry_e2e::{Cluster, Options, eventually, objects};

use crate::check::{Kind, Who};
use crate::program::{Operator, SOON};
use crate::request::Subject;

/// Client of the platform team.
pub const PLATFORM: &str = "platform";
/// Roles of members.
pub const ROLES: [&str; 3] = ["admin", "developer", "viewer"];
const RBAC: &str = "rbac.authorization.k8s.io";

/// A tenant on the stage. Its namespaces are its own name and `<name>-<environment>`.
pub struct Tenant {
    /// Its name.
    pub name: String,
    /// Its environments.
    pub environments: [&'static str; 2],
    /// Whether they may reach each other.
    pub between: bool,
    /// A network outside that it may reach, as its Tenant says.
    pub egress: bool,
}

impl Tenant {
    /// The namespace of its first environment.
    pub fn dev(&self) -> String {
        format!("{}-{}", self.name, self.environments[0])
    }

    /// Its home and its environments.
    pub fn namespaces(&self) -> Vec<String> {
        let environments = self.environments.iter().map(|environment| format!("{}-{environment}", self.name));
        std::iter::once(self.name.clone()).chain(environments).collect()
    }

    /// Its Tenant. Every field that admission policies go by is bounded, so that the grants family has something to exceed.
    fn object(&self, class: &str) -> Value {
        let quota = json!({ "max": {
            "pods": "20", "services": "20", "replicationcontrollers": "20", "resourcequotas": "5", "secrets": "50",
            "configmaps": "50", "persistentvolumeclaims": "20", "services.nodeports": "0", "services.loadbalancers": "0",
            "requests.cpu": "4", "limits.cpu": "8", "requests.memory": "8Gi", "limits.memory": "8Gi",
            "requests.ephemeral-storage": "8Gi", "limits.ephemeral-storage": "8Gi",
        } });
        let environments: Vec<Value> =
            self.environments.iter().map(|name| json!({ "name": name, "quota": quota })).collect();
        let members: Vec<Value> = ROLES
            .iter()
            .map(|role| {
                let word = format!("{}{}", role[..1].to_uppercase(), &role[1..]);
                json!({ "name": role, "role": word, "subjects": [
                    { "kind": "User", "name": format!("{}-{role}", self.name) },
                    { "kind": "Group", "name": format!("{}-{role}s", self.name) },
                    { "kind": "ServiceAccount", "name": role, "namespace": self.dev() },
                ] })
            })
            .collect();
        let egress = json!([{ "name": "partner", "to": { "cidr": "203.0.113.0/24" }, "ports": [{ "port": 443 }] }]);
        json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant", "metadata": { "name": self.name },
            "spec": {
                "className": class, "environments": environments, "members": members,
                "contact": { "team": "isolation suite" },
                "limits": { "max": { "cpu": "2", "memory": "2Gi" }, "default": { "cpu": "100m", "memory": "64Mi", "ephemeral-storage": "64Mi" } },
                "network": {
                    "betweenEnvironments": if self.between { "Allow" } else { "Deny" },
                    "egress": if self.egress { egress } else { json!([]) },
                },
                "images": { "registries": ["registry.example/mine/"], "pullPolicy": "Always" },
                "classes": {
                    "storage": { "allowed": ["standard"] }, "priority": { "allowed": [] }, "runtime": { "allowed": [] },
                    "ingress": { "allowed": ["public"] }, "gateway": { "allowed": [] },
                },
                "hostnames": ["*.mine.example"],
                "services": { "types": ["ClusterIP"] },
            },
        })
    }
}

/// Everything.
pub struct Stage {
    /// The cluster.
    pub cluster: Cluster,
    /// Client of the platform team.
    pub admin: Client,
    /// Clients by key.
    pub clients: BTreeMap<String, Client>,
    /// Begins the names of all that the suite makes.
    pub prefix: String,
    /// The tenants: in the first, environments do not reach each other; in the second they do.
    pub tenants: [Tenant; 2],
    /// A namespace of nobody.
    pub stranger: String,
    /// Whether the cluster was given.
    pub is_given: bool,
    made: Vec<Value>,
}

impl Stage {
    /// Starts a cluster or takes the given one, and installs Tenantry as far as it is not there.
    pub async fn set() -> Self {
        let kubeconfig = std::env::var_os(KUBECONFIG_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        let is_given = kubeconfig.is_some();
        let cluster = Cluster::given_or_start(kubeconfig.as_deref(), Options::default()).await.expect("a cluster");
        let admin = cluster.client().await.expect("client");
        let prefix = cluster.unique_name("iso");
        let tenant = |name: &str, environments, is_open: bool| Tenant {
            name: format!("{prefix}-{name}"),
            environments,
            between: is_open,
            egress: !is_open,
        };
        let tenants = [tenant("north", ["dev", "prod"], false), tenant("south", ["dev", "test"], true)];
        let stranger = format!("{prefix}-stranger");
        let clients = BTreeMap::from([(PLATFORM.to_owned(), admin.clone())]);
        let mut stage = Self { cluster, admin, clients, prefix, tenants, stranger, is_given, made: Vec::new() };
        stage.install().await;
        stage
    }

    async fn install(&mut self) {
        let settings =
            Installation { namespace: NAMESPACE.into(), image: "none".into(), replicas: 0, replicate_from: Vec::new() };
        let mut wanted = manifests::all(KINDS, &settings).expect("renders");
        wanted.retain(|object| object["kind"] != "Deployment");
        let mut missing = Vec::new();
        for object in wanted {
            if !self.exists(&object).await {
                missing.push(object);
            }
        }
        install(&self.admin, &missing).await.expect("installed");
        self.made.extend(missing);
        self.make(json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": { "name": "default" }, "spec": {} })).await;
    }

    /// Whether an operator runs already that is not ours.
    pub async fn has_operator(&self) -> bool {
        let deployments = objects::collection_of(&self.admin, "apps/v1", "Deployment", Some(NAMESPACE));
        let found = deployments.get_opt(ACCOUNT).await.expect("answers");
        found.is_some_and(|found| found.data["status"]["readyReplicas"].as_u64().unwrap_or_default() > 0)
    }

    /// Whether there is a tenant of this name.
    pub async fn has_tenant(&self, name: &str) -> bool {
        self.exists(&json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant", "metadata": { "name": name } }))
            .await
    }

    async fn exists(&self, object: &Value) -> bool {
        match objects::collection(&self.admin, object).get_opt(objects::name(object)).await {
            Ok(found) => found.is_some(),
            // Its namespace or its kind is not there either.
            Err(kube::Error::Api(status)) if status.code == 404 => false,
            Err(error) => panic!("{}: {error}", objects::title(object)),
        }
    }

    /// Makes an object that is not there yet; one that is stays as it is.
    pub async fn make(&mut self, object: Value) {
        if !self.exists(&object).await {
            objects::apply(&self.admin, &object).await.unwrap_or_else(|error| panic!("{error}"));
            self.made.push(object);
        }
    }

    /// Makes both tenants, which needs an operator, and the identities.
    pub async fn populate(&mut self) {
        let class = format!("{}-class", self.prefix);
        self.make(json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantClass", "metadata": { "name": class },
            "spec": { "bounds": { "network": { "egress": ["203.0.113.0/24"] } } },
        }))
        .await;
        self.make(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": self.stranger } })).await;
        for tenant in self.tenants.each_ref().map(|tenant| tenant.object(&class)) {
            self.make(tenant).await;
        }
        for index in 0..self.tenants.len() {
            self.is_ready(&self.tenants[index].name).await;
        }
        self.issue_members().await;
        self.arm_attackers().await;
    }

    async fn is_ready(&self, name: &str) {
        let tenants = objects::collection_of(&self.admin, "tenantry.dev/v1alpha1", "Tenant", None);
        eventually(SOON, &format!("tenant {name} is ready"), async || {
            let found = tenants.get(name).await.map_err(|error| error.to_string())?;
            let found = serde_json::to_value(found).expect("JSON");
            let ready = objects::condition(&found, "Ready").cloned().unwrap_or_default();
            if ready["status"] == "True" { Ok(()) } else { Err(found["status"]["conditions"].to_string()) }
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
    }

    async fn issue_members(&mut self) {
        for index in 0..self.tenants.len() {
            let (name, dev) = (self.tenants[index].name.clone(), self.tenants[index].dev());
            for role in ROLES {
                let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": role, "namespace": dev } });
                objects::apply(&self.admin, &account).await.expect("applied");
                for kind in Kind::MEMBERS {
                    let who = self.member(index, role, kind);
                    let identity = match kind {
                        Kind::ServiceAccount => self.cluster.service_account(&dev, role).await.expect("a token"),
                        Kind::Group => {
                            self.cluster.user(&who.subject.user, &[&format!("{name}-{role}s")]).expect("issued")
                        }
                        _ => self.cluster.user(&who.subject.user, &[]).expect("issued"),
                    };
                    self.clients.insert(who.client, identity.client().await.expect("client"));
                }
            }
        }
    }

    /// A member of a tenant, with the rights that the Tenant gives and no others.
    pub fn member(&self, tenant: usize, role: &str, kind: Kind) -> Who {
        let tenant = &self.tenants[tenant];
        let subject = match kind {
            Kind::ServiceAccount => account(&tenant.dev(), role),
            Kind::Group => {
                person(&format!("{}-{role}-by-group", tenant.name), Some(&format!("{}-{role}s", tenant.name)))
            }
            _ => person(&format!("{}-{role}", tenant.name), None),
        };
        Who { kind, client: format!("{} {role} {}", tenant.name, kind.word()), subject }
    }

    /// Lets attackers do everything in the namespaces of the first tenant, and with namespaces themselves: what is refused them
    /// is refused by policies.
    async fn arm_attackers(&mut self) {
        let robots = self.stranger.clone();
        self.make(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "attacker", "namespace": robots } })).await;
        for kind in Kind::MEMBERS {
            let who = self.attacker(kind);
            self.issue(&who).await;
        }
        self.give_everything(&self.tenants[0].namespaces()).await;
    }

    /// Somebody with every right in the namespaces that [`Self::give_everything`] named, who is not exempt.
    pub fn attacker(&self, kind: Kind) -> Who {
        let subject = match kind {
            Kind::ServiceAccount => account(&self.stranger, "attacker"),
            Kind::Group => {
                person(&format!("{}-attacker-by-group", self.prefix), Some(&format!("{}-attackers", self.prefix)))
            }
            _ => person(&format!("{}-attacker", self.prefix), None),
        };
        Who { kind, client: format!("attacker {}", kind.word()), subject }
    }

    /// Makes a client for somebody.
    async fn issue(&mut self, who: &Who) {
        let identity = if who.kind == Kind::ServiceAccount {
            self.cluster.service_account(&self.stranger, "attacker").await.expect("a token")
        } else {
            let groups = who.subject.groups.iter().map(String::as_str);
            let groups: Vec<&str> = groups.filter(|group| !group.starts_with("system:")).collect();
            self.cluster.user(&who.subject.user, &groups).expect("issued")
        };
        self.clients.insert(who.client.clone(), identity.client().await.expect("client"));
    }

    /// A client for a name that Kubernetes' own programs have.
    pub async fn issue_name(&mut self, user: &str) -> Who {
        let subject = person(user, None);
        let who = Who { kind: Kind::Platform, client: user.to_owned(), subject };
        if !self.clients.contains_key(user) {
            let identity = self.cluster.user(user, &[]).expect("issued");
            self.clients.insert(user.to_owned(), identity.client().await.expect("client"));
        }
        who
    }

    /// Lets the attackers and whoever has a client with a plain name do everything in these namespaces.
    pub async fn give_everything(&mut self, namespaces: &[String]) {
        let name = format!("{}-everything", self.prefix);
        let rules = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
        self.make(json!({ "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": { "name": name }, "rules": rules }))
            .await;
        let rules = json!([{ "apiGroups": [""], "verbs": ["*"],
            "resources": ["namespaces", "namespaces/status", "namespaces/finalize"] }]);
        let role = format!("{}-namespaces", self.prefix);
        self.make(json!({ "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": { "name": role }, "rules": rules }))
            .await;
        let mut subjects: Vec<Value> = vec![
            json!({ "kind": "User", "apiGroup": RBAC, "name": self.attacker(Kind::User).subject.user }),
            json!({ "kind": "Group", "apiGroup": RBAC, "name": format!("{}-attackers", self.prefix) }),
            json!({ "kind": "ServiceAccount", "namespace": self.stranger, "name": "attacker" }),
        ];
        let systems = self.clients.keys().filter(|key| key.starts_with("system:"));
        subjects.extend(systems.map(|user| json!({ "kind": "User", "apiGroup": RBAC, "name": user })));
        let binding = |kind: &str, role: &str, namespace: Option<&String>| {
            json!({
                "apiVersion": format!("{RBAC}/v1"), "kind": kind, "metadata": { "name": role, "namespace": namespace },
                "roleRef": { "apiGroup": RBAC, "kind": "ClusterRole", "name": role }, "subjects": subjects,
            })
        };
        let everywhere = binding("ClusterRoleBinding", &role, None);
        objects::apply(&self.admin, &everywhere).await.expect("applied");
        self.made.push(everywhere);
        for namespace in namespaces {
            objects::apply(&self.admin, &binding("RoleBinding", &name, Some(namespace))).await.expect("applied");
        }
    }

    /// On a cluster that was given: removes what the suite made. Needs no operator.
    pub async fn strike(self) {
        if !self.is_given {
            self.cluster.stop().await.expect("stops");
            return;
        }
        let is_tenant = |object: &&Value| object["kind"] == "Tenant";
        for tenant in self.made.iter().filter(is_tenant) {
            objects::delete(&self.admin, tenant).await.expect("deleted");
            let release = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
            let released = objects::collection(&self.admin, tenant)
                .patch(objects::name(tenant), &PatchParams::default(), &release)
                .await;
            match released {
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                other => drop(other.expect("released")),
            }
        }
        let namespaces = objects::list(&self.admin, "v1", "Namespace", None, "").await.expect("listed");
        let ours = |object: &&Value| objects::name(object).starts_with(&self.prefix);
        for mut namespace in namespaces.into_iter().filter(|object| ours(&object)) {
            namespace["apiVersion"] = "v1".into();
            namespace["kind"] = "Namespace".into();
            objects::delete(&self.admin, &namespace).await.expect("deleted");
        }
        // Before the kinds go of which something is in there.
        eventually(SOON, "the suite's namespaces are gone", async || {
            let left =
                objects::list(&self.admin, "v1", "Namespace", None, "").await.map_err(|error| error.to_string())?;
            let left: Vec<&str> =
                left.iter().map(objects::name).filter(|name| name.starts_with(&self.prefix)).collect();
            if left.is_empty() { Ok(()) } else { Err(left.join(", ")) }
        })
        .await
        .unwrap_or_else(|late| panic!("{late}"));
        for object in self.made.iter().rev().filter(|object| !is_tenant(object)) {
            objects::delete(&self.admin, object).await.unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

/// Whether a namespace is a tenant's, by its label.
pub fn is_tenants(namespace: &Value) -> bool {
    namespace["metadata"]["labels"].get(meta::TENANT).is_some()
}

/// The operator of the suite, or one that runs in the cluster already.
pub enum Running {
    /// A process of ours.
    Ours(Box<Operator>),
    /// One that the cluster has.
    Theirs,
}

impl Running {
    /// Starts ours unless there is one.
    pub async fn start(stage: &Stage) -> Self {
        if stage.has_operator().await {
            return Self::Theirs;
        }
        Self::Ours(Box::new(Operator::start(&stage.cluster).await))
    }
}

/// The platform team.
pub fn platform() -> Who {
    Who { kind: Kind::Platform, client: PLATFORM.to_owned(), subject: person(PLATFORM, None) }
}

/// Nobody in particular.
pub fn nobody() -> Who {
    Who { kind: Kind::Computed, ..platform() }
}

fn person(user: &str, group: Option<&str>) -> Subject {
    let groups = group.into_iter().chain(["system:authenticated"]).map(str::to_owned).collect();
    Subject { user: user.to_owned(), groups }
}

fn account(namespace: &str, name: &str) -> Subject {
    Subject {
        user: format!("system:serviceaccount:{namespace}:{name}"),
        groups: vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
            "system:authenticated".to_owned(),
        ],
    }
}
