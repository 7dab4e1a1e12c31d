//! Condition types and reasons, the same in every kind, and the rule that sums them up in `Ready`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kind::Outcome;

/// One aspect of an object's state. States, never actions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Type of the condition, such as Ready.
    #[serde(rename = "type")]
    #[schemars(length(max = 64))]
    pub type_: String,
    /// Whether the condition holds: True, False or Unknown.
    pub status: Truth,
    /// Generation of the spec that this was decided for.
    pub observed_generation: i64,
    /// When the status last changed, RFC 3339.
    pub last_transition_time: Timestamp,
    /// Why, in one word.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// Why, for people, and what to do about it.
    #[schemars(length(max = 4096))]
    pub message: String,
}

/// Value of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Truth {
    /// It does not hold. Orders first: the summary takes the worst.
    False,
    /// Not known yet.
    Unknown,
    /// It holds.
    True,
}

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// Usable now: the summary of the others.
    Ready,
    /// The spec is valid and supported here.
    Accepted,
    /// All references exist and are allowed.
    ResolvedRefs,
    /// Wanted objects are written for this generation and were seen in the cluster.
    Applied,
    /// The admission policies are there, as installed, and the API server finds no fault with them.
    PoliciesEnforced,
    /// Network policies were seen to be enforced. Without an enforcing network plugin they do nothing.
    NetworkEnforcement,
    /// Its pods answer, those of the newest spec.
    Available,
    /// What is to scale it does. Present only where something is asked to.
    ScalingReady,
    /// Its protocol was checked.
    Verified,
    /// The data plane has taken it.
    Programmed,
    /// It is stopped, as its spec says. Present only while it does.
    Suspended,
    /// Work is under way. Present only when True (kstatus).
    Reconciling,
    /// Work cannot go on without somebody's help. Present only when True (kstatus).
    Stalled,
}

/// Why a condition has the value it has. A closed set: docs and tests iterate over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// All is well (any type, True).
    Succeeded,
    /// The spec contradicts itself or its class.
    Invalid,
    /// Another resource or object holds what this one asks for.
    Conflicted,
    /// It is stopped, as its spec says.
    Suspended,
    /// Nothing here can honour this field.
    Unsupported,
    /// A referenced object does not exist.
    RefNotFound,
    /// A referenced object may not be referred to from here.
    RefNotPermitted,
    /// Not all wanted objects are written and seen yet.
    Pending,
    /// The API server refused or failed a write.
    ApplyFailed,
    /// Something of the installation is missing or differs.
    NotInstalled,
    /// The API server warns about an expression of an admission policy.
    TypeCheckFailed,
    /// An object of that name exists and is not ours; it is left alone.
    NotOwned,
    /// A finalizer, content or a missing confirmation keeps the deletion from ending.
    DeletionBlocked,
    /// The resource is being deleted.
    Deleting,
    /// Nothing has shown yet whether it holds.
    NotProbed,
    /// It asks for credentials that the operator has not; as far as can be seen it is well.
    AuthRequired,
    /// The operator could not reach it, or may not.
    ProbeBlocked,
    /// It asks the operator to come less often.
    RateLimited,
    /// It says that it cannot answer now.
    Unavailable,
    /// It answers, and not as its protocol says.
    ProtocolError,
    /// Tools that the spec requires are not there.
    MissingTools,
    /// Its tools are not those that were approved.
    ToolsChanged,
    /// Pods of the newest spec are on their way.
    Progressing,
    /// Too few pods are available.
    MinimumNotMet,
    /// It has failed, and does not mend by itself.
    Failed,
    /// The quota leaves no room for what is wanted.
    QuotaExceeded,
    /// It has no pods now, as it is meant to.
    ScaledToZero,
    /// It works, but not as far as the spec asks.
    Limited,
    /// What would be needed is not on this cluster.
    ProviderMissing,
    /// What the spec asks for has failed, and what ran before runs again.
    RolledBack,
    /// The gateway is not there, or has not taken it yet.
    GatewayNotReady,
    /// The path, or a part of it, is another route's.
    PathConflict,
    /// Nothing enforces a policy that the spec asks for.
    PolicyNotEnforced,
    /// Nobody answers behind it.
    NoEndpoints,
    /// Its time is over.
    Expired,
    /// The plan broke a rule of its own; nothing is written. A bug of Tenantry.
    InternalError,
}

