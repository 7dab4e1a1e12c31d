use serde_json::json;
use tenantry_core::resources::{NETWORK_POLICY, RESOURCE_QUOTA, Watch, Wave, Write};

use super::*;

fn policy(version: u64, owner: &str) -> Value {
    json!({
        "metadata": {
            "name": "p", "namespace": "acme", "uid": "u1", "resourceVersion": version.to_string(),
            "annotations": { "tenantry.dev/owner": owner },
        },
        "spec": { "podSelector": {} },
    })
}

fn namespace(uid: &str, version: u64) -> Value {
    json!({ "metadata": { "name": "acme", "uid": uid, "resourceVersion": version.to_string() } })
}

fn key() -> ObjectKey {
    ObjectKey::namespaced(&NETWORK_POLICY, "acme", "p")
}

fn synced() -> Store {
    let mut store = Store::default();
    for resource in [&NAMESPACE, &NETWORK_POLICY] {
        store.list_begins(resource, "");
        store.list_ends(resource, "");
    }
    store
}

#[test]
fn unsynced_is_not_missing() {
    let mut store = Store::default();
    assert_eq!(store.get(&key()), Lookup::NotSynced);
    store.list_begins(&NETWORK_POLICY, "");
    assert_eq!(store.get(&key()), Lookup::NotSynced);
    store.list_ends(&NETWORK_POLICY, "");
    assert_eq!(store.get(&key()), Lookup::Missing);
    store.lost(&NETWORK_POLICY, "");
    assert_eq!(store.get(&key()), Lookup::NotSynced);
}

#[test]
fn an_older_event_does_not_undo_our_own_write() {
    let mut store = synced();
    store.written(&key(), &policy(7, "tenants//acme/x"), None);
    assert!(!store.observe(&NETWORK_POLICY, &policy(5, "")).visible);
    assert_eq!(store.record(&key()).expect("known").version.version, 7);
    store.removed(&key(), 6);
    assert!(store.record(&key()).is_some(), "the deletion was of an earlier object");
    store.removed(&key(), 8);
    assert!(store.record(&key()).is_none());
}

#[test]
fn the_echo_of_our_write_wakes_nobody_until_all_echoes_are_in() {
    let mut store = synced();
    let second = ObjectKey::namespaced(&NETWORK_POLICY, "acme", "q");
    let mut other = policy(8, "tenants//acme/x");
    other["metadata"]["name"] = "q".into();
    store.written(&key(), &policy(7, "tenants//acme/x"), None);
    store.written(&second, &other, None);
    let first = store.observe(&NETWORK_POLICY, &policy(7, "tenants//acme/x"));
    assert!(!first.visible && first.all_observed.is_empty());
    let last = store.observe(&NETWORK_POLICY, &other);
    assert!(!last.visible);
    assert_eq!(last.all_observed, BTreeSet::from(["tenants//acme".to_owned()]));
}

#[test]
fn an_echo_that_is_faster_than_the_answer_counts() {
    let mut store = synced();
    store.observe(&NETWORK_POLICY, &policy(7, "tenants//acme/x"));
    store.written(&key(), &policy(7, "tenants//acme/x"), None);
    assert!(store.record(&key()).expect("known").observed);
}

#[test]
fn drift_is_visible_and_names_owners_before_and_after() {
    let mut store = synced();
    store.observe(&NETWORK_POLICY, &policy(7, "tenants//acme/x"));
    let change = store.observe(&NETWORK_POLICY, &policy(8, "tenants//other/y"));
    assert!(change.visible && change.drifted);
    assert_eq!(change.owners, BTreeSet::from(["tenants//acme".to_owned(), "tenants//other".to_owned()]));
    assert_eq!(store.children("tenants//acme").count(), 0);
    assert_eq!(store.children("tenants//other").count(), 1);
}

#[test]
fn objects_of_an_earlier_incarnation_of_their_namespace_are_ghosts() {
    let mut store = synced();
    store.observe(&NAMESPACE, &namespace("n1", 3));
    store.observe(&NETWORK_POLICY, &policy(5, "tenants//acme/x"));
    assert!(store.record(&key()).is_some());
    // The namespace is deleted and made again; the policy's own deletion has not been told yet.
    store.removed(&ObjectKey::cluster(&NAMESPACE, "acme"), 9);
    assert!(store.record(&key()).is_none());
    store.observe(&NAMESPACE, &namespace("n2", 10));
    assert!(store.record(&key()).is_none());
    assert_eq!(store.children("tenants//acme").count(), 0);
    store.written(&key(), &policy(11, "tenants//acme/x"), None);
    assert!(store.record(&key()).is_some());
}

