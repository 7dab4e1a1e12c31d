//! What checks know of the server: how it was opened. Changes nothing.

use serde_json::Value;

/// A server that has answered.
#[derive(Debug, Clone)]
pub(super) struct Context {
    /// Result of `server/discover` or of `initialize`.
    pub(super) hello: Value,
    /// Revision that the requests are of.
    pub(super) version: String,
    /// Session that it opened, legacy only.
    pub(super) session: Option<String>,
    /// Whether it understands the other era, too.
    pub(super) is_dual: bool,
}

impl Context {
    /// Whether it says it can do this.
    pub(super) fn offers(&self, capability: &str) -> bool {
        self.hello["capabilities"][capability].is_object()
    }
}
