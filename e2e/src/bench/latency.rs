//! How long one tenant waits: alone, and while many others are being onboarded. Times are the API server's own.

use std::time::Duration;

use serde::Serialize;
use tenantry_e2e::audit::Request;
use tenantry_e2e::operator;
use tokio::time::{MissedTickBehavior, interval};

use super::load;
use super::round::{Who, policed, series};
use super::statistics::Tail;
use super::tenants::name;
use super::world::{ADMIN, World};
use crate::commands::CommandError;

/// Tenants onboarded one after the other.
const ALONE: usize = 25;
/// Between two edits of different tenants.
const EDIT_EVERY: Duration = Duration::from_millis(50);

/// Milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Latency {
    /// Tenant requested -> its first status Ready written, one tenant at a time.
    pub(crate) ready_alone: Tail,
    /// Namespace requested -> policed, one tenant at a time.
    pub(crate) policed_alone: Tail,
    /// Namespace requested -> policed, all tenants of the storm at once.
    pub(crate) policed_in_storm: Tail,
    /// Edit answered -> the last policy that follows from it answered, during the storm.
    pub(crate) edit_in_storm: Tail,
    pub(crate) storm_tenants: usize,
    pub(crate) storm_seconds: f64,
    /// Most memory the operator had during all of this.
    pub(crate) highest_resident_mib: f64,
}

/// Runs the operator for all of it. Edits tenants that the first round made.
pub(crate) async fn measure(world: &World, storm: usize, editable: usize) -> Result<Latency, CommandError> {
    let (running, _) = world.start_operator().await?;
    world.settle().await?;
    let audit = world.audit()?;
    for index in 0..ALONE {
        load::onboard(&world.client, "bx00", &[index]).await?;
    }
    world.settle().await?;
    let alone = audit.requests_of(operator::USER)?;
    let ready_alone = ready_times(&audit.requests_of(ADMIN)?, &alone);

    let audit = world.audit()?;
    let indices: Vec<usize> = (0..storm).collect();
    let edits = async {
        let mut ticks = interval(EDIT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for index in 0..editable {
            ticks.tick().await;
            load::edit(&world.client, &name(&series(Who::Operator, 1), index)).await?;
        }
        std::future::pending::<Result<(), CommandError>>().await
    };
    let storm_time = tokio::select! {
        time = load::onboard(&world.client, "by00", &indices) => time?,
        Err(error) = edits => return Err(error),
    };
    world.settle().await?;
    let (requests, edits) = (audit.requests_of(operator::USER)?, audit.requests_of(ADMIN)?);
    let (_, highest) = tenantry_e2e::usage::resident_kib(running.id());
    world.stop_operator(running).await?;
    Ok(Latency {
        ready_alone: Tail::of(ready_alone),
        policed_alone: Tail::of(policed(&alone)),
        policed_in_storm: Tail::of(policed(&requests)),
        edit_in_storm: Tail::of(edit_times(&edits, &requests)),
        storm_tenants: storm,
        storm_seconds: storm_time.as_secs_f64(),
        highest_resident_mib: mebibytes(highest),
    })
}

/// From the request that creates a Tenant to the answer of the last status write.
fn ready_times(by_admin: &[Request], by_operator: &[Request]) -> Vec<f64> {
    let created = by_admin.iter().filter(|request| request.verb == "create");
    let times = created.filter_map(|create| {
        let ready = by_operator
            .iter()
            .filter(|request| request.resource == "tenants/status" && request.name == create.name)
            .map(|request| request.answered)
            .max()?;
        Some(ready.duration_since(create.received).as_secs_f64() * 1000.0)
    });
    times.collect()
}

/// From the answer to an edit to the answer of the last policy write in that tenant's namespaces.
fn edit_times(by_admin: &[Request], by_operator: &[Request]) -> Vec<f64> {
    let edits = by_admin.iter().filter(|request| request.verb == "patch");
    let times = edits.filter_map(|edit| {
        let environment = format!("{}-", edit.name);
        let last = by_operator
            .iter()
            .filter(|request| request.resource == "networkpolicies" && request.is_write())
            .filter(|request| request.namespace.starts_with(&environment) && request.answered > edit.received)
            .map(|request| request.answered)
            .max()?;
        Some(last.duration_since(edit.answered).as_secs_f64() * 1000.0)
    });
    times.collect()
}

/// From KiB.
#[expect(clippy::cast_precision_loss, reason = "memory in KiB is far below 2^52")]
pub(crate) fn mebibytes(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
