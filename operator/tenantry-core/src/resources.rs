//! The Kubernetes kinds Tenantry reads and writes, one entry each: how it is addressed, written, watched and kept.
//! A new child kind is one entry here and one builder in `build/`; the engine reads this table and names no kind itself.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde_json::{Value, json};

use crate::names;

mod addons;
mod children;
mod judged;
mod pods;
mod routing;
mod theirs;
mod workloads;

pub use addons::{SCALED_OBJECT, VERTICAL_POD_AUTOSCALER, is_served};
pub use children::{
    ENDPOINT_SLICE, HORIZONTAL_POD_AUTOSCALER, MANAGED_DEPLOYMENT, POD_DISRUPTION_BUDGET, SERVICE, SERVICE_ACCOUNT,
    VOLUME_CLAIM,
};
pub use judged::judged;
pub use pods::TROUBLED_POD;
pub use routing::{
    BACKEND_TLS_POLICY, BACKEND_TRAFFIC_POLICY, CERTIFICATE, GATEWAY, GATEWAY_CLASS, GRPC_ROUTE, HTTP_ROUTE,
    LISTENER_SET, MIDDLEWARE, REFERENCE_GRANT, SECURITY_POLICY, TCP_ROUTE, TENANT_SERVICE, TLS_ROUTE,
};
pub use theirs::{THEIR_GATEWAY, THEIR_NETWORK_POLICY, THEIR_ROLE_BINDING, is_ours};
pub use workloads::{
    CRON_JOB, DAEMON_SET, DEPLOYMENT, JOB, POD, REPLICA_SET, REPLICATION_CONTROLLER, SPEAKING, STATEFUL_SET, has_ended,
    is_spoken_for,
};

/// How the engine addresses and treats one Kubernetes kind. There is one `static` per kind; compare by address parts.
#[derive(Debug)]
pub struct Resource {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// Version that is read and written.
    pub version: &'static str,
    /// Kind, such as `NetworkPolicy`.
    pub kind: &'static str,
    /// Plural name in URLs and RBAC rules.
    pub plural: &'static str,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// How an existing object is changed.
    pub write: Write,
    /// Which objects the engine watches.
    pub watch: Watch,
    /// What the engine's cache keeps of a watched object.
    pub keep: Keep,
    /// When objects of this kind are written, relative to others in the same namespace.
    pub wave: Wave,
    /// Fields that the server fills in by itself and keeps when a write leaves them out (`/spec/clusterIP`): nobody's to decide.
    pub filled: &'static [&'static str],
    /// Under which keys [`crate::world::Scope::Indexed`] finds an object, from what is kept of it; none where nobody asks so.
    pub index: Option<fn(&Value) -> Vec<String>>,
}

/// How an object that exists is brought to what is wanted. Creation is a POST, which cannot seize what is there, but for
/// [`Write::ByName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// Nobody else has a say: PUT the whole object with its resourceVersion and uid.
    Replace,
    /// Others write to it as well: merge patch with resourceVersion and uid; keys we own and no longer want become null.
    Merge,
    /// Its name is ours on every cluster, whoever installed it: created by server-side apply, as only that can be limited
    /// to names; changed by a merge patch of all that differs, so that nothing stays that others have added. Never removed.
    ByName,
    /// Never written as a child (custom resources that users write, and kinds that are only read or adjusted).
    Never,
}

/// Which objects of a kind the engine asks the API server for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// Only objects that carry our managed-by label.
    Managed,
    /// All objects of the cluster.
    All,
    /// Those in namespaces where some plan has looked one up, by a watch for each and with their metadata alone: what they
    /// hold never comes into a cache. The right to it is given in those namespaces, not in the cluster.
    Asked,
    /// None: they are written and may not be read. What was written is recorded on the resource they were written for.
    Blind,
    /// All objects of the cluster, but only while some plan lists them: what few resources need, and seldom.
    OnDemand,
    /// The same, of those that carry this label.
    LabelledOnDemand(&'static str),
    /// Only objects that carry our managed-by label, and only while some plan lists them, as plans do while the cluster serves the
    /// kind: of add-ons.
    WhereServed,
}

