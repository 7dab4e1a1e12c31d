//! Brings wanted objects about, wave by wave. Creation is a POST, which cannot seize what is there, but where the name alone
//! makes an object ours; changes carry the uid and resourceVersion they were decided on. Failures stop only what comes later in the same namespace.

use std::collections::BTreeMap;

use futures::StreamExt;
use serde_json::{Value, json};
use tenantry_core::content;
use tenantry_core::kind::Progress;
use tenantry_core::meta::{MANAGED_BY, Owner};
use tenantry_core::object::{Desired, ObjectKey};
use tenantry_core::resources::{Watch, Wave, Write};

use crate::blind;
use crate::calls::Version;
use crate::engine::Engine;
use crate::error::{Cause, Error};
use crate::inventory::Ledger;
use crate::kept::Kept;
use crate::merge;
use crate::queue::Lane;
use crate::store::{Record, Store};

/// How many calls one resource may have under way at once.
pub const CALLS_PER_RESOURCE: usize = 8;

/// What came of the wanted objects.
#[derive(Debug, Default)]
pub struct Applied {
    /// How far each has come.
    pub objects: BTreeMap<ObjectKey, Progress>,
    /// What failed.
    pub errors: Vec<Error>,
    /// Whether anything was written: if so, its events are about to come.
    pub wrote: bool,
}

/// What must be done about one wanted object, from what is known of it.
enum Step {
    Nothing(Progress),
    Create,
    Change(Box<Record>),
}

/// Writes what is missing or different. Skips what is known to be as wanted, without a request, and leaves to the next look
/// what has changed since the `moment` of the plan: what was decided on its earlier state is void.
pub async fn apply(engine: &Engine, owner: &Owner, desired: &[Desired], moment: u64, ledger: &Ledger) -> Applied {
    let mut applied = Applied::default();
    // By namespace, the first wave in which something did not succeed.
    let mut failed: BTreeMap<String, Wave> = BTreeMap::new();
    for wave in desired.chunk_by(|one, other| one.key().resource.wave == other.key().resource.wave) {
        let (held, free): (Vec<&Desired>, Vec<&Desired>) =
            wave.iter().partition(|object| is_held(object.key(), &failed));
        applied.objects.extend(held.into_iter().map(|object| (object.key().clone(), Progress::Held)));
        let steps: Vec<_> = free
            .into_iter()
            .map(|object| async move { (object.key(), apply_one(engine, owner, object, moment, ledger).await) })
            .collect();
        let results: Vec<_> = futures::stream::iter(steps).buffered(CALLS_PER_RESOURCE).collect().await;
        for (key, result) in results {
            let (progress, wrote) = result.unwrap_or_else(|error| {
                let progress = if matches!(error.cause, Cause::NotLeader) {
                    Progress::Held
                } else {
                    Progress::Failed(error.to_string())
                };
                applied.errors.push(error);
                (progress, false)
            });
            applied.wrote |= wrote;
            if !matches!(progress, Progress::Observed | Progress::Written) {
                failed.entry(key.failure_domain().to_owned()).or_insert(key.resource.wave);
            }
            applied.objects.insert(key.clone(), progress);
        }
    }
    applied
}

fn is_held(key: &ObjectKey, failed: &BTreeMap<String, Wave>) -> bool {
    failed.get(key.failure_domain()).is_some_and(|earlier| key.resource.wave.waits_for(*earlier))
}

/// How far the object is now, and whether that took a write.
async fn apply_one(
    engine: &Engine,
    owner: &Owner,
    object: &Desired,
    moment: u64,
    ledger: &Ledger,
) -> Result<(Progress, bool), Error> {
    let key = object.key();
    if key.resource.watch == Watch::Blind {
        return blind::write(engine, object, ledger).await;
    }
    let wanted = content::hash_desired(key.resource, object.body());
    let written = |progress| (progress, true);
    match next_step(engine, owner, object, wanted, moment) {
        Step::Nothing(progress) => Ok((progress, false)),
        // What it meets there against expectation is ours as well; whatever stays of it then is seen and changed.
        Step::Create if key.resource.write == Write::ByName => {
            let applied = engine.leads(key)?.apply(key, object.body()).await;
            engine
                .write(key, None, applied)
                .inspect(|_| engine.metrics.changed(key.resource.kind, "created"))
                .map(written)
        }
        Step::Create => match engine.write(key, Some(wanted), engine.leads(key)?.create(key, object.body()).await) {
            // It exists, but not for us to see: without our label, or newer than our cache.
            Err(error) if error.reason() == "AlreadyExists" => {
                look_again(engine, owner, object, wanted, moment, error).await
            }
            result => result.inspect(|_| engine.metrics.changed(key.resource.kind, "created")).map(written),
        },
        Step::Change(record) => match change(engine, object, wanted, &record).await {
            // Newer than our cache. Its watch may be long in telling, and rights must not outlive that.
            Err(error) if error.reason() == "Conflict" => {
                look_again(engine, owner, object, wanted, moment, error).await
            }
            result => result.map(written),
        },
    }
}

/// The object is another than we knew: reads it, and does what must be done about it as it is. `error` is what said so.
async fn look_again(
    engine: &Engine,
    owner: &Owner,
    object: &Desired,
    wanted: u128,
    moment: u64,
    error: Error,
) -> Result<(Progress, bool), Error> {
    let key = object.key();
    if engine.read_again(key).await?.is_none() {
        return Err(error);
    }
    match next_step(engine, owner, object, wanted, moment) {
        Step::Nothing(Progress::Held) => {
            // No event comes of what we have read ourselves.
            if let Some(owner) = engine.owner_key(&owner.path()) {
                engine.queue.add(&owner, Lane::Backlog);
            }
            Ok((Progress::Held, false))
        }
        Step::Change(record) => change(engine, object, wanted, &record).await.map(|progress| (progress, true)),
        Step::Nothing(progress) => {
            // No watch would tell when a stranger goes: keep no memory of it, and ask again later.
            engine.forget_stranger(key, &progress);
            Ok((progress, false))
        }
        Step::Create => Err(error),
    }
}

