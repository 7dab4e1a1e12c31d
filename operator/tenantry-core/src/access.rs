//! What each kind reads and writes, declared once: watches, RBAC rules and docs are made from it.

use std::collections::{BTreeMap, BTreeSet};

use crate::kind::{Children, Registration};
use crate::resources::{EVENT, Resource, Watch, Write};

/// One declared use of a Kubernetes kind.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    /// The kind that is used.
    pub resource: &'static Resource,
    /// What for.
    pub right: Right,
    /// The only objects that it is used for, in order of name; none for all.
    pub names: fn() -> Vec<String>,
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
    /// Its objects of these names are kept as they are wanted, and never removed.
    Keep,
    /// No request of ours: the API server asks for this verb while it decides about another one.
    Hold(&'static str),
}

impl Access {
    /// Plans look at it.
    pub const fn read(resource: &'static Resource) -> Self {
        Self { resource, right: Right::Read, names: Vec::new }
    }

    /// Plans look at it, and change a field of what stays its owner's.
    pub const fn adjust(resource: &'static Resource) -> Self {
        Self { resource, right: Right::Adjust, names: Vec::new }
    }

    /// Its objects are children.
    pub const fn own(resource: &'static Resource) -> Self {
        Self { resource, right: Right::Own, names: Vec::new }
    }

    /// Its objects of these names are kept, and nothing is written to any other.
    pub const fn keep(resource: &'static Resource, names: fn() -> Vec<String>) -> Self {
        Self { resource, right: Right::Keep, names }
    }

    /// The API server asks for this verb on these names while it decides about another request.
    pub const fn hold(verb: &'static str, resource: &'static Resource, names: fn() -> Vec<String>) -> Self {
        Self { resource, right: Right::Hold(verb), names }
    }

    /// Whether its objects are looked at.
    pub fn is_watched(&self) -> bool {
        !matches!(self.right, Right::Hold(_))
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

/// All kinds that some registered kind reads, writes or owns, and the registered kinds themselves.
pub fn used(kinds: &[Registration]) -> BTreeSet<&'static Resource> {
    let used =
        |kind: &Registration| kind.access.iter().filter(|access| access.is_watched()).map(|access| access.resource);
    kinds.iter().flat_map(|kind| used(kind).chain([kind.resource])).collect()
}

/// Those of them that are watched all over the cluster: one watch for each.
pub fn watched(kinds: &[Registration]) -> BTreeSet<&'static Resource> {
    let mut watched = used(kinds);
    watched.retain(|resource| !matches!(resource.watch, Watch::Asked | Watch::Blind));
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

/// The cluster-wide rules that the operator needs for these kinds, one for each resource and set of names, sorted.
/// Leader election and Events about what is in no namespace are the engine's own needs and are added there.
pub fn rules(kinds: &[Registration]) -> Vec<Rule> {
    let mut verbs: BTreeMap<(String, String, Vec<String>), BTreeSet<&'static str>> = BTreeMap::new();
    let mut grant = |resource: &Resource, subresource: &str, names: Vec<String>, granted: &[&'static str]| {
        let name = format!("{}{subresource}", resource.plural);
        verbs.entry((resource.group.to_owned(), name, names)).or_default().extend(granted);
    };
    for resource in watched(kinds) {
        grant(resource, "", Vec::new(), &["list", "watch"]);
    }
    for kind in kinds {
        grant(kind.resource, "/status", Vec::new(), &["patch"]);
        // An Event is written beside what it tells of. Children tell nothing: their owner does.
        if kind.resource.namespaced && kind.resource.write == Write::Never {
            grant(&EVENT, "", Vec::new(), &["create"]);
        }
        if kind.children == Children::Recorded {
            // Finalizer and inventory.
            grant(kind.resource, "", Vec::new(), &["patch"]);
        }
        for access in kind.access {
            let names = (access.names)();
            match access.right {
                Right::Read => {}
                Right::Adjust => grant(access.resource, "", names, &["patch"]),
                // Not `patch`: an empty one shows the object, and so is a right to read.
                Right::Own if access.resource.watch == Watch::Blind => {
                    grant(access.resource, "", names, &["create", "delete", "update"]);
                }
                // What stands in the way of a create is read by a list of one name.
                Right::Own => {
                    grant(access.resource, "", names.clone(), &["create", "delete"]);
                    match access.resource.write {
                        Write::Replace => grant(access.resource, "", names, &["update"]),
                        Write::Merge => grant(access.resource, "", names, &["patch"]),
                        Write::ByName | Write::Never => {}
                    }
                }
                // A rule without names would be one for all of them.
                Right::Keep if names.is_empty() => {}
                Right::Keep => grant(access.resource, "", names, &["create", "patch"]),
                Right::Hold(verb) => grant(access.resource, "", names, &[verb]),
            }
        }
    }
    let rule = |((group, resource, names), verbs)| Rule { group, resource, verbs, names };
    verbs.into_iter().map(rule).collect()
}

#[cfg(test)]
mod tests;
