//! Plans of two small kinds of the tests' own, so that what is proven here does not change with the real ones: a Size
//! that a Team reads, and a Team that wants a namespace, a quota, and rights once the quota has taken hold.

mod team;

use jiff::Timestamp;
use serde_json::{Value, json};
use tenantry_core::kind::Registration;

use super::contents::Contents;
use super::report::Report;
use super::settle::{Intent, settle};
use super::snapshot::{Snapshot, resource_of};
use super::text;
use crate::cli::Exit;
use crate::manifest::Manifest;
use crate::terminal::Palette;
use team::KINDS;

fn team(name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "test.dev/v1", "kind": "Team", "metadata": { "name": name }, "spec": spec })
}

fn size(pods: &str) -> Value {
    json!({ "apiVersion": "test.dev/v1", "kind": "Size", "metadata": { "name": "small" }, "spec": { "pods": pods } })
}

fn given(objects: &[Value]) -> Vec<(&'static Registration, Manifest)> {
    objects
        .iter()
        .map(|object| {
            let kind = KINDS.iter().find(|kind| object["kind"] == kind.resource.kind).expect("a kind of the tests");
            (kind, Manifest { place: "given.yaml:1".into(), object: object.clone() })
        })
        .collect()
}

fn cluster(objects: &[Value]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for object in objects {
        snapshot.record(resource_of(KINDS, object).expect("a kind of the tests"), object.clone());
    }
    snapshot
}

fn report(before: Snapshot, objects: &[Value]) -> (Snapshot, Report) {
    let settled = settle(KINDS, before, given(objects), Intent::Apply, Timestamp::UNIX_EPOCH).expect("comes to rest");
    let report = Report::new(&settled, &Contents::default(), vec!["a note".into()]);
    (settled.after, report)
}

/// Compares with `golden/<name>.txt`; UPDATE_GOLDEN=1 writes it instead.
fn assert_golden(name: &str, report: &Report, full: bool) {
    let text = text::render(report, Palette::PLAIN, full).expect("renders");
    let path = format!("{}/src/plan/tests/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).expect("writes");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{path}; if the new text is right, run with UPDATE_GOLDEN=1");
}

#[test]
fn the_end_state_has_rights_although_they_come_last() {
    let (_, report) =
        report(Snapshot::default(), &[size("10"), team("acme", &json!({ "size": "small", "group": "ops" }))]);
    assert_eq!(report.exit(), Exit::Changes);
    assert_golden("created", &report, false);
    assert_golden("created-full", &report, true);
}

#[test]
fn planning_again_what_was_carried_out_changes_nothing() {
    let objects = [size("10"), team("acme", &json!({ "size": "small", "group": "ops" }))];
    let (after, _) = report(Snapshot::default(), &objects);
    let (_, again) = report(after, &objects);
    assert_eq!((again.exit(), again.summary.unchanged, again.rights.len()), (Exit::Success, 3, 0));
}

#[test]
fn a_change_is_shown_by_line_and_by_right() {
    let (before, _) = report(
        Snapshot::default(),
        &[size("10"), team("acme", &json!({ "size": "small", "group": "ops", "labels": { "cost": "1", "old": "x" } }))],
    );
    let changed = team("acme", &json!({ "size": "small", "group": "dev", "labels": { "cost": "2" } }));
    let (_, report) = report(before, &[changed]);
    assert_eq!(report.exit(), Exit::Changes);
    assert_golden("changed", &report, false);
}

#[test]
fn what_reads_a_changed_resource_is_affected() {
    let (before, _) = report(
        Snapshot::default(),
        &[size("10"), team("acme", &json!({ "size": "small" })), team("other", &json!({ "size": "big" }))],
    );
    let (_, report) = report(before, &[size("20")]);
    assert_golden("affected", &report, false);
}

#[test]
fn an_absent_reference_is_a_wait_and_keeps_what_is_there() {
    let (before, _) = report(Snapshot::default(), &[size("10"), team("acme", &json!({ "size": "small" }))]);
    let (_, report) = report(before, &[team("acme", &json!({ "size": "huge" }))]);
    assert_eq!(report.exit(), Exit::Success);
    assert_golden("waits", &report, false);
}

