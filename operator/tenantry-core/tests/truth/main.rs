//! Lies that statuses of workloads have been seen to tell, each with a test that it is not told here. The table in `docs/testing.md` is made
//! from these names. Every test has its positive control: the same workload without what is wrong is Ready, or the like.
//! `fields.rs` is about fields that nobody honours. Lies that only the engine could tell (a status for a version that was not looked at, a
//! missing child) are oracle O7 of the simulation.

#[path = "../edges/mod.rs"]
mod edges;
#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod fields;
mod limits;
mod stage;

use serde_json::{Value, json};
use stage::{FALLEN, LATE, NAMESPACE, Pods, ROLLING, STARTING, Stage, WELL, condition, offers, smallest};
use support::{kinds_folder, outcome, plan, read_world, registration, status};
use tenantry_core::object::ObjectKey;
use tenantry_core::resources::{MCP_SERVER, SECRET_ORIGINAL};

const KINDS: [&str; 4] = ["Application", "Agent", "McpServer", "ModelDeployment"];

/// Value and reason of Ready.
fn ready(status: &Value) -> (String, String) {
    let (truth, reason, _) = condition(status, "Ready");
    (truth, reason)
}

fn is_ready(status: &Value) -> bool {
    condition(status, "Ready").0 == "True"
}

/// The control of all that follows.
fn ready_stage(kind: &'static str, spec: &Value) -> Stage {
    let stage = Stage::new(kind, spec);
    let status = stage.status();
    assert!(is_ready(&status), "{kind} {spec} should be Ready: {}", status["conditions"]);
    stage
}

#[track_caller]
fn says(status: &Value, type_: &str, truth: &str, reason: &str, words: &str) {
    let found = condition(status, type_);
    assert_eq!((found.0.as_str(), found.1.as_str()), (truth, reason), "{type_}: {}", found.2);
    assert!(found.2.contains(words), "{type_} should say {words:?}: {}", found.2);
}

#[test]
fn ready_while_it_crashes_again_and_again() {
    for kind in KINDS {
        let mut stage = ready_stage(kind, &smallest(kind));
        let ended = json!({ "exitCode": 3, "reason": "Error", "message": "no such model" });
        let crashing = json!({ "containerStatuses": [{
            "name": "main", "ready": false, "state": { "waiting": { "reason": "CrashLoopBackOff" } }, "lastState": { "terminated": ended },
        }] });
        stage.pod("a", &crashing);
        for (pods, truth, reason) in
            [(FALLEN, "False", "MinimumNotMet"), (STARTING, "Unknown", "Progressing"), (LATE, "False", "Failed")]
        {
            stage.run(pods);
            let status = stage.status();
            assert!(!is_ready(&status), "{kind}: {}", status["conditions"]);
            says(&status, "Available", truth, reason, "CrashLoopBackOff: exit code 3: no such model");
            assert_eq!(status["url"], Value::Null, "{kind}");
        }
    }
}

#[test]
fn ready_between_two_crashes() {
    // Where nothing but a running process tells that a pod is well, it must run for a while before it counts.
    let settles = |spec: &Value| {
        let plan = Stage::new("Application", spec).plan();
        let deployment = plan.desired.iter().find(|object| object.key().resource.kind == "Deployment");
        deployment.expect("a Deployment").body()["spec"]["minReadySeconds"].clone()
    };
    assert_eq!(settles(&json!({ "image": "registry.example/web:1" })), 5);
    let listens = settles(&smallest("Application"));
    assert!(listens.is_null() || listens == 0, "{listens}");
}

#[test]
fn ready_of_an_earlier_generation() {
    for kind in KINDS {
        let mut stage = ready_stage(kind, &smallest(kind));
        stage.tell();
        stage.edit(|spec| spec["env"] = json!([{ "name": "A", "value": "b" }]));
        // Its Deployment still tells of the pods before.
        let status = stage.status();
        says(&status, "Available", "Unknown", "Progressing", "has not looked at the newest spec yet");
        assert!(!is_ready(&status), "{kind}");
        assert_eq!(status["observedGeneration"], 2);
        let conditions = status["conditions"].as_array().expect("conditions");
        assert!(conditions.iter().all(|one| one["observedGeneration"] == 2), "{kind}: {}", status["conditions"]);
        stage.run(WELL);
        if kind != "McpServer" && kind != "Agent" {
            assert!(is_ready(&stage.status()), "{kind}: {}", stage.status()["conditions"]);
        }
    }
}