fn next_step(engine: &Engine, owner: &Owner, object: &Desired, wanted: u128, moment: u64) -> Step {
    let key = object.key();
    let store = engine.store();
    let Some(record) = store.record(key) else {
        return if store.is_synced(key.resource) { Step::Create } else { Step::Nothing(Progress::Held) };
    };
    if record.deleting {
        Step::Nothing(Progress::Held)
    } else if record.is_as_wanted(wanted) {
        Step::Nothing(if record.observed { Progress::Observed } else { Progress::Written })
    } else if is_free(&store, object, record, owner) && record.kept.is_some() && record.changed > moment {
        // Plans see what is in it. The change has woken its owner.
        Step::Nothing(Progress::Held)
    } else if key.resource.write == Write::ByName || is_free(&store, object, record, owner) {
        Step::Change(Box::new(record.clone()))
    } else {
        Step::Nothing(Progress::NotOwned)
    }
}

/// Whether we may change it: it is ours, or it consents to be taken over.
fn is_free(store: &Store, object: &Desired, record: &Record, owner: &Owner) -> bool {
    is_ours(store, object.key(), record, owner) || (object.takes_over() && owner.is_welcome(&record.value()))
}

/// Ours by its mark; or, if somebody stripped that, by the server's own record of who wrote it; or because it came to us
/// together with its namespace.
fn is_ours(store: &Store, key: &ObjectKey, record: &Record, owner: &Owner) -> bool {
    match &record.owner {
        Some(marked) => marked.path() == owner.path() || owner.inherits(marked, store.namespace_owner(&key.namespace)),
        None => record.written_by_us,
    }
}

async fn change(engine: &Engine, object: &Desired, wanted: u128, record: &Record) -> Result<Progress, Error> {
    let key = object.key();
    let calls = engine.leads(key)?;
    let result = match key.resource.write {
        Write::Replace => {
            let replaced = calls.replace(key, object.body(), &record.version).await;
            // What cannot be changed in place (a role reference) is made anew: it is ours alone.
            if replaced.as_ref().is_err_and(is_immutable) {
                calls.delete(key, &record.version.uid).await?;
                calls.create(key, object.body()).await
            } else {
                replaced
            }
        }
        Write::ByName => calls.merge(key, "", exact_patch(record, object.body()), &record.version).await,
        Write::Merge | Write::Never => {
            let patch = merge_patch(record, object.body());
            calls.merge(key, "", patch, &record.version).await
        }
    };
    engine.write(key, Some(wanted), result).inspect(|_| engine.metrics.changed(key.resource.kind, "configured"))
}

fn is_immutable(error: &Error) -> bool {
    matches!(&error.cause, Cause::Answer { code: 422, message, .. }
        if message.contains("cannot change roleRef") || message.contains("field is immutable"))
}

/// Everything wanted, and null for labels and annotations that we own and no longer want.
fn merge_patch(record: &Record, body: &Value) -> Value {
    let owned = record.kept.as_ref().map(|kept| kept.value()["owned"].clone()).unwrap_or_default();
    let mut patch = body.clone();
    for section in ["labels", "annotations"] {
        merge::null_where_absent(&owned[section], &mut patch["metadata"][section]);
    }
    patch
}

/// Everything in which the object differs from what is wanted, null for what others have added; of labels and annotations
/// only ours, but the one that names the installer.
fn exact_patch(record: &Record, body: &Value) -> Value {
    let seen = record.kept.as_ref().map(Kept::value).unwrap_or_default();
    let content = |value: &Value| -> Value {
        let fields = value.as_object().into_iter().flatten();
        let apart = |field: &str| matches!(field, "apiVersion" | "kind" | "metadata" | "status");
        fields.filter(|(field, _)| !apart(field)).map(|(field, value)| (field.clone(), value.clone())).collect()
    };
    let mut patch = merge::difference(&content(&seen), &content(body)).unwrap_or_else(|| json!({}));
    for section in ["labels", "annotations"] {
        if !body["metadata"][section].is_null() {
            patch["metadata"][section] = body["metadata"][section].clone();
        }
    }
    if let Some(labels) = patch["metadata"]["labels"].as_object_mut() {
        labels.remove(MANAGED_BY);
    }
    patch
}

impl Engine {
    /// The calls, if this process may write now.
    pub(crate) fn leads(&self, key: &ObjectKey) -> Result<&crate::calls::Calls, Error> {
        if self.leadership.holds() { Ok(&self.calls) } else { Err(Error::new("write", key, Cause::NotLeader)) }
    }

    fn forget_stranger(&self, key: &ObjectKey, progress: &Progress) {
        if *progress == Progress::NotOwned && key.resource.watch.sees_ours_alone() {
            self.store_mut().forget_one(key);
        }
    }

    /// Takes note of the answer to a write.
    fn write(&self, key: &ObjectKey, wanted: Option<u128>, result: Result<Value, Error>) -> Result<Progress, Error> {
        let object = result?;
        self.note_write(key, &object, wanted);
        let version = Version::of(&object);
        let seen = self.store().record(key).is_some_and(|record| record.observed && record.version == version);
        Ok(if seen { Progress::Observed } else { Progress::Written })
    }
}
