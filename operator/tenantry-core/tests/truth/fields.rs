//! A field that is silently ignored: every field of the four kinds' specs is set to something else, wherever it may stand, and each time
//! the plan must change, or something must be refused or said that names the field.

use std::collections::BTreeSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use regex::Regex;
use serde_json::{Value, json};
use tenantry_core::schema;

use crate::edges::specs::{hosts, smallest};
use crate::stage::{Stage, WELL, offers};
use crate::support::{plan_as_value, registration};

/// What changes, somewhere at least, neither plan nor condition nor address, with the reason why that is no silence.
const EXCEPTIONS: [(&str, &str); 8] = [
    ("McpServer spec.remote.headersFrom[].name", CLIENTS),
    ("McpServer spec.remote.headersFrom[].secretRef.key", CLIENTS),
    ("McpServer spec.remote.headersFrom[].secretRef.name", CLIENTS),
    ("McpServer spec.remote.headersFrom[].secretRef.optional", CLIENTS),
    (
        "McpServer spec.verification.pinTools",
        "status.pinned says what is pinned; golden case tools-changed, what follows",
    ),
    ("ModelDeployment spec.runtime.protocol", "it decides about the readiness probe, where the spec gives none"),
    ("ModelDeployment spec.versions[].match.headers", "status.traffic says what routes are to do"),
    ("ModelDeployment spec.versions[].trafficPercent", "status.traffic says what routes are to do"),
];
const CLIENTS: &str = "pods of whoever refers to the server get it: golden case called-with-headers of Agent";

/// What the schema lets nobody change by itself: its rules say what belongs together, or which field to set instead.
const CLOSED: [&str; 3] = ["Agent spec.type", "ModelDeployment spec.args", "ModelDeployment spec.image"];

/// Words to try as the value of a text, in this order: the first that the schema lets through and that is another one is taken.
const WORDS: [&str; 25] = [
    "other",
    "OTHER",
    "other/path",
    "/other",
    "20s",
    "2m",
    "2",
    "7",
    "3Gi",
    "registry.example/other:2",
    "https://203.0.113.9/mcp",
    "hf://example/other",
    "pvc://other/path",
    "metadata.uid",
    "example.com/gpu",
    "v7",
    "v8",
    "2026-07-28",
    "2222222222222222222222222222222222222222222222222222222222222222",
    "topology.example/zone",
    "X-Other",
    "next",
    "find",
    "OTHER_NAME",
    "https://other.example/v1",
];
/// As many are tried of each.
const MOST: usize = 6;
const NUMBERS: [i64; 12] = [2, 3, 1, 4, 6, 9, 11, 40, 90, 5, 100, 8181];

#[test]
fn no_field_of_an_application_is_silently_ignored() {
    check("Application");
}

#[test]
fn no_field_of_an_agent_is_silently_ignored() {
    check("Agent");
}

#[test]
fn no_field_of_an_mcp_server_is_silently_ignored() {
    check("McpServer");
}

#[test]
fn no_field_of_a_model_deployment_is_silently_ignored() {
    check("ModelDeployment");
}

fn check(kind: &'static str) {
    let crd = (registration(kind).crd)();
    let spec = spec_of(&crd);
    let mut leaves = Vec::new();
    collect(&spec, "spec", &mut leaves);
    let mut faults: BTreeSet<String> = BTreeSet::new();
    let (mut used, mut set) = (BTreeSet::new(), BTreeSet::new());
    for (index, host) in hosts(kind).iter().enumerate() {
        let stage = stage(kind, host);
        assert_eq!(schema::faults(&crd, &stage.cr), Vec::<String>::new(), "{kind}: {host}");
        let before = Seen::of(&stage, &stage.cr).expect("a well-formed resource");
        assert!(before.refused.is_empty(), "{kind}: {host} is refused: {:?}", before.refused);
        for (path, leaf) in &leaves {
            let steps: Vec<&str> = path.split('.').skip(1).collect();
            // Each host is about what it has beyond the smallest.
            let field = steps.first().map(|step| step.trim_end_matches("[]")).unwrap_or_default();
            if index > 0 && host[field] == smallest(kind)[field] {
                continue;
            }
            // What is nowhere in a host is put into the first.
            for (cr, pointer) in places(stage.cr.clone(), "/spec", &spec, &steps, index == 0) {
                match verdict(&crd, &stage, &before, path, &mutations(&cr, &pointer, leaf)) {
                    Verdict::Heard => drop(set.insert(path)),
                    Verdict::CannotBeSet => {}
                    Verdict::Ignored(changed) => {
                        set.insert(path);
                        match EXCEPTIONS.iter().find(|(exception, _)| *exception == format!("{kind} {path}")) {
                            Some((exception, _)) => drop(used.insert(*exception)),
                            None => drop(faults.insert(format!("{path} is ignored in {}", changed["spec"]))),
                        }
                    }
                }
            }
        }
    }
    let closed: BTreeSet<&str> =
        CLOSED.into_iter().filter_map(|field| field.strip_prefix(kind)).map(str::trim).collect();
    assert!(closed.iter().all(|field| set.iter().all(|path| path != field)), "{closed:?} can be set");
    let untried = leaves.iter().filter(|(path, _)| !set.contains(path) && !closed.contains(path.as_str()));
    faults.extend(untried.map(|(path, _)| format!("{path}: nothing here lets it be set")));
    assert!(
        faults.is_empty(),
        "{} faults of {kind}:\n{}",
        faults.len(),
        faults.into_iter().collect::<Vec<_>>().join("\n")
    );
    let listed = EXCEPTIONS.iter().map(|(field, _)| *field).filter(|field| field.starts_with(&format!("{kind} ")));
    assert_eq!(used, listed.collect(), "exceptions that are none any more");
}