#[test]
fn ready_of_an_earlier_generation_told_by_whoever_refers_to_it() {
    let mut stage = ready_stage("Agent", &json!({ "image": "registry.example/agent:1", "tools": [] }));
    stage.cr["spec"]["tools"] = json!([{ "mcpServerRef": { "name": "tickets" } }]);
    for (generation, is_told) in [(1, true), (2, false)] {
        stage.insert(tickets(generation));
        assert_eq!(stage.status()["tools"][0]["ready"], is_told);
    }
}

/// An McpServer that has said of generation 1 that it is Ready.
fn tickets(generation: i64) -> Value {
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "McpServer",
        "metadata": { "name": "tickets", "namespace": NAMESPACE, "uid": "uid-tickets", "generation": generation },
        "spec": { "image": "registry.example/tickets:1" },
        "status": { "conditions": [{ "type": "Ready", "status": "True", "observedGeneration": 1 }] },
    })
}

#[test]
fn ready_while_the_protocol_hangs() {
    for kind in ["McpServer", "Agent"] {
        let mut stage = ready_stage(kind, &smallest(kind));
        stage.tell();
        stage.speak("ProbeBlocked", "no answer within 10 s");
        let status = stage.status();
        assert_eq!(ready(&status), ("Unknown".into(), "ProbeBlocked".into()), "{kind}");
        says(&status, "Verified", "Unknown", "ProbeBlocked", "no answer within 10 s");
        // Its pods may be well all the same.
        says(&status, "Available", "True", "Succeeded", "");
    }
}

#[test]
fn ready_before_anybody_has_spoken_with_it() {
    for kind in ["McpServer", "Agent"] {
        let control = ready_stage(kind, &smallest(kind));
        let mut stage = control.clone();
        // At another path or port nobody has answered yet.
        let (field, value) = match kind {
            "McpServer" => ("path", json!("/elsewhere")),
            _ => ("ports", json!([{ "name": "http", "port": 9090 }])),
        };
        stage.edit(|spec| spec[field] = value);
        stage.run(WELL);
        assert_eq!(ready(&stage.status()), ("Unknown".into(), "NotProbed".into()), "{kind}");
    }
}

#[test]
fn asking_for_credentials_reported_as_failed() {
    let mut stage = ready_stage("McpServer", &smallest("McpServer"));
    stage.speak("AuthRequired", "answered HTTP 401, it asks for credentials");
    let status = stage.status();
    says(&status, "Verified", "True", "AuthRequired", "401");
    assert!(is_ready(&status), "{}", status["conditions"]);
    // What is wrong is told as wrong.
    stage.speak("ProtocolError", "nonsense");
    assert_eq!(ready(&stage.status()), ("False".into(), "ProtocolError".into()));
}

#[test]
fn asking_for_patience_reported_as_failed() {
    for (state, words) in [("RateLimited", "HTTP 429"), ("Unavailable", "HTTP 503")] {
        let mut stage = ready_stage("McpServer", &smallest("McpServer"));
        stage.speak(state, words);
        let status = stage.status();
        says(&status, "Verified", "Unknown", state, words);
        assert_ne!(ready(&status).0, "False", "{}", status["conditions"]);
    }
}

#[test]
fn not_ready_though_it_serves_while_pods_are_replaced() {
    for kind in KINDS {
        let mut stage = ready_stage(kind, &smallest(kind));
        stage.tell();
        let url = stage.cr["status"]["url"].clone();
        assert!(url.is_string(), "{kind}");
        stage.run(ROLLING);
        let status = stage.status();
        // It is not known to be as the newest spec says, and it has not failed.
        assert_eq!(ready(&status).0, "Unknown", "{kind}: {}", status["conditions"]);
        assert_eq!(condition(&status, "Reconciling").0, "True", "{kind}");
        assert_eq!(status["url"], url, "{kind}: old pods answer");
        stage.run(Pods { answers: false, ..ROLLING });
        assert_eq!(stage.status()["url"], Value::Null, "{kind}: nobody answers");
    }
}

