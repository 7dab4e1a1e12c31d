//! Who owns which field: `metadata.managedFields`, on updates and on server-side apply. It never stores anything.

use serde_json::{Value, json};

use super::fieldset::{FieldSet, Step};
use super::merge::{merge, remove};
use super::schema::Node;
use super::typed::{Comparison, compare, field_set, with_named_parents};

/// One entry of `metadata.managedFields`.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Who.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// Empty for the object itself.
    pub subresource: String,
    /// In which version the fields are written.
    pub api_version: String,
    /// When it last changed something.
    pub time: String,
    /// What it owns.
    pub fields: FieldSet,
}

/// Who writes now, and what that write cannot change.
pub struct Writer<'a> {
    /// Field manager.
    pub manager: &'a str,
    /// Empty for the object itself.
    pub subresource: &'a str,
    /// Version of the request.
    pub api_version: &'a str,
    /// Now, as stored.
    pub time: &'a str,
    /// Paths that this endpoint resets, and so never owns.
    pub reset: &'a FieldSet,
}

/// A field that others own: manager, how it is described, and the paths.
pub type Conflict = (Entry, Vec<String>);

/// Read the entries of an object; unreadable ones are dropped.
pub fn decode(object: &Value) -> Vec<Entry> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entries = object["metadata"]["managedFields"].as_array();
    let decoded = entries.into_iter().flatten().filter_map(|entry| {
        Some(Entry {
            manager: text(&entry["manager"]),
            operation: text(&entry["operation"]),
            subresource: text(&entry["subresource"]),
            api_version: text(&entry["apiVersion"]),
            time: text(&entry["time"]),
            fields: FieldSet::decode(&entry["fieldsV1"])?,
        })
    });
    decoded.collect()
}

/// Write the entries into an object, in the API server's order.
pub fn encode(object: &mut Value, mut entries: Vec<Entry>) {
    entries.sort_by(|a, b| {
        let key = |entry: &Entry| {
            [&entry.operation, &entry.time, &entry.manager, &entry.api_version, &entry.subresource].map(Clone::clone)
        };
        key(a).cmp(&key(b))
    });
    let encoded = entries.iter().map(|entry| {
        let mut out = json!({
            "manager": entry.manager, "operation": entry.operation, "apiVersion": entry.api_version,
            "fieldsType": "FieldsV1", "fieldsV1": entry.fields.encode(),
        });
        if !entry.time.is_empty() {
            out["time"] = json!(entry.time);
        }
        if !entry.subresource.is_empty() {
            out["subresource"] = json!(entry.subresource);
        }
        out
    });
    let encoded = encoded.collect::<Vec<_>>();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        if !encoded.is_empty() {
            metadata.insert("managedFields".to_owned(), Value::Array(encoded));
        }
    }
}

/// Fields nobody ever owns.
fn stripped() -> FieldSet {
    let mut set = FieldSet::default();
    let field = |name: &str| Step::Field(name.to_owned());
    for name in ["apiVersion", "kind", "metadata"] {
        set.insert(&[field(name)]);
    }
    for name in
        ["name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields", "resourceVersion"]
    {
        set.insert(&[field("metadata"), field(name)]);
    }
    set
}

fn difference(node: Node<'_>, old: &Value, new: &Value, reset: &FieldSet) -> Comparison {
    let all = compare(node, old, new);
    Comparison {
        added: all.added.recursive_difference(reset),
        modified: all.modified.recursive_difference(reset),
        removed: all.removed.recursive_difference(reset),
    }
}

/// Take changed and removed fields from the other entries; or say who would lose some.
fn give_up(entries: &mut Vec<Entry>, changed: &Comparison, own: Option<usize>) -> Vec<Conflict> {
    let written = changed.modified.union(&changed.added);
    let mut conflicts = Vec::new();
    for (index, entry) in entries.iter_mut().enumerate() {
        if Some(index) == own {
            continue;
        }
        let lost = entry.fields.intersection(&written);
        if !lost.is_empty() {
            conflicts.push((entry.clone(), lost.display_paths()));
        }
        entry.fields = entry.fields.difference(&lost).difference(&changed.removed);
    }
    entries.retain(|entry| !entry.fields.is_empty());
    conflicts
}

