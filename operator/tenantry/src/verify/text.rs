//! Verdicts for people to read, in aligned columns. Leaves out nothing but the length of hashes.

use tenantry_protocol::check::{Issue, Level};
use tenantry_protocol::verdict::State;

use super::{a2a, mcp};
use crate::table;
use crate::terminal::Palette;

/// Letters of a hash that are shown: enough to compare two by eye.
const HASH: usize = 12;

/// Of an MCP server.
pub(super) fn mcp(report: &mcp::Report, palette: Palette) -> String {
    let verdict = &report.verdict;
    let mut about = Vec::new();
    if let Some(info) = &verdict.server_info {
        about.push(("server", format!("{} {}", info.name, info.version)));
    }
    if let Some(era) = verdict.era {
        about.push(("era", format!("{}: {}", era.word(), verdict.protocol_versions.join(", "))));
    }
    let challenge = verdict.challenge.as_ref();
    if let Some(scheme) = challenge.and_then(|challenge| challenge.scheme.as_deref()) {
        about.push(("credentials", scheme.to_owned()));
    }
    if let Some(metadata) = challenge.and_then(|challenge| challenge.resource_metadata.as_deref()) {
        about.push(("metadata", metadata.to_owned()));
    }
    if !verdict.capabilities.is_empty() {
        about.push(("offers", verdict.capabilities.join(", ")));
    }
    if let Some(hash) = &verdict.tools_hash {
        about.push(("tools' hash", short(hash)));
    }
    if !verdict.verification.not_run.is_empty() {
        about.push(("not checked", verdict.verification.not_run.join(", ")));
    }
    retry(verdict.retry_after_seconds, &mut about);
    let mut lines = heading(&report.url, verdict.state, &verdict.message, palette);
    if !report.missing_tools.is_empty() {
        lines.push(palette.bad(&format!("Required tools are missing: {}", report.missing_tools.join(", "))));
    }
    if let Some(changed) = &report.tools_changed {
        lines.push(palette.bad(&format!("Tools have changed: {changed}")));
    }
    lines.extend(pairs(&about));
    if !verdict.tools.is_empty() {
        let rows = verdict.tools.iter().map(|tool| vec![tool.name.clone(), short(&tool.schema_hash)]);
        lines.extend(section(["TOOL", "HASH"], rows, palette));
    }
    lines.extend(issues(&verdict.verification.issues, palette));
    lines.push(String::new());
    lines.join("\n")
}

/// Of an agent's card.
pub(super) fn a2a(report: &a2a::Report, palette: Palette) -> String {
    let verdict = &report.verdict;
    let mut about = Vec::new();
    if let Some(card) = &verdict.card {
        about.push(("agent", format!("{} {}", card.name, card.version)));
        about.push(("interface", format!("{} {}", card.url, card.bindings.join(", "))));
        about.push(("speaks A2A", card.protocol_versions.join(", ")));
        about.push(("skills", card.skills.join(", ")));
        about.push(("signed", if card.is_signed { "yes, not verified" } else { "no" }.to_owned()));
        about.push(("hash", short(&card.hash)));
    }
    if let Some(scheme) = verdict.challenge.as_ref().and_then(|challenge| challenge.scheme.as_deref()) {
        about.push(("credentials", scheme.to_owned()));
    }
    retry(verdict.retry_after_seconds, &mut about);
    let mut lines = heading(&report.url, verdict.state, &verdict.message, palette);
    lines.extend(pairs(&about));
    lines.extend(issues(&verdict.issues, palette));
    lines.push(String::new());
    lines.join("\n")
}

fn heading(url: &str, state: State, message: &str, palette: Palette) -> Vec<String> {
    let text = format!("{}: {message}", state.word());
    let painted = match state {
        State::Verified => palette.added(&text),
        State::AuthRequired | State::RateLimited | State::Unavailable => palette.changed(&text),
        State::ProbeBlocked | State::ProtocolError => palette.bad(&text),
    };
    vec![palette.strong(url), painted]
}

