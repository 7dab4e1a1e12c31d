//! What plans see: the caches as they are now, and what was answered outside.

use std::sync::{Arc, RwLockReadGuard};

use serde_json::Value;
use tenantry_core::external::{Answer, Question};
use tenantry_core::object::ObjectKey;
use tenantry_core::resources::Resource;
use tenantry_core::world::{Lookup, Scope, Source};

use crate::external::Schedule;
use crate::store::Store;

/// Nothing in the store changes while this is held.
pub struct View<'a> {
    /// What is known of the cluster.
    pub store: RwLockReadGuard<'a, Store>,
    /// What is known of the world besides.
    pub external: &'a Schedule,
}

impl Source for View<'_> {
    fn get(&self, key: &ObjectKey) -> Lookup<Arc<Value>> {
        self.store.get(key)
    }

    fn list(&self, resource: &'static Resource, scope: &Scope) -> Lookup<Vec<Arc<Value>>> {
        self.store.list(resource, scope)
    }

    fn answer(&self, question: &Question) -> Option<Arc<Answer>> {
        self.external.answer(question)
    }

    fn operator_namespace(&self) -> &str {
        self.store.operator_namespace()
    }
}
