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
/// applies examples/, and shows what came of it: isolation, repair of drift, a quiet cluster; and with real requests, where the machine
/// lets it have a network of its own: routes through a gateway for each stage, and a contract that is made and revoked. With --node all
/// who ask and answer are pods, the gateways too, and network policies are enforced.
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
    /// Run the pods for real, gateways among them, with this machine as the node, and have them call each other; Linux, root, Debian or
    /// Ubuntu
    #[arg(long, conflicts_with = "kubeconfig")]
    pub(crate) node: bool,
    /// Leave out the gateways, and the requests through them; they need Linux, and without --node a network of their own
    #[arg(long)]
    pub(crate) no_gateways: bool,
    /// With --kubeconfig: at the end, remove all that the demo made
    #[arg(long, requires = "kubeconfig")]
    pub(crate) clean_up: bool,
}

/// The option, for those who run this command again.
pub(crate) const NO_GATEWAYS: &str = "--no-gateways";

impl Arguments {
    /// Whether gateways are wanted, of this demo's own cluster.
    fn wants_gateways(&self) -> bool {
        !self.no_gateways && self.kubeconfig.is_none()
    }

    /// Whether there are gateways here: on a node, or where whoever is inside of a network is for their sake.
    pub(crate) fn has_gateways(&self) -> bool {
        self.wants_gateways() && (self.node || netns::is_inside())
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    // Before anything is started, so that no Ctrl-C is missed.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let ended = async {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    };
    tokio::pin!(ended);
    if arguments.node && room::folder().is_none() {
        return demo::enter_node(arguments.wants_gateways(), ended).await;
    }
    if !arguments.node
        && arguments.wants_gateways()
        && !netns::is_inside()
        && demo::enter_network(ended.as_mut()).await?
    {
        return Ok(());
    }
    if room::folder().is_none() && !netns::is_inside() {
        return demo::run(arguments, ended).await;
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
