//! The one trait a kind's author meets, what came of a plan, and the erased form in which the engine sees every kind.

use std::collections::BTreeMap;
use std::fmt::Debug;

use jiff::Timestamp;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::object::HasStatus;
use kube::{CustomResourceExt, Resource as KubeResource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::access::Access;
use crate::conditions::Reason;
use crate::meta::Owner;
use crate::object::{Desired, ObjectKey};
use crate::plan::Plan;
use crate::resources::{Resource, Write};
use crate::schema;
use crate::world::World;

/// Everything Tenantry must know about one custom resource. No client, no event, no retry, no clock.
pub trait Kind: 'static {
    /// The custom resource (`types.rs`).
    type Cr: KubeResource<DynamicType = ()>
        + CustomResourceExt
        + HasStatus<Status: Serialize + DeserializeOwned + Clone + Debug>
        + Serialize
        + DeserializeOwned
        + Clone
        + Debug;
    /// How it is addressed.
    const RESOURCE: &'static Resource;
    /// How its children are found again.
    const CHILDREN: Children;
    /// What it reads and writes: watches, RBAC rules and docs are made from this.
    const ACCESS: &'static [Access];
    /// Fields of its status that tell of other resources and change when those do, often several in a moment: what changes nothing else is
    /// written a moment later, all at once. An entry of a list with `ready: false` is one that may be about to be.
    const INCIDENTAL: &'static [&'static str] = &[];

    /// What this resource wants (`plan.rs`). Also called while it is being deleted.
    fn plan(cr: &Self::Cr, world: &World, now: Timestamp) -> Plan;

    /// What its status should say (`status.rs`). Compared with what it says; written only on a difference.
    fn status(cr: &Self::Cr, world: &World, done: &Outcome, now: Timestamp) -> <Self::Cr as HasStatus>::Status;

    /// Complete resources a user could start from: `examples/`, docs, round-trip tests.
    fn examples() -> Vec<Example<Self::Cr>>;
}

/// How the children of a kind are tied to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Children {
    /// It has none.
    None,
    /// Their names are ours on every cluster ([`crate::resources::Write::ByName`]): they are kept while the resource is there, carry no
    /// mark of it, and stay when it goes.
    Named,
    /// They live in other namespaces or at cluster scope, where no owner reference reaches: finalizer and inventory.
    Recorded,
    /// They live in the resource's own namespace and carry an owner reference: the server removes them when it goes. Where a plan
    /// [lingers](Plan::lingers), a finalizer takes the reference's place.
    Owned,
}

/// An example file.
#[derive(Debug, Clone)]
pub struct Example<Cr> {
    /// File name without ending, such as `tenant-acme`. Files are applied in order of name within `order`.
    pub name: &'static str,
    /// One or two sentences on what it shows.
    pub about: &'static str,
    /// The resource.
    pub cr: Cr,
}

/// What became of a plan so far.
#[derive(Debug, Clone)]
pub struct Outcome<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// One entry for each wanted or adjusted object.
    pub objects: BTreeMap<ObjectKey, Progress>,
    /// Objects that are being removed and are still there.
    pub leaving: Vec<ObjectKey>,
    /// The rule the plan broke, if it broke one; then nothing was written.
    pub violation: Option<String>,
}

/// How far one wanted object has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// As wanted, and seen so in the cluster after the last write.
    Observed,
    /// Written; not yet seen.
    Written,
    /// Not written: something earlier in the same namespace has not succeeded, or leadership was lost.
    Held,
    /// Exists and is not ours; left alone.
    NotOwned,
    /// The write failed; the text says why, without secrets.
    Failed(String),
}

impl Outcome<'_> {
    /// The first object that has come so far, and how far that is.
    pub fn first(&self, is_so: impl Fn(&Progress) -> bool) -> Option<(&ObjectKey, &Progress)> {
        self.objects.iter().find(|(_, progress)| is_so(progress))
    }
}

impl Progress {
    /// Whether somebody's help is needed.
    pub fn is_stuck(&self) -> bool {
        matches!(self, Self::NotOwned | Self::Failed(_))
    }

