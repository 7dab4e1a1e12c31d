//! Who may write: one process at a time, by a Lease. A Lease is no fence, so every write is safe with two writers; this
//! only keeps them from working against each other.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tenantry_core::object::ObjectKey;
use tenantry_core::resources::{Keep, Resource, Watch, Wave, Write};
use tokio::time::{Instant, sleep};

use crate::calls::{Calls, Version};
use crate::clock::Clock;
use crate::error::{Cause, Error};
use crate::metrics::Metrics;

/// A lease not renewed for so long may be taken.
const LEASE: Duration = Duration::from_secs(15);
/// A leader that could not renew for so long stops writing.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// Pause between tries.
const RETRY: Duration = Duration::from_secs(2);

/// `coordination.k8s.io/v1 Lease`.
pub static LEASES: Resource = Resource {
    group: "coordination.k8s.io",
    version: "v1",
    kind: "Lease",
    plural: "leases",
    namespaced: true,
    write: Write::Replace,
    watch: Watch::Managed,
    keep: Keep::Digest,
    wave: Wave::Namespace,
    filled: &[],
    index: None,
};

/// Whether this process leads.
pub struct Leadership {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Set once for processes that need no lease.
    always: bool,
    renewed: Option<Instant>,
    holder: String,
}

impl Leadership {
    /// Not the leader yet.
    pub fn contended() -> Self {
        Self { state: Mutex::default() }
    }

    /// The leader without a lease: one process by construction (tests, a single local run).
    pub fn unopposed() -> Self {
        Self { state: Mutex::new(State { always: true, ..State::default() }) }
    }

    /// Whether a write may begin now: the lease is ours and was renewed less than 10 s ago.
    pub fn holds(&self) -> bool {
        let state = self.lock();
        state.always || state.renewed.is_some_and(|renewed| renewed.elapsed() < RENEW_DEADLINE)
    }

    /// Who holds the lease, as far as known.
    pub fn holder(&self) -> String {
        self.lock().holder.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, renewed: Option<Instant>, holder: &str) {
        let mut state = self.lock();
        state.renewed = renewed;
        holder.clone_into(&mut state.holder);
    }
}

/// Competes for one Lease.
pub struct Candidate {
    key: ObjectKey,
    identity: String,
    calls: Calls,
    clock: Clock,
    /// The lease as last seen, and when we first saw it so. Expiry is judged by our own clock alone.
    seen: Option<(Value, Instant)>,
}

impl Candidate {
    /// Competes as `identity` for the Lease `name` in `namespace`.
    pub fn new(namespace: &str, name: &str, identity: String, calls: Calls, clock: Clock) -> Self {
        Self { key: ObjectKey::namespaced(&LEASES, namespace, name), identity, calls, clock, seen: None }
    }

    /// Competes until leadership was held and then lost. `elected` is called when it is held, and again after each lapse: what was
    /// looked at in between was dropped. Dropping the future stops renewing.
    pub async fn run(&mut self, leadership: &Leadership, metrics: &Metrics, elected: impl Fn()) {
        let mut renewed: Option<Instant> = None;
        loop {
            let before = Instant::now();
            match self.acquire_or_renew().await {
                Ok(true) => {
                    // Counted from before the call: the server may have taken it at once.
                    let (first, lapsed) = (renewed.replace(before).is_none(), !leadership.holds());
                    leadership.set(renewed, &self.identity);
                    if first {
                        tracing::info!(lease = %self.key, identity = %self.identity, "leading");
                    }
                    if first || lapsed {
                        elected();
                    }
                }
                Ok(false) if renewed.is_some() => break,
                Ok(false) => leadership.set(None, self.holder()),
                Err(error) => tracing::warn!(%error, category = error.category(), "cannot acquire or renew the lease"),
            }
            if renewed.is_some_and(|at| at.elapsed() >= RENEW_DEADLINE) {
                break;
            }
            metrics.leader.set(i64::from(leadership.holds()));
            sleep(RETRY).await;
        }
        leadership.set(None, self.holder());
        metrics.leader.set(0);
        tracing::error!(lease = %self.key, "leadership was lost");
    }

