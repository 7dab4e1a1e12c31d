//! One replica of the operator and the kubelet that starts it again when it has died. It looks at no object.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use tenantry_core::kind::Registration;
use tenantry_engine::clock::Clock;
use tenantry_engine::{Election, Settings};
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::network::Network;
use super::outside::Servers;
use crate::bell::Listener;
use crate::server::ApiServer;

/// Where the in-memory API server's clock begins: 2026-01-01T00:00:00Z.
const BASE_SECONDS: i64 = 1_767_225_600;
/// How long a dead operator stays dead.
const RESTART: Duration = Duration::from_secs(1);

/// How a replica is run.
#[derive(Clone)]
pub struct Replica {
    /// Its name, also its `User-Agent`.
    pub agent: &'static str,
    /// The kinds it serves.
    pub kinds: &'static [Registration],
    /// Whether it competes for a Lease.
    pub elects: bool,
    /// Draws its pauses and the ways of its calls.
    pub seed: u64,
    /// What it finds outside the cluster.
    pub outside: Servers,
    /// The clock that all share.
    pub clock: Clock,
}

/// A running replica; it ends when this is dropped.
pub struct Running {
    keeper: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// The clock of all operators in a simulation that begins now.
pub fn clock() -> Clock {
    Clock::simulated(moment(Duration::ZERO))
}

/// What that clock shows so long after the beginning.
pub fn moment(elapsed: Duration) -> Timestamp {
    let base = Timestamp::from_second(BASE_SECONDS).unwrap_or(Timestamp::UNIX_EPOCH);
    base.saturating_add(jiff::SignedDuration::try_from(elapsed).unwrap_or_default()).unwrap_or(base)
}

impl Replica {
    /// Starts it, and starts it anew whenever it has died.
    pub fn start(self, server: &ApiServer) -> Running {
        Running { keeper: tokio::spawn(self.keep(server.clone())).abort_handle() }
    }

    async fn keep(self, server: ApiServer) {
        let network = Network::new(server.named(self.agent), self.seed);
        let mut crashes = server.faults().crashed();
        for incarnation in 1_u64.. {
            let operator = tenantry_engine::run(self.settings(&network, incarnation), std::future::pending());
            // Dropping the future drops its workers and watches with it: nothing of it goes on, as after SIGKILL.
            tokio::select! {
                biased;
                () = death(&server, self.agent, &mut crashes) => {}
                _ = operator => {}
            }
            sleep(RESTART).await;
            server.faults().revive(self.agent);
        }
    }

    fn settings(&self, network: &Network, incarnation: u64) -> Settings {
        Settings {
            kinds: self.kinds,
            client: Client::new(network.clone(), "default"),
            namespace: "tenantry-system".into(),
            election: self.elects.then(|| Election { namespace: "kube-system".into(), name: "tenantry".into() }),
            // A pod that is started again keeps its name, a new one has another: the second is harder.
            identity: format!("{}-{incarnation}", self.agent),
            listener: None,
            outside: Arc::new(self.outside.clone()),
            clock: self.clock.clone(),
            seed: self.seed.wrapping_add(incarnation),
        }
    }
}

async fn death(server: &ApiServer, agent: &str, crashes: &mut Listener) {
    while !server.faults().is_dead(agent) {
        crashes.changed().await;
    }
}
