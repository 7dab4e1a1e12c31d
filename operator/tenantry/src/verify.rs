//! `tenantry mcp verify` and `tenantry a2a verify`: the checks that the operator makes, from where you are. Asks the one URL
//! that is given, reads no cluster, calls no tool, sends no message to an agent.

mod a2a;
mod mcp;
mod options;
mod text;

use clap::Subcommand;
use tenantry_protocol::check::{Issue, Level};
use tenantry_protocol::verdict::State;

use crate::cli::Exit;
pub(crate) use options::VerifyError;

const EXIT_CODES: &str = "\
Exit codes:
  0  it speaks its protocol, or asks for credentials that were not given
  1  the command line is wrong, or a file cannot be read
  2  it answers wrongly, or does not do what was asked of it
  3  nobody answers there, or the address may not be asked
  4  it is asked too often (HTTP 429), or cannot answer now (HTTP 502, 503, 504)";

/// Look at MCP servers.
#[derive(Debug, clap::Args)]
pub(crate) struct McpArgs {
    #[command(subcommand)]
    command: McpCommand,
}

#[derive(Debug, Subcommand)]
enum McpCommand {
    Verify(mcp::VerifyArgs),
}

/// Look at agents that speak Agent2Agent.
#[derive(Debug, clap::Args)]
pub(crate) struct A2aArgs {
    #[command(subcommand)]
    command: A2aCommand,
}

#[derive(Debug, Subcommand)]
enum A2aCommand {
    Verify(a2a::VerifyArgs),
}

pub(crate) use self::a2a::execute as execute_a2a;
pub(crate) use self::mcp::execute as execute_mcp;

/// From which level on a broken rule makes the command fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// Something that must be is not.
    Error,
    /// Also if a recommendation is not followed.
    Warning,
    /// Only if it cannot be spoken with at all.
    Never,
}

/// The exit code of a verdict; `is_as_asked`: requirements beyond the protocol are met.
fn exit(state: State, issues: &[Issue], fail_on: FailOn, is_as_asked: bool) -> Exit {
    let worst = issues.iter().map(|issue| issue.level).max();
    let is_bad = match fail_on {
        FailOn::Error => worst >= Some(Level::Error),
        FailOn::Warning => worst >= Some(Level::Warning),
        FailOn::Never => false,
    };
    match state {
        State::ProtocolError => Exit::Wrong,
        State::ProbeBlocked => Exit::Unreached,
        State::RateLimited | State::Unavailable => Exit::Busy,
        State::Verified | State::AuthRequired if is_bad || !is_as_asked => Exit::Wrong,
        State::Verified | State::AuthRequired => Exit::Success,
    }
}

#[cfg(test)]
mod tests {
    use tenantry_core::cidr::METADATA_RANGES;
    use tenantry_protocol::address::{Bounds, judge};

    use super::*;

    #[test]
    fn what_network_policies_never_open_is_never_asked() {
        for range in METADATA_RANGES {
            let address = range.split('/').next().and_then(|address| address.parse().ok()).expect("an address");
            assert!(judge(address, &Bounds { is_loopback_allowed: true, ..Bounds::default() }).is_err(), "{range}");
        }
    }

    #[test]
    fn every_state_has_its_exit_code() {
        let issue = |level| Issue { level, code: String::new(), requirement: String::new(), message: String::new() };
        let (info, warning, error) = (issue(Level::Info), issue(Level::Warning), issue(Level::Error));
        for (state, issues, fail_on, is_as_asked, expected) in [
            (State::Verified, vec![], FailOn::Error, true, Exit::Success),
            (State::AuthRequired, vec![], FailOn::Error, true, Exit::Success),
            (State::Verified, vec![info.clone()], FailOn::Warning, true, Exit::Success),
            (State::Verified, vec![info, warning.clone()], FailOn::Error, true, Exit::Success),
            (State::Verified, vec![warning.clone()], FailOn::Warning, true, Exit::Wrong),
            (State::Verified, vec![warning, error.clone()], FailOn::Error, true, Exit::Wrong),
            (State::Verified, vec![error.clone()], FailOn::Never, true, Exit::Success),
            (State::Verified, vec![], FailOn::Never, false, Exit::Wrong),
            (State::ProtocolError, vec![error], FailOn::Never, true, Exit::Wrong),
            (State::ProbeBlocked, vec![], FailOn::Error, true, Exit::Unreached),
            (State::RateLimited, vec![], FailOn::Error, true, Exit::Busy),
            (State::Unavailable, vec![], FailOn::Error, true, Exit::Busy),
        ] {
            assert_eq!(exit(state, &issues, fail_on, is_as_asked), expected, "{state:?} {fail_on:?}");
        }
    }
}
