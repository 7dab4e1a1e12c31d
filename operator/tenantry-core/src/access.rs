//! What each kind reads and writes, declared once: watches, RBAC rules and docs are made from it.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::BINDABLE_ROLES;
use crate::kind::{Children, Registration};
use crate::resources::{ROLE_BINDING, Resource, Watch, Write};

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
}

impl Access {
    /// Plans look at it.
    pub const fn read(resource: &'static Resource) -> Self {
        Self { resource, right: Right::Read }
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

/// All kinds that some registered kind reads or owns, and the registered kinds themselves.
pub fn used(kinds: &[Registration]) -> BTreeSet<&'static Resource> {
    kinds.iter().flat_map(|kind| kind.access.iter().map(|access| access.resource).chain([kind.resource])).collect()
}

/// Those of them that are watched all over the cluster: one watch for each.
pub fn watched(kinds: &[Registration]) -> BTreeSet<&'static Resource> {
    let mut watched = used(kinds);
    watched.retain(|resource| matches!(resource.watch, Watch::All | Watch::Managed));
    watched
}

/// Those of them that a plan can look at: all but what is written without being read.
pub fn visible(kinds: &[Registration]) -> BTreeSet<&'static Resource> {
    let mut visible = used(kinds);
    visible.retain(|resource| resource.watch != Watch::Blind);
    visible
}

/// The rules that the operator needs in each namespace where plans look up originals, and nowhere else.
pub fn rules_where_asked(kinds: &[Registration]) -> Vec<Rule> {
    let asked = used(kinds).into_iter().filter(|resource| resource.watch == Watch::Asked);
    asked
        .map(|resource| Rule {
            group: resource.group.to_owned(),
            resource: resource.plural.to_owned(),
            verbs: BTreeSet::from(["get", "list", "watch"]),
            names: Vec::new(),
        })
        .collect()
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
        for access in kind.access.iter().filter(|access| access.right == Right::Own) {
            if access.resource.watch == Watch::Blind {
                // Not `patch`: an empty one shows the object, and so is a right to read.
                grant(access.resource, "", &["create", "delete", "update"]);
                continue;
            }
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