#[test]
fn not_ready_though_enough_pods_serve() {
    let mut stage = Stage::smallest("Application");
    stage.cr["spec"]["scaling"] = json!({ "minReplicas": 4 });
    stage.settle();
    let four = Pods { wanted: 4, there: 4, of_the_newest_revision: 4, available: 3, ..WELL };
    stage.run(four);
    assert!(is_ready(&stage.status()), "{}", stage.status()["conditions"]);
    stage.run(Pods { available: 1, is_available: false, ..four });
    assert_eq!(ready(&stage.status()), ("False".into(), "MinimumNotMet".into()));
}

#[test]
fn not_ready_for_the_sake_of_an_old_pod_that_failed() {
    for kind in KINDS {
        let mut stage = ready_stage(kind, &smallest(kind));
        let ended = json!({ "terminated": { "exitCode": 137, "reason": "OOMKilled" } });
        stage.pod("old", &json!({ "phase": "Failed", "reason": "Evicted", "containerStatuses": [{ "name": "main", "ready": false, "state": ended }] }));
        assert!(is_ready(&stage.status()), "{kind}: {}", stage.status()["conditions"]);
        // Where it matters, it is told.
        stage.run(FALLEN);
        says(&stage.status(), "Available", "False", "MinimumNotMet", "OOMKilled");
    }
}

#[test]
fn an_address_before_anybody_answers_there() {
    for kind in KINDS {
        let mut stage = Stage::smallest(kind);
        for pods in [STARTING, FALLEN, LATE] {
            stage.run(pods);
            assert_eq!(stage.status()["url"], Value::Null, "{kind}");
        }
        // Pods say that they are available, and the Service leads to none of them.
        stage.run(Pods { answers: false, ..WELL });
        let status = stage.status();
        says(&status, "Available", "Unknown", "Progressing", "its Service leads to none of them yet");
        assert_eq!(status["url"], Value::Null, "{kind}");
        stage.empty_services();
        assert_eq!(stage.status()["url"], Value::Null, "{kind}");
        stage.run(WELL);
        assert!(stage.status()["url"].is_string(), "{kind}");
    }
}

#[test]
fn an_address_of_what_has_just_lost_its_last_pod() {
    let mut spec = smallest("Application");
    let query = json!({ "type": "Prometheus", "query": "depth", "averageValue": "5" });
    spec["scaling"] = json!({ "minReplicas": 0, "maxReplicas": 5, "metrics": [query] });
    let mut stage = Stage::new("Application", &spec);
    offers(&mut stage.world);
    stage.insert(scaled_object("True"));
    stage.settle();
    stage.run(WELL);
    stage.tell();
    assert!(stage.cr["status"]["url"].is_string());
    // Its endpoints are still there.
    let pods = Pods { wanted: 0, there: 0, of_the_newest_revision: 0, available: 0, ..WELL };
    stage.run(pods);
    assert_eq!(stage.status()["url"], Value::Null, "{}", stage.status()["conditions"]);
}

#[test]
fn a_new_address_while_only_old_pods_answer() {
    for kind in KINDS {
        let mut stage = ready_stage(kind, &smallest(kind));
        stage.tell();
        stage.edit(|spec| spec["ports"] = json!([{ "name": "http", "port": 9191 }]));
        stage.run(ROLLING);
        // Also when it is looked at again.
        for _ in 0..2 {
            assert_eq!(stage.status()["url"], Value::Null, "{kind}: old pods do not listen at 9191");
            stage.tell();
        }
        stage.run(WELL);
        let url = stage.status()["url"].as_str().unwrap_or_default().to_owned();
        assert!(url.contains(":9191"), "{kind}: {url}");
    }
}

