//! What the bridge is told when it starts. Every setting can be a variable, as pods set them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::gate::GateOptions;

/// How children and sessions belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Sessions {
    /// Each session of a legacy client has a child of its own.
    Own,
    /// One child for all; for servers that keep nothing of their clients.
    Shared,
}

/// What it does besides serving a stdio server.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Mode {
    Gate(GateOptions),
}

/// Serves a stdio MCP server over Streamable HTTP, in both eras of the protocol.
#[derive(Debug, clap::Parser)]
#[command(version, subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) mode: Option<Mode>,

    /// Where to listen.
    #[arg(long, env = "TENANTRY_BRIDGE_LISTEN", default_value = "0.0.0.0:8080")]
    pub(crate) listen: SocketAddr,

    /// Path of the endpoint. `/healthz` is there besides.
    #[arg(long, env = "TENANTRY_BRIDGE_PATH", default_value = "/mcp", value_parser = path)]
    pub(crate) path: String,

    /// Whether each session has a child of its own. Requests without sessions (2026-07-28) share one in either case.
    #[arg(long, env = "TENANTRY_BRIDGE_SESSIONS", value_enum, default_value = "own")]
    pub(crate) sessions: Sessions,

    /// Most sessions at once; what comes after is answered by HTTP 503.
    #[arg(long, env = "TENANTRY_BRIDGE_MAX_SESSIONS", default_value = "64", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) max_sessions: u32,

    /// Seconds after which a session that nobody uses is ended.
    #[arg(long, env = "TENANTRY_BRIDGE_IDLE", default_value = "1800", value_parser = clap::value_parser!(u64).range(1..))]
    idle: u64,

    /// Seconds that the server has for a response, and for its start.
    #[arg(long, env = "TENANTRY_BRIDGE_TIMEOUT", default_value = "60", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,

    /// Largest message in bytes, in both directions. A server that sends a larger one is ended.
    #[arg(long, env = "TENANTRY_BRIDGE_MAX_MESSAGE", default_value = "4194304", value_parser = clap::value_parser!(u64).range(1024..=67_108_864))]
    max_message: u64,

    /// Origin that browsers may come from. Without one, no request with an Origin is answered.
    #[arg(long = "allow-origin", env = "TENANTRY_BRIDGE_ALLOW_ORIGIN", value_delimiter = ',')]
    pub(crate) origins: Vec<String>,

    /// Copies this program to that file and ends: how it comes into the container of a server's own image.
    #[arg(long, value_name = "FILE", conflicts_with = "command")]
    pub(crate) install: Option<PathBuf>,

    /// The server's command and its arguments.
    #[arg(required_unless_present = "install", last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

impl Options {
    /// After which a session that nobody uses is ended.
    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle)
    }

    /// How long a response may take.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// Bytes of a message.
    pub(crate) fn max_message(&self) -> usize {
        usize::try_from(self.max_message).unwrap_or(usize::MAX)
    }
}

fn path(text: &str) -> Result<String, String> {
    let is_plain = text.starts_with('/') && text.len() > 1 && !text.contains(['{', '}', '?', '#']);
    if is_plain && text != "/healthz" { Ok(text.to_owned()) } else { Err("write it as /mcp".into()) }
}