impl Wave {
    /// Whether what is written in it waits for an earlier wave that has not succeeded in the same namespace. Rights wait for what polices
    /// them alone: what else is in the way must not keep them from being taken.
    pub fn waits_for(self, earlier: Self) -> bool {
        self != Self::Access || earlier < Self::Configuration
    }
}

impl Watch {
    /// Whether it is watched only while some plan lists it.
    pub fn is_on_demand(self) -> bool {
        matches!(self, Self::OnDemand | Self::LabelledOnDemand(_) | Self::WhereServed)
    }

    /// Whether only what carries our managed-by label is watched.
    pub fn sees_ours_alone(self) -> bool {
        matches!(self, Self::Managed | Self::WhereServed)
    }
}

/// What is kept in memory of a watched object besides uid, resourceVersion, owner and content hash (about 150 bytes).
#[derive(Debug, Clone, Copy)]
pub enum Keep {
    /// Nothing more.
    Digest,
    /// What this function leaves of it.
    Projection(fn(&Value) -> Value),
    /// All of it, less `managedFields`.
    Whole,
}

/// The order in which objects of one namespace are written; a wave starts when those that it waits for have succeeded there.
/// Pruning goes the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wave {
    /// The namespace itself.
    Namespace,
    /// What closes it: network policies.
    Isolation,
    /// What bounds it: quotas and limits.
    Limits,
    /// What the platform puts into it for everybody to use, and what workloads need before they run.
    Configuration,
    /// What runs in it, and what scales and protects that.
    Workloads,
    /// Who may act in it. Last: nobody has rights in a namespace that is not yet policed.
    Access,
    /// What others have put into it: never written as children, adjusted at most.
    Contents,
    /// What members are told. After all else, as nothing depends on it.
    View,
}

impl Resource {
    /// One of our own custom resources: users write it, we keep all of it.
    pub(crate) const fn of_ours(kind: &'static str, plural: &'static str, namespaced: bool) -> Self {
        Self {
            group: "tenantry.dev",
            version: "v1alpha1",
            kind,
            plural,
            namespaced,
            write: Write::Never,
            watch: Watch::All,
            keep: Keep::Whole,
            wave: Wave::Namespace,
            filled: &[],
            index: None,
        }
    }

    /// `v1` or `group/version`, as in an object's `apiVersion`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// What caches keep of an object that the API server shows so; null for digests.
    pub fn kept(&self, object: &Value) -> Value {
        match self.keep {
            Keep::Digest => Value::Null,
            Keep::Projection(facts) => facts(object),
            Keep::Whole => {
                let mut whole = object.clone();
                if let Some(metadata) = whole["metadata"].as_object_mut() {
                    metadata.remove("managedFields");
                }
                whole
            }
        }
    }

    fn address(&self) -> (Wave, &'static str, &'static str) {
        (self.wave, self.group, self.plural)
    }
}

impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        self.address() == other.address()
    }
}

impl Eq for Resource {}

impl Hash for Resource {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address().hash(state);
    }
}

impl PartialOrd for Resource {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By wave first, so that a sorted set of objects is in the order in which they are written.
impl Ord for Resource {
    fn cmp(&self, other: &Self) -> Ordering {
        self.address().cmp(&other.address())
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.kind)
    }
}

/// `v1 Namespace`. All are watched: a plan must see that a name is taken by somebody else.
pub static NAMESPACE: Resource = Resource {
    group: "",
    version: "v1",
    kind: "Namespace",
    plural: "namespaces",
    namespaced: false,
    write: Write::Merge,
    watch: Watch::All,
    keep: Keep::Projection(namespace_facts),
    wave: Wave::Namespace,
    filled: &[],
    index: Some(by_tenant),
};

/// `networking.k8s.io/v1 NetworkPolicy`. Of the one that opens what a Tenant names, that is kept.
pub static NETWORK_POLICY: Resource = Resource {
    group: "networking.k8s.io",
    version: "v1",
    kind: "NetworkPolicy",
    plural: "networkpolicies",
    namespaced: true,
    write: Write::Replace,
    watch: Watch::Managed,
    keep: Keep::Projection(network_policy_facts),
    wave: Wave::Isolation,
    filled: &[],
    index: None,
};

