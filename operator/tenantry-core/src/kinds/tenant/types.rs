//! The Tenant resource as users write it and as its status tells it. Doc comments become `kubectl explain`.

#![allow(clippy::duplicated_attributes)] // Each print column names its own type; clippy reads them as one list.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::Condition;
use crate::fields::{
    AtRest, Audit, Classes, DeletionPolicy, Encryption, EnvironmentQuota, Images, Limits, Metadata, Permission,
    PodSecurity, Port, Quantities, Services, Stage,
};

/// A team or customer: a home namespace and one namespace for each environment, with everything that isolates them.
#[derive(Debug, Clone, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "Tenant",
    shortname = "tnt",
    category = "tenantry",
    status = "TenantStatus",
    derive = "PartialEq",
    cel,
    doc = "A team or customer: a home namespace and one namespace for each environment, with everything that isolates them.",
    printcolumn(name = "Class", type_ = "string", json_path = ".spec.className", description = "Its TenantClass"),
    printcolumn(name = "Environments", type_ = "string", json_path = ".status.ready", description = "Ready of all environments"),
    printcolumn(name = "Team", type_ = "string", json_path = ".spec.contact.team", description = "Whom to ask", priority = 1),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status", description = "Usable now"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason", description = "Why"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Since it was created"),
    validation = Rule::new("self.metadata.name.size() <= 40").message("metadata.name may have at most 40 characters, so that the names of its namespaces fit: choose a shorter one"),
    validation = Rule::new("!self.metadata.name.contains('.')").message("metadata.name becomes a namespace and must not contain dots: use dashes"),
    validation = Rule::new("self.metadata.name != 'default' && self.metadata.name != 'kube' && !self.metadata.name.startsWith('kube-') && self.metadata.name != 'tenantry-system'").message("metadata.name is reserved for the cluster itself (default, kube, kube-*, tenantry-system): choose another one"),
    validation = Rule::new("!has(self.spec.environments) || self.spec.environments.all(e, self.metadata.name.size() + e.name.size() <= 62)").message("spec.environments: tenant name, a dash and environment name may have at most 63 characters together, as they name a namespace: shorten the environment's name"),
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantSpec {
    /// Name of the TenantClass. Its defaults fill what is absent here, and its bounds refuse what is too much.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub class_name: String,
    /// Name for people, up to 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub display_name: Option<String>,
    /// Whom to ask about this tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// Who may do what, and where. At most 128 entries; they become at most three RoleBindings in each namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub members: Vec<Member>,
    /// The environments; each becomes the namespace `<tenant>-<name>`. At most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub environments: Vec<Environment>,
    /// The most that all environments may use together, by resource name as in a ResourceQuota. Where the environments'
    /// maxima add up to more, what one does not use moves to those that do; together they never exceed this. What is not
    /// named here has the class's default. At most 64 entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 64))]
    pub quota: Option<Quantities>,
    /// What each container gets and may ask for: a LimitRange in each environment. Absent: the class's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// What may be reached besides the own environment. Everything not named is denied, in and out; DNS is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// Which images may run. Absent: the class's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<Images>,
    /// Which storage, priority, runtime, ingress and gateway classes may be named. Absent: the class's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Classes>,
    /// Hostnames that this tenant's routes may claim, such as `shop.acme.example` or, for all below, `*.acme.example`.
    /// Absent or empty: none. At most 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 64),
        inner(
            length(max = 253),
            regex(pattern = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$")
        )
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub hostnames: Option<Vec<String>>,
    /// Which kinds of Services may be made. Absent: the class's default, else ClusterIP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Services>,
    /// Labels and annotations that are put on every namespace and kept there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Secrets and ConfigMaps of the platform that are copied into the environments and kept equal. At most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["kind".into(), "namespace".into(), "name".into()]))]
    pub replicate: Vec<Replica>,
    /// Whether volumes must be encrypted. Absent: the class's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// What of this tenant's requests is kept in the API server's audit log. Absent: the class's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,
    /// Stops the tenant, wholly or in part, until it is taken away again. Absent: not suspended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<Suspend>,
    /// What becomes of the namespaces when the Tenant or an environment is removed: Retain (default) keeps them,
    /// Delete removes them once confirmed by the annotation `tenantry.dev/confirm-delete: <uid of the Tenant>`.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// Whom to ask about a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contact {
    /// Name of the team, up to 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub team: Option<String>,
    /// Mail address, up to 254 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 254), regex(pattern = r"^[^@\s]+@[^@\s]+$"))]
    pub email: Option<String>,
    /// Where to escalate: a URL, up to 1024 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), regex(pattern = r"^[a-z][a-z0-9+.-]*:\S+$"))]
    pub escalation: Option<String>,
}

/// Some people or programs, and what they may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Member {
    /// Name of this entry, unique in the tenant.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// What they may do: bound to the ClusterRole tenantry:admin, tenantry:developer or tenantry:viewer.
    pub role: Role,
    /// Who they are. 1 to 64; naming one twice changes nothing.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub subjects: Vec<Subject>,
    /// Names of the environments they may act in. Absent: all of them, and the home namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub environments: Option<Vec<String>>,
    /// When it ends, to the second, RFC 3339 such as 2027-01-31T00:00:00Z. Absent: it does not end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 40),
        regex(
            pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"
        )
    )]
    pub until: Option<Timestamp>,
    /// Why they have it, for people. Up to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reason: Option<String>,
}

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Role {
    /// Everything a tenant may do, including ServiceAccounts and their tokens.
    Admin,
    /// Workloads, configuration and secrets.
    Developer,
    /// Look at everything but secrets.
    Viewer,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Admin, Self::Developer, Self::Viewer];

    /// The word in names of ClusterRoles (`tenantry:admin`) and RoleBindings (`tenantry-admin`).
    pub fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Developer => "developer",
            Self::Viewer => "viewer",
        }
    }
}