/// The entries after a create, update or patch that is no apply.
pub fn after_update(node: Node<'_>, old: &Value, new: &Value, entries: Vec<Entry>, writer: &Writer<'_>) -> Vec<Entry> {
    // An object that nobody tracks stays untracked until somebody applies.
    if entries.is_empty() && old["metadata"]["uid"].is_string() {
        return entries;
    }
    let changed = difference(node, old, new, writer.reset);
    let mut entries = entries;
    let before = entries.clone();
    give_up(&mut entries, &changed, None);
    let gained = changed.modified.union(&changed.added).recursive_difference(writer.reset).difference(&stripped());
    if gained.is_empty() {
        return entries;
    }
    let is_writer = |entry: &Entry| {
        entry.operation == "Update"
            && entry.manager == writer.manager
            && entry.subresource == writer.subresource
            && entry.api_version == writer.api_version
    };
    let kept = before.iter().find(|entry| is_writer(entry)).map(|entry| entry.fields.difference(&changed.removed));
    entries.retain(|entry| !is_writer(entry));
    entries.push(Entry {
        manager: writer.manager.to_owned(),
        operation: "Update".to_owned(),
        subresource: writer.subresource.to_owned(),
        api_version: writer.api_version.to_owned(),
        time: writer.time.to_owned(),
        fields: kept.map_or_else(|| gained.clone(), |own| own.union(&gained)),
    });
    entries
}

/// Who owns what was never tracked: nobody in particular, so that an apply conflicts with it.
fn before_first_apply(node: Node<'_>, blank: &Value, live: &Value, writer: &Writer<'_>) -> Vec<Entry> {
    let nobody = Writer { manager: "before-first-apply", ..*writer };
    after_update(node, blank, live, Vec::new(), &nobody)
}