/// `v1 ResourceQuota`. Its status is kept: admission goes by `status.hard`, so a plan waits for it.
pub static RESOURCE_QUOTA: Resource = Resource {
    group: "",
    version: "v1",
    kind: "ResourceQuota",
    plural: "resourcequotas",
    namespaced: true,
    write: Write::Replace,
    watch: Watch::Managed,
    keep: Keep::Projection(quota_facts),
    wave: Wave::Limits,
    filled: &[],
    index: None,
};

/// `v1 LimitRange`. What containers get that name nothing is kept: it counts in the quota.
pub static LIMIT_RANGE: Resource = Resource {
    group: "",
    version: "v1",
    kind: "LimitRange",
    plural: "limitranges",
    namespaced: true,
    write: Write::Replace,
    watch: Watch::Managed,
    keep: Keep::Projection(limit_facts),
    wave: Wave::Limits,
    filled: &[],
    index: None,
};

/// `rbac.authorization.k8s.io/v1 RoleBinding`. More than a digest is kept only of one that is on its way out or held.
pub static ROLE_BINDING: Resource = Resource {
    group: "rbac.authorization.k8s.io",
    version: "v1",
    kind: "RoleBinding",
    plural: "rolebindings",
    namespaced: true,
    write: Write::Replace,
    watch: Watch::Managed,
    keep: Keep::Projection(binding_facts),
    wave: Wave::Access,
    filled: &[],
    index: None,
};

/// `rbac.authorization.k8s.io/v1 ClusterRole`. Given away by name; never read or written.
pub static CLUSTER_ROLE: Resource = Resource {
    group: "rbac.authorization.k8s.io",
    version: "v1",
    kind: "ClusterRole",
    plural: "clusterroles",
    namespaced: false,
    write: Write::Never,
    watch: Watch::All,
    keep: Keep::Digest,
    wave: Wave::Access,
    filled: &[],
    index: None,
};

/// `v1 Secret` as a copy that tenants get: written, never read.
pub static SECRET: Resource = Resource {
    group: "",
    version: "v1",
    kind: "Secret",
    plural: "secrets",
    namespaced: true,
    write: Write::Replace,
    watch: Watch::Blind,
    keep: Keep::Digest,
    wave: Wave::Configuration,
    filled: &[],
    index: None,
};

/// `v1 ConfigMap` as a copy that tenants get: written, never read.
pub static CONFIG_MAP: Resource = Resource { kind: "ConfigMap", plural: "configmaps", ..SECRET };

/// `v1 Secret` as the original of copies: its metadata, and its bytes only at the moment of copying.
pub static SECRET_ORIGINAL: Resource = Resource {
    write: Write::Never,
    watch: Watch::Asked,
    keep: Keep::Projection(original_facts),
    wave: Wave::Namespace,
    ..SECRET
};

/// `v1 ConfigMap` as the original of copies.
pub static CONFIG_MAP_ORIGINAL: Resource = Resource { kind: "ConfigMap", plural: "configmaps", ..SECRET_ORIGINAL };

/// `events.k8s.io/v1 Event`: told by the engine, never looked at.
pub static EVENT: Resource = Resource {
    group: "events.k8s.io",
    version: "v1",
    kind: "Event",
    plural: "events",
    namespaced: true,
    write: Write::Never,
    watch: Watch::Managed,
    keep: Keep::Digest,
    wave: Wave::Namespace,
    filled: &[],
    index: None,
};

/// `admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy`. All are watched: the label by which others are selected is
/// the installer's here (Helm sets its own).
pub static VALIDATING_ADMISSION_POLICY: Resource = Resource {
    group: "admissionregistration.k8s.io",
    version: "v1",
    kind: "ValidatingAdmissionPolicy",
    plural: "validatingadmissionpolicies",
    namespaced: false,
    write: Write::ByName,
    watch: Watch::All,
    keep: Keep::Projection(policy_facts),
    wave: Wave::Isolation,
    filled: &[],
    index: None,
};