#[test]
fn namespaces_known_from_a_list_make_no_ghosts() {
    let mut store = Store::default();
    store.list_begins(&NETWORK_POLICY, "");
    store.observe(&NETWORK_POLICY, &policy(5, "tenants//acme/x"));
    store.list_ends(&NETWORK_POLICY, "");
    store.list_begins(&NAMESPACE, "");
    // Labelled later than its policies were made.
    store.observe(&NAMESPACE, &namespace("n1", 9));
    store.list_ends(&NAMESPACE, "");
    assert!(store.record(&key()).is_some());
}

#[test]
fn a_list_removes_what_it_does_not_show_but_not_what_was_written_meanwhile() {
    let mut store = synced();
    store.observe(&NETWORK_POLICY, &policy(5, "tenants//acme/x"));
    store.list_begins(&NETWORK_POLICY, "");
    let fresh = ObjectKey::namespaced(&NETWORK_POLICY, "acme", "fresh");
    let mut body = policy(9, "tenants//acme/x");
    body["metadata"]["name"] = "fresh".into();
    store.written(&fresh, &body, None);
    let gone = store.list_ends(&NETWORK_POLICY, "");
    assert_eq!(gone.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), [key()]);
    assert!(store.record(&fresh).is_some());
}

#[test]
fn what_the_server_makes_of_a_body_is_remembered_until_it_drifts() {
    let mut store = synced();
    store.written(&key(), &policy(7, "tenants//acme/x"), Some(42));
    assert!(store.record(&key()).expect("known").is_as_wanted(42));
    store.observe(&NETWORK_POLICY, &policy(8, "tenants//acme/x"));
    assert!(store.record(&key()).expect("known").is_as_wanted(42), "another version of the same content");
    let mut drifted = policy(9, "tenants//acme/x");
    drifted["spec"]["podSelector"] = json!({"matchLabels": {"a": "b"}});
    store.observe(&NETWORK_POLICY, &drifted);
    assert!(!store.record(&key()).expect("known").is_as_wanted(42));
}

#[test]
fn a_quota_status_is_visible_to_plans_but_is_no_drift() {
    let mut store = synced();
    let quota = |version: u64, status: Value| {
        json!({
            "metadata": { "name": "q", "namespace": "acme", "uid": "u", "resourceVersion": version.to_string() },
            "spec": { "hard": { "pods": "1" } }, "status": status,
        })
    };
    store.observe(&RESOURCE_QUOTA, &quota(1, json!({})));
    let change = store.observe(&RESOURCE_QUOTA, &quota(2, json!({ "hard": { "pods": "1" } })));
    assert!(change.visible && !change.drifted);
}

#[test]
fn our_own_status_is_no_edit() {
    static WHOLE: Resource = Resource { keep: Keep::Whole, ..tenants() };
    let mut store = Store::default();
    let tenant = |version: u64, pods: u64, message: &str, note: &str| {
        json!({
            "metadata": {"name": "acme", "uid": "u", "resourceVersion": version.to_string(), "annotations": {"note": note}},
            "spec": {"pods": pods},
            "status": {"message": message},
        })
    };
    // The last thing known is an answer to a write, which names version and kind.
    let mut answer = tenant(1, 1, "", "");
    answer["apiVersion"] = "tenantry.dev/v1alpha1".into();
    answer["kind"] = "Tenant".into();
    store.written(&ObjectKey::cluster(&WHOLE, "acme"), &answer, None);
    let echo = store.observe(&WHOLE, &tenant(2, 1, "cannot create", ""));
    assert!(echo.visible && !echo.edited, "only the status has changed");
    assert!(store.observe(&WHOLE, &tenant(3, 2, "cannot create", "")).edited, "the spec has changed");
    assert!(store.observe(&WHOLE, &tenant(4, 2, "cannot create", "confirmed")).edited, "an annotation has changed");
}