/// A group, a user or a ServiceAccount.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("self.kind != 'ServiceAccount' || has(self.__namespace__)").message("a ServiceAccount needs namespace, one of this tenant's: add it"),
    validation = Rule::new("self.kind == 'ServiceAccount' || !has(self.__namespace__)").message("namespace is for ServiceAccounts only: remove it, or set kind to ServiceAccount").field_path(".namespace"),
    validation = Rule::new("!self.name.startsWith('system:')").message("names that begin with system: belong to the cluster itself: name a group or user of the tenant").field_path(".name"),
)]
pub struct Subject {
    /// Group, User or ServiceAccount.
    pub kind: SubjectKind,
    /// Its name, as the API server sees it after authentication.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^\S+( \S+)*$"))]
    pub name: String,
    /// Namespace of a ServiceAccount: one of this tenant's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub namespace: Option<String>,
}

/// What kind of subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum SubjectKind {
    /// A group of the identity provider.
    Group,
    /// A single user.
    User,
    /// A program's identity, of this tenant only.
    ServiceAccount,
}

/// One environment: one namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Environment {
    /// Its name; the namespace is `<tenant>-<name>`. `home` is taken.
    #[schemars(length(min = 1, max = 61), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    #[x_kube(validation = Rule::new("self != 'home'").message("an environment may not be called home, as that is the tenant's own namespace: choose another name"))]
    pub name: String,
    /// What it is for: Development (default), Staging, Production or DisasterRecovery.
    #[serde(default)]
    pub stage: Stage,
    /// Its share of the tenant's quota: a ResourceQuota. What is not named here has the class's default for the stage; without
    /// one, nothing is guaranteed and the tenant's quota is the maximum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<EnvironmentQuota>,
    /// Pod security level. Absent: the class's default for the stage, else Restricted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_security: Option<PodSecurity>,
    /// Takes over a namespace that exists instead of making `<tenant>-<name>`. The namespace must carry the annotation
    /// `tenantry.dev/adoptable-by: <tenant>`. Cannot be changed while the environment exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopt: Option<Adopt>,
}

/// A namespace to take over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Adopt {
    /// Its name.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub namespace: String,
}

/// A Secret or ConfigMap of the platform that is copied into environments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Replica {
    /// Secret or ConfigMap.
    pub kind: ReplicaKind,
    /// Where the original is: one of the namespaces in `replicateFrom` of TenantryPlatform.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub namespace: String,
    /// Its name, which is also the copies' name.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: String,
    /// Names of the environments that get a copy. Absent: all of them; never the home namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub environments: Option<Vec<String>>,
}