/// What an apply makes of a live object (`blank` is an object of its kind before any write): the new object and its entries; or the conflicts.
pub fn after_apply(
    node: Node<'_>,
    live: &Value,
    blank: &Value,
    applied: &Value,
    writer: &Writer<'_>,
    force: bool,
) -> Result<(Value, Vec<Entry>), Vec<Conflict>> {
    let mut bare = live.clone();
    if let Some(metadata) = bare["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    let mut entries = decode(live);
    if entries.is_empty() {
        entries = before_first_apply(node, blank, &bare, writer);
    }
    let merged = merge(node, Some(&bare), Some(applied)).unwrap_or_default();
    let is_writer = |entry: &Entry| {
        entry.operation == "Apply" && entry.manager == writer.manager && entry.subresource == writer.subresource
    };
    let own = entries.iter().position(is_writer);
    let last = own.map(|index| entries[index].fields.clone());
    let fields = field_set(node, applied).recursive_difference(writer.reset);
    let time = own.map_or_else(String::new, |index| entries[index].time.clone());
    let entry = Entry {
        manager: writer.manager.to_owned(),
        operation: "Apply".to_owned(),
        subresource: writer.subresource.to_owned(),
        api_version: writer.api_version.to_owned(),
        time,
        fields,
    };
    let index = own.unwrap_or(entries.len());
    if own.is_some() {
        entries[index] = entry;
    } else {
        entries.push(entry);
    }
    let result = prune(node, merged, &entries, last.as_ref());
    let changed = difference(node, &bare, &result, writer.reset);
    let conflicts = give_up(&mut entries, &changed, Some(index));
    if !force && !conflicts.is_empty() {
        return Err(conflicts);
    }
    for entry in &mut entries {
        if is_writer(entry) {
            entry.fields = entry.fields.difference(&stripped());
        }
    }
    entries.retain(|entry| !entry.fields.is_empty());
    // As in Kubernetes, an apply that changes no value leaves the time alone, or absent.
    if result != bare {
        for entry in entries.iter_mut().filter(|entry| is_writer(entry)) {
            writer.time.clone_into(&mut entry.time);
        }
    }
    Ok((result, entries))
}

/// Whether two lists of entries own the same, whenever they were written.
pub fn same_fields(a: &[Entry], b: &[Entry]) -> bool {
    let plain = |entries: &[Entry]| {
        let mut plain = entries.iter().map(|entry| Entry { time: String::new(), ..entry.clone() }).collect::<Vec<_>>();
        plain.sort_by_key(|entry| {
            format!("{} {} {} {}", entry.operation, entry.manager, entry.subresource, entry.api_version)
        });
        plain
    };
    plain(a) == plain(b)
}

/// Remove what the applier owned before and applies no longer, except what others own.
fn prune(node: Node<'_>, merged: Value, entries: &[Entry], last: Option<&FieldSet>) -> Value {
    let Some(last) = last.filter(|set| !set.is_empty()) else { return merged };
    let last = with_named_parents(node, last);
    let pruned = remove(node, &merged, &last);
    let managed = entries.iter().fold(FieldSet::default(), |all, entry| all.union(&entry.fields));
    let merged_set = with_named_parents(node, &field_set(node, &merged));
    let pruned_set = with_named_parents(node, &field_set(node, &pruned));
    let kept = pruned_set.union(&with_named_parents(node, &managed));
    let pruned = remove(node, &merged, &merged_set.difference(&kept));
    let pruned_set = with_named_parents(node, &field_set(node, &pruned));
    remove(node, &merged, &merged_set.difference(&pruned_set).intersection(&last))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::server::schema::built_in;

    fn config_map() -> Node<'static> {
        let document = built_in();
        let name = document["roots"]["/v1/ConfigMap"].as_str().unwrap();
        Node::new(&document["definitions"][name], &document["definitions"])
    }

    fn apply(live: &Value, applied: &Value, manager: &str, force: bool) -> Result<Value, Vec<Conflict>> {
        let reset = FieldSet::default();
        let writer = Writer { manager, subresource: "", api_version: "v1", time: "t", reset: &reset };
        let (mut object, entries) = after_apply(config_map(), live, &json!({"metadata": {}}), applied, &writer, force)?;
        encode(&mut object, entries);
        Ok(object)
    }

    fn map(data: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": data})
    }

    #[test]
    fn an_apply_removes_what_it_applies_no_longer() {
        let live = apply(&json!({"metadata": {}}), &map(&json!({"a": "1", "b": "2"})), "x", false).unwrap();
        let live = apply(&live, &map(&json!({"c": "3"})), "y", false).unwrap();
        let live = apply(&live, &map(&json!({"a": "1"})), "x", false).unwrap();
        assert_eq!(live["data"], json!({"a": "1", "c": "3"}));
        assert_eq!(live["metadata"]["managedFields"][0]["fieldsV1"], json!({"f:data": {"f:a": {}}}));
    }

    #[test]
    fn an_apply_conflicts_with_other_values_unless_forced() {
        let live = apply(&json!({"metadata": {}}), &map(&json!({"a": "1"})), "x", false).unwrap();
        let shared = apply(&live, &map(&json!({"a": "1"})), "y", false).unwrap();
        assert_eq!(shared["metadata"]["managedFields"].as_array().unwrap().len(), 2);
        let conflicts = apply(&live, &map(&json!({"a": "2"})), "y", false).unwrap_err();
        assert_eq!(conflicts[0].0.manager, "x");
        assert_eq!(conflicts[0].1, [".data.a"]);
        let forced = apply(&live, &map(&json!({"a": "2"})), "y", true).unwrap();
        assert_eq!(forced["metadata"]["managedFields"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn an_update_takes_over_what_it_changes() {
        let live = apply(&json!({"metadata": {}}), &map(&json!({"a": "1", "b": "1"})), "x", false).unwrap();
        let reset = FieldSet::default();
        let writer = Writer { manager: "z", subresource: "", api_version: "v1", time: "t", reset: &reset };
        let new = map(&json!({"a": "2", "b": "1"}));
        let entries = after_update(config_map(), &live, &new, decode(&live), &writer);
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].fields.encode(), json!({"f:data": {"f:b": {}}}));
        assert_eq!(entries[1].fields.encode(), json!({"f:data": {"f:a": {}}}));
    }
}