#[test]
fn ready_after_what_it_refers_to_was_deleted() {
    let spec = json!({ "image": "registry.example/agent:1", "tools": [{ "mcpServerRef": { "name": "tickets" } }] });
    let mut stage = Stage::new("Agent", &spec);
    stage.insert(tickets(1));
    stage.settle();
    stage.run(WELL);
    assert!(is_ready(&stage.status()), "{}", stage.status()["conditions"]);
    let mut leaving = tickets(1);
    leaving["metadata"]["deletionTimestamp"] = json!("2026-05-31T00:00:00Z");
    stage.insert(leaving);
    assert_eq!(ready(&stage.status()), ("False".into(), "RefNotFound".into()));
    stage.remove(&ObjectKey::namespaced(&MCP_SERVER, NAMESPACE, "tickets"));
    let status = stage.status();
    says(
        &status,
        "ResolvedRefs",
        "False",
        "RefNotFound",
        "spec.tools[0].mcpServerRef: there is no McpServer acme-dev/tickets",
    );
    assert_eq!(ready(&status), ("False".into(), "RefNotFound".into()));
    assert_eq!(status["tools"][0]["ready"], false);
}

#[test]
fn references_that_nobody_has_looked_at() {
    // In a namespace that is no environment nothing is followed.
    let mut stage = ready_stage("Application", &smallest("Application"));
    stage.cr["metadata"]["namespace"] = json!("elsewhere");
    stage.insert(
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "elsewhere", "uid": "uid-elsewhere" } }),
    );
    says(&stage.status(), "ResolvedRefs", "Unknown", "Pending", "nothing is looked for");

    // What the operator may not look at, it does not claim to have seen.
    let mut spec = smallest("Application");
    spec["envFrom"] = json!([{ "secretRef": { "name": "keys" } }]);
    spec["serviceAccount"] = json!({ "name": "robot" });
    let stage = ready_stage("Application", &spec);
    says(
        &stage.status(),
        "ResolvedRefs",
        "True",
        "Succeeded",
        "whether each Secret, ServiceAccount it names exists is not looked at",
    );
}

#[test]
fn a_secret_that_is_not_there() {
    let mut spec = smallest("Application");
    spec["env"] = json!([{ "name": "KEY", "valueFrom": { "secretKeyRef": { "name": "keys", "key": "a" } } }]);
    // Where the operator may not look, the pods tell; so they do of a key that is missing, as nobody looks into Secrets.
    for words in ["secret \"keys\" not found", "couldn't find key a in Secret acme-dev/keys"] {
        let mut stage = ready_stage("Application", &spec);
        stage.run(STARTING);
        stage.pod_waits("CreateContainerConfigError", words);
        let status = stage.status();
        says(&status, "Available", "Unknown", "Progressing", words);
        assert!(!is_ready(&status));
        stage.run(LATE);
        says(&stage.status(), "Available", "False", "Failed", words);
    }
    // Where it may, it says so by itself, with the field.
    let mut stage = Stage::new("Application", &spec);
    stage.insert(json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantryPlatform", "metadata": { "name": "default" },
        "spec": { "rolloutOnChange": ["Secret"] },
    }));
    stage.insert(json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "keys", "namespace": NAMESPACE, "uid": "u", "resourceVersion": "1" } }));
    stage.settle();
    stage.run(WELL);
    assert!(is_ready(&stage.status()), "{}", stage.status()["conditions"]);
    stage.remove(&ObjectKey::namespaced(&SECRET_ORIGINAL, NAMESPACE, "keys"));
    let status = stage.status();
    says(&status, "ResolvedRefs", "False", "RefNotFound", "spec.env[KEY]: there is no Secret acme-dev/keys");
    assert_eq!(ready(&status).0, "False");
    // Pods start without what is optional.
    stage.cr["spec"]["env"][0]["valueFrom"]["secretKeyRef"]["optional"] = json!(true);
    says(&stage.status(), "ResolvedRefs", "True", "Succeeded", "");
}