/// What can be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ReplicaKind {
    /// Its bytes are never kept or shown by the operator.
    Secret,
    /// Plain configuration.
    ConfigMap,
}

/// How a tenant is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Suspend {
    /// How much is stopped.
    pub mode: SuspendMode,
    /// Why, for people: shown to whoever is refused something. Up to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reason: Option<String>,
}

/// How much of a tenant is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum SuspendMode {
    /// No writes by the tenant; what runs goes on, also if its pods are replaced.
    Freeze,
    /// No new pods and workloads; what runs goes on until it ends.
    NoNewWork,
    /// No network traffic at all, rights to look only, no writes by the tenant's programs, no new tokens, no exec,
    /// attach or port-forward.
    Quarantine,
    /// Workloads are scaled to zero, and back to what they were when the suspension is taken away.
    ScaleToZero,
}

impl SuspendMode {
    /// The value of the suspend label on namespaces.
    pub fn label(self) -> &'static str {
        match self {
            Self::Freeze => "Freeze",
            Self::NoNewWork => "NoNewWork",
            Self::Quarantine => "Quarantine",
            Self::ScaleToZero => "ScaleToZero",
        }
    }
}

/// What may be reached besides the own environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Network {
    /// Whether the tenant's environments may reach each other. Absent: the class's default, else Deny.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub between_environments: Option<Permission>,
    /// Networks outside the cluster that may be reached. At most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub egress: Vec<Egress>,
    /// Whether the internet may be reached: every address that is not private, link-local or reserved.
    /// Absent: the class's default, else Deny.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internet: Option<Permission>,
    /// Whether pods may reach the cluster's own API server. Absent: the class's default, else Deny.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_server: Option<Permission>,
}

/// One network that may be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Egress {
    /// Name of this entry, unique in the tenant.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// Where to.
    pub to: Destination,
    /// Which ports. 1 to 16.
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["port".into(), "protocol".into()]))]
    pub ports: Vec<Port>,
}

/// A network of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Destination {
    /// Network such as 203.0.113.0/24 or 2001:db8::/32. The link-local range of metadata services is always left out.
    #[schemars(length(max = 43))]
    #[x_kube(validation = Rule::new("isCIDR(self)").message("must be a network in CIDR notation such as 203.0.113.0/24 or 2001:db8::/32; one address is 203.0.113.7/32"))]
    pub cidr: String,
    /// Networks inside `cidr` that stay closed. At most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 43)))]
    #[x_kube(merge_strategy = ListMerge::Set, validation = Rule::new("self.all(e, isCIDR(e))").message("each entry must be a network in CIDR notation such as 203.0.113.64/26"))]
    pub except: Vec<String>,
}

/// What the operator last saw.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantStatus {
    /// Generation of the spec that this status was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Accepted, ResolvedRefs, Applied; Reconciling and Stalled only while True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Ready environments of all, such as 3/3.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub ready: Option<String>,
    /// What is in force: the spec with the class's defaults filled in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective: Option<Effective>,
    /// The tenant's home.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home: Option<HomeStatus>,
    /// One entry for each environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub environments: Vec<EnvironmentStatus>,
    /// Namespaces of environments that are no longer in the spec and stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["namespace".into()]))]
    pub retained: Vec<RetainedStatus>,
    /// The tenant's quota over all environments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<TotalQuota>,
}

/// The spec with the class's defaults filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Effective {
    /// The most that all environments may use together.
    #[serde(default, skip_serializing_if = "Quantities::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub quota: Quantities,
    /// What each container gets and may ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// What may be reached besides the own environment and the entries of `spec.network.egress`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<EffectiveNetwork>,
    /// Which images may run. No registries named: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<Images>,
    /// Which classes may be named. A kind that is absent: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<EffectiveClasses>,
    /// Which kinds of Services may be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Services>,
    /// Whether volumes must be encrypted, and how it is known that they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<EffectiveEncryption>,
    /// What is kept in the audit log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,
}

