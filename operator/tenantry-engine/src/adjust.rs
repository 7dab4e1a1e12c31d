//! Changes a field of what stays its owner's, as a plan says, on the very state that the plan saw. It creates and removes
//! nothing, and touches nothing outside namespaces that are marked for the resource it acts for, but by the object's own leave.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use serde_json::Value;
use tenantry_core::kind::Progress;
use tenantry_core::meta::Owner;
use tenantry_core::object::ObjectKey;
use tenantry_core::plan::{Adjustment, Leave};
use tokio::time::Instant;

use crate::apply::CALLS_PER_RESOURCE;
use crate::calls::Version;
use crate::engine::Engine;
use crate::error::{Cause, Error};
use crate::kept::Kept;
use crate::queue::Lane;

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

/// The latest change that each resource has made to each object, so that nobody is fought in a hot loop.
#[derive(Default)]
pub struct Truces {
    latest: Mutex<HashMap<(ObjectKey, String), (Value, Instant)>>,
    under_way: Mutex<BTreeMap<ObjectKey, BTreeSet<String>>>,
}

impl Truces {
    /// How much longer this change must wait; none if it is another than the last one, or long enough ago.
    fn left(&self, owner: &Owner, key: &ObjectKey, patch: &Value) -> Option<Duration> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, at) = latest.get(&(key.clone(), owner.path())).filter(|(earlier, _)| earlier == patch)?;
        TRUCE.checked_sub(at.elapsed()).filter(|left| !left.is_zero())
    }

    /// Whether nobody else is changing this object now; if somebody is, this owner is told when that is over. Two changes of one state cannot
    /// both be made: the second would be refused, and where many resources have a part in one object, most of all writes would be.
    fn takes_turn(&self, owner: &Owner, key: &ObjectKey) -> bool {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        match under_way.get_mut(key) {
            Some(waiting) => {
                waiting.insert(owner.path());
                false
            }
            None => under_way.insert(key.clone(), BTreeSet::new()).is_none(),
        }
    }

    /// The object is being changed no more. Returns who waits for that.
    fn ends_turn(&self, key: &ObjectKey) -> BTreeSet<String> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(key).unwrap_or_default()
    }

    fn begin(&self, owner: &Owner, key: &ObjectKey, patch: &Value) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.retain(|_, (_, at)| at.elapsed() < TRUCE);
        latest.insert((key.clone(), owner.path()), (patch.clone(), Instant::now()));
    }
}

/// Makes the changes, each for itself: none waits for another.
pub async fn adjust(engine: &Engine, owner: &Owner, adjustments: &[Adjustment]) -> Adjusted {
    let mut adjusted = Adjusted::default();
    let steps: Vec<_> = adjustments
        .iter()
        .map(|adjustment| async move { (&adjustment.key, adjust_in_turn(engine, owner, adjustment).await) })
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

/// Makes one change, unless somebody else is changing the object now.
async fn adjust_in_turn(
    engine: &Engine,
    owner: &Owner,
    adjustment: &Adjustment,
) -> Result<(Progress, Option<Duration>), Error> {
    if !engine.truces.takes_turn(owner, &adjustment.key) {
        return Ok((Progress::Held, None));
    }
    let result = adjust_one(engine, owner, adjustment).await;
    for waiting in engine.truces.ends_turn(&adjustment.key).iter().filter_map(|path| engine.owner_key(path)) {
        engine.queue.add(&waiting, Lane::Backlog);
    }
    result
}

/// How far one change has come, and when to look again.
async fn adjust_one(
    engine: &Engine,
    owner: &Owner,
    adjustment: &Adjustment,
) -> Result<(Progress, Option<Duration>), Error> {
    let Adjustment { key, patch, .. } = adjustment;
    let Some(version) = version_seen(engine, owner, adjustment) else { return Ok((Progress::Held, None)) };
    if let Some(left) = engine.truces.left(owner, key, patch) {
        return Ok((Progress::Held, Some(left)));
    }
    let calls = engine.leads(key)?;
    let object = match calls.adjust(key, patch.clone(), &version).await {
        // Newer than our cache, whose watch may be long in telling.
        Err(error) if error.reason() == "Conflict" => {
            engine.read_again(key).await?;
            match version_seen(engine, owner, adjustment).filter(|now| *now != version) {
                Some(version) => calls.adjust(key, patch.clone(), &version).await?,
                None => return Err(error),
            }
        }
        result => result?,
    };
    engine.truces.begin(owner, key, patch);
    engine.note_adjustment(key, &object);
    engine.metrics.changed(key.resource.kind, "adjusted");
    Ok((Progress::Written, Some(Duration::ZERO)))
}

/// The version that the plan saw; `None` if it has changed since, which has woken the resource, or is where nobody gives leave.
fn version_seen(engine: &Engine, owner: &Owner, adjustment: &Adjustment) -> Option<Version> {
    let Adjustment { key, seen, leave, .. } = adjustment;
    let store = engine.store();
    let is_left = match leave {
        Leave::Namespace => store.namespace_owner(&key.namespace).is_some_and(|marked| marked.path() == owner.path()),
        // The plan's check has seen to it that the state that was seen says so.
        Leave::Object => true,
    };
    let record = store.record(key).filter(|record| is_left && record.kept.as_ref() == Some(&Kept::of(seen)))?;
    Some(record.version.clone())
}
