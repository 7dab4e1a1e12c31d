//! JSON merge patches (RFC 7396): the smallest patch from one value to another. It sends nothing.

use serde_json::{Map, Value};

/// The merge patch that turns `before` into `after`; `None` if they are equal. Lists are replaced whole.
pub fn difference(before: &Value, after: &Value) -> Option<Value> {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let mut patch = Map::new();
            for (key, value) in new {
                match old.get(key) {
                    Some(earlier) => {
                        if let Some(change) = difference(earlier, value) {
                            patch.insert(key.clone(), change);
                        }
                    }
                    None if value.is_null() => {}
                    None => {
                        patch.insert(key.clone(), value.clone());
                    }
                }
            }
            patch.extend(old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null)));
            (!patch.is_empty()).then_some(Value::Object(patch))
        }
        _ => (before != after).then(|| after.clone()),
    }
}

/// Sets every key of `owned` that `patch` does not name to null.
pub fn null_where_absent(owned: &Value, patch: &mut Value) {
    for key in owned.as_object().into_iter().flat_map(Map::keys) {
        if patch[key].is_null() {
            patch[key] = Value::Null;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_values_need_no_patch() {
        assert_eq!(difference(&json!({"a": [1], "b": {}}), &json!({"a": [1], "b": {}})), None);
    }

    #[test]
    fn what_is_gone_becomes_null_and_lists_are_replaced() {
        let before = json!({"keep": 1, "gone": 2, "deep": {"x": 1, "y": 2}, "list": [1, 2]});
        let after = json!({"keep": 1, "deep": {"x": 3}, "list": [2], "new": {"n": 1}});
        let expected = json!({"gone": null, "deep": {"x": 3, "y": null}, "list": [2], "new": {"n": 1}});
        assert_eq!(difference(&before, &after), Some(expected));
    }

    #[test]
    fn owned_and_no_longer_wanted_becomes_null() {
        let mut patch = json!({"a": "1"});
        null_where_absent(&json!({"a": "0", "b": "2"}), &mut patch);
        assert_eq!(patch, json!({"a": "1", "b": null}));
    }
}