/// What became of a field that was set to something else.
enum Verdict {
    /// Something follows from it.
    Heard,
    /// Nothing does, though the API server would take it; with the resource.
    Ignored(Value),
    /// The API server takes none of these.
    CannotBeSet,
}

fn verdict(crd: &CustomResourceDefinition, stage: &Stage, before: &Seen, path: &str, all: &[Value]) -> Verdict {
    let is_taken = |cr: &&Value| schema::faults(crd, cr).is_empty();
    let is_heard = |cr: &&Value| {
        Seen::of(stage, cr)
            .is_some_and(|after| before.plan != after.plan || before.told != after.told || after.names(path))
    };
    // Asking the schema costs most, so that comes last.
    let mut unheard = Vec::new();
    for cr in all {
        if !is_heard(&cr) {
            unheard.push(cr);
        } else if is_taken(&cr) {
            return Verdict::Heard;
        }
    }
    unheard.into_iter().find(is_taken).map_or(Verdict::CannotBeSet, |cr| Verdict::Ignored(cr.clone()))
}

/// What comes of a spec.
struct Seen {
    plan: Value,
    /// Conditions and address.
    told: Value,
    refused: Vec<String>,
}

impl Seen {
    /// None if it is not even well-formed.
    fn of(stage: &Stage, cr: &Value) -> Option<Self> {
        let plan = stage.plan_of(cr)?;
        let refused = plan.refusals.iter().map(|refusal| without_indices(&refusal.field)).collect();
        let status = stage.status_of(cr, &plan);
        let told = json!([status["conditions"], status["url"]]);
        Some(Self { plan: plan_as_value(&plan), told, refused })
    }

    /// Whether something that is refused is this field, or what it is in.
    fn names(&self, path: &str) -> bool {
        let path = path.replace("[]", "");
        self.refused.iter().any(|field| path == *field || path.starts_with(&format!("{field}.")))
    }
}

/// `spec.env[KEY].value` -> `spec.env.value`.
fn without_indices(field: &str) -> String {
    let (mut depth, mut outside) = (0, String::new());
    for letter in field.chars() {
        match letter {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ if depth == 0 => outside.push(letter),
            _ => {}
        }
    }
    outside
}

fn stage(kind: &'static str, host: &Value) -> Stage {
    let mut stage = Stage::new(kind, host);
    offers(&mut stage.world);
    stage.settle();
    stage.run(WELL);
    stage
}

fn spec_of(crd: &CustomResourceDefinition) -> JSONSchemaProps {
    let schema = crd.spec.versions[0].schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
    schema.and_then(|schema| schema.properties.as_ref()?.get("spec").cloned()).expect("a spec")
}

