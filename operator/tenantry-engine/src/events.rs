//! Tells people of transitions by Kubernetes Events: when a resource ceases to be ready, and when it is ready again after
//! that. Onboarding that goes well makes none. A lost Event is lost: the status has the truth.

use serde_json::{Value, json};
use tenantry_core::conditions::Reason;
use tenantry_core::object::ObjectKey;
use tenantry_core::resources::{EVENT, Write};

use crate::engine::Engine;

/// Reports a change of `Ready` to or from False.
pub async fn report_transition(engine: &Engine, key: &ObjectKey, cr: &Value, before: &Value, after: &Value) {
    if key.resource.write != Write::Never {
        // A child that tells of its owner: the owner's own event has said it.
        return;
    }
    let (was, is) = (ready(before), ready(after));
    let failing = |condition: Option<&Value>| condition.is_some_and(|condition| condition["status"] == "False");
    if failing(was) == failing(is) {
        return;
    }
    let Some(condition) = is else { return };
    let (type_, reason) = if failing(is) {
        ("Warning", condition["reason"].as_str().unwrap_or(Reason::ApplyFailed.name()))
    } else {
        ("Normal", "Recovered")
    };
    let now = engine.clock.now();
    let namespace = if key.namespace.is_empty() { "default" } else { &key.namespace };
    let name = format!("{}.{:x}", key.name, now.as_nanosecond());
    let message: String = condition["message"].as_str().unwrap_or_default().chars().take(1000).collect();
    let event = json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": { "name": name, "namespace": namespace },
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
        "type": type_,
        "reason": reason,
        "action": "Reconcile",
        "note": message,
        "reportingController": "tenantry.dev/operator",
        "reportingInstance": engine.identity,
        "regarding": {
            "apiVersion": key.resource.api_version(),
            "kind": key.resource.kind,
            "namespace": key.namespace,
            "name": key.name,
            "uid": cr["metadata"]["uid"],
        },
    });
    let event_key = ObjectKey::namespaced(&EVENT, namespace, name);
    if let Err(error) = engine.calls.create(&event_key, &event).await {
        tracing::debug!(%error, "an event was not written");
    }
}

fn ready(status: &Value) -> Option<&Value> {
    status["conditions"].as_array()?.iter().find(|condition| condition["type"] == "Ready")
}
