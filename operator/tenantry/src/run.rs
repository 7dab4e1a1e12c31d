//! `tenantry run`: the operator itself. Sets up its connection, port, logs and signals, and hands over to the engine.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use tenantry_engine::clock::Clock;
use tenantry_engine::{Election, Settings as EngineSettings};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::cli::Exit;
use crate::connect::{ConnectArgs, Patience};
use crate::failure::Failure;
use crate::outside::{self, Network};
use crate::settings::{LogFormat, Settings};

/// Name of the Lease by which replicas elect a leader.
const LEASE: &str = "tenantry";

const EXAMPLES: &str = "\
Examples:
  in a pod, as `tenantry install` sets it up:  tenantry run
  from a terminal, for trying out:             tenantry run --context dev --leader-election false

Every flag with an environment variable can be set by it; the flag wins.
Ends with exit code 0 on SIGTERM and SIGINT, with 1 when it cannot go on (also when another replica took the lead).";

/// Run the operator.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) settings: Settings,

    #[command(flatten)]
    connect: ConnectArgs,
}

/// Why the operator does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("cannot listen on {address}")]
    Listen { address: std::net::SocketAddr, source: io::Error },
    #[error("{filter:?} is not a log filter")]
    Log { filter: String, source: tracing_subscriber::filter::ParseError },
    #[error("cannot watch for signals")]
    Signals(#[source] io::Error),
    #[error(transparent)]
    Engine(#[from] tenantry_engine::run::Error),
}

impl RunError {
    /// What the user can do about it.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                Some("stop what uses this port, or choose another by --listen 0.0.0.0:PORT".into())
            }
            Self::Listen { .. } => Some("choose another address by --listen".into()),
            Self::Log { .. } => {
                Some("give a level (error, warn, info, debug, trace) or target=level, by commas".into())
            }
            Self::Signals(_) | Self::Engine(_) => None,
        }
    }
}

pub(crate) fn execute(args: RunArgs) -> Result<Exit, Failure> {
    start_logging(&args.settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::Runtime)?;
    runtime.block_on(run(args))?;
    Ok(Exit::Success)
}

async fn run(RunArgs { settings, connect }: RunArgs) -> Result<(), Failure> {
    let address = settings.listen;
    let listener = TcpListener::bind(address).await.map_err(|source| RunError::Listen { address, source })?;
    let connection = connect.connect(Patience::Endless).await?;
    let kubernetes = connection.version().await?;
    let identity = settings.identity.unwrap_or_else(|| format!("tenantry-{:08x}", fastrand::u32(..)));
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        server = connection.server,
        kubernetes,
        identity,
        %address,
        "starting"
    );
    let api_servers: Vec<String> = outside::host(&connection.server).into_iter().chain(settings.api_server).collect();
    let outside = Arc::new(Network::apart_from(&api_servers, settings.ask_loopback).await);
    let namespace = settings.namespace;
    let election = settings.leader_election.then(|| Election { namespace: namespace.clone(), name: LEASE.to_owned() });
    let engine = EngineSettings {
        kinds: tenantry_core::kinds::KINDS,
        client: connection.client,
        namespace,
        election,
        identity,
        listener: Some(listener),
        outside,
        clock: Clock::System,
        seed: fastrand::u64(..),
    };
    tenantry_engine::run(engine, stop_signal()?).await.map_err(RunError::Engine)?;
    tracing::info!("stopped");
    Ok(())
}

/// Completes at the first SIGTERM (from the kubelet) or SIGINT (from a terminal).
fn stop_signal() -> Result<impl Future<Output = ()>, RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    Ok(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "stopping: finishing what is under way");
    })
}

fn start_logging(settings: &Settings) -> Result<(), RunError> {
    // The client logs every failed request as an error of its own, before its caller can say what it was for.
    let filter = format!("kube_client::client::builder=off,{}", settings.log);
    let filter = EnvFilter::try_new(filter).map_err(|source| RunError::Log { filter: settings.log.clone(), source })?;
    let terminal = io::stderr().is_terminal();
    let human = settings.log_format == LogFormat::Human || (settings.log_format == LogFormat::Auto && terminal);
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if human {
        logs.with_ansi(terminal).init();
    } else {
        logs.json().flatten_event(true).with_current_span(true).with_span_list(false).init();
    }
    Ok(())
}
