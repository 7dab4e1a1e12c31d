//! Puts the parts together and runs them until told to stop. Stopping takes no new keys, finishes what is under way, and
//! gives the lease back; being killed at any point must come to the same.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tenantry_core::access;
use tenantry_core::kind::Registration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::calls::Calls;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::external::Outside;
use crate::leader::{Candidate, Leadership};
use crate::metrics::Metrics;
use crate::queue::Lane;
use crate::store::Store;
use crate::{asked, external, health, reconcile, watch, watchdog};

/// How many resources are worked on at once. Calls are bounded apart from this.
const WORKERS: usize = 16;
/// How long what is under way may take to finish when stopping.
const GRACE: Duration = Duration::from_secs(10);

/// How one operator runs.
pub struct Settings {
    /// The kinds it serves.
    pub kinds: &'static [Registration],
    /// Its connection. Must not retry by itself.
    pub client: kube::Client,
    /// The namespace that is the operator's own.
    pub namespace: String,
    /// Whether it competes for a Lease.
    pub election: Option<Election>,
    /// Name of this process in the Lease and in Events.
    pub identity: String,
    /// Where `/healthz`, `/readyz` and `/metrics` are served, if anywhere.
    pub listener: Option<TcpListener>,
    /// Asks others than the API server.
    pub outside: Arc<dyn Outside>,
    /// Where it takes the time from.
    pub clock: Clock,
    /// Spreads its pauses.
    pub seed: u64,
}

/// Which Lease decides who leads.
#[derive(Debug, Clone)]
pub struct Election {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Why the operator ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Two metrics have one name: a bug.
    #[error("cannot set up metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// Another process leads now. Start again to stand by.
    #[error("leadership was lost; this process must not write any more")]
    LeadershipLost,
    /// The health endpoint failed.
    #[error("cannot serve health and metrics: {0}")]
    Health(#[source] std::io::Error),
}

/// Runs until `stop` completes (`Ok`) or it cannot go on.
pub async fn run(settings: Settings, stop: impl Future<Output = ()>) -> Result<(), Error> {
    let metrics = Arc::new(Metrics::new()?);
    let leadership = if settings.election.is_some() { Leadership::contended() } else { Leadership::unopposed() };
    // The lease has its own bound, so that a storm of writes cannot keep it from being renewed.
    let mut candidate = settings.election.as_ref().map(|election| {
        let calls = Calls::new(settings.client.clone(), metrics.clone());
        Candidate::new(&election.namespace, &election.name, settings.identity.clone(), calls, settings.clock.clone())
    });
    let engine = Arc::new(Engine::new(
        settings.kinds,
        Calls::new(settings.client, metrics.clone()),
        settings.clock,
        metrics,
        leadership,
        settings.identity,
        settings.seed,
    ));
    *engine.store_mut() = Store::new(settings.namespace);
    let mut workers: JoinSet<()> = JoinSet::new();
    for _ in 0..WORKERS {
        workers.spawn(reconcile::work(engine.clone()));
    }
    let result = tokio::select! {
        biased; // Equal seeds give equal traces.
        () = stop => Ok(()),
        () = watch_all(&engine) => Ok(()),
        () = ask(&engine, &*settings.outside) => Ok(()),
        error = serve(&engine, settings.listener) => Err(Error::Health(error)),
        () = lead(&engine, candidate.as_mut()) => Err(Error::LeadershipLost),
    };
    engine.queue.close();
    let finished = timeout(GRACE, async { while workers.join_next().await.is_some() {} }).await;
    if finished.is_err() {
        tracing::warn!(grace = ?GRACE, "stopping with work under way");
    }
    if let Some(candidate) = candidate.as_mut().filter(|_| result.is_ok())
        && let Err(error) = candidate.release().await
    {
        tracing::warn!(%error, "the lease was not given back; it expires by itself");
    }
    result
}

/// Keeps one watch per kind; when the server's history goes backwards, forgets everything and starts them anew.
async fn watch_all(engine: &Arc<Engine>) {
    loop {
        let mut watches: JoinSet<()> = JoinSet::new();
        for resource in access::watched(engine.kinds) {
            watches.spawn(watch::run(engine.clone(), resource));
        }
        watches.spawn(asked::run(engine.clone()));
        watchdog::run(engine).await;
        watches.shutdown().await;
        engine.store_mut().forget_all();
        engine.external.forget_all();
    }
}

/// Asks what plans want to know of others, and has those looked at of whom there is news.
async fn ask(engine: &Engine, outside: &dyn Outside) {
    let leads = || engine.leadership.holds();
    external::run(&engine.external, outside, leads, |question, answer, is_news| {
        let result = answer.map_or("none", |answer| answer.state().word());
        engine.metrics.asked(question.protocol.word(), result);
        if is_news {
            tracing::debug!(asker = %question.asker, url = question.url, result, "there is news from outside");
            engine.queue.add(&question.asker, Lane::Backlog);
        }
    })
    .await;
}

async fn serve(engine: &Arc<Engine>, listener: Option<TcpListener>) -> std::io::Error {
    match listener {
        Some(listener) => match health::serve(engine.clone(), listener).await {
            Ok(()) => std::io::Error::other("the server ended"),
            Err(error) => error,
        },
        None => std::future::pending().await,
    }
}

async fn lead(engine: &Arc<Engine>, candidate: Option<&mut Candidate>) {
    if let Some(candidate) = candidate {
        // Having become the leader, look at everything that standing by has let pass.
        candidate.run(&engine.leadership, &engine.metrics, || engine.queue_all()).await;
    } else {
        engine.metrics.leader.set(1);
        std::future::pending::<()>().await;
    }
}
