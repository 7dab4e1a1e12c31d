//! Removes what is provably ours and no longer wanted, in the reverse order of writing. Ignorance keeps: what a plan left
//! undecided, what carries another's mark, and what was not seen, stays. Every delete names the uid it means.

use std::collections::BTreeSet;

use tenantry_core::access::Right;
use tenantry_core::kind::{Children, Registration};
use tenantry_core::meta::Owner;
use tenantry_core::object::ObjectKey;
use tenantry_core::plan::Plan;
use tenantry_core::resources::NAMESPACE;

use crate::engine::Engine;
use crate::error::Error;

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
    let path = owner.path();
    // A mark can be copied to what is only looked at: kinds that are not this kind's children are nobody's to remove.
    let owns = |key: &ObjectKey| {
        kind.access.iter().any(|access| access.right == Right::Own && access.resource == key.resource)
    };
    let ours = |namespace: &str| store.namespace_owner(namespace).filter(|marked| marked.path() == path);
    let children = store.children(&path).filter(|(key, record)| {
        let same = record.owner.as_ref().is_some_and(|marked| marked.uid == owner.uid);
        if kind.children == Children::Owned {
            // What an earlier resource of this name has left goes with it. A mark can be copied; who wrote it cannot.
            return same && key.namespace == owner.namespace && record.written_by_us;
        }
        if !key.resource.namespaced {
            return same;
        }
        // A mark can be copied: it counts only in a namespace that is marked for this owner as well. There, what an
        // earlier owner of this name has left is ours: that one is gone for certain.
        ours(&key.namespace).is_some_and(|namespace| same || namespace.uid == owner.uid)
    });
    // What an earlier holder of a namespace has left in it has come to us together with it.
    let namespaces = store.children(&path).filter(|(key, _)| *key.resource == NAMESPACE);
    let inherited = namespaces.flat_map(|(key, _)| store.marked_in(&key.name)).filter(|(key, record)| {
        let marked = record.owner.as_deref().filter(|marked| marked.path() != path);
        marked.is_some_and(|marked| owner.inherits(marked, store.namespace_owner(&key.namespace)))
    });
    let found: Vec<_> = children
        .map(|(key, record)| (key.clone(), record))
        .chain(inherited)
        .filter(|(key, _)| owns(key))
        .filter(|(key, _)| !wanted.contains(key) && plan.decides(key))
        .map(|(key, record)| (key, record.version.uid.clone(), record.deleting))
        .collect();
    let doomed: BTreeSet<String> =
        found.iter().filter(|(key, ..)| *key.resource == NAMESPACE).map(|(key, ..)| key.name.clone()).collect();
    // What lives in a namespace that goes, goes with it; until then it keeps the namespace closed.
    found.into_iter().filter(|(key, ..)| !doomed.contains(&key.namespace)).collect()
}
