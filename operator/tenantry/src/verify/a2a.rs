//! `tenantry a2a verify`: an agent's card, and which rules it breaks.

use std::io::Write;

use serde::Serialize;
use tenantry_probe::Prober;
use tenantry_protocol::a2a::Verdict;

use super::options::{Common, Output, url};
use super::{A2aArgs, A2aCommand, EXIT_CODES, FailOn, exit, text};
use crate::cli::Exit;
use crate::failure::Failure;
use crate::format;
use crate::terminal::Palette;

const EXAMPLES: &str = "\
Examples:
  tenantry a2a verify https://agent.example
  tenantry a2a verify http://localhost:9000 --known-as https://agent.example
  tenantry a2a verify https://agent.example/cards/research.json

It fetches the card from /.well-known/agent-card.json, or from /.well-known/agent.json where only that is there, or from
the URL itself if that ends in .json. The rules are in docs/reference/a2a-checks.md. Signatures are shown, not verified.";

/// Verify an agent's card, of A2A 1.0 or older.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(super) struct VerifyArgs {
    /// The agent's URL; its path does not matter, unless it ends in .json.
    url: String,

    /// URL by which callers know the agent: its card must name an interface there.
    #[arg(long, value_name = "URL")]
    known_as: Option<String>,

    #[command(flatten)]
    common: Common,
}

/// What is printed for programs.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) url: String,
    #[serde(flatten)]
    pub(super) verdict: Verdict,
}

pub(crate) fn execute(args: &A2aArgs, palette: Palette, out: &mut dyn Write) -> Result<Exit, Failure> {
    let A2aCommand::Verify(args) = &args.command;
    let target = url(&args.url)?;
    let mut options = args.common.options()?;
    options.known_as = args.known_as.as_deref().map(url).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
    let verdict = runtime.block_on(Prober::new(1).a2a(&target, &options));
    let report = Report { url: args.url.clone(), verdict };
    match args.common.output {
        Output::Json => write!(out, "{}", format::json(&report)?)?,
        Output::Yaml => write!(out, "{}", format::yaml(&report)?)?,
        Output::Table => write!(out, "{}", text::a2a(&report, palette))?,
    }
    // A card that breaks a rule of level error is a wrong card, whatever `--fail-on` says.
    let fail_on = if args.common.fail_on == FailOn::Warning { FailOn::Warning } else { FailOn::Never };
    Ok(exit(report.verdict.state, &report.verdict.issues, fail_on, true))
}
