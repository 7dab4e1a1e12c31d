//! Removes what is provably ours and no longer wanted, in the reverse order of writing. Ignorance keeps: what a plan left
//! undecided, what carries another's mark, and what was not seen, stays. Every delete names the uid it means.

use std::collections::BTreeSet;

use tenantry_core::access::Right;
use tenantry_core::kind::Registration;
use tenantry_core::meta::Owner;
use tenantry_core::object::ObjectKey;
use tenantry_core::plan::Plan;
use tenantry_core::resources::NAMESPACE;

use crate::engine::Engine;
use crate::error::Error;
use crate::store::owner_path;

/// What came of what is no longer wanted.
#[derive(Debug, Default)]
pub struct Pruned {
    /// Deleted, and not gone yet.
    pub leaving: Vec<ObjectKey>,
    /// What failed.
    pub errors: Vec<Error>,
}

/// Deletes every candidate that is not on its way out already.
pub async fn prune(engine: &Engine, kind: &Registration, owner: &Owner, plan: &Plan) -> Pruned {
    let mut pruned = Pruned::default();
    let mut candidates = candidates(engine, kind, owner, plan);
    candidates.sort_by(|one, other| other.0.cmp(&one.0));
    for (key, uid, deleting) in candidates {
        if !deleting {
            match delete(engine, &key, &uid).await {
                Ok(()) => engine.metrics.changed(key.resource.kind, "deleted"),
                // Replaced by another object meanwhile: that one is judged at the next look.
                Err(error) if error.code() == Some(409) => {}
                Err(error) => {
                    pruned.errors.push(error);
                }
            }
        }
        pruned.leaving.push(key);
    }
    pruned
}

async fn delete(engine: &Engine, key: &ObjectKey, uid: &str) -> Result<(), Error> {
    engine.leads(key)?.delete(key, uid).await?;
    engine.store_mut().deletion_begun(key, uid);
    Ok(())
}

fn candidates(engine: &Engine, kind: &Registration, owner: &Owner, plan: &Plan) -> Vec<(ObjectKey, String, bool)> {
    let wanted: BTreeSet<&ObjectKey> = plan.desired.iter().map(tenantry_core::object::Desired::key).collect();
    let store = engine.store();
    let path = owner_path(owner);
    let marked = |namespace: &str| {
        let record = store.record(&ObjectKey::cluster(&NAMESPACE, namespace));
        record.and_then(|record| record.owner.as_ref()).filter(|marked| owner_path(marked) == path)
    };
    // A mark can be copied to what is only looked at: kinds that are not this kind's children are nobody's to remove.
    let owns = |key: &ObjectKey| {
        kind.access.iter().any(|access| access.right == Right::Own && access.resource == key.resource)
    };
    let found: Vec<_> = store
        .children(&path)
        .filter(|(key, _)| owns(key))
        .filter(|(key, record)| {
            let same = record.owner.as_ref().is_some_and(|marked| marked.uid == owner.uid);
            if !key.resource.namespaced {
                return same;
            }
            // A mark can be copied: it counts only in a namespace that is marked for this owner as well. There, what an
            // earlier owner of this name has left is ours: that one is gone for certain.
            marked(&key.namespace).is_some_and(|namespace| same || namespace.uid == owner.uid)
        })
        .filter(|(key, _)| !wanted.contains(key) && plan.decides(key))
        .map(|(key, record)| (key.clone(), record.version.uid.clone(), record.deleting))
        .collect();
    let doomed: BTreeSet<String> =
        found.iter().filter(|(key, ..)| *key.resource == NAMESPACE).map(|(key, ..)| key.name.clone()).collect();
    // What lives in a namespace that goes, goes with it; until then it keeps the namespace closed.
    found.into_iter().filter(|(key, ..)| !doomed.contains(&key.namespace)).collect()
}
