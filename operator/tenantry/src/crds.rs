//! `tenantry crds`: the CustomResourceDefinitions of every kind. Asks no cluster.

use std::io::Write;

use crate::cli::Exit;
use crate::failure::Failure;
use crate::format::{self, Structured};
use crate::render;

const EXAMPLES: &str = "\
Examples:
  tenantry crds | kubectl apply --server-side -f -    install or upgrade them
  tenantry crds -o json | jq -r '.items[].metadata.name'";

/// Print the CustomResourceDefinitions.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CrdsArgs {
    /// How to print them.
    #[arg(short, long, value_enum, default_value = "yaml")]
    output: Structured,
}

pub(crate) fn execute(args: &CrdsArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let crds = render::crds::all(tenantry_core::kinds::KINDS)?;
    write!(out, "{}", format::objects(&crds, args.output)?)?;
    Ok(Exit::Success)
}