/// `admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding`.
pub static VALIDATING_ADMISSION_POLICY_BINDING: Resource = Resource {
    group: "admissionregistration.k8s.io",
    version: "v1",
    kind: "ValidatingAdmissionPolicyBinding",
    plural: "validatingadmissionpolicybindings",
    namespaced: false,
    write: Write::ByName,
    watch: Watch::All,
    keep: Keep::Projection(policy_facts),
    wave: Wave::Isolation,
    filled: &[],
    index: None,
};

/// `apiregistration.k8s.io/v1 APIService`: one per group and version the server answers for, built in, by CRD or
/// aggregated, so one watch tells what this cluster can do.
pub static API_SERVICE: Resource = Resource {
    group: "apiregistration.k8s.io",
    version: "v1",
    kind: "APIService",
    plural: "apiservices",
    namespaced: false,
    write: Write::Never,
    watch: Watch::All,
    keep: Keep::Projection(api_service_facts),
    wave: Wave::Namespace,
    filled: &[],
    index: None,
};

/// `tenantry.dev/v1alpha1 Tenant`.
pub static TENANT: Resource = Resource::of_ours("Tenant", "tenants", false);

/// `tenantry.dev/v1alpha1 TenantClass`.
pub static TENANT_CLASS: Resource = Resource::of_ours("TenantClass", "tenantclasses", false);

/// `tenantry.dev/v1alpha1 TenantryPlatform`.
pub static TENANTRY_PLATFORM: Resource = Resource::of_ours("TenantryPlatform", "tenantryplatforms", false);

/// `tenantry.dev/v1alpha1 Application`.
pub static APPLICATION: Resource = Resource::of_ours("Application", "applications", true);

/// `tenantry.dev/v1alpha1 Agent`.
pub static AGENT: Resource = Resource::of_ours("Agent", "agents", true);

/// `tenantry.dev/v1alpha1 McpServer`.
pub static MCP_SERVER: Resource = Resource::of_ours("McpServer", "mcpservers", true);

/// `tenantry.dev/v1alpha1 ModelDeployment`.
pub static MODEL_DEPLOYMENT: Resource = Resource::of_ours("ModelDeployment", "modeldeployments", true);

/// `tenantry.dev/v1alpha1 ServiceRoute`, filed by what it asks for.
pub static SERVICE_ROUTE: Resource = Resource {
    // Workloads that are exposed have one made for them.
    write: Write::Replace,
    wave: Wave::View,
    index: Some(crate::routing::claims::filed_wish),
    ..Resource::of_ours("ServiceRoute", "serviceroutes", true)
};

/// `tenantry.dev/v1alpha1 ServiceGrant`, filed by what it offers or accepts.
pub static SERVICE_GRANT: Resource =
    Resource { index: Some(crate::grants::filed), ..Resource::of_ours("ServiceGrant", "servicegrants", true) };

/// `tenantry.dev/v1alpha1 TenantView`: of ours, and yet no user's: a child of its Tenant.
pub static TENANT_VIEW: Resource = Resource {
    write: Write::Replace,
    watch: Watch::Managed,
    wave: Wave::View,
    ..Resource::of_ours("TenantView", "tenantviews", true)
};

/// The tenant that a namespace says it belongs to.
fn by_tenant(facts: &Value) -> Vec<String> {
    facts["metadata"]["labels"][crate::meta::TENANT].as_str().map(str::to_owned).into_iter().collect()
}

