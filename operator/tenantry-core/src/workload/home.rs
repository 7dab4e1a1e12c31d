//! Where a workload lives: what its namespace says about the tenant, as the Tenant's plan has written it there. It looks at nothing
//! else, so a workload depends on no Tenant being readable.

use serde_json::Value;

use crate::conditions::Reason;
use crate::meta;
use crate::names::{self, Place};
use crate::object::ObjectKey;
use crate::plan::{Plan, Undecided};
use crate::policies::keys;
use crate::resources::{NAMESPACE, NETWORK_POLICY};
use crate::world::{Lookup, World};

/// An environment of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Home {
    /// Tenant, environment and namespace.
    pub(crate) place: Place,
    /// Whether images are pulled each time, as the Tenant demands.
    pub(crate) pulls_always: bool,
    /// The tenant's other namespaces.
    pub(crate) siblings: Vec<String>,
    /// Whether they may be reached.
    pub(crate) reaches_siblings: bool,
    /// How the tenant is suspended.
    pub(crate) suspended: Option<String>,
    /// The stage of the environment, as its label says it.
    pub(crate) stage: String,
    /// The hostnames that the tenant's routes may have, with `*.` for all beneath.
    pub(crate) hostnames: Vec<String>,
    /// The StorageClasses that may be asked for, as the admission policies read them.
    pub(crate) storage_classes: String,
}

impl Home {
    /// Whether the tenant is suspended in a way that leaves what runs as it is.
    pub(crate) fn stands_still(&self) -> bool {
        self.suspended.as_deref().is_some_and(|mode| mode != "ScaleToZero")
    }

    /// Whether nothing may reach what is here, nor be reached from it.
    pub(crate) fn is_quarantined(&self) -> bool {
        self.suspended.as_deref() == Some("Quarantine")
    }

    /// Whether a volume of this class may be asked for: what the operator writes, the admission policies let through.
    pub(crate) fn allows_storage(&self, class: Option<&str>) -> bool {
        self.storage_classes == "*"
            || class.is_some_and(|class| !class.is_empty() && self.storage_classes.split(',').any(|one| one == class))
    }
}

impl Home {
    /// Whether the tenant is suspended so that nothing runs.
    pub(crate) fn has_no_pods(&self) -> bool {
        self.suspended.as_deref() == Some("ScaleToZero")
    }
}

/// What a namespace is to a workload in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// An environment.
    Home(Home),
    /// On its way out, and all in it with it.
    Leaving,
    /// Nothing that workloads may be in; with the reason and the fix.
    Foreign(String),
    /// Not known, or not finished; with what is missing.
    Unknown(String),
}

/// The environment in this namespace. Where there is none the plan is told why, and changes nothing.
pub(crate) fn home_of(namespace: &str, world: &World, plan: &mut Plan) -> Option<Home> {
    match standing(namespace, world) {
        Standing::Home(home) => return Some(home),
        Standing::Unknown(what) => plan.wait(Reason::Pending, what),
        Standing::Leaving => plan.wait(Reason::Deleting, format!("namespace {namespace} is being deleted")),
        Standing::Foreign(why) => plan.refuse(Reason::Invalid, "metadata.namespace", why),
    }
    plan.undecided.push(Undecided::Everything);
    None
}

/// What this namespace is.
pub(crate) fn standing(namespace: &str, world: &World) -> Standing {
    let facts = match world.get(&ObjectKey::cluster(&NAMESPACE, namespace)) {
        Lookup::Found(facts) => facts,
        // The resource is in it, so it was there; the news of its end is on the way, or that of its beginning.
        Lookup::Missing | Lookup::NotSynced => {
            return Standing::Unknown(format!("namespace {namespace} is not known yet"));
        }
    };
    let metadata = &facts["metadata"];
    if !metadata["deletionTimestamp"].is_null() {
        return Standing::Leaving;
    }
    let label = |key: &str| metadata["labels"][key].as_str();
    let (Some(tenant), Some(environment), Some(meta::MANAGER)) =
        (label(meta::TENANT), label(meta::ENVIRONMENT), label(meta::MANAGED_BY))
    else {
        return Standing::Foreign(format!(
            "namespace {namespace} is no environment of a tenant: create it there, or let a Tenant take the namespace over"
        ));
    };
    if !metadata["labels"][meta::RETAINED_FROM].is_null() {
        return Standing::Foreign(format!(
            "namespace {namespace} has outlived its environment: add the environment to Tenant {tenant} again, or create it elsewhere"
        ));
    }
    if environment == meta::HOME {
        return Standing::Foreign(format!(
            "namespace {namespace} is the home of tenant {tenant}, where nothing runs: create it in an environment"
        ));
    }
    // Nothing runs where everything is open.
    let closed = world.get(&ObjectKey::namespaced(&NETWORK_POLICY, namespace, names::DEFAULT_DENY));
    if !matches!(closed, Lookup::Found(_)) {
        return Standing::Unknown(format!("namespace {namespace} is not closed yet"));
    }
    let list = |key: &str| list(&metadata["annotations"][key]);
    Standing::Home(Home {
        place: Place::elsewhere(tenant, environment, namespace),
        pulls_always: metadata["annotations"][keys::PULL_POLICY] == "Always",
        siblings: list(keys::NAMESPACES).into_iter().filter(|name| name != namespace && name != tenant).collect(),
        reaches_siblings: metadata["annotations"][keys::BETWEEN_ENVIRONMENTS] == "Allow",
        suspended: label(meta::SUSPEND).map(str::to_owned),
        stage: label(meta::STAGE).unwrap_or_default().to_owned(),
        hostnames: list(keys::HOSTNAMES),
        storage_classes: metadata["annotations"][keys::STORAGE_CLASSES].as_str().unwrap_or_default().to_owned(),
    })
}

fn list(text: &Value) -> Vec<String> {
    text.as_str().unwrap_or_default().split(',').filter(|one| !one.is_empty()).map(str::to_owned).collect()
}
