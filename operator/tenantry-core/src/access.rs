//! What each kind reads and writes, declared once: watches, RBAC rules and docs are made from it.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::BINDABLE_ROLES;
use crate::kind::{Children, Registration};
use crate::resources::{ROLE_BINDING, Resource, Write};

/// One declared use of a Kubernetes kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// The kind that is used.
    pub resource: &'static Resource,
    /// What for.
    pub right: Right,
}

/// What a kind does with another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Plans look at it.
    Read,
    /// Its objects are children: written, repaired and removed.
    Own,
    /// Plans look at it, and change a field of what stays its owner's.
    Adjust,
}

impl Access {
    /// Plans look at it.
    pub const fn read(resource: &'static Resource) -> Self {
        Self { resource, right: Right::Read }
    }

    /// Plans look at it, and change a field of what stays its owner's.
    pub const fn adjust(resource: &'static Resource) -> Self {
        Self { resource, right: Right::Adjust }
    }

    /// Its objects are children.
    pub const fn own(resource: &'static Resource) -> Self {
        Self { resource, right: Right::Own }
    }
}

/// One RBAC rule, as small as it can be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// API group; empty for core.
    pub group: String,
    /// Resource or `resource/subresource`.
    pub resource: String,
    /// Verbs, sorted.
    pub verbs: BTreeSet<&'static str>,
    /// Only objects of these names; empty for all.
    pub names: Vec<String>,
}

/// All kinds that some registered kind reads or owns, and the registered kinds themselves: one watch for each.
pub fn watched(kinds: &[Registration]) -> BTreeSet<&'static Resource> {
    kinds.iter().flat_map(|kind| kind.access.iter().map(|access| access.resource).chain([kind.resource])).collect()
}

/// The cluster-wide rules that the operator needs for these kinds, one for each resource, sorted.
/// Leader election and Events are the engine's own needs and are added there.
pub fn rules(kinds: &[Registration]) -> Vec<Rule> {
    let mut verbs: BTreeMap<(String, String), BTreeSet<&'static str>> = BTreeMap::new();
    let mut grant = |resource: &Resource, subresource: &str, granted: &[&'static str]| {
        let name = format!("{}{subresource}", resource.plural);
        verbs.entry((resource.group.to_owned(), name)).or_default().extend(granted);
    };
    for resource in watched(kinds) {
        grant(resource, "", &["list", "watch"]);
    }
    for kind in kinds {
        grant(kind.resource, "/status", &["patch"]);
        if kind.children == Children::Recorded {
            // Finalizer and inventory.
            grant(kind.resource, "", &["patch"]);
        }
        for access in kind.access.iter().filter(|access| access.right == Right::Adjust) {
            grant(access.resource, "", &["patch"]);
        }
        for access in kind.access.iter().filter(|access| access.right == Right::Own) {
            // `get` reads what stands in the way of a create before judging whose it is.
            grant(access.resource, "", &["create", "delete", "get"]);
            match access.resource.write {
                Write::Replace => grant(access.resource, "", &["update"]),
                Write::Merge => grant(access.resource, "", &["patch"]),
                Write::Never => {}
            }
        }
    }
    let mut rules: Vec<Rule> = verbs
        .into_iter()
        .map(|((group, resource), verbs)| Rule { group, resource, verbs, names: Vec::new() })
        .collect();
    // Giving a role away needs all its rights, or this verb on it: by name, so that no other role can be given.
    if kinds.iter().flat_map(|kind| kind.access).any(|access| *access == Access::own(&ROLE_BINDING)) {
        rules.push(Rule {
            group: ROLE_BINDING.group.to_owned(),
            resource: "clusterroles".to_owned(),
            verbs: BTreeSet::from(["bind"]),
            names: BINDABLE_ROLES.map(str::to_owned).to_vec(),
        });
        rules.sort();
    }
    rules
}
