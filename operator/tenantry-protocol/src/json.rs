//! JSON from strangers, within bounds. Knows nothing of what it means.

use std::fmt::Write as _;

use ring::digest::{SHA256, digest};
use serde_json::Value;

/// How deeply objects and lists may be nested. Schemas of tools go about ten deep.
pub const MAX_DEPTH: usize = 64;

/// Why bytes are not taken for JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// RFC 8259 asks for UTF-8.
    #[error("the answer is not UTF-8: byte {0} is wrong")]
    NotUtf8(usize),
    /// Deeper than [`MAX_DEPTH`].
    #[error("the answer's JSON is nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// Not JSON.
    #[error("the answer is not JSON: line {line}, column {column}")]
    Malformed {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// Nothing at all.
    #[error("the answer is empty")]
    Empty,
}

/// Reads bytes as JSON.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonFault> {
    let text = std::str::from_utf8(bytes).map_err(|error| JsonFault::NotUtf8(error.valid_up_to()))?;
    if text.trim().is_empty() {
        return Err(JsonFault::Empty);
    }
    // Before parsing, so that depth costs no stack.
    if depth(text) > MAX_DEPTH {
        return Err(JsonFault::TooDeep);
    }
    serde_json::from_str(text).map_err(|error| JsonFault::Malformed { line: error.line(), column: error.column() })
}

/// The deepest nesting, of text that need not be valid.
fn depth(text: &str) -> usize {
    let (mut deepest, mut now, mut in_string, mut is_escaped) = (0_usize, 0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                now += 1;
                deepest = deepest.max(now);
            }
            b'}' | b']' if !in_string => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The same text for equal values: keys sorted, no blanks.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            let fields: Vec<String> = fields
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::String(key.clone()), canonical(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}

/// SHA-256 in hexadecimal digits: of what an adversary makes, a hash that no adversary can make twice.
pub fn sha256(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref().iter().fold(String::new(), |mut digits, byte| {
        // Writing to a text cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_json_is_told_apart() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(parse(b"{\"a\": \"\xff\"}"), Err(JsonFault::NotUtf8(7)));
        assert_eq!(parse(nested(MAX_DEPTH + 1).as_bytes()), Err(JsonFault::TooDeep));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(parse(b"<html>"), Err(JsonFault::Malformed { line: 1, column: 1 }));
        assert_eq!(parse(b" \n"), Err(JsonFault::Empty));
        assert!(parse(format!("\"{}\"", "[{\\\"".repeat(100)).as_bytes()).is_ok(), "brackets in strings do not nest");
    }

    #[test]
    fn canonical_text_does_not_depend_on_the_order_of_keys() {
        let (one, other) = (r#"{"b":[1,{"y":null,"x":"\n"}],"a":1.5}"#, r#"{ "a":1.5, "b":[1, {"x":"\n","y":null}] }"#);
        let text = |json: &str| canonical(&parse(json.as_bytes()).expect("JSON"));
        assert_eq!(text(one), text(other));
        assert_eq!(text(one), r#"{"a":1.5,"b":[1,{"x":"\n","y":null}]}"#);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_fall(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
