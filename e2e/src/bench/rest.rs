//! The operator with nothing to do: started on a cluster where all is as it should be, and left alone for a minute.

use std::time::Duration;

use serde::Serialize;
use tenantry_e2e::audit::Request;
use tenantry_e2e::{operator, usage};
use tokio::time::sleep;

use super::latency::mebibytes;
use super::world::World;
use crate::commands::CommandError;

/// What a restart came to, and the quiet after it.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Rest {
    /// Writes beyond the lease.
    pub(crate) writes: usize,
    /// Requests beyond lease and watches: the first lists.
    pub(crate) requests: usize,
    /// Process started -> `/readyz` says reconciling.
    pub(crate) seconds_to_ready: f64,
    /// First request -> last answer before the quiet.
    pub(crate) seconds_to_quiet: f64,
    pub(crate) operator_cpu_seconds: f64,
    pub(crate) api_server_cpu_seconds: f64,
    pub(crate) resident_mib: f64,
    pub(crate) quiet_seconds: u64,
    /// Requests in the quiet, beyond lease, watches and watchdog.
    pub(crate) quiet_requests: usize,
    pub(crate) quiet_lease: usize,
    pub(crate) quiet_watch: usize,
    pub(crate) quiet_watchdog: usize,
    /// What they were.
    pub(crate) unexpected: Vec<String>,
}

/// Starts it, waits until it is calm, then counts for `quiet`.
pub(crate) async fn measure(world: &World, quiet: Duration) -> Result<Rest, CommandError> {
    world.settle().await?;
    let (audit, used) = (world.audit()?, world.used()?);
    let (running, ready) = world.start_operator().await?;
    world.settle().await?;
    let requests = audit.requests_of(operator::USER)?;
    let (resident, _) = usage::resident_kib(running.id());
    let mut rest = Rest {
        seconds_to_ready: ready.as_secs_f64(),
        operator_cpu_seconds: usage::cpu_time(running.id()).as_secs_f64(),
        api_server_cpu_seconds: world.used()?.api_server.saturating_sub(used.api_server).as_secs_f64(),
        resident_mib: mebibytes(resident),
        quiet_seconds: quiet.as_secs(),
        ..Rest::default()
    };
    let counted: Vec<&Request> = requests.iter().filter(|request| !request.is_lease()).collect();
    rest.writes = counted.iter().filter(|request| request.is_write()).count();
    rest.requests = counted.iter().filter(|request| !request.is_watch()).count();
    if let (Some(first), Some(last)) =
        (requests.iter().map(|request| request.received).min(), counted.iter().map(|request| request.answered).max())
    {
        rest.seconds_to_quiet = last.duration_since(first).as_secs_f64();
    }

    let audit = world.audit()?;
    sleep(quiet).await;
    for request in audit.requests_of(operator::USER)? {
        if request.is_lease() {
            rest.quiet_lease += 1;
        } else if request.is_watch() {
            rest.quiet_watch += 1;
        } else if request.is_watchdog() {
            rest.quiet_watchdog += 1;
        } else {
            rest.quiet_requests += 1;
            rest.unexpected.push(request.to_string());
        }
    }
    world.stop_operator(running).await?;
    Ok(rest)
}
