//! What is kept of an object, as compact text. A tree of maps takes some 600 bytes for each map, however small: ten times the
//! text, and most of the operator's memory on a large cluster. It is read a few times in an object's life, and never changed.

use std::sync::Arc;

use serde_json::Value;

/// One kept object, or the facts of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept(Arc<str>);

impl Kept {
    /// Of this value. Equal values are equal texts: their maps are sorted.
    pub fn of(value: &Value) -> Self {
        Self(value.to_string().into())
    }

    /// The value again.
    pub fn value(&self) -> Arc<Value> {
        // It was written from a value.
        Arc::new(serde_json::from_str(&self.0).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Kept;

    #[test]
    fn what_is_kept_is_what_was_given() {
        let value = json!({ "z": [1, -2.5, true, null], "a": { "text": "quo\"te\nü", "none": {} }, "large": u64::MAX });
        assert_eq!(*Kept::of(&value).value(), value);
        let same = json!({ "a": { "none": {}, "text": "quo\"te\nü" }, "large": u64::MAX, "z": [1, -2.5, true, null] });
        assert_eq!(Kept::of(&same), Kept::of(&value));
    }
}