/// Of a namespace: who it says it belongs to, what we put on it, and whether it is going away.
/// Shape: `{metadata: {name, uid, deletionTimestamp?, labels, annotations}, owned, written, writtenByUs, status: {conditions?}}`, with
/// labels all kept, annotations only ours.
fn namespace_facts(namespace: &Value) -> Value {
    let metadata = &namespace["metadata"];
    let ours: serde_json::Map<String, Value> = metadata["annotations"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| crate::meta::is_managed_key(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut facts = json!({
        "metadata": {
            "name": metadata["name"],
            "uid": metadata["uid"],
            "labels": metadata["labels"],
            "annotations": ours,
        },
        "owned": crate::content::kept_fields(namespace),
        "written": crate::content::owned_fields(namespace),
        "writtenByUs": crate::content::was_written_by_us(namespace),
    });
    if !metadata["deletionTimestamp"].is_null() {
        facts["metadata"]["deletionTimestamp"] = metadata["deletionTimestamp"].clone();
        // What blocks the end of a namespace is told here by the namespace controller.
        facts["status"] = json!({ "conditions": namespace["status"]["conditions"] });
    }
    facts
}

/// Shape: `{egress: [rule]}` as it is in the object, of the policy that opens what the Tenant names; null of others.
fn network_policy_facts(policy: &Value) -> Value {
    if policy["metadata"]["name"] == names::ALLOW { json!({ "egress": policy["spec"]["egress"] }) } else { Value::Null }
}

/// Of an original: `{metadata: {uid, resourceVersion}, isToken: bool}`, the last for the token of a ServiceAccount.
fn original_facts(object: &Value) -> Value {
    let metadata = &object["metadata"];
    json!({
        "metadata": { "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"] },
        "isToken": !metadata["annotations"]["kubernetes.io/service-account.name"].is_null(),
    })
}

/// Of a quota: `{counted?, escrow?, epoch?, owner?, spec: {hard}, status: {hard, used}}`: when its status was last written (to
/// the second), three of our annotations, and the amounts.
fn quota_facts(quota: &Value) -> Value {
    let annotations = &quota["metadata"]["annotations"];
    let writes = quota["metadata"]["managedFields"].as_array().into_iter().flatten();
    let counted = writes.filter(|write| write["subresource"] == "status").filter_map(|write| write["time"].as_str());
    json!({
        "counted": counted.max(),
        "escrow": annotations[crate::meta::ESCROW],
        "epoch": annotations[crate::meta::ESCROW_EPOCH],
        "owner": annotations[crate::meta::OWNER],
        "spec": { "hard": quota["spec"]["hard"] },
        "status": { "hard": quota["status"]["hard"], "used": quota["status"]["used"] },
    })
}

/// Of a limit range: `{default, defaultRequest}`, what containers may use and request that name nothing; each `{resource: amount}` or
/// null.
fn limit_facts(limits: &Value) -> Value {
    let mut items = limits["spec"]["limits"].as_array().into_iter().flatten();
    let item = items.find(|item| item["type"] == "Container").unwrap_or(&Value::Null);
    json!({ "default": item["default"], "defaultRequest": item["defaultRequest"] })
}

/// Of a role binding that has finalizers or is being deleted: `{finalizers, deleting, subjects}`. Null for all others.
fn binding_facts(binding: &Value) -> Value {
    let metadata = &binding["metadata"];
    let deleting = !metadata["deletionTimestamp"].is_null();
    if !deleting && metadata["finalizers"].as_array().is_none_or(Vec::is_empty) {
        return Value::Null;
    }
    json!({ "finalizers": metadata["finalizers"], "deleting": deleting, "subjects": binding["subjects"] })
}

/// Of an APIService: `{spec: {group, version}, available: bool}`.
fn api_service_facts(service: &Value) -> Value {
    let available = service["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Available" && condition["status"] == "True");
    json!({
        "spec": { "group": service["spec"]["group"], "version": service["spec"]["version"] },
        "available": available,
    })
}

/// Of an admission policy or a binding: `{metadata: {generation}, spec, status: {observedGeneration, typeChecking}}`; of those
/// that have no name of ours, nothing.
fn policy_facts(object: &Value) -> Value {
    if !object["metadata"]["name"].as_str().is_some_and(|name| name.starts_with(crate::policies::NAME_PREFIX)) {
        return Value::Null;
    }
    json!({
        "metadata": { "generation": object["metadata"]["generation"] },
        "spec": object["spec"],
        "status": {
            "observedGeneration": object["status"]["observedGeneration"],
            "typeChecking": object["status"]["typeChecking"],
        },
    })
}
