//! One check: who asks for what, what the answer must be, and what shows that a refusal is not of everything.

use serde_json::{Value, json};

use crate::request::{Request, Subject};

/// As whom a check is made: one column of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Named by its user name.
    User,
    /// Has its rights by a group.
    Group,
    /// A program with a token.
    ServiceAccount,
    /// The platform team, and Kubernetes' own controllers.
    Platform,
    /// Nobody asks: it is computed from what is there.
    Computed,
}

impl Kind {
    /// Columns in order.
    pub const ALL: [Self; 5] = [Self::User, Self::Group, Self::ServiceAccount, Self::Platform, Self::Computed];
    /// The ways in which members of tenants come.
    pub const MEMBERS: [Self; 3] = [Self::User, Self::Group, Self::ServiceAccount];

    /// Heading of the column.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::ServiceAccount => "ServiceAccount",
            Self::Platform => "Platform",
            Self::Computed => "computed",
        }
    }
}

/// Somebody who asks.
#[derive(Debug, Clone)]
pub struct Who {
    /// In which way they come.
    pub kind: Kind,
    /// Key of their client on the stage.
    pub client: String,
    /// How the server sees them.
    pub subject: Subject,
}

/// What the answer must be.
#[derive(Debug, Clone)]
pub enum Expected {
    /// Done, whatever the server says besides.
    Accepted,
    /// Refused in words that contain all of these.
    Refused(Vec<String>),
    /// Answered with exactly this.
    Answer(String),
}

impl Expected {
    /// Refused by this rule of this policy.
    pub fn refused_by(policy: &str, rule: &str) -> Self {
        Self::Refused(vec![format!("ValidatingAdmissionPolicy '{policy}'"), format!("[rule {rule}")])
    }

    /// Refused with these words.
    pub fn refused(words: &[&str]) -> Self {
        Self::Refused(words.iter().map(|word| (*word).to_owned()).collect())
    }

    /// Whether it is the answer.
    pub fn fits(&self, answer: &Result<String, String>) -> bool {
        match (self, answer) {
            (Self::Accepted, Ok(_)) => true,
            (Self::Answer(wanted), Ok(answer)) => wanted == answer,
            (Self::Refused(parts), Err(words)) => parts.iter().all(|part| words.contains(part)),
            _ => false,
        }
    }

    /// For people and the JSON file.
    pub fn text(&self) -> String {
        match self {
            Self::Accepted => "accepted".to_owned(),
            Self::Refused(parts) => format!("refused: {}", parts.join(" … ")),
            Self::Answer(text) => text.clone(),
        }
    }
}

/// What must be so besides, or the check shows nothing: a conforming request that is accepted.
#[derive(Debug, Clone)]
pub struct Control {
    /// Client who asks.
    pub client: String,
    /// For what.
    pub request: Request,
    /// What the answer must be.
    pub expected: Expected,
}

/// One check.
#[derive(Debug, Clone)]
pub struct Check {
    /// Row of the matrix.
    pub family: &'static str,
    /// What is tried, in words.
    pub name: String,
    /// By whom.
    pub who: Who,
    /// What is asked.
    pub request: Request,
    /// What the answer must be.
    pub expected: Expected,
    /// A conforming request; none where the check is such a one itself.
    pub control: Option<Control>,
    /// Group and rule of the admission policies that it is about, and the operation: for the holes.
    pub about: Option<About>,
}

/// Which part of the admission policies a check is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Group of resources: the policy is `tenantry-<group>`.
    pub group: &'static str,
    /// The rule.
    pub rule: String,
    /// `CREATE`, `UPDATE`, `DELETE`.
    pub operation: &'static str,
    /// Resource, perhaps with its subresource.
    pub resource: String,
}

impl Check {
    /// A check that is no part of the admission rules' own cases.
    pub fn new(family: &'static str, name: impl Into<String>, who: &Who, request: Request, expected: Expected) -> Self {
        Self { family, name: name.into(), who: who.clone(), request, expected, control: None, about: None }
    }

    /// With a conforming request of the same person.
    #[must_use]
    pub fn with_control(mut self, request: Request) -> Self {
        self.control = Some(Control { client: self.who.client.clone(), request, expected: Expected::Accepted });
        self
    }

    /// With something computed or asked that must be exactly so.
    #[must_use]
    pub fn with_answer(mut self, request: Request, answer: &str) -> Self {
        let expected = Expected::Answer(answer.to_owned());
        self.control = Some(Control { client: self.who.client.clone(), request, expected });
        self
    }
}

/// What became of a check.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The answer.
    pub actual: Result<String, String>,
    /// The answer to the control.
    pub control: Option<Result<String, String>>,
    /// Whether both are as they must be.
    pub passed: bool,
}

/// An answer as text.
pub fn text(answer: &Result<String, String>) -> String {
    match answer {
        Ok(said) => said.clone(),
        Err(words) => format!("refused: {words}"),
    }
}

/// The entry of the JSON file.
pub fn entry(check: &Check, outcome: &Outcome, operator: &str) -> Value {
    json!({
        "family": check.family,
        "name": check.name,
        "identity": { "kind": check.who.kind.word(), "name": check.who.subject.user, "groups": check.who.subject.groups },
        "operator": operator,
        "request": check.request.text(),
        "expected": check.expected.text(),
        "actual": text(&outcome.actual),
        "control": check.control.as_ref().map(|control| json!({
            "request": control.request.text(),
            "expected": control.expected.text(),
            "actual": outcome.control.as_ref().map(text),
        })),
        "passed": outcome.passed,
    })
}
