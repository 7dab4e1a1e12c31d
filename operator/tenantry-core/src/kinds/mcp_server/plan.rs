//! An McpServer is a workload, or only the address of one elsewhere.

use std::borrow::Cow;

use crate::conditions::Reason;
use crate::plan::Refusal;
use crate::workload::{Extras, Workload, sort};

use super::types::{McpServer, Transport};

/// The workload that it is.
pub(super) fn workload(server: &McpServer) -> Workload<'_> {
    let spec = &server.spec;
    Workload {
        sort: &sort::MCP_SERVER,
        metadata: &server.metadata,
        trunk: Cow::Borrowed(&spec.trunk),
        runs: spec.remote.is_none(),
        connections: None,
        path: spec.path.as_deref(),
        extras: Extras::default(),
        refusals: refusals(server),
    }
}

fn refusals(server: &McpServer) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let mut refuse = |field, message| refusals.push(Refusal::new(Reason::Unsupported, field, message));
    if server.spec.transport == Transport::Stdio {
        refuse(
            "spec.transport",
            "nothing speaks to standard input and output yet: use StreamableHttp with an image that serves it",
        );
    }
    if server.spec.tools.is_some() {
        refuse("spec.tools", "no tool is hidden from agents yet: remove it, or have the server offer fewer");
    }
    refusals
}
