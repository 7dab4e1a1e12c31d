//! The settings of the operator: flags and environment of `tenantry run`, and from the same struct `settings` in the
//! Helm values. Reads nothing itself.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::Serialize;

/// The settings of the operator. What the chart itself decides is left out of the values schema.
#[derive(Debug, Clone, clap::Args, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Namespace of the operator: its Lease is there.
    #[arg(long, env = "POD_NAMESPACE", default_value = "tenantry-system", value_name = "NAME")]
    #[schemars(skip)]
    pub(crate) namespace: String,

    /// Name of this replica in the Lease and in Events. [default: tenantry- and a random suffix]
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    #[schemars(skip)]
    pub(crate) identity: Option<String>,

    /// Address for /healthz, /readyz and /metrics.
    #[arg(long, env = "TENANTRY_LISTEN", default_value = "0.0.0.0:8080", value_name = "ADDRESS")]
    #[schemars(skip)]
    pub(crate) listen: SocketAddr,

    /// Whether replicas elect one leader. Without election this process must be the only one.
    #[arg(long, env = "TENANTRY_LEADER_ELECTION", default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub(crate) leader_election: bool,

    /// Another name of the API server, which is never asked as an MCP server or an agent.
    #[arg(long, env = "KUBERNETES_SERVICE_HOST", hide = true, value_name = "HOST")]
    #[schemars(skip)]
    pub(crate) api_server: Option<String>,

    /// Whether MCP servers and agents on the operator's own machine are asked. For tests; in a cluster tenants could then ask the
    /// operator's neighbours on its node.
    #[arg(long, env = "TENANTRY_ASK_LOOPBACK", hide = true)]
    #[schemars(skip)]
    pub(crate) ask_loopback: bool,

    /// What is logged: a level, or levels by target such as `info,tenantry_engine=debug`.
    #[arg(long, env = "TENANTRY_LOG", default_value = "info", value_name = "FILTER")]
    pub(crate) log: String,

    /// How it is logged.
    #[arg(long, env = "TENANTRY_LOG_FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    pub(crate) log_format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people on a terminal, JSON elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Human,
}
