//! An McpServer is a workload, or only the address of one elsewhere. How it is verified is asked for here; what comes of that is in
//! `verified.rs`.

use std::borrow::Cow;

use tenantry_protocol::target;

use crate::conditions::Reason;
use crate::external::Protocol;
use crate::plan::Refusal;
use crate::workload::{Extras, Inquiry, Workload, sort};
use crate::world::World;

use super::bridge::bridged;
use super::types::{McpServer, Transport, VerificationMode};

/// The workload that it is.
pub(super) fn workload<'a>(server: &'a McpServer, world: &World) -> Workload<'a> {
    let spec = &server.spec;
    let mut refusals = refusals(server);
    let (mut trunk, mut extras) = (Cow::Borrowed(&spec.trunk), Extras::default());
    if spec.transport == Transport::Stdio && spec.remote.is_none() {
        match bridged(server, world) {
            Ok((bridge, brought)) => (trunk, extras) = (Cow::Owned(bridge), brought),
            Err(refusal) => refusals.push(refusal),
        }
    }
    Workload {
        sort: &sort::MCP_SERVER,
        metadata: &server.metadata,
        trunk,
        runs: spec.remote.is_none(),
        connections: None,
        path: spec.path.as_deref(),
        extras,
        inquiry: inquiry(server),
        refusals,
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
    if server.spec.tools.is_some() {
        refuse("spec.tools", "no tool is hidden from agents yet: remove it, or have the server offer fewer");
    }
    if let Some(fault) = server.spec.remote.as_ref().and_then(|remote| target::parse(&remote.url).err()) {
        refusals.push(Refusal::new(Reason::Invalid, "spec.remote.url", fault.to_string()));
    }
    refusals
}