/// Classes that may be named. Absent: any, but of priority classes not `system-*`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EffectiveClasses {
    /// StorageClasses; those that encrypt, where encryption is required.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 96))]
    pub storage: Option<Vec<String>>,
    /// PriorityClasses.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub priority: Option<Vec<String>>,
    /// RuntimeClasses.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub runtime: Option<Vec<String>>,
    /// IngressClasses.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub ingress: Option<Vec<String>>,
    /// GatewayClasses.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub gateway: Option<Vec<String>>,
}

/// Whether volumes must be encrypted, and how it is known that they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EffectiveEncryption {
    /// Required or Optional.
    pub at_rest: AtRest,
    /// Where it is required: each storage class that may be used, and how the platform team knows that it encrypts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 96))]
    pub evidence: BTreeMap<String, String>,
}

/// Network permissions in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EffectiveNetwork {
    /// Whether the tenant's environments may reach each other.
    pub between_environments: Permission,
    /// Whether the internet may be reached.
    pub internet: Permission,
    /// Whether pods may reach the cluster's own API server.
    pub api_server: Permission,
}

/// The tenant's home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HomeStatus {
    /// Its namespace, for configuration only: no pods run there.
    #[schemars(length(max = 63))]
    pub namespace: String,
}

/// How one environment is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentStatus {
    /// Name of the environment.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Its namespace.
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// Uid of the namespace, once it exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub uid: Option<String>,
    /// Whether everything in it is as wanted.
    pub ready: bool,
    /// Why, in one word.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// Why, for people. Absent when ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// Pod security level in force.
    pub pod_security: PodSecurity,
    /// Its quota.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaStatus>,
    /// How many of the spec's member entries give rights here now.
    pub members: i64,
    /// Of an adopted namespace: what was in there and could not be made again as it is. It stays and runs on. Absent until it
    /// is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflicts: Option<Conflicts>,
}

/// Objects of an adopted namespace that the tenant's rules or quota would refuse if they were made now. Only of kinds that the
/// operator may look at: pods, workloads, NetworkPolicies, RoleBindings and the quota. `tenantry plan` tells of all kinds, by
/// the rights of whoever calls it. Once there are none, the operator does not look any more, as none can come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conflicts {
    /// How many there are.
    pub total: i64,
    /// The first of them, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub first: Vec<Conflict>,
}

/// An object that one of the rules would refuse.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    /// Its kind.
    #[schemars(length(max = 63))]
    pub kind: String,
    /// Its name.
    #[schemars(length(max = 253))]
    pub name: String,
    /// The rule, as in docs/reference/policies.md, or `quota`.
    #[schemars(length(max = 63))]
    pub rule: String,
    /// What is wrong and how to mend it.
    #[schemars(length(max = 1024))]
    pub message: String,
}

/// A namespace's quota.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuotaStatus {
    /// What its ResourceQuota bounds it to now. Where the environments' maxima together are more than the tenant's quota,
    /// this moves by demand between what is guaranteed and the maximum.
    #[serde(default, skip_serializing_if = "Quantities::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub hard: Quantities,
    /// What is used of it, as of `status.quota.usedAt`.
    #[serde(default, skip_serializing_if = "Quantities::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub used: Quantities,
    /// What is left of it: `hard` less `used`.
    #[serde(default, skip_serializing_if = "Quantities::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub free: Quantities,
}

/// The tenant's quota over all environments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TotalQuota {
    /// The most that all environments may use together.
    #[serde(default, skip_serializing_if = "Quantities::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub hard: Quantities,
    /// What the environments' quotas add up to now.
    #[serde(default, skip_serializing_if = "Quantities::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub assigned: Quantities,
    /// What the environments and retained namespaces use, as of `usedAt`.
    #[serde(default, skip_serializing_if = "Quantities::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub used: Quantities,
    /// What nobody uses: `hard` less `used`.
    #[serde(default, skip_serializing_if = "Quantities::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub free: Quantities,
    /// When usage was last brought up to date in this status: at once when quotas move, otherwise at most every 30 seconds,
    /// as every pod changes it. The ResourceQuotas in the namespaces always tell the usage of this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub used_at: Option<Timestamp>,
}

/// A namespace that outlived its environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetainedStatus {
    /// Its name.
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// Why it is there, and how to be rid of it.
    #[schemars(length(max = 1024))]
    pub message: String,
}
