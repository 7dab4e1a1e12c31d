//! What may be held back and what may not.

use serde_json::{Value, json};

use super::{Passing, passing};

/// A status of a generation with these conditions: type, status, reason.
fn status(generation: i64, conditions: &[(&str, &str, &str)]) -> Value {
    let one =
        |(type_, status, reason): &(&str, &str, &str)| json!({ "type": type_, "status": status, "reason": reason });
    json!({ "observedGeneration": generation, "conditions": conditions.iter().map(one).collect::<Vec<_>>() })
}

fn of(before: &Value, after: &Value) -> Passing {
    passing(before, after, &["models", "usedBy"])
}

#[test]
fn work_under_way_passes_and_longer_where_nothing_of_this_spec_is_said() {
    let moving = status(2, &[("Ready", "Unknown", "Progressing"), ("Reconciling", "True", "Progressing")]);
    let nothing = json!({});
    assert_eq!(of(&nothing, &moving), Passing::Unsaid);
    assert_eq!(of(&status(1, &[("Ready", "True", "Succeeded")]), &moving), Passing::Unsaid);
    assert_eq!(of(&status(2, &[("Ready", "True", "Succeeded")]), &moving), Passing::Soon);
}

#[test]
fn what_others_have_not_looked_at_yet_passes() {
    for reason in ["GatewayNotReady", "Pending", "NotProbed"] {
        assert_eq!(of(&json!({}), &status(1, &[("Ready", "Unknown", reason)])), Passing::Unsaid, "{reason}");
    }
    for reason in ["ProbeBlocked", "RateLimited", "Unavailable", "NotAReason"] {
        assert_eq!(of(&json!({}), &status(1, &[("Ready", "Unknown", reason)])), Passing::No, "{reason}");
    }
}

#[test]
fn a_failure_is_told_at_once() {
    let failed = status(1, &[("Ready", "False", "Failed"), ("Reconciling", "True", "Pending")]);
    assert_eq!(of(&json!({}), &failed), Passing::No);
    let refused = status(1, &[("Ready", "False", "Invalid"), ("Stalled", "True", "Invalid")]);
    assert_eq!(of(&json!({}), &refused), Passing::No);
}

#[test]
fn a_reference_that_does_not_exist_yet_passes_once_for_each_spec() {
    let missing = status(2, &[("Ready", "False", "RefNotFound"), ("ResolvedRefs", "False", "RefNotFound")]);
    assert_eq!(of(&json!({}), &missing), Passing::Soon);
    assert_eq!(of(&status(1, &[("Ready", "True", "Succeeded")]), &missing), Passing::Soon);
    // What was there and is gone is told at once.
    assert_eq!(of(&status(2, &[("Ready", "True", "Succeeded")]), &missing), Passing::No);
    // So is a failure beside it.
    let failed = status(2, &[("Ready", "False", "RefNotFound"), ("Applied", "False", "ApplyFailed")]);
    assert_eq!(of(&json!({}), &failed), Passing::No);
}

#[test]
fn success_is_told_at_once_unless_what_it_refers_to_is_about_to_be_ready() {
    let mut ready = status(1, &[("Ready", "True", "Succeeded")]);
    assert_eq!(of(&json!({}), &ready), Passing::No);
    ready["models"] = json!([{ "name": "chat", "ready": true }]);
    assert_eq!(of(&json!({}), &ready), Passing::No);
    ready["models"] = json!([{ "name": "chat", "ready": false }]);
    assert_eq!(of(&json!({}), &ready), Passing::Unsaid);
    // Once it is told, its becoming ready is no longer waited for.
    assert_eq!(of(&status(1, &[("Ready", "Unknown", "Progressing")]), &ready), Passing::No);
}

#[test]
fn what_is_told_of_others_alone_is_told_together() {
    let before = status(1, &[("Ready", "True", "Succeeded")]);
    let mut after = before.clone();
    after["usedBy"] = json!(["Agent a/b"]);
    assert_eq!(of(&before, &after), Passing::Soon);
    after["url"] = json!("http://somewhere");
    assert_eq!(of(&before, &after), Passing::No);
    // Of what has failed, too, nothing else changes.
    let before = status(1, &[("Ready", "False", "Failed")]);
    let mut after = before.clone();
    after["usedBy"] = json!(["Agent a/b"]);
    assert_eq!(of(&before, &after), Passing::No);
}
