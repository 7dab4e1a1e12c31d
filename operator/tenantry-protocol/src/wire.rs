//! What is sent and what comes back. The one seam between judging, which is here, and asking, which is not.

use http::{HeaderMap, Method, StatusCode};

use crate::address::Refusal;
use crate::events::{Event, Until};

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The URL to verify; the caller's own headers are sent along, and to nowhere else.
    Target,
    /// A path on the same host.
    Path(String),
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// As long as there is time left for the whole: without this answer there is no verdict.
    Whole,
    /// A moment: an answer that does not come leaves one check undone.
    Moment,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// `GET`, `POST` or `DELETE`.
    pub method: Method,
    /// Where to.
    pub place: Place,
    /// Beyond `Host` and what the caller sends along.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: Option<String>,
    /// What of the answer is wanted.
    pub until: Until,
    /// How long to wait for it.
    pub patience: Patience,
}

impl Ask {
    /// `GET path`, for JSON.
    pub fn get(place: Place) -> Self {
        Self {
            method: Method::GET,
            place,
            headers: vec![("accept", "application/json".into())],
            body: None,
            until: Until::Response,
            patience: Patience::Whole,
        }
    }

    /// With this header, in the place of one of the same name.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self = self.without(name);
        self.headers.push((name, value.into()));
        self
    }

    /// Without this header.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(given, _)| *given != name);
        self
    }

    /// Only for a moment.
    pub fn briefly(mut self) -> Self {
        self.patience = Patience::Moment;
        self
    }
}

/// What came with status and headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// The whole of it.
    Whole(Vec<u8>),
    /// A stream of events, up to what was asked for or to its end.
    Events(Vec<Event>),
    /// Not looked at.
    Unread,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// HTTP headers.
    pub headers: HeaderMap,
    /// What came with them.
    pub body: Body,
}

impl Answer {
    /// A header's text; nothing if it is absent or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The content type without its parameters, in small letters.
    pub fn content_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}

/// Why there is no answer, or not the whole of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The URL is not one that can be asked.
    #[error("{0}")]
    Url(String),
    /// The address may not be asked.
    #[error("{host} is at {address}, and that is not asked: {refusal}")]
    Refused {
        /// As the URL has it.
        host: String,
        /// What it resolves to.
        address: std::net::IpAddr,
        /// Why not.
        refusal: Refusal,
    },
    /// No address for the name.
    #[error("{host} has no address: {reason}")]
    Unresolved {
        /// As the URL has it.
        host: String,
        /// What the resolver says.
        reason: String,
    },
    /// Nobody there.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// Somebody else is there, or somebody who cannot be trusted.
    #[error("cannot agree on TLS: {0}")]
    Tls(String),
    /// The connection ended before an answer.
    #[error("the connection was closed without an answer")]
    Closed,
    /// Nothing came within the time.
    #[error("no answer within {seconds} s")]
    Silent {
        /// How long was waited, rounded.
        seconds: u64,
    },
    /// What came is not HTTP.
    #[error("the answer is not HTTP: {0}")]
    NotHttp(String),
    /// More than is read.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: usize,
    },
    /// An answer began and did not end.
    #[error("the answer did not end: {0}")]
    Unfinished(String),
}

impl Trouble {
    /// Whether nobody answered, as opposed to wrongly.
    pub fn is_block(&self) -> bool {
        !matches!(self, Self::NotHttp(_) | Self::TooLarge { .. } | Self::Unfinished(_))
    }
}

/// Asks one verification's requests, in order, within its bounds: a total of time, and a size of each answer. Follows no
/// redirect.
pub trait Wire: Send {
    /// Sends one request and waits for what is wanted of the answer.
    fn send(&mut self, ask: Ask) -> impl Future<Output = Result<Answer, Trouble>> + Send;
}
