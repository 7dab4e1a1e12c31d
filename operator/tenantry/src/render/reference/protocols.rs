//! `docs/reference/mcp-checks.md` and `a2a-checks.md`: every check of a protocol, from the tables themselves.

use std::fmt::Write;

use tenantry_protocol::a2a::rules::RULES;
use tenantry_protocol::check::Rule;
use tenantry_protocol::mcp::checks::GROUPS;

use super::{code, table};

const STATES: &str = "\
| state | what |
| --- | --- |
| `Verified` | it speaks its protocol; rules that it breaks are listed |
| `AuthRequired` | it answers 401 or 403: healthy, as far as can be seen without credentials |
| `RateLimited` | it answers 429: says nothing about how it is |
| `Unavailable` | it answers 502, 503 or 504: says nothing about how it speaks |
| `ProbeBlocked` | nobody answers within the time, or the address may not be asked |
| `ProtocolError` | it answers, and wrongly |
";

const BOUNDS: &str = "\
A verification takes at most 10 s (a request whose answer only one check needs, 3 s); an answer has at most 1 MiB, JSON is nested at most 64 deep. \
Redirects are not followed, and of a URL with a name the address that was judged is the one that is connected to. Not asked are link-local addresses \
(169.254.0.0/16, fe80::/10, fd00:ec2::254), loopback (but from the command line), unspecified, multicast and reserved ones, in IPv6 also where they are \
mapped or translated, and by the operator the API server's.
";

/// The page of MCP.
pub(super) fn mcp() -> String {
    let mut page = format!(
        "# Checks of MCP servers\n\n`tenantry mcp verify URL` makes them, as the operator does for an McpServer. No tool is ever called.\n\n{STATES}\n{BOUNDS}\n\
         Era: `server/discover` first (Modern), then `initialize` (Legacy; both: Dual), then a GET for HTTP+SSE (Sse, deprecated). Every tool is hashed over what a \
         model sees of it: all but `_meta` and `icons`.\n\nA check whose answer does not come is listed as not run; it is neither kept nor broken.\n",
    );
    for group in &GROUPS {
        let _ = write!(page, "\n## {}\n\n{}\n\n", group.title, group.about);
        let rows = group.checks.iter().map(|check| row(&check.rule));
        page.push_str(&table(["code", "level", "what must be", "what is sent", "source"], rows));
    }
    page
}

/// The page of A2A.
pub(super) fn a2a() -> String {
    let rows = RULES.iter().map(|rule| {
        let [code, level, requirement, _, source] = row(rule);
        [code, level, requirement, source]
    });
    format!(
        "# Checks of agents' cards\n\n`tenantry a2a verify URL` makes them, as the operator does for an Agent. A card that breaks one of level error is wrong: \
         `ProtocolError`, with the field.\n\n{STATES}\n{BOUNDS}\n{}",
        table(["code", "level", "what must be", "source"], rows)
    )
}

fn row(rule: &Rule) -> [String; 5] {
    [
        code(rule.code),
        rule.level.word().to_owned(),
        rule.requirement.to_owned(),
        rule.sends.to_owned(),
        rule.source.to_owned(),
    ]
}