    /// Gives the lease back, so that the next leader need not wait for its expiry.
    pub async fn release(&mut self) -> Result<(), Error> {
        let lease = self.calls.get(&self.key).await?;
        if lease["spec"]["holderIdentity"] != self.identity.as_str() {
            return Ok(());
        }
        let mut free = lease.clone();
        free["spec"]["holderIdentity"] = Value::from("");
        free["spec"]["leaseDurationSeconds"] = Value::from(1);
        self.calls.replace(&self.key, &free, &Version::of(&lease)).await.map(drop)
    }

    fn holder(&self) -> &str {
        self.seen.as_ref().and_then(|(lease, _)| lease["spec"]["holderIdentity"].as_str()).unwrap_or_default()
    }

    async fn acquire_or_renew(&mut self) -> Result<bool, Error> {
        // As long as nobody interferes, a renewal is one call on the version of our last one.
        if let Some((ours, _)) = self.seen.clone().filter(|(lease, _)| self.is_ours(lease)) {
            match self.take(&ours).await {
                Ok(()) => return Ok(true),
                Err(error) if error.code() == Some(409) => {}
                Err(error) => return Err(error),
            }
        }
        let lease = match self.calls.get(&self.key).await {
            Ok(lease) => lease,
            Err(error) if error.code() == Some(404) => return self.create().await,
            Err(error) => return Err(error),
        };
        if self.seen.as_ref().is_none_or(|(known, _)| known["spec"] != lease["spec"]) {
            self.seen = Some((lease.clone(), Instant::now()));
        }
        let expired = self.seen.as_ref().is_some_and(|(_, since)| since.elapsed() >= LEASE);
        let free = lease["spec"]["holderIdentity"].as_str().unwrap_or_default().is_empty();
        if !(free || expired || self.is_ours(&lease)) {
            return Ok(false);
        }
        match self.take(&lease).await {
            Ok(()) => Ok(true),
            Err(Error { cause: Cause::Answer { code: 409, .. }, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn is_ours(&self, lease: &Value) -> bool {
        lease["spec"]["holderIdentity"] == self.identity.as_str()
    }

    async fn create(&mut self) -> Result<bool, Error> {
        let now = self.micro_time();
        let body = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": { "name": self.key.name, "namespace": self.key.namespace },
            "spec": self.spec(&now, &now, 0),
        });
        match self.calls.create(&self.key, &body).await {
            Ok(lease) => {
                self.seen = Some((lease, Instant::now()));
                Ok(true)
            }
            Err(error) if error.code() == Some(409) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Renews the lease, or takes it over from this state of it.
    async fn take(&mut self, lease: &Value) -> Result<(), Error> {
        let now = self.micro_time();
        let transitions = lease["spec"]["leaseTransitions"].as_i64().unwrap_or_default();
        let mut ours = lease.clone();
        ours["spec"] = if self.is_ours(lease) {
            let acquired = lease["spec"]["acquireTime"].as_str().unwrap_or(&now).to_owned();
            self.spec(&acquired, &now, transitions)
        } else {
            self.spec(&now, &now, transitions + 1)
        };
        let lease = self.calls.replace(&self.key, &ours, &Version::of(lease)).await?;
        self.seen = Some((lease, Instant::now()));
        Ok(())
    }

    fn spec(&self, acquired: &str, renewed: &str, transitions: i64) -> Value {
        json!({
            "holderIdentity": self.identity,
            "leaseDurationSeconds": LEASE.as_secs(),
            "acquireTime": acquired,
            "renewTime": renewed,
            "leaseTransitions": transitions,
        })
    }

    fn micro_time(&self) -> String {
        self.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
    }
}