fn retry(seconds: Option<u32>, about: &mut Vec<(&'static str, String)>) {
    if let Some(seconds) = seconds {
        about.push(("ask again", format!("in {seconds} s")));
    }
}

fn pairs(pairs: &[(&str, String)]) -> Vec<String> {
    let rows = pairs.iter().filter(|(_, value)| !value.trim().is_empty());
    let rows: Vec<Vec<String>> = rows.map(|(name, value)| vec![format!("  {name}"), value.clone()]).collect();
    table::lines(&rows)
}

fn issues(issues: &[Issue], palette: Palette) -> Vec<String> {
    let rows = issues.iter().map(|issue| {
        let says = format!("{}\nmust be: {}", issue.message, issue.requirement);
        vec![issue.level.word().to_owned(), issue.code.clone(), says]
    });
    if issues.is_empty() {
        return Vec::new();
    }
    let mut lines = section(["LEVEL", "RULE", "IS"], rows, palette);
    // After aligning, as colours have no width.
    for line in &mut lines {
        for (level, paint) in [
            (Level::Error, Palette::bad as fn(Palette, &str) -> String),
            (Level::Warning, Palette::changed),
            (Level::Info, Palette::faint),
        ] {
            if let Some(rest) = line.strip_prefix(level.word()) {
                *line = format!("{}{rest}", paint(palette, level.word()));
                break;
            }
        }
    }
    lines
}

fn section<const N: usize>(heads: [&str; N], rows: impl Iterator<Item = Vec<String>>, palette: Palette) -> Vec<String> {
    let all: Vec<Vec<String>> = std::iter::once(heads.map(str::to_owned).to_vec()).chain(rows).collect();
    let mut lines = table::lines(&all);
    if let Some(first) = lines.first_mut() {
        *first = palette.faint(first);
    }
    lines.insert(0, String::new());
    lines
}

fn short(hash: &str) -> String {
    hash.chars().take(HASH).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tenantry_protocol::mcp::Verdict;

    use super::*;

    #[test]
    fn a_verdict_is_read_in_columns() {
        let verdict: Verdict = serde_json::from_value(json!({
            "state": "Verified", "message": "2 tools", "era": "Dual", "protocolVersions": ["2026-07-28", "2025-11-25"],
            "serverInfo": {"name": "everything", "version": "2"}, "capabilities": ["prompts", "tools"], "auth": "None",
            "toolCount": 2, "toolsHash": "0123456789abcdef",
            "tools": [{"name": "add", "schemaHash": "00112233445566778899"}, {"name": "long-name", "schemaHash": "ff112233445566778899"}],
            "verification": {"revision": "2026-07-28", "notRun": ["L5"], "issues": [
                {"level": "Error", "code": "M9", "requirement": "foreign origins are refused (MCP)", "message": "HTTP 200"},
                {"level": "Warning", "code": "C6", "requirement": "names are short (MCP)", "message": "one is long"},
            ]},
        }))
        .expect("a verdict");
        let report = mcp::Report {
            url: "http://localhost/mcp".into(),
            verdict,
            missing_tools: vec!["search".into()],
            tools_changed: Some("added: add".into()),
        };
        let expected = "\
http://localhost/mcp
Verified: 2 tools
Required tools are missing: search
Tools have changed: added: add
  server       everything 2
  era          Dual: 2026-07-28, 2025-11-25
  offers       prompts, tools
  tools' hash  0123456789ab
  not checked  L5

TOOL       HASH
add        001122334455
long-name  ff1122334455

LEVEL    RULE  IS
error    M9    HTTP 200
               must be: foreign origins are refused (MCP)
warning  C6    one is long
               must be: names are short (MCP)
";
        assert_eq!(mcp(&report, Palette::PLAIN), expected);
    }
}
