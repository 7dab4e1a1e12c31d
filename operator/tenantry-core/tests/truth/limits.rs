//! Every field at its edges: what the schema lets through is planned without breaking a rule, or refused by name; what comes of it keeps within
//! Kubernetes' own limits. The API server's word on the same resources is in `e2e/tests/operator/edges.rs`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;
use tenantry_core::check;
use tenantry_core::plan::Plan;
use tenantry_core::schema;

use crate::edges::{Edge, TRIED, edges};
use crate::stage::{Stage, condition, offers};
use crate::support::registration;

/// Edges at which no resource here is accepted by the API server, by a part of their titles, with the reason.
const UNREACHED: [(&str, &str); 13] = [
    (
        "matchExpressions[].operator enum",
        "Exists and DoesNotExist have no values, Gt and Lt one number: reject and accept cases of Application",
    ),
    ("tools[].requireApproval", "only what is among toolNames can need approval"),
    ("McpServer spec.verification.interval minLength", "a rule asks for 10s or more, which has a letter more"),
    ("ModelDeployment spec.args", CLOSED),
    ("ModelDeployment spec.image", CLOSED),
    ("scaling.maxReplicas minimum", "it is not less than minReplicas, which versions here have as 2"),
    ("scaling.minReplicas maximum", "it is not more than maxReplicas, which versions here have as 5"),
    ("versions[].scaling.metrics[].averageUtilization", "of Cpu and Memory only; the trunk's is tried"),
    ("ServiceGrant spec.expiresAt maxLength", "no time is as long as its text may be"),
    ("ServiceGrant spec.methods maxItems", "there are fewer methods than that"),
    (
        "ServiceRoute spec.policies.allowedNetworks maxItems",
        "a rule wants each to be a network; the generator makes other texts",
    ),
    ("ServiceRoute spec.protocol enum \"T", STREAM),
    ("ServiceRoute spec.port", STREAM),
];
const STREAM: &str = "a stream has no path, which the others here have: accept and reject cases of ServiceRoute";
const CLOSED: &str = "a rule says which field to set instead";

/// A kind, its edges, and the fields that have none that can be reached.
type Listed = (&'static str, Vec<Edge>, BTreeSet<String>);

/// Made once: asking the schema takes a while.
static ALL: LazyLock<Vec<Listed>> = LazyLock::new(|| {
    let one = |kind: &'static str| {
        let (edges, unreached) = edges(kind);
        (kind, edges, unreached)
    };
    // Each kind on a thread of its own.
    let threads = TRIED.map(|kind| std::thread::spawn(move || one(kind)));
    threads.into_iter().map(|thread| thread.join().expect("made")).collect()
});

#[test]
fn one_beyond_each_edge_is_refused_by_the_name_of_the_field() {
    let mut wrong = Vec::new();
    for (kind, edges, _) in &*ALL {
        let crd = (registration(kind).crd)();
        for Edge { title, cr, refused_at } in edges {
            let Some(place) = refused_at else { continue };
            let faults = schema::faults(&crd, cr);
            if !faults.iter().any(|fault| fault.starts_with(place.as_str())) {
                wrong.push(format!("{title}: {faults:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_edge_can_be_reached() {
    let unreached = || ALL.iter().flat_map(|(_, _, unreached)| unreached);
    let unlisted = unreached().filter(|title| !UNREACHED.iter().any(|(part, _)| title.contains(part)));
    assert_eq!(unlisted.collect::<Vec<_>>(), Vec::<&String>::new());
    for (part, _) in UNREACHED {
        assert!(unreached().any(|title| title.contains(part)), "{part} is reached now");
    }
}

#[test]
fn what_is_at_an_edge_is_planned_or_refused_by_name_and_breaks_no_rule() {
    let (mut wrong, mut planned) = (Vec::new(), 0);
    for (kind, edges, _) in &*ALL {
        let stage = stage(kind);
        for Edge { title, cr, .. } in edges.iter().filter(|edge| edge.refused_at.is_none()) {
            match stage.plan_of(cr) {
                None => wrong.push(format!("{title}: cannot be read")),
                Some(plan) => {
                    planned += 1;
                    wrong.extend(faults(&plan).into_iter().map(|fault| format!("{title}: {fault}")));
                    let status = stage.status_of(cr, &plan);
                    if condition(&status, "Ready").1.is_empty() {
                        wrong.push(format!("{title}: it says nothing"));
                    }
                }
            }
        }
    }
    println!("{planned} planned");
    assert!(planned > 500, "{planned}");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn stage(kind: &'static str) -> Stage {
    let mut stage = Stage::in_environment(kind);
    offers(&mut stage.world);
    stage
}

/// What is wrong with a plan, whatever it is a plan of.
fn faults(plan: &Plan) -> Vec<String> {
    let mut faults: Vec<String> = check::violation(plan).into_iter().collect();
    let is_named = |field: &str| field.starts_with("spec.") || field == "metadata.name";
    faults.extend(
        plan.refusals.iter().filter(|one| !is_named(&one.field)).map(|one| format!("refused at {}", one.field)),
    );
    for object in &plan.desired {
        let key = object.key();
        if key.name.len() > 63 || !pattern("^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$").is_match(&key.name) {
            faults.push(format!("the name of {key}"));
        }
        let mut found = Vec::new();
        limits(object.body(), "", &mut found);
        faults.extend(found.into_iter().map(|fault| format!("{key}: {fault}")));
    }
    faults
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

/// What Kubernetes would not take of an object: labels, variables, ports.
fn limits(value: &Value, path: &str, faults: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, part) in fields {
                let path = format!("{path}.{name}");
                if ["labels", "matchLabels", "selector", "nodeSelector"].contains(&name.as_str()) {
                    faults.extend(labels(part).map(|label| format!("{path}: {label}")));
                }
                if name.to_lowercase().ends_with("port")
                    && part.as_i64().is_some_and(|port| !(1..=65535).contains(&port))
                {
                    faults.push(format!("{path}: {part}"));
                }
                if name == "env" {
                    faults.extend(variables(part).map(|variable| format!("{path}: {variable}")));
                }
                limits(part, &path, faults);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| limits(item, path, faults)),
        _ => {}
    }
}

fn labels(map: &Value) -> impl Iterator<Item = String> {
    let key = pattern("^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$");
    let value = pattern("^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$");
    let texts = map.as_object().into_iter().flatten().filter_map(|(key, text)| Some((key, text.as_str()?)));
    texts
        .filter(move |(name, text)| !key.is_match(name) || !value.is_match(text))
        .map(|(name, text)| format!("{name}={text}"))
}

fn variables(list: &Value) -> impl Iterator<Item = String> {
    let valid = pattern("^[-._a-zA-Z][-._a-zA-Z0-9]*$");
    let names: Vec<String> =
        list.as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).map(str::to_owned).collect();
    let twice: Vec<String> = names
        .iter()
        .enumerate()
        .filter(|(at, name)| names[..*at].contains(name))
        .map(|(_, name)| format!("{name} twice"))
        .collect();
    names.into_iter().filter(move |name| !valid.is_match(name)).chain(twice)
}
