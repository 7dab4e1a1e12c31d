//! What the tests of this crate share: YAML worlds, and an outcome as a willing API server would give it.
#![allow(dead_code)] // Each test file is a program of its own and uses a part.
#![allow(clippy::panic)] // A test file that cannot be read is named.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};
use tenantry_core::external::Answer;
use tenantry_core::kind::{Outcome, Progress, Registration};
use tenantry_core::kinds::KINDS;
use tenantry_core::object::{Desired, ObjectKey};
use tenantry_core::plan::Plan;
use tenantry_core::resources::{Watch, Write};
use tenantry_core::world::{MemoryWorld, World};
use tenantry_core::{content, enforcement, names};

pub fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().expect("a time")
}

pub fn kinds_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kinds")
}

/// `TenantClass` -> `tenant_class`.
pub fn folder_of(kind: &str) -> String {
    let mut folder = String::new();
    for letter in kind.chars() {
        if letter.is_uppercase() && !folder.is_empty() {
            folder.push('_');
        }
        folder.extend(letter.to_lowercase());
    }
    folder
}

pub fn registration(kind: &str) -> &'static Registration {
    KINDS.iter().find(|registration| registration.resource.kind == kind).expect("a registered kind")
}

/// All subfolders or files of a folder, sorted.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    entries
}

pub fn documents(path: &Path) -> Vec<Value> {
    let Ok(text) = fs::read_to_string(path) else { return Vec::new() };
    serde_saphyr::from_multiple::<Value>(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A cluster on which Tenantry has just been installed.
pub fn installed_world() -> MemoryWorld {
    let mut world = MemoryWorld::default();
    for object in enforcement::installed(names::OPERATOR_NAMESPACE) {
        world.insert(object).expect("a known kind");
    }
    world
}

/// The objects of a world file, besides what an installation brings. A document `{unsynced: [Kind]}` says of what nothing is
/// known, `{answer: {url, mcp: verdict}}` (or `a2a`) what is answered outside, and `{uninstalled: [name]}` which admission policy or
/// binding is not there.
pub fn read_world(path: &Path) -> MemoryWorld {
    let mut world = installed_world();
    for document in documents(path) {
        if let Some(names) = document["uninstalled"].as_array() {
            let gone =
                |key: &ObjectKey| key.resource.write == Write::ByName && names.iter().any(|name| *name == key.name);
            let gone: Vec<ObjectKey> = world.keys().filter(|key| gone(key)).cloned().collect();
            assert!(!gone.is_empty(), "{}: none of {names:?} is installed", path.display());
            for key in &gone {
                world.remove(key);
            }
            continue;
        }
        if let Some(url) = document["answer"]["url"].as_str() {
            world.answers(url, answer(&document["answer"], path));
            continue;
        }
        if let Some(kinds) = document["unsynced"].as_array() {
            for resource in tenantry_core::access::visible(KINDS) {
                if kinds.iter().any(|kind| kind == resource.kind) {
                    world.forget(resource);
                }
            }
        } else {
            world.insert(document).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
    world
}

fn answer(document: &Value, path: &Path) -> Answer {
    let wrong = |error: serde_json::Error| -> ! { panic!("{}: no verdict: {error}", path.display()) };
    if document["mcp"].is_null() {
        Answer::A2a(serde_json::from_value(document["a2a"].clone()).unwrap_or_else(|error| wrong(error)))
    } else {
        Answer::Mcp(serde_json::from_value(document["mcp"].clone()).unwrap_or_else(|error| wrong(error)))
    }
}

pub fn plan(registration: &Registration, cr: &Value, world: &MemoryWorld) -> Plan {
    (registration.plan)(cr, &World::new(world), now()).expect("a well-formed resource")
}

/// What came of a plan if every write has just succeeded: seen where the world shows it so, else written.
pub fn outcome<'a>(plan: &'a Plan, world: &MemoryWorld) -> Outcome<'a> {
    let progress = |object: &Desired| match world.whole(object.key()) {
        // What the server answers to a write is all that is ever known of it.
        _ if object.key().resource.watch == Watch::Blind => Progress::Observed,
        Some(seen) if is_as_wanted(object, seen) => Progress::Observed,
        _ => Progress::Written,
    };
    let adjusted = plan.adjustments.iter().map(|adjustment| (adjustment.key.clone(), Progress::Written));
    let wanted = plan.desired.iter().map(|object| (object.key().clone(), progress(object)));
    let objects: BTreeMap<_, _> = wanted.chain(adjusted).collect();
    Outcome { plan, objects, leaving: Vec::new(), violation: None }
}

pub fn is_as_wanted(object: &Desired, seen: &Value) -> bool {
    let resource = object.key().resource;
    content::hash_desired(resource, object.body()) == content::hash_observed(resource, seen)
}

pub fn status(registration: &Registration, cr: &Value, world: &MemoryWorld, outcome: &Outcome) -> Value {
    (registration.status)(cr, &World::new(world), outcome, now()).expect("a well-formed resource")
}

/// The world after everything wanted was written, everything else removed, and quotas were taken up.
pub fn applied(plan: &Plan, world: &MemoryWorld) -> MemoryWorld {
    let mut next = world.clone();
    for object in plan.desired.iter().filter(|object| object.key().resource.watch != Watch::Blind) {
        let mut body = object.body().clone();
        if let Some(before) = world.whole(object.key()) {
            body["metadata"]["uid"] = before["metadata"]["uid"].clone();
        } else {
            body["metadata"]["uid"] = json!(format!("uid-of-{}", object.key()));
        }
        if object.key().resource.kind == "ResourceQuota" {
            body["status"] = json!({ "hard": body["spec"]["hard"], "used": {} });
        }
        next.insert(body).expect("a known kind");
    }
    let gone: Vec<_> = world
        .keys()
        .filter(|key| !matches!(key.resource.write, Write::Never | Write::ByName))
        .filter(|key| plan.decides(key) && !plan.desired.iter().any(|object| object.key() == *key))
        .cloned()
        .collect();
    for key in gone {
        next.remove(&key);
    }
    next
}

pub fn plan_as_value(plan: &Plan) -> Value {
    let list = |items: Vec<String>| Value::from(items);
    // What is kept by name is in the repository as the chart has it.
    let body = |object: &Desired| match object.key().resource.write {
        Write::ByName => Value::from(object.key().to_string()),
        _ => object.body().clone(),
    };
    let mut shown = json!({
        "desired": plan.desired.iter().map(body).collect::<Vec<_>>(),
        "undecided": list(plan.undecided.iter().map(ToString::to_string).collect()),
        "refusals": plan.refusals.iter().map(|refusal| json!({ "reason": refusal.reason.name(), "field": refusal.field, "message": refusal.message })).collect::<Vec<_>>(),
        "waits": plan.waits.iter().map(|wait| json!({ "reason": wait.reason.name(), "message": wait.message })).collect::<Vec<_>>(),
        "requeueAt": plan.requeue_at.map(|when| when.to_string()),
        "release": plan.release,
    });
    if plan.lingers {
        shown["lingers"] = true.into();
    }
    if !plan.external.is_empty() {
        let questions = plan.external.iter();
        shown["external"] = questions
            .map(|one| json!({ "asks": one.to_string(), "of": one.state, "reach": format!("{:?}", one.reach) }))
            .collect();
    }
    if !plan.adjustments.is_empty() {
        let adjustments = plan.adjustments.iter();
        shown["adjustments"] =
            adjustments.map(|one| json!({ "object": one.key.to_string(), "patch": one.patch })).collect();
    }
    shown
}