    /// How far `key`, one of the objects of `whose`, has come, as a condition tells it.
    pub fn told(&self, key: &ObjectKey, whose: &str) -> (Reason, String) {
        match self {
            Self::NotOwned => (
                Reason::NotOwned,
                format!("{key} exists and is not this {whose}'s; it is left alone: remove or rename it"),
            ),
            Self::Failed(why) => (Reason::ApplyFailed, format!("{key}: {why}")),
            Self::Written | Self::Observed => (Reason::Pending, format!("{key} is written and not seen yet")),
            Self::Held => (Reason::Pending, format!("{key} waits for what comes before it")),
        }
    }
}

/// A stored resource that does not fit its type (written under an older or newer schema).
#[derive(Debug, thiserror::Error)]
#[error("cannot read {kind} {name}: {source}")]
pub struct Malformed {
    kind: &'static str,
    name: String,
    source: serde_json::Error,
}

/// A kind with its types erased: what the engine, the command line, the docs and the tests iterate over.
pub struct Registration {
    /// How it is addressed.
    pub resource: &'static Resource,
    /// How its children are tied to it.
    pub children: Children,
    /// What it reads and writes.
    pub access: &'static [Access],
    /// [`Kind::INCIDENTAL`].
    pub incidental: &'static [&'static str],
    /// Its CustomResourceDefinition.
    pub crd: fn() -> CustomResourceDefinition,
    /// [`Kind::plan`], with owner marks stamped on every wanted object that can have one, and the objects sorted.
    pub plan: fn(&Value, &World, Timestamp) -> Result<Plan, Malformed>,
    /// [`Kind::status`].
    pub status: fn(&Value, &World, &Outcome, Timestamp) -> Result<Value, Malformed>,
    /// [`Kind::examples`].
    pub examples: fn() -> Vec<Example<Value>>,
}

impl Registration {
    /// The registration of one kind.
    pub const fn of<K: Kind>() -> Self {
        Self {
            resource: K::RESOURCE,
            children: K::CHILDREN,
            access: K::ACCESS,
            incidental: K::INCIDENTAL,
            crd: schema::crd::<K::Cr>,
            plan: plan_erased::<K>,
            status: status_erased::<K>,
            examples: examples_erased::<K>,
        }
    }
}

fn plan_erased<K: Kind>(cr: &Value, world: &World, now: Timestamp) -> Result<Plan, Malformed> {
    let mut plan = K::plan(&parse::<K>(cr)?, world, now);
    let owner = Owner::of(K::RESOURCE, cr);
    let is_tied = K::CHILDREN == Children::Owned && !plan.lingers;
    let marked = |object: Desired| match object.key().resource.write {
        Write::ByName => object,
        Write::Replace | Write::Merge | Write::Never if is_tied => {
            owner.stamp(object).controlled_by(K::RESOURCE, &owner.name, &owner.uid)
        }
        Write::Replace | Write::Merge | Write::Never => owner.stamp(object),
    };
    plan.desired = plan.desired.into_iter().map(marked).collect();
    plan.desired.sort_by(|one, other| one.key().cmp(other.key()));
    plan.adjustments.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(plan)
}

fn status_erased<K: Kind>(cr: &Value, world: &World, done: &Outcome, now: Timestamp) -> Result<Value, Malformed> {
    let status = K::status(&parse::<K>(cr)?, world, done, now);
    serde_json::to_value(status).map_err(|source| malformed::<K>(cr, source))
}

fn examples_erased<K: Kind>() -> Vec<Example<Value>> {
    K::examples()
        .into_iter()
        .filter_map(|Example { name, about, cr }| serde_json::to_value(cr).ok().map(|cr| Example { name, about, cr }))
        .collect()
}

fn parse<K: Kind>(cr: &Value) -> Result<K::Cr, Malformed> {
    serde_json::from_value(cr.clone()).map_err(|source| malformed::<K>(cr, source))
}

fn malformed<K: Kind>(cr: &Value, source: serde_json::Error) -> Malformed {
    let name = cr["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    Malformed { kind: K::RESOURCE.kind, name, source }
}
