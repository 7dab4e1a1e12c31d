//! Gateways before fake nodes: processes in a network of its own, in which one program answers for all pods, as they run nothing. Linux.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Instant;

use serde_json::{Value, json};
use tenantry_e2e::gateway::{Gateway, PodServer, WEB_PORT, programs};
use tenantry_e2e::netns::{self, Entered};
use tenantry_e2e::{Cluster, objects, operator};
use tokio::task::spawn_blocking;

use super::{Gateways, NAMESPACE, PORT, STAGES, are_possible, do_without, programmed, started};
use crate::commands::CommandError;
use crate::demo::Show;
use crate::terminal::Terminal;

/// The gateways, and who answers behind them.
pub(super) struct Alive {
    _gateways: Vec<Gateway>,
    _pods: PodServer,
}

/// Runs this very command again in a network of its own, and answers as it does; or answers that it could not, and says why. When `ended`
/// completes, those inside are told.
pub(crate) async fn enter(ended: impl Future<Output = ()>) -> Result<bool, CommandError> {
    if !are_possible().await? {
        return Ok(false);
    }
    Terminal::stdout().progress("building tenantry");
    spawn_blocking(|| operator::build(false)).await??;
    match crate::demo::enter_until(ended, netns::enter_again).await? {
        Entered::Passed => Ok(true),
        Entered::Failed(words) => Err(words.into()),
        Entered::Impossible(reason) => Ok(do_without(&reason)),
        Entered::Inside => Err("it is in a network of its own already".into()),
    }
}

/// What the platform says of one.
pub(super) fn profile(name: &str) -> Value {
    json!({ "gatewayRef": { "namespace": NAMESPACE, "name": name } })
}

/// Starts them, and lets all pods answer.
pub(super) async fn start(show: &mut Show, cluster: &Cluster) -> Result<Gateways, CommandError> {
    show.terminal.progress("starting Traefik three times");
    let since = Instant::now();
    let (client, programs) = (cluster.client().await?, spawn_blocking(programs).await??);
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } });
    objects::apply(&client, &namespace).await?;
    let mut gateways = Vec::new();
    for (number, (_, _, name)) in (2..).zip(STAGES) {
        gateways.push(Gateway::start_for(cluster, &programs, number, NAMESPACE, name).await?);
        programmed(&client, name).await?;
    }
    let pods = PodServer::start(client);
    pods.listen(PORT).await?;
    show.terminal.done(&started(), Some(since.elapsed()));
    show.terminal.note("    pods of fake nodes run nothing: one program answers for all, at their addresses, and says which it stands for");
    let all = gateways.iter().map(|gateway| SocketAddr::new(gateway.address().into(), WEB_PORT)).collect();
    Ok(Gateways { all, _alive: Some(Alive { _gateways: gateways, _pods: pods }) })
}
