//! An McpServer is a workload, or only the address of one elsewhere. How it is verified is asked for here; what comes of that is in
//! `verified.rs`.

use std::borrow::Cow;
use std::collections::BTreeSet;

use tenantry_protocol::target::{self, NotATarget};

use crate::conditions::Reason;
use crate::external::Protocol;
use crate::plan::Refusal;
use crate::workload::{Extras, Inquiry, Lack, Workload, sort};
use crate::world::World;

use super::bridge::bridged;
use super::types::{HeaderFrom, McpServer, Transport, VerificationMode};

/// The workload that it is.
pub(super) fn workload<'a>(server: &'a McpServer, world: &World) -> Workload<'a> {
    let spec = &server.spec;
    let mut refusals = refusals(server);
    let (mut trunk, mut extras, mut unknown) = (Cow::Borrowed(&spec.trunk), Extras::default(), None);
    if spec.transport == Transport::Stdio && spec.remote.is_none() {
        match bridged(server, world) {
            Ok((bridge, brought)) => (trunk, extras) = (Cow::Owned(bridge), brought),
            Err(Lack::Refused(refusal)) => refusals.push(refusal),
            Err(Lack::Unknown(what)) => unknown = Some(what),
        }
    }
    extras.secrets =
        headers(server).map(|(field, header)| (format!("{field}.secretRef"), header.secret_ref.clone())).collect();
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
        unknown,
    }
}

/// Headers that its clients send, each with its field.
fn headers(server: &McpServer) -> impl Iterator<Item = (String, &HeaderFrom)> {
    let headers = server.spec.remote.iter().flat_map(|remote| &remote.headers_from);
    headers.map(|header| (format!("spec.remote.headersFrom[{}]", header.name), header))
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
    for field in useless(server) {
        let text = "nothing is run here of a server with remote: remove it";
        refusals.push(Refusal::new(Reason::Invalid, format!("spec.{field}"), text));
    }
    if let Some(fault) = server.spec.remote.as_ref().and_then(|remote| target::parse(&remote.url).err()) {
        let fix = if fault == NotATarget::Credentials { ", from a Secret, by spec.remote.headersFrom" } else { "" };
        refusals.push(Refusal::new(Reason::Invalid, "spec.remote.url", format!("{fault}{fix}")));
    }
    let mut names = BTreeSet::new();
    for (field, header) in headers(server) {
        if !names.insert(header.name.to_lowercase()) {
            let text = "is named twice, as upper and lower case are the same in headers: keep one of them";
            refusals.push(Refusal::new(Reason::Invalid, field, text));
        }
    }
    refusals
}

/// Fields that count for what is run here alone, of a server that is not.
fn useless(server: &McpServer) -> Vec<String> {
    let spec = &server.spec;
    if spec.remote.is_none() {
        return Vec::new();
    }
    let trunk = serde_json::to_value(&spec.trunk).unwrap_or_default();
    let mut fields: Vec<String> = trunk.as_object().into_iter().flatten().map(|(field, _)| field.clone()).collect();
    fields.extend(spec.path.is_some().then(|| "path".to_owned()));
    fields.extend((spec.transport == Transport::Stdio).then(|| "transport".to_owned()));
    fields
}
