//! What a spec asks of a server's tools: that some are there, and that none has changed. Pure comparisons.

use std::collections::{BTreeMap, BTreeSet};

use super::tools::Tool;

/// Names of required tools that are not there, sorted.
pub fn missing_tools<'a>(required: impl IntoIterator<Item = &'a str>, tools: &[Tool]) -> Vec<String> {
    let there: BTreeSet<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    let missing: BTreeSet<&str> = required.into_iter().filter(|name| !there.contains(name)).collect();
    missing.into_iter().map(str::to_owned).collect()
}

/// How tools differ from those that were approved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drift {
    /// Names that are new.
    pub added: Vec<String>,
    /// Names that are gone.
    pub removed: Vec<String>,
    /// Names whose hash is another.
    pub changed: Vec<String>,
}

impl Drift {
    /// Whether nothing differs.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// In a sentence, such as `added: a, b; changed: c`, with at most ten names of each.
    pub fn words(&self) -> String {
        let part = |what: &str, names: &[String]| {
            let shown = names.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if names.len() > 10 { format!(" and {} more", names.len() - 10) } else { String::new() };
            (!names.is_empty()).then(|| format!("{what}: {shown}{more}"))
        };
        let parts = [part("added", &self.added), part("removed", &self.removed), part("changed", &self.changed)];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

/// What has become of the approved tools. Both lists must be whole; for lists that were cut short, compare the hashes of all.
pub fn drift(approved: &[Tool], now: &[Tool]) -> Drift {
    let hashes = |tools: &[Tool]| -> BTreeMap<String, BTreeSet<String>> {
        let mut hashes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for tool in tools {
            hashes.entry(tool.name.clone()).or_default().insert(tool.schema_hash.clone());
        }
        hashes
    };
    let (before, after) = (hashes(approved), hashes(now));
    let only = |one: &BTreeMap<String, _>, other: &BTreeMap<String, BTreeSet<String>>| {
        one.keys().filter(|name| !other.contains_key(*name)).cloned().collect::<Vec<_>>()
    };
    let changed = after.iter().filter(|(name, hash)| before.get(*name).is_some_and(|was| was != *hash));
    Drift {
        added: only(&after, &before),
        removed: only(&before, &after),
        changed: changed.map(|(name, _)| name.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(named: &[(&str, &str)]) -> Vec<Tool> {
        named.iter().map(|(name, hash)| Tool { name: (*name).into(), schema_hash: (*hash).into() }).collect()
    }

    #[test]
    fn drift_tells_what_is_new_what_is_gone_and_what_is_another() {
        let approved = tools(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let now = tools(&[("c", "1"), ("b", "2"), ("d", "1")]);
        let found = drift(&approved, &now);
        assert_eq!(found.words(), "added: d; removed: a; changed: b");
        assert!(drift(&approved, &tools(&[("c", "1"), ("b", "1"), ("a", "1")])).is_none(), "order is no drift");
        // A second tool of the same name takes the place of the first.
        assert_eq!(drift(&approved, &tools(&[("a", "1"), ("a", "9"), ("b", "1"), ("c", "1")])).changed, ["a"]);
    }

    #[test]
    fn missing_tools_are_named_once() {
        assert_eq!(missing_tools(["x", "a", "x"], &tools(&[("a", "1")])), ["x"]);
        assert!(missing_tools(["a"], &tools(&[("a", "1")])).is_empty());
    }
}