impl Type {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 13] = [
        Self::Ready,
        Self::Accepted,
        Self::ResolvedRefs,
        Self::Applied,
        Self::PoliciesEnforced,
        Self::NetworkEnforcement,
        Self::Available,
        Self::ScalingReady,
        Self::Verified,
        Self::Programmed,
        Self::Suspended,
        Self::Reconciling,
        Self::Stalled,
    ];

    /// The word in `type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Accepted => "Accepted",
            Self::ResolvedRefs => "ResolvedRefs",
            Self::Applied => "Applied",
            Self::PoliciesEnforced => "PoliciesEnforced",
            Self::NetworkEnforcement => "NetworkEnforcement",
            Self::Available => "Available",
            Self::ScalingReady => "ScalingReady",
            Self::Verified => "Verified",
            Self::Programmed => "Programmed",
            Self::Suspended => "Suspended",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
        }
    }

    /// What True means, for the reference docs.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Ready => "Usable now; the summary of the other conditions.",
            Self::Accepted => "The spec is valid and supported on this cluster.",
            Self::ResolvedRefs => "Everything the spec refers to exists and may be used.",
            Self::Applied => "All wanted objects are written for this generation and were seen in the cluster.",
            Self::PoliciesEnforced => {
                "Of the platform: the admission policies are there, as installed, and the API server finds no fault with them. Of a route: every policy of its spec is put into effect; Ready depends on it where the gateway's controller tells of each policy whether it is."
            }
            Self::NetworkEnforcement => "Network policies were seen to be enforced on this cluster.",
            Self::Available => {
                "Enough pods of the newest spec are available, or after a rollback of the revision that came back, and its Service, if it has one, leads to them. Of a contract: its gate is, where it has one."
            }
            Self::ScalingReady => {
                "What is to scale it does so. Present only where something is asked to; Ready does not depend on it."
            }
            Self::Verified => "Its protocol was spoken with it and found right.",
            Self::Programmed => {
                "The gateway has taken the route as it is written now, somebody answers behind it, and every policy of it is enforced."
            }
            Self::Suspended => {
                "The spec suspends it and every rule of that is in place; False and Unknown tell why not yet. Present only while the spec does; of a contract, while a side of it is in quarantine. While True, Ready is False."
            }
            Self::Reconciling => "Work is under way. Present only while True.",
            Self::Stalled => "Work cannot go on without help. Present only while True.",
        }
    }
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 36] = [
        Self::Succeeded,
        Self::Invalid,
        Self::Conflicted,
        Self::Suspended,
        Self::Unsupported,
        Self::RefNotFound,
        Self::RefNotPermitted,
        Self::Pending,
        Self::ApplyFailed,
        Self::NotInstalled,
        Self::TypeCheckFailed,
        Self::NotOwned,
        Self::DeletionBlocked,
        Self::Deleting,
        Self::NotProbed,
        Self::AuthRequired,
        Self::ProbeBlocked,
        Self::RateLimited,
        Self::Unavailable,
        Self::ProtocolError,
        Self::MissingTools,
        Self::ToolsChanged,
        Self::Progressing,
        Self::MinimumNotMet,
        Self::Failed,
        Self::QuotaExceeded,
        Self::ScaledToZero,
        Self::Limited,
        Self::ProviderMissing,
        Self::RolledBack,
        Self::GatewayNotReady,
        Self::PathConflict,
        Self::PolicyNotEnforced,
        Self::NoEndpoints,
        Self::Expired,
        Self::InternalError,
    ];

    /// The word in `reason`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::Invalid => "Invalid",
            Self::Conflicted => "Conflicted",
            Self::Suspended => "Suspended",
            Self::Unsupported => "Unsupported",
            Self::RefNotFound => "RefNotFound",
            Self::RefNotPermitted => "RefNotPermitted",
            Self::Pending => "Pending",
            Self::ApplyFailed => "ApplyFailed",
            Self::NotInstalled => "NotInstalled",
            Self::TypeCheckFailed => "TypeCheckFailed",
            Self::NotOwned => "NotOwned",
            Self::DeletionBlocked => "DeletionBlocked",
            Self::Deleting => "Deleting",
            Self::NotProbed => "NotProbed",
            Self::AuthRequired => "AuthRequired",
            Self::ProbeBlocked => "ProbeBlocked",
            Self::RateLimited => "RateLimited",
            Self::Unavailable => "Unavailable",
            Self::ProtocolError => "ProtocolError",
            Self::MissingTools => "MissingTools",
            Self::ToolsChanged => "ToolsChanged",
            Self::Progressing => "Progressing",
            Self::MinimumNotMet => "MinimumNotMet",
            Self::Failed => "Failed",
            Self::QuotaExceeded => "QuotaExceeded",
            Self::ScaledToZero => "ScaledToZero",
            Self::Limited => "Limited",
            Self::ProviderMissing => "ProviderMissing",
            Self::RolledBack => "RolledBack",
            Self::GatewayNotReady => "GatewayNotReady",
            Self::PathConflict => "PathConflict",
            Self::PolicyNotEnforced => "PolicyNotEnforced",
            Self::NoEndpoints => "NoEndpoints",
            Self::Expired => "Expired",
            Self::InternalError => "InternalError",
        }
    }

    /// Whether what is Unknown for this reason is about to be known, without anybody's help.
    pub fn passes(self) -> bool {
        matches!(self, Self::Pending | Self::Progressing | Self::NotProbed | Self::GatewayNotReady)
    }

    /// That of a condition, if it is one of ours.
    pub fn of(condition: &Condition) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == condition.reason)
    }

    /// What it means and who must act, for the reference docs.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Succeeded => "All is well.",
            Self::Invalid => "The spec contradicts itself or its class; the message names the field and the fix.",
            Self::Conflicted => "Another resource holds what this one asks for.",
            Self::Suspended => "It is stopped, as its spec says; nothing is wrong with it.",
            Self::Unsupported => "Nothing on this cluster can honour the field.",
            Self::RefNotFound => "A referenced object does not exist; it is picked up as soon as it does.",
            Self::RefNotPermitted => {
                "A referenced object may not be referred to from here: it is another tenant's, or in an environment that is kept apart."
            }
            Self::Pending => "Not all wanted objects are written and seen yet; this passes by itself.",
            Self::ApplyFailed => "The API server refused or failed a write; it is tried again with growing pauses.",
            Self::NotInstalled => "Something of the installation is missing or differs; the message says what to run.",
            Self::TypeCheckFailed => {
                "The API server warns about an expression of an admission policy; the message quotes it."
            }
            Self::NotOwned => "An object of that name exists and is not Tenantry's; it is left alone.",
            Self::DeletionBlocked => "Something keeps the deletion from ending; the message names it.",
            Self::Deleting => "The resource is being deleted.",
            Self::NotProbed => "Nothing has shown yet whether it holds; the message says what it depends on.",
            Self::AuthRequired => {
                "It asks for credentials, which the operator has not: healthy, as far as can be seen."
            }
            Self::ProbeBlocked => {
                "The operator could not ask it, or may not: nobody answers there, or nobody lets it through. Says nothing about the server."
            }
            Self::RateLimited => "It says that it is asked too often. Says nothing else about it.",
            Self::Unavailable => "It says that it cannot answer now. Says nothing else about it.",
            Self::ProtocolError => {
                "It answers, and not as its protocol, or the spec, says it must; the message says what is wrong."
            }
            Self::MissingTools => "Tools that the spec requires are not there; the message names them.",
            Self::ToolsChanged => {
                "Its tools are not those that were approved; the message says how they differ, and how to approve them."
            }
            Self::Progressing => "Pods of the newest spec are on their way; this passes by itself.",
            Self::MinimumNotMet => "Too few pods are available; their events tell why.",
            Self::Failed => "It has failed and does not mend by itself; the message says what to look at.",
            Self::QuotaExceeded => "The quota leaves no room for what is wanted; the message says how much is missing.",
            Self::ScaledToZero => "It has no pods now, as it is meant to.",
            Self::Limited => "It works, but not as far as the spec asks; the message says what bounds it.",
            Self::ProviderMissing => {
                "What would be needed is not on this cluster; the message says what else would do."
            }
            Self::RolledBack => {
                "What the spec asks for did not become available in time, and what was available before runs again until the spec asks for something else."
            }
            Self::GatewayNotReady => {
                "The gateway is not there, refuses the route, or has not taken it yet; the message says which."
            }
            Self::PathConflict => {
                "The path, or a part of it, is another route's; the message names it and says who is served."
            }
            Self::PolicyNotEnforced => {
                "Nothing on this cluster enforces a policy that the spec asks for, or what should has been overridden; the message names it."
            }
            Self::NoEndpoints => "Nobody answers behind it; it serves as soon as somebody does.",
            Self::Expired => "Its time is over; nothing of it holds any more.",
            Self::InternalError => "A bug of Tenantry: the plan broke a rule of its own and nothing was written.",
        }
    }
}