#[test]
fn what_is_no_longer_wanted_is_removed() {
    let (before, _) =
        report(Snapshot::default(), &[size("10"), team("acme", &json!({ "size": "small", "group": "ops" }))]);
    let (after, report) = report(before, &[team("acme", &json!({}))]);
    assert_eq!((report.exit(), report.summary.removed), (Exit::Changes, 2));
    assert_golden("removed", &report, false);
    assert_eq!(after.objects().count(), 3, "size, team and namespace");
}

#[test]
fn a_namespace_of_somebody_else_is_left_alone_and_nothing_is_put_into_it() {
    let theirs = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "acme", "uid": "theirs" } });
    let (after, report) = report(cluster(&[theirs]), &[size("10"), team("acme", &json!({ "size": "small" }))]);
    assert_eq!((report.exit(), report.summary.created), (Exit::Refused, 0));
    assert_golden("not-owned", &report, false);
    assert_eq!(after.objects().count(), 3, "size, team and their namespace");
}

#[test]
fn what_no_server_would_store_is_refused_and_its_old_form_stays() {
    let (before, _) = report(Snapshot::default(), &[team("acme", &json!({}))]);
    let (after, report) = report(before.clone(), &[team("acme", &json!({ "sise": "small", "group": 4 }))]);
    assert_eq!((report.exit(), after == before), (Exit::Refused, true));
    assert_golden("invalid", &report, false);
}

#[test]
fn the_same_resource_twice_is_an_error() {
    let twice = given(&[team("acme", &json!({})), team("acme", &json!({}))]);
    let error = settle(KINDS, Snapshot::default(), twice, Intent::Apply, Timestamp::UNIX_EPOCH).err().expect("refused");
    assert_eq!(error.to_string(), "Team acme is given twice: given.yaml:1 and given.yaml:1");
}

#[test]
fn unknown_kinds_are_not_taken_for_absent_ones() {
    let mut before = cluster(&[size("10")]);
    before.set_unknown(&team::SIZE);
    let (_, report) = report(before, &[team("acme", &json!({ "size": "small" }))]);
    assert_eq!((report.resources[0].waits.len(), report.exit()), (1, Exit::Refused));
    assert_golden("incomplete", &report, false);
}

#[test]
fn a_recording_without_managed_fields_is_as_good() {
    let objects = [size("10"), team("acme", &json!({ "size": "small", "labels": { "cost": "1" } }))];
    let (after, _) = report(Snapshot::default(), &objects);
    let recorded = after.objects().map(|(_, object)| {
        let mut object = (**object).clone();
        object["metadata"].as_object_mut().expect("metadata").remove("managedFields");
        object
    });
    let (_, again) = report(cluster(&recorded.collect::<Vec<_>>()), &objects);
    assert_eq!((again.exit(), again.summary.unchanged), (Exit::Success, 2));
}

fn deletion(before: Snapshot, object: Value) -> Report {
    let settled =
        settle(KINDS, before, given(&[object]), Intent::Delete, Timestamp::UNIX_EPOCH).expect("comes to rest");
    Report::new(&settled, &Contents::default(), Vec::new())
}

#[test]
fn a_deletion_shows_what_goes_and_what_is_left() {
    let acme = team("acme", &json!({ "size": "small", "group": "ops" }));
    let (before, _) = report(Snapshot::default(), &[size("10"), acme.clone()]);
    assert_golden("deleted", &deletion(before.clone(), acme), false);
    assert_golden("deleted-reference", &deletion(before, size("10")), false);
}

#[test]
fn what_is_not_there_cannot_be_deleted() {
    let nothing = settle(KINDS, Snapshot::default(), given(&[size("1")]), Intent::Delete, Timestamp::UNIX_EPOCH);
    assert_eq!(
        nothing.err().expect("refused").to_string(),
        "Size small is not in the cluster, so it cannot be deleted"
    );
}
