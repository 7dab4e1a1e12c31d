//! What a rule and a group of resources are, as data. `compile.rs` makes policies of them; `tests/policies.rs` and the real
//! API server hold both to the cases in `cases/`.
//!
//! Expressions are CEL with names in braces, which stand for parts that differ by resource or read the namespace:
//! `{pod}` the pod spec, `{template}` the pod template, `{images}` all images, `{tenant}` the tenant's name, `{suspend}` its
//! mode or an empty text, `{their-gateway}` whether a Gateway outside tenants' namespaces is changed, `{finalizer-alone}` whether nothing but our
//! finalizer is, and `{registries}` and so on ([`super::text::LISTS`]) the text of a namespace annotation.

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name, which refusals tell: `image-registry`.
    pub name: &'static str,
    /// What must be true of every request it looks at.
    pub expression: &'static str,
    /// At which operations it looks.
    pub operations: &'static [Operation],
    /// At which resources of its group it looks, by plural name; all of them if empty.
    pub resources: &'static [&'static str],
    /// Whom it does not bind.
    pub exempt: Exempt,
    /// Path of the Tenant's field that decides, such as `spec.images.registries`; empty when none does.
    pub field: &'static str,
    /// Name of the list that is allowed, to be shown in refusals; empty when there is none.
    pub allowed: &'static str,
    /// What is wrong and how to mend it.
    pub message: &'static str,
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Makes an object.
    Create,
    /// Changes one, by whatever verb.
    Update,
    /// Deletes one.
    Delete,
    /// Opens a connection: exec, attach, port-forward, proxy.
    Connect,
}

impl Operation {
    /// The word of the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// Creation alone.
pub const CREATE: &[Operation] = &[Operation::Create];
/// Change alone.
pub const UPDATE: &[Operation] = &[Operation::Update];
/// Deletion alone.
pub const DELETE: &[Operation] = &[Operation::Delete];
/// What leaves an object behind.
pub const WRITE: &[Operation] = &[Operation::Create, Operation::Update];
/// Every change of an object.
pub const CHANGE: &[Operation] = &[Operation::Create, Operation::Update, Operation::Delete];
/// Everything that admission sees.
pub const ALL: &[Operation] = &[Operation::Create, Operation::Update, Operation::Delete, Operation::Connect];

/// Whom a rule does not bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exempt {
    /// Nobody: it is about the object, whoever writes it. Pods are made by controllers for whoever made the workload.
    Nobody,
    /// Whoever has the verb `exempt` on tenants: the platform team and the operator.
    Platform,
    /// These, and Kubernetes' own controllers, nodes and scheduler.
    PlatformAndSystem,
}

/// Resources of one shape that are judged by the same rules: one policy.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    /// Its name; the policy is `tenantry-<name>`.
    pub name: &'static str,
    /// What it covers: API groups and resources, subresources listed one by one.
    pub targets: &'static [Target],
    /// Where the pod spec is, if there is one.
    pub pod: &'static str,
    /// Where the pod template is, if there is one.
    pub template: &'static str,
    /// Rules of this group.
    pub rules: &'static [Rule],
}

/// Some resources of some API groups.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// API groups; all versions of them.
    pub groups: &'static [&'static str],
    /// Resources and subresources.
    pub resources: &'static [&'static str],
}
