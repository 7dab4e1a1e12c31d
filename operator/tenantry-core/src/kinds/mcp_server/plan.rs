//! An McpServer is a workload, or only the address of one elsewhere. How it is verified is asked for here; what comes of that is in
//! `verified.rs`.

use std::borrow::Cow;

use tenantry_protocol::target;

use crate::conditions::Reason;
use crate::external::Protocol;
use crate::plan::Refusal;
use crate::workload::{Extras, Inquiry, Workload, sort};

use super::types::{McpServer, Transport, VerificationMode};

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
        inquiry: inquiry(server),
        refusals: refusals(server),
    }
}

fn inquiry(server: &McpServer) -> Option<Inquiry<'_>> {
    let verification = server.spec.verification.clone().unwrap_or_default();
    let remote = server.spec.remote.as_ref().map(|remote| remote.url.as_str());
    let is_wanted = verification.mode != VerificationMode::Off;
    is_wanted.then_some(Inquiry { protocol: Protocol::Mcp, interval: verification.interval, remote })
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
    if let Some(fault) = server.spec.remote.as_ref().and_then(|remote| target::parse(&remote.url).err()) {
        refusals.push(Refusal::new(Reason::Invalid, "spec.remote.url", fault.to_string()));
    }
    refusals
}
