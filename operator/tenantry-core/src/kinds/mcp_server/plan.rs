//! An McpServer is a workload, or only the address of one elsewhere.

use std::borrow::Cow;

use crate::conditions::Reason;
use crate::plan::Refusal;
use crate::workload::{Extras, Workload, sort};
use crate::world::World;

use super::bridge::bridged;
use super::types::{McpServer, Transport};

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
        refusals,
    }
}

fn refusals(server: &McpServer) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let mut refuse = |field, message| refusals.push(Refusal::new(Reason::Unsupported, field, message));
    if server.spec.tools.is_some() {
        refuse("spec.tools", "no tool is hidden from agents yet: remove it, or have the server offer fewer");
    }
    refusals
}
