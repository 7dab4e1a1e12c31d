//! `e2e demo`: the main job, watched: tenants of a plausible company onboarded on a real control plane. What it does is in `demo/`.

use std::path::PathBuf;

use tenantry_e2e::netns;
use tenantry_e2e::node::room;
use tokio::signal::unix::{SignalKind, signal};

use super::CommandError;
use crate::demo;

/// Watch tenants being onboarded on a real Kubernetes control plane.
///
/// Builds what is not built yet, starts a control plane on loopback, runs the operator with nothing but its generated rights,
/// applies examples/, and shows what came of it: isolation, repair of drift, and a quiet cluster.
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// End after the checks; exit code 1 if one failed
    #[arg(long)]
    pub(crate) once: bool,
    /// Write the figures to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Use the current context of this kubeconfig (kind, k3s, …) instead of starting a control plane
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Run the pods for real, with this machine as the node, and have them call each other; Linux, root, Debian or Ubuntu
    #[arg(long, conflicts_with = "kubeconfig")]
    pub(crate) node: bool,
    /// Publish services through real gateways and ask them, make a contract between two tenants and revoke it; Linux, in a network of its own
    #[arg(long, conflicts_with_all = ["kubeconfig", "node"])]
    pub(crate) gateway: bool,
    /// With --kubeconfig: at the end, remove all that the demo made
    #[arg(long, requires = "kubeconfig")]
    pub(crate) clean_up: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    // Before anything is started, so that no Ctrl-C is missed.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let ended = async {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    };
    if !arguments.node && !arguments.gateway {
        return demo::run(arguments, ended).await;
    }
    if arguments.node && room::folder().is_none() {
        return demo::enter_node(ended).await;
    }
    if arguments.gateway && !netns::is_inside() {
        return demo::enter_network(ended).await;
    }
    // A thread of its own: nobody waits for it at the end.
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        netns::told_to_end();
        drop(tell);
    });
    let ended = async {
        tokio::select! { () = ended => {}, _ = told => {} }
    };
    demo::run(arguments, ended).await
}
