//! What a gate is told when it starts.

use std::net::SocketAddr;
use std::time::Duration;

use http::Method;

use super::decide::Rules;
use super::rate::Limit;

/// Stands between a service and the consumer of a grant, and lets through just what is granted.
#[derive(Debug, clap::Args)]
pub(crate) struct GateOptions {
    /// Where to listen.
    #[arg(long, default_value = "0.0.0.0:8080")]
    pub(super) listen: SocketAddr,

    /// Where `/healthz` is.
    #[arg(long, default_value = "0.0.0.0:8081")]
    pub(super) health: SocketAddr,

    /// Host and port of the service that is granted.
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) upstream: String,

    /// Name of the grant, as namespace/name; refusals name it.
    #[arg(long)]
    grant: String,

    /// The one path that is granted. Absent: all.
    #[arg(long)]
    path: Option<String>,

    /// An HTTP method that is granted; can be repeated. Absent: all, or those of MCP's transport with --tool.
    #[arg(long = "method")]
    methods: Vec<Method>,

    /// A tool that is granted; can be repeated. Absent: bodies are not read.
    #[arg(long = "tool", requires = "path")]
    tools: Vec<String>,

    /// How many requests are let through in --per seconds, and at once.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    requests: Option<u32>,

    /// See --requests.
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    per: u64,

    /// Whether each address has so many requests, and not all together.
    #[arg(long)]
    by_client: bool,

    /// Largest message in bytes that is read, with --tool, in both directions.
    #[arg(long, env = "TENANTRY_GATE_MAX_MESSAGE", default_value = "1048576", value_parser = clap::value_parser!(u64).range(1024..=16_777_216))]
    max_message: u64,

    /// Largest body in bytes that is handed on unread.
    #[arg(long, env = "TENANTRY_GATE_MAX_BODY", default_value = "67108864", value_parser = clap::value_parser!(u64).range(1024..))]
    max_body: u64,

    /// Connections at once; further ones wait.
    #[arg(long, env = "TENANTRY_GATE_MAX_CONNECTIONS", default_value = "256", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    max_connections: u32,

    /// Seconds that the service has until its answer begins. Streams may go on as long as they like.
    #[arg(long, env = "TENANTRY_GATE_TIMEOUT", default_value = "300", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,

    /// Seconds that a client has for the head of a request, and for a body that is read.
    #[arg(long, env = "TENANTRY_GATE_CLIENT_TIMEOUT", default_value = "30", value_parser = clap::value_parser!(u64).range(1..))]
    client_timeout: u64,
}

impl GateOptions {
    pub(super) fn rules(&self) -> Rules {
        Rules {
            grant: self.grant.clone(),
            methods: self.methods.clone(),
            tools: self.tools.iter().cloned().collect(),
            path: self.path.clone(),
        }
    }

    pub(super) fn limit(&self) -> Option<Limit> {
        Some(Limit::new(self.requests?, Duration::from_secs(self.per), self.by_client))
    }

    pub(super) fn max_message(&self) -> usize {
        usize::try_from(self.max_message).unwrap_or(usize::MAX)
    }

    pub(super) fn max_body(&self) -> usize {
        usize::try_from(self.max_body).unwrap_or(usize::MAX)
    }

    pub(super) fn max_connections(&self) -> usize {
        usize::try_from(self.max_connections).unwrap_or(usize::MAX)
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    pub(super) fn client_timeout(&self) -> Duration {
        Duration::from_secs(self.client_timeout)
    }
}