const fn tenants() -> Resource {
    Resource {
        group: "tenantry.dev",
        version: "v1alpha1",
        kind: "Tenant",
        plural: "tenants",
        namespaced: false,
        write: Write::Never,
        watch: Watch::All,
        keep: Keep::Digest,
        wave: Wave::Namespace,
        filled: &[],
        index: None,
    }
}

#[test]
fn the_last_state_of_an_object_is_not_kept() {
    let mut store = synced();
    store.observe(&NETWORK_POLICY, &policy(7, "tenants//acme/x"));
    let mut last = policy(8, "tenants//acme/x");
    last["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let mut held = last.clone();
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    store.written(&key(), &held, None);
    assert!(store.record(&key()).is_some(), "something holds it");
    assert!(store.written(&key(), &last, None).drifted);
    assert!(store.record(&key()).is_none());
}

#[test]
fn what_was_written_in_an_earlier_namespace_is_not_waited_for() {
    let mut store = synced();
    store.observe(&NAMESPACE, &namespace("n1", 1));
    // Its event never comes: the namespace goes first.
    store.written(&ObjectKey::namespaced(&NETWORK_POLICY, "acme", "q"), &named("q", 2), None);
    store.removed(&ObjectKey::cluster(&NAMESPACE, "acme"), 3);
    store.observe(&NAMESPACE, &namespace("n2", 4));
    store.written(&key(), &policy(5, "tenants//acme/x"), None);
    let change = store.observe(&NETWORK_POLICY, &policy(5, "tenants//acme/x"));
    assert_eq!(change.all_observed, BTreeSet::from(["tenants//acme".to_owned()]));
}

fn named(name: &str, version: u64) -> Value {
    let mut policy = policy(version, "tenants//acme/x");
    policy["metadata"]["name"] = json!(name);
    policy
}

#[test]
fn an_answer_that_is_slower_than_the_end_brings_nothing_back() {
    let mut store = synced();
    store.observe(&NETWORK_POLICY, &policy(7, "tenants//acme/x"));
    store.removed(&key(), 8);
    store.written(&key(), &policy(7, "tenants//acme/x"), None);
    assert!(store.record(&key()).is_none(), "it was written before it was deleted");
    store.found(&key(), &policy(7, "tenants//acme/x"));
    assert!(store.record(&key()).is_none(), "it was read before it was deleted");
    store.found(&key(), &policy(8, "tenants//acme/x"));
    assert!(store.record(&key()).is_some(), "it had only gone out of sight");
    store.removed(&key(), 8);
    store.written(&key(), &policy(9, "tenants//acme/x"), None);
    assert!(store.record(&key()).is_some(), "it was made again");
}

#[test]
fn what_an_index_files_is_found_under_its_newest_keys_and_tells_both() {
    static FILED: Resource = Resource {
        group: "example",
        version: "v1",
        kind: "Filed",
        plural: "filed",
        namespaced: true,
        write: Write::Never,
        watch: Watch::All,
        keep: Keep::Whole,
        wave: Wave::Contents,
        filled: &[],
        index: Some(|object| object["path"].as_str().map(str::to_owned).into_iter().collect()),
    };
    let filed = |version: u64, path: &str| json!({ "metadata": { "name": "one", "namespace": "acme", "uid": "u1", "resourceVersion": version.to_string() }, "path": path });
    let under =
        |store: &Store, path: &str| store.list(&FILED, &Scope::Indexed(path.to_owned())).map(|found| found.len());
    let mut store = Store::default();
    assert_eq!(under(&store, "/a"), Lookup::NotSynced);
    store.list_begins(&FILED, "");
    store.list_ends(&FILED, "");
    assert_eq!(under(&store, "/a"), Lookup::Found(0));
    assert_eq!(store.observe(&FILED, &filed(1, "/a")).index, BTreeSet::from(["/a".to_owned()]));
    let moved = store.observe(&FILED, &filed(2, "/b"));
    assert_eq!(moved.index, BTreeSet::from(["/a".to_owned(), "/b".to_owned()]));
    assert_eq!((under(&store, "/a"), under(&store, "/b")), (Lookup::Found(0), Lookup::Found(1)));
    let gone = store.removed(&ObjectKey::namespaced(&FILED, "acme", "one"), 3);
    assert_eq!(gone.index, BTreeSet::from(["/b".to_owned()]));
    assert_eq!(under(&store, "/b"), Lookup::Found(0));
}
