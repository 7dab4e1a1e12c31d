//! `tenantry mcp verify`: which eras a server speaks, which tools it has, and which rules it breaks.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tenantry_probe::Prober;
use tenantry_protocol::mcp::{Depth, Drift, Verdict, drift, missing_tools};

use super::options::{Common, Output, VerifyError, read, url};
use super::{EXIT_CODES, McpArgs, McpCommand, exit, text};
use crate::cli::Exit;
use crate::failure::Failure;
use crate::format;
use crate::terminal::Palette;

const EXAMPLES: &str = "\
Examples:
  tenantry mcp verify http://localhost:3000/mcp
  tenantry mcp verify https://mcp.example/mcp --token \"$TOKEN\" --require-tool search
  tenantry mcp verify URL -o json > tools.json     remember the tools there are
  tenantry mcp verify URL --pins tools.json        fail if one is added, removed or changed

It opens the server as clients do, lists its tools, and tries what must be refused. It never calls a tool. The rules are
in docs/reference/mcp-checks.md. Redirects are not followed, and no link-local address is asked.";

/// Verify an MCP server: eras, identity, tools with their hashes, and the rules of the protocol.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(super) struct VerifyArgs {
    /// The server's URL, such as http://localhost:3000/mcp.
    url: String,

    /// Tool that must be there. May be given several times.
    #[arg(long = "require-tool", value_name = "NAME")]
    required: Vec<String>,

    /// Earlier verdict, as `-o json` or `-o yaml` prints it: no tool may have been added, removed or changed since.
    #[arg(long, value_name = "FILE")]
    pins: Option<PathBuf>,

    /// Only era, identity and tools: five requests instead of about forty.
    #[arg(long)]
    quick: bool,

    #[command(flatten)]
    common: Common,
}

/// What is printed for programs: the verdict, and what was asked beyond it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) url: String,
    #[serde(flatten)]
    pub(super) verdict: Verdict,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) missing_tools: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tools_changed: Option<String>,
}

pub(crate) fn execute(args: &McpArgs, palette: Palette, out: &mut dyn Write) -> Result<Exit, Failure> {
    let McpCommand::Verify(args) = &args.command;
    let target = url(&args.url)?;
    let pins = args.pins.as_deref().map(pins).transpose()?;
    let mut options = args.common.options()?;
    options.depth = if args.quick { Depth::Tools } else { Depth::Full };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
    let verdict = runtime.block_on(Prober::new(1).mcp(&target, &options));
    // Of a server whose tools were not seen nothing can be said about them.
    let is_seen = verdict.tool_count.is_some();
    let missing = missing_tools(args.required.iter().map(String::as_str), &verdict.tools);
    let changed = pins.map(|pins| drift(&pins.tools, &verdict.tools)).filter(|drift| is_seen && !drift.is_none());
    let report = Report {
        url: args.url.clone(),
        missing_tools: if is_seen || verdict.state.is_healthy() { missing } else { Vec::new() },
        tools_changed: changed.as_ref().map(Drift::words),
        verdict,
    };
    match args.common.output {
        Output::Json => write!(out, "{}", format::json(&report)?)?,
        Output::Yaml => write!(out, "{}", format::yaml(&report)?)?,
        Output::Table => write!(out, "{}", text::mcp(&report, palette))?,
    }
    let is_as_asked = report.missing_tools.is_empty() && report.tools_changed.is_none();
    Ok(exit(report.verdict.state, &report.verdict.verification.issues, args.common.fail_on, is_as_asked))
}

fn pins(path: &Path) -> Result<Verdict, VerifyError> {
    let wrong = |message: String| VerifyError::Pins { path: path.to_owned(), message };
    let text = String::from_utf8(read(path)?).map_err(|_| wrong("it is not text".into()))?;
    // JSON is YAML, too.
    let verdict: Verdict = serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if verdict.tool_count.is_none() { Err(wrong("there are no tools in it".into())) } else { Ok(verdict) }
}
