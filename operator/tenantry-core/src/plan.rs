//! What one custom resource wants of the cluster, as a value that can be printed, compared and replayed. It leaves
//! execution no choice: the engine writes `desired`, keeps `undecided`, and removes whatever else is provably ours.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::conditions::Reason;
use crate::external::Question;
use crate::object::{Desired, ObjectKey};
use crate::resources::Resource;

/// The plan for one custom resource.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Objects that must exist, exactly so. Sorted by key.
    pub desired: Vec<Desired>,
    /// Changes to objects that stay their owners': never made, never removed for being absent here. Sorted by key.
    pub adjustments: Vec<Adjustment>,
    /// What the plan does not decide: existing objects there are neither changed nor removed.
    pub undecided: Vec<Undecided>,
    /// Why parts of the spec are not acted on until somebody changes them.
    pub refusals: Vec<Refusal>,
    /// What is missing and will wake this resource when it comes.
    pub waits: Vec<Wait>,
    /// Permissions that are absent. Objects that need them are not in `desired`, and so are removed.
    pub denials: Vec<Denial>,
    /// What is to be asked of others than the API server, while this is the plan.
    pub external: Vec<Question>,
    /// When to look again although nothing has changed (an expiry).
    pub requeue_at: Option<Timestamp>,
    /// Whether the resource, once it is deleted, stays until a plan says `release`. Its children in its own namespace are tied to it by
    /// their marks alone then: the server would take away what refers to an owner that is going, however long that takes.
    pub lingers: bool,
    /// Set while the resource is being deleted and nothing stands in the way: once all is applied and pruned, let it go,
    /// leaving behind what `desired` and `undecided` name.
    pub release: bool,
}

/// A change to an object that is not, or not only, ours. It is made on the state that was seen and on no other: where that has
/// changed, the next plan judges the new state.
#[derive(Debug, Clone, PartialEq)]
pub struct Adjustment {
    /// Which object.
    pub key: ObjectKey,
    /// What the plan saw of it.
    pub seen: Arc<Value>,
    /// The merge patch.
    pub patch: Value,
    /// By whose leave.
    pub leave: Leave,
}

/// By whose leave something is changed that is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// That of the namespace it is in, which is the resource's own.
    Namespace,
    /// Its own, wherever it is: it says so itself.
    Object,
}

/// A part of the cluster about which a plan says nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Undecided {
    /// Everything of this resource: its spec cannot be acted on, the last good state stays.
    Everything,
    /// All objects inside one namespace, and the namespace itself.
    Namespace(String),
    /// Objects of one kind in one namespace.
    Kind(&'static Resource, String),
    /// One object.
    Object(ObjectKey),
}

impl Undecided {
    /// Whether this object is among what is left undecided.
    pub fn covers(&self, key: &ObjectKey) -> bool {
        match self {
            Self::Everything => true,
            Self::Namespace(namespace) => key.failure_domain() == namespace,
            Self::Kind(resource, namespace) => key.resource == *resource && key.namespace == *namespace,
            Self::Object(object) => object == key,
        }
    }
}

/// The spec, or a part of it, cannot be honoured as it stands. Not an error: it waits for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why, as the `Accepted` condition tells it.
    pub reason: Reason,
    /// Path of the field, such as `spec.environments[dev].quota`.
    pub field: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl Refusal {
    /// Of this field, for this reason.
    pub fn new(reason: Reason, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason, field: field.into(), message: message.into() }
    }
}

/// Something this plan needs is not there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Why, as the condition of that name tells it.
    pub reason: Reason,
    /// What is waited for, and where.
    pub message: String,
}

/// A permission that would be needed is not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Path of the field that asks for it.
    pub field: String,
    /// Which grant to add, and where.
    pub message: String,
}

impl Plan {
    /// Wants one more object.
    pub fn want(&mut self, object: Desired) {
        self.desired.push(object);
    }

    /// Changes an object that stays its owner's, in a namespace of the resource's own.
    pub fn adjust(&mut self, key: ObjectKey, seen: Arc<Value>, patch: Value) {
        self.adjustments.push(Adjustment { key, seen, patch, leave: Leave::Namespace });
    }

    /// Changes an object that stays its owner's, by that one's leave.
    pub fn adjust_by_its_leave(&mut self, key: ObjectKey, seen: Arc<Value>, patch: Value) {
        self.adjustments.push(Adjustment { key, seen, patch, leave: Leave::Object });
    }

    /// Notes that part of the spec cannot be honoured.
    pub fn refuse(&mut self, reason: Reason, field: impl Into<String>, message: impl Into<String>) {
        self.refusals.push(Refusal::new(reason, field, message));
    }

    /// Notes what is waited for.
    pub fn wait(&mut self, reason: Reason, message: impl Into<String>) {
        self.waits.push(Wait { reason, message: message.into() });
    }

    /// Asks to be looked at again at `when`, or earlier if that was asked already.
    pub fn requeue_at(&mut self, when: Timestamp) {
        self.requeue_at = Some(self.requeue_at.map_or(when, |earlier| earlier.min(when)));
    }

    /// Whether the plan says something about this object.
    pub fn decides(&self, key: &ObjectKey) -> bool {
        !self.undecided.iter().any(|undecided| undecided.covers(key))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.field, self.message)
    }
}

impl fmt::Display for Undecided {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => out.write_str("everything"),
            Self::Namespace(namespace) => write!(out, "namespace {namespace} and all in it"),
            Self::Kind(resource, namespace) => write!(out, "{} in {namespace}", resource.plural),
            Self::Object(key) => key.fmt(out),
        }
    }
}

/// For people: what is wanted, what is left alone, and why. One line each.
impl fmt::Display for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for refusal in &self.refusals {
            writeln!(out, "refused    {refusal}")?;
        }
        for denial in &self.denials {
            writeln!(out, "denied     {}: {}", denial.field, denial.message)?;
        }
        for wait in &self.waits {
            writeln!(out, "waits for  {}", wait.message)?;
        }
        for undecided in &self.undecided {
            writeln!(out, "undecided  {undecided}")?;
        }
        for object in &self.desired {
            match object.origin() {
                None => writeln!(out, "wants      {}", object.key())?,
                Some(origin) => writeln!(out, "wants      {}, a copy of {}", object.key(), origin.key)?,
            }
        }
        for adjustment in &self.adjustments {
            writeln!(out, "adjusts    {}", adjustment.key)?;
        }
        for question in &self.external {
            writeln!(out, "asks       {question}")?;
        }
        if let Some(when) = self.requeue_at {
            writeln!(out, "again at   {when}")?;
        }
        if self.lingers && !self.release {
            writeln!(out, "stays when it is deleted, until it is let go of")?;
        }
        if self.release {
            writeln!(out, "then lets go of the resource")?;
        }
        Ok(())
    }
}