/// Fields without further fields in them, by path; `[]` is an entry of a list.
fn collect(schema: &JSONSchemaProps, path: &str, leaves: &mut Vec<(String, JSONSchemaProps)>) {
    if let Some(properties) = &schema.properties {
        for (name, part) in properties {
            collect(part, &format!("{path}.{name}"), leaves);
        }
        return;
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items
        && items.properties.is_some()
    {
        collect(items, &format!("{path}[]"), leaves);
        return;
    }
    leaves.push((path.to_owned(), schema.clone()));
}

/// The resource with the field at this place as something else.
fn mutations(cr: &Value, pointer: &str, leaf: &JSONSchemaProps) -> Vec<Value> {
    let unsaid = leaf.default.as_ref().map(|default| default.0.clone());
    let before = cr.pointer(pointer).cloned().or(unsaid).unwrap_or_default();
    let Some((parent, name)) = pointer.rsplit_once('/') else { return Vec::new() };
    let changed = values(leaf, &before).into_iter().filter_map(|value| {
        let mut cr = cr.clone();
        cr.pointer_mut(parent)?.as_object_mut()?.insert(name.to_owned(), value);
        Some(cr)
    });
    // One of them will do.
    changed.take(MOST).collect()
}

/// Where the field is, or could be, and the resource in which it could: in every entry of the lists on its way. If `is_made`, what it is in is
/// made from the least that its schema requires where it does not exist.
fn places(cr: Value, pointer: &str, schema: &JSONSchemaProps, steps: &[&str], is_made: bool) -> Vec<(Value, String)> {
    let [step, rest @ ..] = steps else { return Vec::new() };
    let (name, is_list) = step.strip_suffix("[]").map_or((*step, false), |name| (name, true));
    let here = format!("{pointer}/{name}");
    let Some(part) = schema.properties.as_ref().and_then(|properties| properties.get(name)) else { return Vec::new() };
    if rest.is_empty() {
        return vec![(cr, here)];
    }
    let mut cr = cr;
    if cr.pointer(&here).is_none() {
        if !is_made {
            return Vec::new();
        }
        let Some(parent) = cr.pointer_mut(pointer) else { return Vec::new() };
        parent[name] = least(part);
    }
    match (&part.items, is_list) {
        (Some(JSONSchemaPropsOrArray::Schema(items)), true) => {
            let count = cr.pointer(&here).and_then(Value::as_array).map_or(0, Vec::len);
            (0..count).flat_map(|index| places(cr.clone(), &format!("{here}/{index}"), items, rest, is_made)).collect()
        }
        _ => places(cr, &here, part, rest, is_made),
    }
}

/// The least that this schema lets through.
fn least(schema: &JSONSchemaProps) -> Value {
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
        return json!([least(items)]);
    }
    let Some(properties) = &schema.properties else {
        return values(schema, &Value::Null).into_iter().next().unwrap_or_default();
    };
    let required = schema.required.iter().flatten();
    let fields = required.filter_map(|name| Some((name.clone(), least(properties.get(name)?))));
    Value::Object(fields.collect())
}

/// Other values that may do.
fn values(leaf: &JSONSchemaProps, before: &Value) -> Vec<Value> {
    let all: Vec<Value> = if let Some(choices) = &leaf.enum_ {
        choices.iter().map(|choice| choice.0.clone()).collect()
    } else {
        match leaf.type_.as_deref() {
            Some("boolean") => vec![json!(true), json!(false)],
            Some("integer") => NUMBERS.map(Value::from).into(),
            Some("array") => {
                let item = match &leaf.items {
                    Some(JSONSchemaPropsOrArray::Schema(item)) => item.as_ref().clone(),
                    _ => JSONSchemaProps::default(),
                };
                values(&item, &Value::Null).into_iter().map(|item| json!([item])).collect()
            }
            Some("object") => {
                let value = match &leaf.additional_properties {
                    Some(JSONSchemaPropsOrBool::Schema(value)) => value.as_ref().clone(),
                    _ => JSONSchemaProps::default(),
                };
                let mut all = Vec::new();
                for name in ["cpu", "other"] {
                    for value in values(&value, &Value::Null) {
                        let mut map = before.clone();
                        if map.is_null() {
                            map = json!({});
                        }
                        map[name] = value;
                        all.push(map);
                    }
                }
                all
            }
            _ => WORDS.map(Value::from).into(),
        }
    };
    all.into_iter().filter(|value| value != before && fits(leaf, value)).collect()
}

/// Whether a text is what its schema lets through, as far as its text alone tells.
fn fits(leaf: &JSONSchemaProps, value: &Value) -> bool {
    let Some(text) = value.as_str() else { return true };
    let is_long_enough =
        leaf.min_length.is_none_or(|least| i64::try_from(text.len()).is_ok_and(|length| length >= least));
    let pattern = leaf.pattern.as_ref().and_then(|pattern| Regex::new(pattern).ok());
    is_long_enough && pattern.is_none_or(|pattern| pattern.is_match(text))
}

#[test]
fn names_of_fields_are_compared_without_indices() {
    for (field, expected) in
        [("spec.env[KEY].value", "spec.env.value"), ("spec.expose", "spec.expose"), ("spec.a[b[0]].c", "spec.a.c")]
    {
        assert_eq!(without_indices(field), expected);
    }
}
