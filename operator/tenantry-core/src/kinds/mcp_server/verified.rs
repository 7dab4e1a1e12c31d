//! What a server's answers come to: what the status shows of them, and whether they are what the spec asks for. Tools that are
//! pinned are remembered in the status, which is the only place where it stands which they were.

use tenantry_protocol::check::Level;
use tenantry_protocol::mcp::tools::hash_all;
use tenantry_protocol::mcp::{self, Era, drift, missing_tools};
use tenantry_protocol::verdict::State;

use crate::conditions::{Reason, Truth};
use crate::workload::{self, Verdict};

use super::types::{McpServer, McpServerStatus, Pinned, Seen, Verification};

/// Tools and broken rules that a status names.
const MOST_TOOLS: usize = 100;
const MOST_ISSUES: usize = 20;

/// What an answer changes of the status besides its conditions. One that tells nothing of the server changes nothing.
pub(super) fn seen(before: &McpServerStatus, spec: &Verification, answer: Option<&mcp::Verdict>) -> McpServerStatus {
    let mut status = McpServerStatus { seen: before.seen.clone(), pinned: before.pinned.clone(), ..Default::default() };
    if !spec.pin_tools {
        status.pinned = None;
    }
    let Some(answer) = answer else { return status };
    if matches!(answer.state, State::Verified | State::AuthRequired | State::ProtocolError) {
        status.seen = shown(answer);
    }
    if spec.pin_tools && shows_tools(answer) {
        let now = Pinned { tools_hash: hash(answer), tools: first_tools(answer) };
        let approved = baseline(spec, status.pinned.as_ref());
        if approved.is_none_or(|approved| approved == now.tools_hash) {
            status.pinned = Some(now);
        }
    }
    status
}

/// Whether the answer is what the spec asks for. `pinned` is what the status said before.
pub(super) fn judge(server: &McpServer, answer: &mcp::Verdict, pinned: Option<&Pinned>, operator: &str) -> Verdict {
    let spec = server.spec.verification.clone().unwrap_or_default();
    let (truth, reason, message) = workload::verdict(answer.state, &answer.message, operator);
    if truth != Truth::True {
        return (truth, reason, message);
    }
    let asks_of_tools = spec.pin_tools || !spec.required_tools.is_empty();
    if answer.state == State::AuthRequired {
        return if asks_of_tools || spec.required_revision.is_some() {
            let text = format!(
                "{message}; so nobody can tell whether it is as spec.verification asks: remove requiredRevision, requiredTools and pinTools to do without"
            );
            (Truth::Unknown, reason, text)
        } else {
            (truth, reason, message)
        };
    }
    if let Some(wanted) = spec.required_revision.as_ref().filter(|wanted| !answer.protocol_versions.contains(wanted)) {
        let spoken = answer.protocol_versions.join(", ");
        let text = format!("it speaks {spoken}, and not {wanted}, which spec.verification.requiredRevision asks for");
        return (Truth::False, Reason::ProtocolError, text);
    }
    if asks_of_tools && !shows_tools(answer) {
        let text = format!(
            "{message}; its tools are not listed by that transport, so nobody can tell whether they are as spec.verification asks"
        );
        return (Truth::Unknown, Reason::NotProbed, text);
    }
    let missing = missing_tools(spec.required_tools.iter().map(String::as_str), &answer.tools);
    if !missing.is_empty() {
        let text =
            format!("it has not the tools that spec.verification.requiredTools asks for: {}", missing.join(", "));
        return (Truth::False, Reason::MissingTools, text);
    }
    match changed(&spec, pinned, answer).filter(|_| spec.pin_tools) {
        Some(text) => (Truth::False, Reason::ToolsChanged, text),
        None => (truth, reason, with_issues(message, answer)),
    }
}

/// Whether the server lists what tools it has; by the transport of the first revision it does not to us.
fn shows_tools(answer: &mcp::Verdict) -> bool {
    answer.state == State::Verified && answer.era != Some(Era::Sse)
}

fn hash(answer: &mcp::Verdict) -> String {
    answer.tools_hash.clone().unwrap_or_else(|| hash_all(&answer.tools))
}

fn first_tools(answer: &mcp::Verdict) -> Vec<mcp::Tool> {
    answer.tools.iter().take(MOST_TOOLS).cloned().collect()
}

/// The hash of the tools that are approved: by the spec, or by having been the first.
fn baseline<'a>(spec: &'a Verification, pinned: Option<&'a Pinned>) -> Option<&'a str> {
    spec.approved_tools_hash.as_deref().or(pinned.map(|pinned| pinned.tools_hash.as_str()))
}

/// How the tools differ from those that are approved, if they do.
fn changed(spec: &Verification, pinned: Option<&Pinned>, answer: &mcp::Verdict) -> Option<String> {
    let (now, approved) = (hash(answer), baseline(spec, pinned)?);
    if now == approved {
        return None;
    }
    // Lists that were cut short cannot be compared name by name.
    let is_whole = |count: usize| count < MOST_TOOLS;
    let known = pinned.filter(|pinned| pinned.tools_hash == approved && is_whole(pinned.tools.len()));
    let how = known.filter(|_| is_whole(answer.tools.len())).map(|pinned| drift(&pinned.tools, &answer.tools).words());
    let how = how.map(|words| format!(" ({words})")).unwrap_or_default();
    Some(format!(
        "its tools are not those that were approved{how}: if that is meant, set spec.verification.approvedToolsHash to {now}"
    ))
}

fn with_issues(message: String, answer: &mcp::Verdict) -> String {
    let errors = answer.verification.issues.iter().filter(|issue| issue.level == Level::Error).count();
    match errors {
        0 => message,
        1 => format!("{message}; it breaks a rule of the protocol, see status.verification.issues"),
        _ => format!("{message}; it breaks {errors} rules of the protocol, see status.verification.issues"),
    }
}

fn shown(answer: &mcp::Verdict) -> Seen {
    let mut verification = answer.verification.clone();
    verification.issues.truncate(MOST_ISSUES);
    Seen {
        server_info: answer.server_info.clone(),
        protocol_versions: answer.protocol_versions.clone(),
        era: answer.era,
        capabilities: answer.capabilities.clone(),
        auth: Some(answer.auth),
        challenge: answer.challenge.clone(),
        tool_count: answer.tool_count.and_then(|count| i32::try_from(count).ok()),
        tools: first_tools(answer),
        tools_hash: answer.tools_hash.clone(),
        verification: Some(verification),
    }
}
