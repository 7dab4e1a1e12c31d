//! CEL rules and patterns of a custom kind, compiled once and evaluated at every write. It never words a refusal.

use std::collections::BTreeMap;

use kube::core::cel::{CompiledSchema, ValidationError, ValidationErrors, Validator, compile_schema};
use serde_json::{Value, json};

/// The compiled parts of one schema.
#[derive(Default)]
pub struct Compiled {
    rules: Option<CompiledSchema>,
    patterns: BTreeMap<String, CompiledSchema>,
}

impl Compiled {
    /// Compile a schema.
    pub fn new(schema: &Value) -> Self {
        let mut patterns = BTreeMap::new();
        collect_patterns(schema, &mut patterns);
        Self { rules: has_rules(schema).then(|| compile_schema(schema)), patterns }
    }

    /// Whether there is any rule at all.
    pub fn has_rules(&self) -> bool {
        self.rules.is_some()
    }

    /// The rules an object breaks.
    pub fn broken_rules(&self, object: &Value, old: Option<&Value>) -> Vec<ValidationError> {
        let result = self.rules.as_ref().map(|rules| Validator::new().validate_compiled(rules, object, old));
        result.and_then(Result::err).map_or_else(Vec::new, ValidationErrors::into_vec)
    }

    /// Whether a text matches a pattern of the schema.
    pub fn matches(&self, pattern: &str, text: &str) -> bool {
        let found = self.patterns.get(pattern);
        found.is_none_or(|pattern| Validator::new().validate_compiled(pattern, &json!(text), None).is_ok())
    }
}

fn has_rules(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.contains_key("x-kubernetes-validations") || map.values().any(has_rules),
        Value::Array(items) => items.iter().any(has_rules),
        _ => false,
    }
}

/// Patterns are evaluated as CEL does it, so that no second regular expression engine is needed.
fn collect_patterns(schema: &Value, out: &mut BTreeMap<String, CompiledSchema>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(pattern)) = map.get("pattern")
                && !out.contains_key(pattern)
            {
                let rule = format!("self.matches({})", json!(pattern));
                let schema = json!({"type": "string", "x-kubernetes-validations": [{"rule": rule, "message": "no"}]});
                out.insert(pattern.clone(), compile_schema(&schema));
            }
            map.values().for_each(|below| collect_patterns(below, out));
        }
        Value::Array(items) => items.iter().for_each(|below| collect_patterns(below, out)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_patterns_bite() {
        let compiled = Compiled::new(&json!({"type": "object", "properties": {
            "a": {"type": "string", "pattern": "^[a-z]{1,3}$"},
            "n": {"type": "integer", "x-kubernetes-validations": [{"rule": "self < 3", "message": "too many"}]},
        }}));
        assert!(compiled.matches("^[a-z]{1,3}$", "abc") && !compiled.matches("^[a-z]{1,3}$", "A"));
        assert_eq!(compiled.broken_rules(&json!({"n": 5}), None)[0].message, "too many");
        assert!(compiled.broken_rules(&json!({"n": 1}), None).is_empty());
    }
}