/// Builds the conditions of one status. `lastTransitionTime` moves only when a value does.
#[derive(Debug)]
pub struct Conditions<'a> {
    before: &'a [Condition],
    generation: i64,
    now: Timestamp,
    conditions: Vec<Condition>,
}

impl<'a> Conditions<'a> {
    /// Starts from the conditions that the object has now.
    pub fn new(before: &'a [Condition], generation: i64, now: Timestamp) -> Self {
        // To the second, as all times of Kubernetes objects.
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        Self { before, generation, now, conditions: Vec::new() }
    }

    /// Adds one condition.
    pub fn set(&mut self, type_: Type, status: Truth, reason: Reason, message: impl Into<String>) {
        let earlier = self.before.iter().find(|condition| condition.type_ == type_.name());
        let since =
            earlier.filter(|condition| condition.status == status).map(|condition| condition.last_transition_time);
        let mut message: String = message.into();
        truncate(&mut message, 4096);
        self.conditions.push(Condition {
            type_: type_.name().to_owned(),
            status,
            observed_generation: self.generation,
            last_transition_time: since.unwrap_or(self.now),
            reason: reason.name().to_owned(),
            message,
        });
    }

    /// Whether this one is set.
    pub fn has(&self, type_: Type) -> bool {
        self.conditions.iter().any(|condition| condition.type_ == type_.name())
    }

