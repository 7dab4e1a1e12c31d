//! Gateways on a real node: pods, which network policies let in, before pods that answer for themselves.

use std::time::Instant;

use serde_json::Value;
use tenantry_e2e::Cluster;
use tenantry_e2e::gateway::{InPod, in_pod, programs};
use tenantry_e2e::node::Node;
use tokio::task::spawn_blocking;

use super::{Gateways, NAMESPACE, SOON, STAGES, programmed, started};
use crate::commands::CommandError;
use crate::demo::Show;

const fn of(name: &'static str) -> InPod {
    InPod { namespace: NAMESPACE, name }
}

/// What the platform says of one.
pub(super) fn profile(name: &'static str) -> Value {
    of(name).profile()
}

/// Gives the node their image, and starts them.
pub(super) async fn start(show: &mut Show, cluster: &Cluster, node: &Node) -> Result<Gateways, CommandError> {
    show.terminal.progress("starting Traefik in three pods");
    let since = Instant::now();
    let (client, programs) = (cluster.client().await?, spawn_blocking(programs).await??);
    in_pod::import(node, &programs)?;
    for (_, _, name) in STAGES {
        of(name).apply(&client, &programs).await?;
    }
    let mut all = Vec::new();
    for (_, _, name) in STAGES {
        all.push(of(name).listens(&client, SOON).await?);
        programmed(&client, name).await?;
    }
    show.terminal.done(&started(), Some(since.elapsed()));
    show.terminal.note("    each is a pod, and so is who answers behind it; network policies say who reaches whom");
    Ok(Gateways { all, _alive: None })
}