#[test]
fn an_image_that_cannot_be_pulled() {
    for kind in KINDS {
        let mut stage = ready_stage(kind, &smallest(kind));
        stage.run(STARTING);
        stage.pod_waits("ImagePullBackOff", "Back-off pulling image \"registry.example/web:1\"");
        let status = stage.status();
        assert!(!is_ready(&status), "{kind}");
        says(&status, "Available", "Unknown", "Progressing", "ImagePullBackOff: Back-off pulling image");
        stage.run(LATE);
        assert_eq!(ready(&stage.status()), ("False".into(), "Failed".into()), "{kind}");
    }
}

#[test]
fn accelerators_where_there_are_none() {
    for kind in KINDS {
        let mut spec = smallest(kind);
        spec["gpu"] = json!({ "count": 1 });
        let mut stage = ready_stage(kind, &spec);
        stage.run(STARTING);
        let words = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu.";
        let homeless =
            json!({ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words });
        stage.pod("a", &json!({ "phase": "Pending", "conditions": [homeless] }));
        let status = stage.status();
        assert!(!is_ready(&status), "{kind}");
        says(&status, "Available", "Unknown", "Progressing", words);
        stage.run(LATE);
        assert_eq!(ready(&stage.status()), ("False".into(), "Failed".into()), "{kind}");
    }
}

/// What KEDA says of it.
fn scaled_object(ready: &str) -> Value {
    json!({
        "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
        "metadata": { "name": "web-app", "namespace": NAMESPACE, "labels": { "app.kubernetes.io/managed-by": "tenantry" } },
        "status": { "conditions": [{ "type": "Ready", "status": ready, "message": "no such query" }] },
    })
}

#[test]
fn scaling_claimed_where_nothing_scales() {
    let query = json!({ "minReplicas": 1, "maxReplicas": 5, "metrics": [{ "type": "Prometheus", "query": "depth", "averageValue": "5" }] });
    let mut spec = smallest("Application");
    spec["scaling"] = query;
    let mut stage = ready_stage("Application", &spec);
    says(&stage.status(), "ScalingReady", "False", "ProviderMissing", "KEDA is not served here");
    offers(&mut stage.world);
    stage.settle();
    stage.run(WELL);
    // It is there, and has not looked at it yet.
    assert_eq!(condition(&stage.status(), "ScalingReady").0, "Unknown");
    stage.insert(scaled_object("True"));
    says(&stage.status(), "ScalingReady", "True", "Succeeded", "a ScaledObject of KEDA scales it");
    stage.insert(scaled_object("False"));
    says(&stage.status(), "ScalingReady", "False", "Failed", "no such query");

    let mut spec = smallest("Application");
    spec["scaling"] = json!({ "vertical": "Recommend" });
    let stage = ready_stage("Application", &spec);
    assert_eq!(condition(&stage.status(), "ScalingReady").1, "ProviderMissing");
}

#[test]
fn more_pods_claimed_than_there_are() {
    let mut spec = smallest("Application");
    spec["scaling"] = json!({ "minReplicas": 5 });
    let mut stage = Stage::new("Application", &spec);
    for there in [0, 2, 5] {
        stage.run(Pods { wanted: 5, there, of_the_newest_revision: there, available: there, ..WELL });
        assert_eq!(stage.status()["replicas"], there);
    }
}

#[test]
fn what_was_rolled_back_told_as_running() {
    let told = |case: &str| {
        let folder = kinds_folder().join("application/golden").join(case);
        let cr = support::documents(&folder.join("cr.yaml")).remove(0);
        let world = read_world(&folder.join("world.yaml"));
        let plan = plan(registration("Application"), &cr, &world);
        // As if all were written and seen: then nothing but the setback can be in the way.
        let mut done = outcome(&plan, &world);
        done.objects.values_mut().for_each(|progress| *progress = tenantry_core::kind::Progress::Observed);
        status(registration("Application"), &cr, &world, &done)
    };
    let rolled_back = told("rolled-back");
    says(&rolled_back, "Applied", "False", "RolledBack", "has failed");
    says(&rolled_back, "Ready", "False", "RolledBack", "");
    says(&rolled_back, "Available", "True", "Succeeded", "of the revision that came back");
    assert!(rolled_back["url"].is_string(), "what came back answers");
    let control = told("available");
    assert!(is_ready(&control), "{}", control["conditions"]);
}
