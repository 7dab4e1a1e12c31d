//! Changes a field of what stays its owner's, as a plan says, on the very state that the plan saw. It creates and removes
//! nothing, and touches nothing outside namespaces that are marked for the resource it acts for.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use serde_json::Value;
use tenantry_core::kind::Progress;
use tenantry_core::meta::Owner;
use tenantry_core::object::ObjectKey;
use tenantry_core::plan::Adjustment;
use tenantry_core::resources::NAMESPACE;
use tokio::time::Instant;

use crate::apply::CALLS_PER_RESOURCE;
use crate::calls::Version;
use crate::engine::Engine;
use crate::error::{Cause, Error};
use crate::kept::Kept;

/// How long the same change to the same object is not made again: whoever undoes it is fought at this pace and no faster.
const TRUCE: Duration = Duration::from_secs(10);

/// What came of the adjustments.
#[derive(Debug, Default)]
pub struct Adjusted {
    /// How far each has come.
    pub objects: BTreeMap<ObjectKey, Progress>,
    /// What failed.
    pub errors: Vec<Error>,
    /// When to look again: at once after a write, because no other event tells that it was the last one.
    pub again: Option<Duration>,
}

/// The latest changes, so that nobody is fought in a hot loop.
#[derive(Default)]
pub struct Truces {
    latest: Mutex<HashMap<ObjectKey, (Value, Instant)>>,
}

impl Truces {
    /// How much longer this change must wait; none if it is another than the last one, or long enough ago.
    fn left(&self, key: &ObjectKey, patch: &Value) -> Option<Duration> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, at) = latest.get(key).filter(|(earlier, _)| earlier == patch)?;
        TRUCE.checked_sub(at.elapsed()).filter(|left| !left.is_zero())
    }

    fn begin(&self, key: &ObjectKey, patch: &Value) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.retain(|_, (_, at)| at.elapsed() < TRUCE);
        latest.insert(key.clone(), (patch.clone(), Instant::now()));
    }
}

/// Makes the changes, each for itself: none waits for another.
pub async fn adjust(engine: &Engine, owner: &Owner, adjustments: &[Adjustment]) -> Adjusted {
    let mut adjusted = Adjusted::default();
    let steps: Vec<_> = adjustments
        .iter()
        .map(|adjustment| async move { (&adjustment.key, adjust_one(engine, owner, adjustment).await) })
        .collect();
    let results: Vec<_> = futures::stream::iter(steps).buffered(CALLS_PER_RESOURCE).collect().await;
    for (key, result) in results {
        let (progress, again) = result.unwrap_or_else(|error| {
            let progress = match error.cause {
                Cause::NotLeader => Progress::Held,
                _ => Progress::Failed(error.to_string()),
            };
            // Gone meanwhile: its event wakes whoever cares.
            if error.code() != Some(404) {
                adjusted.errors.push(error);
            }
            (progress, None)
        });
        adjusted.again = adjusted.again.into_iter().chain(again).min();
        adjusted.objects.insert(key.clone(), progress);
    }
    adjusted
}

/// How far one change has come, and when to look again.
async fn adjust_one(
    engine: &Engine,
    owner: &Owner,
    adjustment: &Adjustment,
) -> Result<(Progress, Option<Duration>), Error> {
    let Adjustment { key, seen, patch } = adjustment;
    let Some(version) = version_seen(engine, owner, key, seen) else { return Ok((Progress::Held, None)) };
    if let Some(left) = engine.truces.left(key, patch) {
        return Ok((Progress::Held, Some(left)));
    }
    let calls = engine.leads(key)?;
    let object = match calls.adjust(key, patch.clone(), &version).await {
        // Newer than our cache, whose watch may be long in telling.
        Err(error) if error.reason() == "Conflict" => {
            engine.read_again(key).await?;
            match version_seen(engine, owner, key, seen).filter(|now| *now != version) {
                Some(version) => calls.adjust(key, patch.clone(), &version).await?,
                None => return Err(error),
            }
        }
        result => result?,
    };
    engine.truces.begin(key, patch);
    engine.note_write(key, &object, None);
    engine.metrics.changed(key.resource.kind, "adjusted");
    Ok((Progress::Written, Some(Duration::ZERO)))
}

/// The version that the plan saw; `None` if it has changed since, which has woken the resource, or is not in its namespaces.
fn version_seen(engine: &Engine, owner: &Owner, key: &ObjectKey, seen: &Value) -> Option<Version> {
    let store = engine.store();
    let namespace = store.record(&ObjectKey::cluster(&NAMESPACE, &key.namespace))?;
    let marked = namespace.owner.as_ref().is_some_and(|marked| marked.path() == owner.path());
    let record = store.record(key).filter(|record| marked && record.kept.as_ref() == Some(&Kept::of(seen)))?;
    Some(record.version.clone())
}
