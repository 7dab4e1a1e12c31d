//! `e2e cluster`: starts a control plane, says how to use it, and keeps it until Ctrl-C.

use std::fs;
use std::path::PathBuf;

use tenantry_e2e::{Cluster, Options, kubectl::kubectl_path};
use tokio::signal::unix::{SignalKind, signal};

use super::CommandError;

/// Start a Kubernetes control plane and keep it until Ctrl-C.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Nodes that do not exist but make pods Running and Ready
    #[arg(long, default_value_t = 2)]
    nodes: usize,
    /// Copy the admin's kubeconfig to this file, which is removed at the end
    #[arg(long, value_name = "FILE")]
    kubeconfig_out: Option<PathBuf>,
    /// Log every request (metadata)
    #[arg(long)]
    audit_log: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    // Before anything is started, so that no Ctrl-C is missed.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let ended = async {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    };
    tokio::pin!(ended);

    let options = Options { audit_log: arguments.audit_log, ..Options::with_nodes(arguments.nodes) };
    let cluster = tokio::select! {
        cluster = Cluster::start(options) => cluster?,
        () = &mut ended => return Ok(()),
    };
    let kubeconfig = match &arguments.kubeconfig_out {
        Some(path) => {
            // fs::copy also copies the mode: nobody else may read it.
            fs::copy(cluster.kubeconfig_path(), path)
                .map_err(|error| format!("writing {}: {error}", path.display()))?;
            path.as_path()
        }
        None => cluster.kubeconfig_path(),
    };
    println!("ready after {:.1} s, {} fake nodes", cluster.ready_after().as_secs_f64(), arguments.nodes);
    println!("kubeconfig: {}", kubeconfig.display());
    println!("logs:       {}", cluster.control_plane()?.logs().display());
    println!("try:        export KUBECONFIG={}; {} get nodes", kubeconfig.display(), kubectl_path()?.display());
    println!("Ctrl-C ends it.");

    ended.await;
    cluster.stop().await?;
    if let Some(path) = arguments.kubeconfig_out {
        fs::remove_file(path)?;
    }
    Ok(())
}
