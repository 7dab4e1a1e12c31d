//! Values at an edge of a schema, and one beyond it.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{JSONSchemaProps, JSONSchemaPropsOrArray};
use regex::Regex;
use serde_json::{Map, Value, json};

/// What may be repeated in a text.
const FILLERS: [&str; 6] = ["a", "1", "A", "/a", ".a", "0"];
/// Texts to begin with where there is none.
const SEEDS: [&str; 16] = [
    "a",
    "1",
    "A",
    "/a",
    "1s",
    "1Gi",
    "v1",
    "a/b",
    "a.example",
    "A/a",
    "https://a.example/a",
    "hf://a/a",
    "metadata.name",
    "10.0.0.0/8",
    "a.example/a",
    "aa",
];
/// Texts that few patterns let through.
const STRANGE: [&str; 6] = ["", "ü", "a b!", "\n", "-", "a\u{0}"];

/// By which bound, the value, and whether the schema lets it through. `now` is what the field is.
pub fn at_edges(schema: &JSONSchemaProps, now: Option<&Value>) -> Vec<(String, Value, bool)> {
    if let Some(choices) = &schema.enum_ {
        let mut all: Vec<_> =
            choices.iter().map(|choice| (format!("enum {}", choice.0), choice.0.clone(), true)).collect();
        all.push(("enum: another".into(), json!("NoSuchChoice"), false));
        return all;
    }
    match schema.type_.as_deref() {
        Some("integer") => numbers(schema),
        Some("array") => lists(schema, now),
        Some("object") => maps(schema, now),
        Some("string") => texts(schema, now.and_then(Value::as_str)),
        _ => Vec::new(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "bounds of schemas are whole and small")]
fn numbers(schema: &JSONSchemaProps) -> Vec<(String, Value, bool)> {
    let mut all = Vec::new();
    if let Some(least) = schema.minimum.map(|bound| bound as i64) {
        all.push(("minimum".into(), json!(least), true));
        all.push(("minimum: one less".into(), json!(least - 1), false));
    }
    if let Some(most) = schema.maximum.map(|bound| bound as i64) {
        all.push(("maximum".into(), json!(most), true));
        all.push(("maximum: one more".into(), json!(most + 1), false));
    }
    all
}

fn texts(schema: &JSONSchemaProps, now: Option<&str>) -> Vec<(String, Value, bool)> {
    let pattern = schema.pattern.as_ref().map(|pattern| Regex::new(pattern).expect("a pattern"));
    let fits = |text: &str| pattern.as_ref().is_none_or(|pattern| pattern.is_match(text));
    let length = |bound: i64| usize::try_from(bound).expect("a length");
    let (least, most) = (schema.min_length.map_or(0, length), schema.max_length.map(length));
    let mut all = Vec::new();
    if let Some(most) = most {
        if let Some(text) = of_length(most, now, &fits) {
            all.push(("maxLength".into(), json!(text), true));
        }
        let beyond = of_length(most + 1, now, &fits).unwrap_or_else(|| "a".repeat(most + 1));
        all.push(("maxLength: one more".into(), json!(beyond), false));
    }
    if least > 0 {
        if let Some(text) = of_length(least, None, &fits) {
            all.push(("minLength".into(), json!(text), true));
        }
        all.push(("minLength: one less".into(), json!("a".repeat(least - 1)), false));
    }
    if pattern.is_some() {
        let strange = STRANGE.iter().filter(|text| !fits(text) && most.is_none_or(|most| text.len() <= most));
        all.extend(strange.map(|text| (format!("pattern: {text:?}"), json!(text), false)));
    }
    if schema.format.as_deref() == Some("date-time") {
        all.push(("format".into(), json!("2099-12-31T23:59:59Z"), true));
        all.push(("format: another".into(), json!("tomorrow"), false));
    }
    all
}

/// A text of just so many characters that fits.
fn of_length(length: usize, now: Option<&str>, fits: &impl Fn(&str) -> bool) -> Option<String> {
    let seeds = now.into_iter().chain(SEEDS).filter(|seed| seed.is_ascii() && seed.len() <= length);
    seeds.flat_map(|seed| grown(seed, length)).find(|text| fits(text))
}

/// A text made longer at each of its places.
fn grown(seed: &str, length: usize) -> Vec<String> {
    let missing = length - seed.len();
    let long = |filler: &str| filler.repeat(missing / filler.len() + 1);
    let places = (0..=seed.len()).rev();
    places
        .flat_map(|place| {
            FILLERS.iter().flat_map(move |filler| {
                let (head, tail) = seed.split_at(place);
                let long = long(filler);
                // From either end of the repetition, for those of two letters.
                [&long[..missing], &long[long.len() - missing..]].map(|middle| format!("{head}{middle}{tail}"))
            })
        })
        .collect()
}

fn lists(schema: &JSONSchemaProps, now: Option<&Value>) -> Vec<(String, Value, bool)> {
    let Some(JSONSchemaPropsOrArray::Schema(item)) = &schema.items else { return Vec::new() };
    let mut all = Vec::new();
    let seed = now.and_then(|now| now.as_array()?.first().cloned()).or_else(|| match item.type_.as_deref() {
        Some("string") if item.enum_.is_none() => texts(item, None)
            .into_iter()
            .find(|(_, _, is_accepted)| *is_accepted)
            .map(|(_, value, _)| value)
            .or(Some(json!("a"))),
        Some("integer") => Some(json!(1)),
        _ => None,
    });
    if let (Some(seed), Some(most)) = (&seed, schema.max_items.and_then(|most| usize::try_from(most).ok())) {
        let keys = schema.x_kubernetes_list_map_keys.clone().unwrap_or_default();
        let list = |count: usize| Value::Array((0..count).map(|index| another(seed, index, item, &keys)).collect());
        all.push(("maxItems".into(), list(most), true));
        all.push(("maxItems: one more".into(), list(most + 1), false));
    }
    if schema.min_items.is_some_and(|least| least > 0) {
        all.push(("minItems: none".into(), json!([]), false));
    }
    all
}

/// Another entry of the same list.
fn another(seed: &Value, index: usize, schema: &JSONSchemaProps, keys: &[String]) -> Value {
    match seed {
        Value::String(text) => json!(renamed(text, index, schema)),
        Value::Number(number) => json!(number.as_i64().unwrap_or_default() + i64::try_from(index).unwrap_or_default()),
        Value::Object(fields) => {
            let mut fields: Map<String, Value> = fields.clone();
            // What has to be different may be more than the keys: ports, paths.
            let names = ["name", "port", "mountPath", "id"].into_iter().chain(keys.iter().map(String::as_str));
            for name in names.collect::<std::collections::BTreeSet<_>>() {
                let part = schema.properties.as_ref().and_then(|properties| properties.get(name));
                if let (Some(field), Some(part)) = (fields.get_mut(name), part) {
                    *field = another(&field.clone(), index, part, &[]);
                }
            }
            Value::Object(fields)
        }
        other => other.clone(),
    }
}

/// A text of the same sort that is another for each index.
fn renamed(text: &str, index: usize, schema: &JSONSchemaProps) -> String {
    let pattern = schema.pattern.as_ref().and_then(|pattern| Regex::new(pattern).ok());
    let most = schema.max_length.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let fits = |text: &String| text.len() <= most && pattern.as_ref().is_none_or(|pattern| pattern.is_match(text));
    let stems = [text, text.get(..1).unwrap_or_default(), text.get(..text.len() / 2).unwrap_or_default()];
    let ends = [format!("{index}"), format!("x{index}"), format!(":{index}")];
    let mut all = stems.iter().flat_map(|stem| ends.iter().map(move |end| format!("{stem}{end}")));
    all.find(fits).unwrap_or_else(|| text.to_owned())
}

fn maps(schema: &JSONSchemaProps, now: Option<&Value>) -> Vec<(String, Value, bool)> {
    let Some(most) = schema.max_properties.and_then(|most| usize::try_from(most).ok()) else { return Vec::new() };
    let value = now.and_then(|now| now.as_object()?.values().next().cloned()).unwrap_or_else(|| json!("1"));
    let map = |count: usize| Value::Object((0..count).map(|index| (format!("k{index}"), value.clone())).collect());
    vec![("maxProperties".into(), map(most), true), ("maxProperties: one more".into(), map(most + 1), false)]
}
