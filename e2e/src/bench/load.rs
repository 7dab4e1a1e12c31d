//! Creates and edits tenants as their owners would, and waits from the outside until they are ready. It reads no metric of the operator.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use kube::Client;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::runtime::watcher::{self, Event, watcher};
use serde_json::{Value, json};
use tenantry_e2e::objects;
use tokio::time::{Instant, timeout_at};

use super::tenants::{ROUND, name, tenant};
use crate::commands::CommandError;

const IN_FLIGHT: usize = 32;
const READY_WITHIN: Duration = Duration::from_mins(5);

/// Creates the tenants of a series, and returns when all are ready; answers how long that took, from before the first request.
pub(crate) async fn onboard(client: &Client, series: &str, indices: &[usize]) -> Result<Duration, CommandError> {
    let started = Instant::now();
    let names = indices.iter().map(|index| name(series, *index)).collect();
    let (created, ready) = tokio::join!(order(client, series, indices), all_ready(client, series, names));
    created?;
    ready?;
    Ok(started.elapsed())
}

/// Creates the tenants of a series, and no more.
pub(crate) async fn order(client: &Client, series: &str, indices: &[usize]) -> Result<(), CommandError> {
    let calls = indices.iter().map(|index| async {
        objects::create(client, &tenant(series, *index)).await.map(drop).map_err(CommandError::from)
    });
    futures::stream::iter(calls).buffer_unordered(IN_FLIGHT).try_collect::<Vec<()>>().await?;
    Ok(())
}

/// Deletes the tenants of a series that no operator has seen: without finalizer they are gone at once.
pub(crate) async fn cancel(client: &Client, series: &str) -> Result<(), CommandError> {
    let tenants = objects::collection_of(client, "tenantry.dev/v1alpha1", "Tenant", None);
    tenants
        .delete_collection(&DeleteParams::default(), &ListParams::default().labels(&format!("{ROUND}={series}")))
        .await?;
    Ok(())
}

/// Waits until these tenants of a series are ready.
pub(crate) async fn all_ready(
    client: &Client,
    series: &str,
    mut missing: BTreeSet<String>,
) -> Result<(), CommandError> {
    let deadline = Instant::now() + READY_WITHIN;
    let tenants = objects::collection_of(client, "tenantry.dev/v1alpha1", "Tenant", None);
    let config = watcher::Config::default().labels(&format!("{ROUND}={series}"));
    let mut events = std::pin::pin!(watcher(tenants, config));
    let mut last = Value::Null;
    while !missing.is_empty() {
        let Ok(Some(event)) = timeout_at(deadline, events.next()).await else {
            let (count, one) = (missing.len(), missing.first().cloned().unwrap_or_default());
            return Err(format!(
                "{count} tenants of series {series} are not ready in time, among them {one}; last seen: {last}"
            )
            .into());
        };
        // The watch mends itself.
        let Ok(Event::InitApply(tenant) | Event::Apply(tenant)) = event else { continue };
        if is_ready(&tenant) {
            missing.remove(tenant.metadata.name.as_deref().unwrap_or_default());
        } else {
            last = tenant.data["status"]["conditions"].clone();
        }
    }
    Ok(())
}

fn is_ready(tenant: &DynamicObject) -> bool {
    objects::condition(&tenant.data, "Ready").is_some_and(|ready| {
        ready["status"] == "True" && ready["observedGeneration"] == json!(tenant.metadata.generation)
    })
}

/// Edits one tenant: its environments may reach each other, which changes its network policies.
pub(crate) async fn edit(client: &Client, tenant: &str) -> Result<(), CommandError> {
    let tenants = objects::collection_of(client, "tenantry.dev/v1alpha1", "Tenant", None);
    let change = json!({ "spec": { "network": { "betweenEnvironments": "Allow" } } });
    tenants.patch(tenant, &PatchParams::default(), &Patch::Merge(&change)).await?;
    Ok(())
}
