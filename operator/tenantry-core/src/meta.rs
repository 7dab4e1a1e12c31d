//! The labels and annotations Tenantry puts on what it writes, and the mark by which it knows its own.

use std::fmt;

use serde_json::Value;

use crate::object::Desired;
use crate::resources::Resource;

/// Field manager of every write, and the value of the managed-by label.
pub const MANAGER: &str = "tenantry";
/// Prefix of all our label and annotation keys; reserved for Tenantry.
pub const PREFIX: &str = "tenantry.dev/";
/// Says that Tenantry writes this object; the label that child watches select.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Says which product the object belongs to.
pub const PART_OF: &str = "app.kubernetes.io/part-of";
/// Name of the Tenant an object belongs to.
pub const TENANT: &str = "tenantry.dev/tenant";
/// Name of the environment, or [`HOME`] for the home namespace.
pub const ENVIRONMENT: &str = "tenantry.dev/environment";
/// Value of [`ENVIRONMENT`] on the home namespace. No environment can have this name.
pub const HOME: &str = "home";
/// Stage of the environment: `development`, `staging`, `production` or `disaster-recovery`.
pub const STAGE: &str = "tenantry.dev/stage";
/// On a namespace that outlived its Tenant or environment: the Tenant's name.
pub const RETAINED_FROM: &str = "tenantry.dev/retained-from";
/// Annotation with the owner of an object, see [`Owner`].
pub const OWNER: &str = "tenantry.dev/owner";
/// Annotation on a Tenant that allows its namespaces to be deleted; its value must be the Tenant's uid.
pub const CONFIRM_DELETE: &str = "tenantry.dev/confirm-delete";
/// Label on a tenant's namespaces while the Tenant is suspended: the mode, such as `Quarantine`.
pub const SUSPEND: &str = "tenantry.dev/suspend";
/// Annotation beside [`SUSPEND`]: why, in the words of the Tenant.
pub const SUSPEND_REASON: &str = "tenantry.dev/suspend-reason";
/// Annotation on a workload that was scaled to zero, or on a network policy that was closed: what it had before. On a namespace:
/// what in it may carry such notes.
pub const RESUME: &str = "tenantry.dev/resume";
/// Annotation by which whoever may edit a namespace consents to a Tenant taking it over; its value is the Tenant's name.
pub const ADOPTABLE_BY: &str = "tenantry.dev/adoptable-by";
/// Annotation on a namespace that a Tenant has taken over: the namespace's own name, so that a copy of it is told apart.
pub const ADOPTED: &str = "tenantry.dev/adopted";
/// Annotation by which whoever keeps a Gateway lets Tenantry have listeners of tenants' own in it; its value is `true`.
pub const MANAGED_LISTENERS: &str = "tenantry.dev/managed-listeners";
/// Annotation on a copy: the `namespace/name` of the original.
pub const COPY_OF: &str = "tenantry.dev/copy-of";
/// Annotation on the home namespace's quota: the ledger of what each environment may have of the tenant's quota.
pub const ESCROW: &str = "tenantry.dev/escrow";
/// Annotation on an environment's quota: the epoch of the ledger that its amounts come from.
pub const ESCROW_EPOCH: &str = "tenantry.dev/escrow-epoch";
/// Annotation on a custom resource: where objects of it may be that no owner reference reaches.
pub const INVENTORY: &str = "tenantry.dev/inventory";
/// Label of what belongs to a workload: the kind of its custom resource.
pub const WORKLOAD_KIND: &str = "tenantry.dev/kind";
/// Label beside [`WORKLOAD_KIND`]: the name of its custom resource.
pub const WORKLOAD_NAME: &str = "tenantry.dev/name";
/// Annotation on a workload's Deployment that is to be rolled back when it fails: which revision runs, and which ran before.
pub const ROLLOUT: &str = "tenantry.dev/rollout";
/// Annotation on a volume claim: the size that is asked for.
pub const SIZE: &str = "tenantry.dev/size";
/// Annotation of Kubernetes on a Deployment: the number of its revision.
pub const REVISION_NUMBER: &str = "deployment.kubernetes.io/revision";
/// Annotation on the pods of a workload: which state of the ConfigMaps and Secrets that they use they were started with.
pub const CONSUMED: &str = "tenantry.dev/consumed";
/// Annotation on a workload's pods: what it refers to, as `/etc/tenantry/bindings.json` shows it.
pub const BINDINGS: &str = "tenantry.dev/bindings";
/// Finalizer of what must not go before its plan says so: kinds whose children no owner reference can reach, and what
/// [lingers](crate::plan::Plan::lingers).
pub const FINALIZER: &str = "tenantry.dev/children";

/// Finalizer of role bindings in a namespace that is being deleted, while something in it still needs somebody's hand.
pub const RIGHTS_FINALIZER: &str = "tenantry.dev/rights";
/// Field manager of adjustments: what they touch stays its owner's, so it must not pass for written by [`MANAGER`].
pub const ADJUSTER: &str = "tenantry-adjust";

/// Whether a label or annotation key is ours to set and to keep.
pub fn is_managed_key(key: &str) -> bool {
    key.starts_with(PREFIX) || key == MANAGED_BY || key == PART_OF || key.starts_with("pod-security.kubernetes.io/")
}

/// The custom resource an object was written for. Kept as an annotation `plural/namespace/name/uid` (namespace empty
/// for cluster-scoped kinds), because an owner reference would let garbage collection take a namespace's policies away
/// together with a lost CRD.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// Plural of the owner's kind, such as `tenants`.
    pub plural: String,
    /// Its namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid: a later owner of the same name is not this one.
    pub uid: String,
}

impl Owner {
    /// The owner mark for children of this custom resource.
    pub fn of(resource: &Resource, cr: &Value) -> Self {
        let text = |field: &str| cr["metadata"][field].as_str().unwrap_or_default().to_owned();
        Self { plural: resource.plural.to_owned(), namespace: text("namespace"), name: text("name"), uid: text("uid") }
    }

    /// Reads the mark of an object; `None` where it has none that is whole.
    pub fn marked_on(object: &Value) -> Option<Self> {
        let mark = object["metadata"]["annotations"][OWNER].as_str()?;
        let [plural, namespace, name, uid] = mark.split('/').collect::<Vec<_>>().try_into().ok()?;
        Some(Self { plural: plural.into(), namespace: namespace.into(), name: name.into(), uid: uid.into() })
    }

    /// `plural/namespace/name`: an owner whatever its uid.
    pub fn path(&self) -> String {
        format!("{}/{}/{}", self.plural, self.namespace, self.name)
    }

    /// Whether an object marked for another resource of this kind has come to this one together with its namespace, which
    /// is marked for this one now. In there a mark proves nothing else: it can be copied.
    pub fn inherits(&self, mark: &Self, namespace: Option<&Self>) -> bool {
        mark.plural == self.plural && namespace == Some(self)
    }

    /// Whether whoever may edit this object consents to this resource taking it over.
    pub fn is_welcome(&self, object: &Value) -> bool {
        object["metadata"]["annotations"][ADOPTABLE_BY] == self.name.as_str()
    }

    /// Puts the mark and the common labels on an object.
    pub fn stamp(&self, object: Desired) -> Desired {
        object.label(MANAGED_BY, MANAGER).label(PART_OF, MANAGER).annotation(OWNER, &self.to_string())
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}/{}/{}", self.plural, self.namespace, self.name, self.uid)
    }
}
