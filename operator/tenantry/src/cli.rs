//! What the program understands on its command line, and the way from there to a subcommand. Runs nothing itself.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::failure::Failure;
use crate::terminal::Palette;
use crate::{audit_policy, completions, crds, install, my, plan, run, verify, version};

/// Name of the program when kubectl calls it as a plugin.
const PLUGIN: &str = "kubectl-tenantry";

const EXIT_CODES: &str = "\
Exit codes:
  0  done; for `plan`: nothing would change; for `verify`: it is as it should be
  1  failed, a resource was refused, or the command line is wrong; stderr says why and what to do
  2  for `plan`: something would change; for `verify`: it answers wrongly, or not as was asked
  3  only of `verify`: nobody answers there, or the address may not be asked
  4  only of `verify`: it is asked too often, or cannot answer now

Environment:
  KUBECONFIG  kubeconfig files, as for kubectl
  NO_COLOR    if not empty, nothing is coloured";

/// Tenants for Kubernetes: namespaces, policies, quotas and rights from one resource.
#[derive(Debug, Parser)]
#[command(
    name = "tenantry",
    version,
    after_help = EXIT_CODES,
    disable_help_subcommand = true,
    propagate_version = false,
    max_term_width = 110
)]
struct Cli {
    #[command(subcommand)]
    subcommand: Subcommands,

    /// Never colour the output. Colour is used only on a terminal.
    #[arg(long, global = true, env = "NO_COLOR", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    no_color: bool,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    Plan(plan::PlanArgs),
    My(my::MyArgs),
    Mcp(verify::McpArgs),
    A2a(verify::A2aArgs),
    Install(install::InstallArgs),
    AuditPolicy(audit_policy::AuditPolicyArgs),
    Crds(crds::CrdsArgs),
    Run(run::RunArgs),
    Version(version::VersionArgs),
    Completions(completions::CompletionsArgs),
}

/// How a subcommand that did its work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or nothing to do.
    Success,
    /// Done, and the answer is no: a resource was refused.
    Refused,
    /// Done, and there are changes.
    Changes,
    /// Verified, and it is not as it should be.
    Wrong,
    /// Nobody could be asked.
    Unreached,
    /// Somebody could be asked, but not now.
    Busy,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Refused => 1,
            Self::Changes | Self::Wrong => 2,
            Self::Unreached => 3,
            Self::Busy => 4,
        }
    }
}

/// The exit code of everything that went wrong. Not clap's 2: of `plan` that means changes.
const FAILED: u8 = 1;

/// Runs the program with these arguments, the first of which is its own name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    execute(arguments, &mut io::stdout().lock(), &mut io::stderr()).into()
}

/// Runs the program, with `out` for stdout and `err` for what went wrong. Returns the exit code.
pub fn execute(arguments: impl IntoIterator<Item = OsString>, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let called_as = PathBuf::from(arguments.first().cloned().unwrap_or_default());
    let parsed =
        command(&called_as).try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => return error.print().map_or(FAILED, |()| FAILED),
        Err(help) => return help.print().map_or(FAILED, |()| Exit::Success.code()),
    };
    let palette = Palette::for_stderr(cli.no_color);
    match dispatch(cli, &called_as, out).and_then(|exit| Ok(out.flush().map(|()| exit)?)) {
        Ok(exit) => exit.code(),
        // The reader, such as `head`, has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Success.code(),
        Err(failure) => {
            // With stderr gone as well, the exit code has to do.
            let _ = failure.report(palette, err);
            FAILED
        }
    }
}

fn dispatch(cli: Cli, called_as: &Path, out: &mut dyn Write) -> Result<Exit, Failure> {
    match cli.subcommand {
        Subcommands::Plan(args) => plan::execute(&args, Palette::for_stdout(cli.no_color), out),
        Subcommands::My(args) => my::execute(&args, Palette::for_stdout(cli.no_color), out),
        Subcommands::Mcp(args) => verify::execute_mcp(&args, Palette::for_stdout(cli.no_color), out),
        Subcommands::A2a(args) => verify::execute_a2a(&args, Palette::for_stdout(cli.no_color), out),
        Subcommands::Install(args) => install::execute(&args, out),
        Subcommands::AuditPolicy(args) => audit_policy::execute(&args, out),
        Subcommands::Crds(args) => crds::execute(&args, out),
        Subcommands::Run(args) => run::execute(args),
        Subcommands::Version(args) => version::execute(&args, out),
        Subcommands::Completions(args) => completions::execute(&args, command(called_as), out),
    }
}

/// The whole command line, named after the file it was called by: `tenantry`, or `kubectl tenantry` as a plugin.
pub fn command(called_as: &Path) -> Command {
    // The value that a variable happens to have now is no part of the help.
    let command = Cli::command().mut_args(|argument| argument.hide_env_values(true)).mut_subcommands(hide_env_values);
    if called_as.file_stem().is_some_and(|stem| stem == PLUGIN) {
        return command.bin_name("kubectl tenantry").display_name("kubectl tenantry");
    }
    command
}

fn hide_env_values(command: Command) -> Command {
    command.mut_args(|argument| argument.hide_env_values(true)).mut_subcommands(hide_env_values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command(Path::new("tenantry")).debug_assert();
    }

    #[test]
    fn as_a_plugin_it_calls_itself_so() {
        let usage = command(Path::new("/usr/bin/kubectl-tenantry")).render_usage().to_string();
        assert!(usage.contains("kubectl tenantry"), "{usage}");
    }
}
