//! `tenantry completions`: a completion script for a shell. Touches nothing but stdout.

use std::io::Write;

use clap::Command;
use clap_complete::Shell;

use crate::cli::Exit;
use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  source <(tenantry completions bash)                 for this shell
  tenantry completions zsh > ~/.zfunc/_tenantry       for good, in zsh
  tenantry completions fish > ~/.config/fish/completions/tenantry.fish";

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

pub(crate) fn execute(args: &CompletionsArgs, mut command: Command, out: &mut dyn Write) -> Result<Exit, Failure> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    out.write_all(&script)?;
    Ok(Exit::Success)
}
