//! Watches for namespaces in which plans look something up that is watched nowhere else: one for each kind and namespace,
//! begun with the first look and ended with the last. It never asks for more than metadata.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenantry_core::resources::Resource;
use tokio::task::{AbortHandle, JoinSet};

use crate::engine::Engine;
use crate::watch;

/// Keeps the watches that are asked for, until the future is dropped.
pub async fn run(engine: Arc<Engine>) {
    let mut watches: JoinSet<()> = JoinSet::new();
    let mut running: BTreeMap<(&'static Resource, String), AbortHandle> = BTreeMap::new();
    loop {
        let asked = engine.readers().asked();
        running.retain(|place, watch| {
            let wanted = asked.contains(place);
            if !wanted {
                watch.abort();
                engine.store_mut().lost(place.0, &place.1);
            }
            wanted
        });
        for place in asked {
            let (resource, namespace) = place.clone();
            running.entry(place).or_insert_with(|| watches.spawn(watch::run_in(engine.clone(), resource, namespace)));
        }
        // Also reaps those that have ended.
        while watches.try_join_next().is_some() {}
        engine.asking.notified().await;
    }
}
