//! One round: the same tenants by the operator, by POST, by server-side apply, each alone in the cluster, in an order that turns. It
//! measures at the server.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use tenantry_e2e::audit::{Audit, Request};
use tenantry_e2e::{operator, usage};
use tokio::time::Instant;

use super::floor::{Floor, Way};
use super::load;
use super::statistics::Tail;
use super::template::Template;
use super::tenants::name;
use super::world::{ADMIN, FLOOR, Used, World};
use crate::commands::CommandError;

/// Who creates the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Who {
    /// Tenantry.
    Operator,
    /// The POST floor.
    Post,
    /// The server-side apply floor.
    Apply,
    /// Nobody: only the Tenants are created, which of the others the operator's rounds alone begin with.
    Orders,
}

impl Who {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Operator, Self::Post, Self::Apply, Self::Orders];

    /// In tables.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Operator => "tenantry",
            Self::Post => "bare POST",
            Self::Apply => "bare apply",
            Self::Orders => "Tenants only",
        }
    }

    /// First letter of its tenants' names.
    fn letter(self) -> char {
        match self {
            Self::Operator => 't',
            Self::Post => 'p',
            Self::Apply => 'a',
            Self::Orders => 'o',
        }
    }

    fn user(self) -> &'static str {
        match self {
            Self::Operator => operator::USER,
            Self::Post | Self::Apply => FLOOR,
            Self::Orders => ADMIN,
        }
    }
}

/// What one of them needed for the tenants of one round. Times in seconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) who: Who,
    pub(crate) round: usize,
    pub(crate) tenants: usize,
    /// From before the first request until the last object is written; of the operator, until the last Tenant is seen Ready.
    pub(crate) wall: f64,
    /// CPU until the control plane was calm again.
    pub(crate) api_server: f64,
    pub(crate) etcd: f64,
    pub(crate) controller_manager: f64,
    pub(crate) client: f64,
    /// Cores that others on this machine used meanwhile.
    pub(crate) others: f64,
    /// Requests, counted by the server, without lease and watches.
    pub(crate) requests: usize,
    pub(crate) failed_requests: usize,
    /// Requests by verb and kind.
    pub(crate) by_kind: BTreeMap<String, usize>,
    /// Namespace requested -> last policy, quota and limits answered, in milliseconds.
    pub(crate) policed: Tail,
}

/// Series of one round, of a fixed length.
pub(crate) fn series(who: Who, round: usize) -> String {
    format!("b{}{round:02}", who.letter())
}

/// Measures one of them.
pub(crate) async fn measure(
    world: &World,
    floor: &Floor,
    template: &Template,
    who: Who,
    round: usize,
    tenants: usize,
) -> Result<Sample, CommandError> {
    let series = series(who, round);
    let indices: Vec<usize> = (0..tenants).collect();
    let running = if who == Who::Operator { Some(world.start_operator().await?.0) } else { None };
    world.settle().await?;
    let audit = world.audit()?;
    let client = running.as_ref().map_or_else(std::process::id, operator::Operator::id);
    let (used, own, started) = (world.used()?, usage::cpu_time(client), Instant::now());
    let wall = match who {
        Who::Operator => load::onboard(&world.client, &series, &indices).await?,
        Who::Post | Who::Apply => {
            let names: Vec<String> = indices.iter().map(|index| name(&series, *index)).collect();
            let way = if who == Who::Post { Way::Post } else { Way::Apply };
            floor.run(template, &names, way).await?;
            started.elapsed()
        }
        Who::Orders => {
            load::order(&world.client, &series, &indices).await?;
            started.elapsed()
        }
    };
    world.settle().await?;
    let (elapsed, own) = (started.elapsed(), usage::cpu_time(client).saturating_sub(own));
    let used = difference(used, world.used()?);
    if let Some(running) = running {
        world.stop_operator(running).await?;
    }
    if who == Who::Orders {
        // Before an operator sees them.
        load::cancel(&world.client, &series).await?;
    }
    Ok(sample(who, round, tenants, wall, elapsed, own, used, &counted(&audit, who)?))
}

fn counted(audit: &Audit, who: Who) -> Result<Vec<Request>, CommandError> {
    let all = audit.requests_of(who.user())?;
    Ok(all.into_iter().filter(|request| !request.is_upkeep()).collect())
}

fn difference(before: Used, after: Used) -> Used {
    Used {
        api_server: after.api_server.saturating_sub(before.api_server),
        etcd: after.etcd.saturating_sub(before.etcd),
        controller_manager: after.controller_manager.saturating_sub(before.controller_manager),
        machine: after.machine.saturating_sub(before.machine),
    }
}

#[expect(clippy::too_many_arguments, reason = "one place that puts the parts of a measurement together")]
fn sample(
    who: Who,
    round: usize,
    tenants: usize,
    wall: Duration,
    elapsed: Duration,
    own: Duration,
    used: Used,
    requests: &[Request],
) -> Sample {
    let mut by_kind: BTreeMap<String, usize> = BTreeMap::new();
    for request in requests {
        *by_kind.entry(format!("{} {}", request.verb, request.resource)).or_default() += 1;
    }
    // The floors run in this process; of the operator's rounds this process is among the others, with a few percent.
    let ours = used.api_server + used.etcd + used.controller_manager + own;
    Sample {
        who,
        round,
        tenants,
        wall: wall.as_secs_f64(),
        api_server: used.api_server.as_secs_f64(),
        etcd: used.etcd.as_secs_f64(),
        controller_manager: used.controller_manager.as_secs_f64(),
        client: own.as_secs_f64(),
        others: used.machine.saturating_sub(ours).as_secs_f64() / elapsed.as_secs_f64(),
        requests: requests.len(),
        failed_requests: requests.iter().filter(|request| request.code >= 400).count(),
        by_kind,
        policed: Tail::of(policed(requests)),
    }
}

/// Per namespace: from the request that creates it to the answer of the last one that polices it, in milliseconds.
pub(crate) fn policed(requests: &[Request]) -> Vec<f64> {
    let created = |request: &&Request| (request.verb == "create" || request.verb == "patch") && request.code < 300;
    let namespaces = requests.iter().filter(created).filter(|request| request.resource == "namespaces");
    let polices = ["networkpolicies", "resourcequotas", "limitranges"];
    let mut last = BTreeMap::new();
    for request in requests.iter().filter(created).filter(|request| polices.contains(&request.resource.as_str())) {
        let known = last.entry(request.namespace.as_str()).or_insert(request.answered);
        *known = (*known).max(request.answered);
    }
    let mut seen = BTreeSet::new();
    namespaces
        .filter(|request| seen.insert(request.name.as_str()))
        .filter_map(|request| {
            let end = last.get(request.name.as_str())?;
            Some(end.duration_since(request.received).as_secs_f64() * 1000.0)
        })
        .collect()
}