    /// Adds `Accepted` from what the plan refuses, or `message` when it refuses nothing.
    pub fn set_accepted(&mut self, done: &Outcome, message: &str) {
        match done.plan.refusals.first() {
            Some(first) => {
                let all: Vec<String> = done.plan.refusals.iter().map(ToString::to_string).collect();
                self.set(Type::Accepted, Truth::False, first.reason, all.join("; "));
            }
            None => self.set(Type::Accepted, Truth::True, Reason::Succeeded, message),
        }
    }

    /// Adds `Stalled` if the plan broke a rule or refuses something. Returns whether it did.
    pub fn set_stalled(&mut self, done: &Outcome) -> bool {
        if let Some(violation) = &done.violation {
            self.set(Type::Stalled, Truth::True, Reason::InternalError, violation.clone());
        } else if let Some(refusal) = done.plan.refusals.first() {
            self.set(Type::Stalled, Truth::True, refusal.reason, refusal.to_string());
        } else {
            return false;
        }
        true
    }

    /// The conditions set so far, for a kind whose `Ready` is told by another and not summed up.
    pub fn into_list(self) -> Vec<Condition> {
        self.conditions
    }

    /// Adds `Ready`: the worst of the conditions set so far among `dependents` (False over Unknown), with its reason and
    /// message; `message` when all are True. A dependent that was never set counts as Unknown. What is suspended is not usable,
    /// however well everything else is.
    /// Returns the conditions with `Ready` first.
    pub fn summarise(mut self, dependents: &[Type], message: impl Into<String>) -> Vec<Condition> {
        let worst = dependents
            .iter()
            .map(|type_| self.conditions.iter().find(|condition| condition.type_ == type_.name()))
            .min_by_key(|found| found.map_or(Truth::Unknown, |condition| condition.status));
        match worst {
            Some(Some(condition)) if condition.status != Truth::True => {
                let (status, text) = (condition.status, condition.message.clone());
                let reason = Reason::of(condition);
                self.set(Type::Ready, status, reason.unwrap_or(Reason::Pending), text);
            }
            Some(None) => self.set(Type::Ready, Truth::Unknown, Reason::Pending, "not looked at yet"),
            _ => match self.suspension() {
                Some(text) => self.set(Type::Ready, Truth::False, Reason::Suspended, text),
                None => self.set(Type::Ready, Truth::True, Reason::Succeeded, message),
            },
        }
        self.conditions.rotate_right(1);
        self.conditions
    }
}

impl Conditions<'_> {
    /// What the condition Suspended says, if it holds.
    fn suspension(&self) -> Option<String> {
        let suspended = self.conditions.iter().find(|condition| condition.type_ == Type::Suspended.name())?;
        (suspended.status == Truth::True).then(|| suspended.message.clone())
    }
}

/// Cuts a text to at most `limit` bytes, at a character boundary, and says so.
pub(crate) fn truncate(text: &mut String, limit: usize) {
    if text.len() > limit {
        let end = text.floor_char_boundary(limit - '…'.len_utf8());
        text.truncate(end);
        text.push('…');
    }
}

#[cfg(test)]
mod tests;
