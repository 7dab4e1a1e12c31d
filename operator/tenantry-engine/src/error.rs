//! What can fail between a plan and the cluster, with a fixed category for metrics and for deciding what comes next.

use std::time::Duration;

use tenantry_core::object::ObjectKey;

/// A call to the API server that did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {object}: {cause}")]
pub struct Error {
    /// What was being tried: `create`, `replace`, `patch`, `delete`, `get`, …
    pub verb: &'static str,
    /// On which object.
    pub object: String,
    /// Why it failed.
    #[source]
    pub cause: Cause,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The API server answered with a failure.
    #[error("{code} {reason}: {message}")]
    Answer {
        /// HTTP status code.
        code: u16,
        /// Machine-readable reason, such as `AlreadyExists`.
        reason: String,
        /// For people.
        message: String,
        /// How long the server asks us to wait.
        retry_after: Option<Duration>,
    },
    /// No answer in time. The write may have happened all the same.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The connection failed. The write may have happened all the same.
    #[error("{}", chain(.0))]
    Connection(#[source] Box<kube::Error>),
    /// This process is no longer the leader and must not write.
    #[error("leadership was lost")]
    NotLeader,
}

impl Error {
    /// An error of this attempt.
    pub fn new(verb: &'static str, object: &ObjectKey, cause: Cause) -> Self {
        Self { verb, object: object.to_string(), cause }
    }

    /// Fixed label for metrics and Events.
    pub fn category(&self) -> &'static str {
        match &self.cause {
            Cause::Answer { code, .. } => match code {
                403 => "forbidden",
                404 => "not_found",
                409 => "conflict",
                422 | 400 => "invalid",
                429 => "throttled",
                _ => "server",
            },
            Cause::Timeout(_) => "timeout",
            Cause::Connection(_) => "connection",
            Cause::NotLeader => "not_leader",
        }
    }

    /// HTTP status code of the answer, if there was one.
    pub fn code(&self) -> Option<u16> {
        match &self.cause {
            Cause::Answer { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Machine-readable reason of the answer.
    pub fn reason(&self) -> &str {
        match &self.cause {
            Cause::Answer { reason, .. } => reason,
            _ => "",
        }
    }
}

impl From<kube::Error> for Cause {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Answer {
                code: status.code,
                reason: status.reason.clone(),
                message: status.message.clone(),
                retry_after: status
                    .details
                    .as_ref()
                    .filter(|details| details.retry_after_seconds > 0)
                    .map(|details| Duration::from_secs(u64::from(details.retry_after_seconds))),
            },
            other => Self::Connection(Box::new(other)),
        }
    }
}

/// An error and all its sources in one line; hyper and tower say little at the top.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}
