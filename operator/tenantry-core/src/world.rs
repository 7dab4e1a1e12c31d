//! The read-only view of the cluster that plans are made from. Every look-up is recorded, also those that found nothing:
//! the record is the list of what must wake the resource again, so no kind writes watch mappers.

mod memory;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::external::{Answer, Question};
use crate::kind::Kind;
use crate::meta::Owner;
use crate::names;
use crate::object::ObjectKey;
use crate::resources::Resource;

pub use memory::{MemoryWorld, UnknownKind};

/// Answer of a look-up. `NotSynced` is ignorance, `Missing` is knowledge: a plan may act on the second only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup<T> {
    /// It exists.
    Found(T),
    /// It does not exist.
    Missing,
    /// Not known: the cache of this kind is not complete (not yet listed, no permission, or the kind is not served).
    NotSynced,
}

impl<T> Lookup<T> {
    /// What was found, if anything.
    pub fn found(self) -> Option<T> {
        match self {
            Self::Found(value) => Some(value),
            Self::Missing | Self::NotSynced => None,
        }
    }

    /// Changes what was found.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Lookup<U> {
        match self {
            Self::Found(value) => Lookup::Found(change(value)),
            Self::Missing => Lookup::Missing,
            Self::NotSynced => Lookup::NotSynced,
        }
    }
}

/// Which objects of a kind a list look-up asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// All that are cached.
    All,
    /// Those in one namespace.
    Namespace(String),
    /// Those whose owner mark names this `plural/namespace/name`, whatever the uid. For a Tenant: `tenants//acme`.
    OwnedBy(String),
    /// Those that [`Resource::index`] files under this key: found without a look at any other.
    Indexed(String),
}

impl Scope {
    /// Whether an object, as the API server shows it, is in it. For worlds that keep no index.
    pub fn contains(&self, resource: &Resource, object: &Value) -> bool {
        match self {
            Self::All => true,
            Self::Namespace(namespace) => object["metadata"]["namespace"] == namespace.as_str(),
            Self::OwnedBy(path) => Owner::marked_on(object).is_some_and(|owner| owner.path() == *path),
            Self::Indexed(key) => resource.index.is_some_and(|index| index(&resource.kept(object)).contains(key)),
        }
    }
}

/// One recorded look-up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Read {
    /// Of one object.
    Object(ObjectKey),
    /// Of a set of objects.
    List(&'static Resource, Scope),
}

/// Where look-ups are answered: the engine's caches, or a folder of YAML in tests and `tenantry plan --world`.
/// What is returned is what [`crate::resources::Keep`] says is kept; `Value::Null` for digests.
pub trait Source {
    /// One object.
    fn get(&self, key: &ObjectKey) -> Lookup<Arc<Value>>;
    /// Objects in order of namespace and name.
    fn list(&self, resource: &'static Resource, scope: &Scope) -> Lookup<Vec<Arc<Value>>>;
    /// What was last answered to a question that a plan asks.
    fn answer(&self, _: &Question) -> Option<Arc<Answer>> {
        None
    }
    /// The namespace in which the operator runs.
    fn operator_namespace(&self) -> &str {
        names::OPERATOR_NAMESPACE
    }
}

/// The world as one plan sees it.
pub struct World<'a> {
    source: &'a dyn Source,
    reads: RefCell<BTreeSet<Read>>,
}

impl<'a> World<'a> {
    /// A view with an empty record.
    pub fn new(source: &'a dyn Source) -> Self {
        Self { source, reads: RefCell::default() }
    }

    /// One object, as far as the cache keeps it.
    pub fn get(&self, key: &ObjectKey) -> Lookup<Arc<Value>> {
        self.reads.borrow_mut().insert(Read::Object(key.clone()));
        self.source.get(key)
    }

    /// One custom resource of ours, as its type. A stored object that does not fit the type any more is `NotSynced`:
    /// it exists, but nothing may be concluded from it.
    pub fn get_kind<K: Kind>(&self, namespace: &str, name: &str) -> Lookup<K::Cr> {
        match self.get(&ObjectKey::namespaced(K::RESOURCE, namespace, name)) {
            Lookup::Found(value) => match serde_json::from_value((*value).clone()) {
                Ok(typed) => Lookup::Found(typed),
                Err(_) => Lookup::NotSynced,
            },
            Lookup::Missing => Lookup::Missing,
            Lookup::NotSynced => Lookup::NotSynced,
        }
    }

    /// A set of objects, in order of namespace and name.
    pub fn list(&self, resource: &'static Resource, scope: Scope) -> Lookup<Vec<Arc<Value>>> {
        let answer = self.source.list(resource, &scope);
        self.reads.borrow_mut().insert(Read::List(resource, scope));
        answer
    }

    /// The first of these kinds that cannot be seen now: what was known of it last proves nothing.
    pub fn unseen(&self, kinds: &[&'static Resource]) -> Option<&'static Resource> {
        kinds.iter().copied().find(|kind| self.get(&ObjectKey::namespaced(kind, "", "")) == Lookup::NotSynced)
    }

    /// What was last answered to a question of the plan's own; nothing if it was not asked yet. An answer that says something new
    /// wakes whoever asks, so this needs no record.
    pub fn answer(&self, question: &Question) -> Option<Arc<Answer>> {
        self.source.answer(question)
    }

    /// The namespace in which the operator runs. It never changes while it does, so this is no look-up.
    pub fn operator_namespace(&self) -> &str {
        self.source.operator_namespace()
    }

    /// Everything that was looked up.
    pub fn into_reads(self) -> BTreeSet<Read> {
        self.reads.into_inner()
    }
}
