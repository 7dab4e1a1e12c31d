//! What somebody may write by mistake, and what becomes of it: a clear condition, the exact field, and nothing else disturbed. What the schema
//! refuses is in the kinds' `reject` folders (ports twice, unknown schemes, names that are too long), servers that misbehave are in
//! `tenantry-probe/tests/servers/faulty.rs`; what the cluster lacks is in `main.rs`.

use serde_json::{Value, json};
use tenantry_core::resources::MANAGED_DEPLOYMENT;

use crate::stage::{NAMESPACE, Stage, condition, smallest};
use crate::{KINDS, is_ready, says};

#[test]
fn an_image_without_a_tag_is_pulled_each_time() {
    for (image, policy) in [
        ("registry.example/web", "Always"),
        ("registry.example:5000/web", "Always"),
        ("registry.example/web:latest", "Always"),
        ("registry.example/web:1", "IfNotPresent"),
    ] {
        let stage = Stage::new("Application", &json!({ "image": image }));
        assert!(is_ready(&stage.status()), "{image}");
        assert_eq!(container(&stage)["imagePullPolicy"], policy, "{image}");
    }
}

#[test]
fn an_image_that_the_tenant_may_not_run_is_told_with_the_rule() {
    // The API server refuses the pods, not the Deployment, which is the operator's.
    for kind in KINDS {
        let mut stage = Stage::smallest(kind);
        stage.run(crate::stage::STARTING);
        let words = "pods \"web-1\" is forbidden: ValidatingAdmissionPolicy 'tenantry-pods' denied request: images need a digest here";
        stage.amend_deployments(|deployment| {
            let failure =
                json!({ "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": words });
            deployment["status"]["conditions"].as_array_mut().expect("conditions").push(failure);
        });
        says(&stage.status(), "Available", "False", "Failed", words);
    }
}

#[test]
fn agents_that_call_each_other_are_ready_both() {
    let agent = |name: &str, peer: &str| {
        json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "Agent",
            "metadata": { "name": name, "namespace": NAMESPACE, "uid": format!("uid-{name}"), "generation": 1 },
            "spec": { "image": "registry.example/agent:1", "peers": [{ "agentRef": { "name": peer } }] },
        })
    };
    let mut stage = Stage::smallest("Agent");
    stage.cr = agent("web", "other");
    stage.insert(agent("web", "other"));
    stage.insert(agent("other", "web"));
    stage.settle();
    stage.run(crate::stage::WELL);
    let status = stage.status();
    // Neither waits for the other to be Ready: then none would ever be.
    assert!(is_ready(&status), "{}", status["conditions"]);
    assert_eq!(status["peers"][0]["ready"], false);
    assert_eq!(status["usedBy"], json!(["Agent acme-dev/other"]));
    // Also with itself.
    stage.cr = agent("web", "web");
    stage.insert(agent("web", "web"));
    stage.settle();
    stage.run(crate::stage::WELL);
    assert!(is_ready(&stage.status()), "{}", stage.status()["conditions"]);
}

#[test]
fn the_longest_name_has_objects_of_its_own() {
    let longest = format!("a{}", "b".repeat(62));
    let other = format!("a{}c", "b".repeat(61));
    let named = |name: &str| {
        let mut stage = Stage::smallest("Application");
        stage.cr["metadata"]["name"] = json!(name);
        let plan = stage.plan();
        assert!(plan.refusals.is_empty(), "{plan}");
        let names: Vec<String> = plan.desired.iter().map(|object| object.key().to_string()).collect();
        assert!(plan.desired.iter().all(|object| object.key().name.len() <= 63), "{names:?}");
        names
    };
    let (one, two) = (named(&longest), named(&other));
    assert!(!one.is_empty() && one.iter().all(|name| !two.contains(name)), "{one:?} {two:?}");
}

#[test]
fn a_tool_that_does_not_exist_is_named() {
    let spec = json!({ "image": "registry.example/agent:1", "tools": [{ "mcpServerRef": { "name": "tickets" }, "toolNames": ["find"] }] });
    let mut stage = Stage::new("Agent", &spec);
    let tickets = |tools: Value| {
        json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "McpServer",
            "metadata": { "name": "tickets", "namespace": NAMESPACE, "uid": "uid-tickets", "generation": 1 },
            "spec": { "image": "registry.example/tickets:1" }, "status": { "toolCount": 1, "tools": tools },
        })
    };
    for (tool, truth) in [("find", "True"), ("search", "False")] {
        stage.insert(tickets(json!([{ "name": tool, "schemaHash": "" }])));
        assert_eq!(condition(&stage.status(), "ResolvedRefs").0, truth);
    }
    says(&stage.status(), "ResolvedRefs", "False", "RefNotFound", "spec.tools[0]: McpServer tickets has no tool find");
}

#[test]
fn headers_that_differ_in_case_alone_are_refused() {
    let header = |name: &str| json!({ "name": name, "secretRef": { "name": "keys", "key": "a" } });
    let spec = |second: &str| json!({ "remote": { "url": "https://tools.example/mcp", "headersFrom": [header("X-Key"), header(second)] } });
    let stage = Stage::new("McpServer", &spec("x-key"));
    says(&stage.status(), "Accepted", "False", "Invalid", "spec.remote.headersFrom[x-key]: is named twice");
    says(&Stage::new("McpServer", &spec("x-team")).status(), "Accepted", "True", "Succeeded", "");
}

#[test]
fn a_mistake_leaves_what_runs_as_it_is() {
    for kind in KINDS {
        let mut stage = Stage::new(kind, &smallest(kind));
        stage.tell();
        let url = stage.cr["status"]["url"].clone();
        stage.cr["spec"]["rollout"] = json!({ "strategy": "Canary" });
        let status = stage.status();
        says(&status, "Accepted", "False", "Unsupported", "spec.rollout.strategy");
        assert_eq!(status["url"], url, "{kind}: it still answers");
        let plan = stage.plan();
        let kept: Vec<_> = stage.world.keys().filter(|key| *key.resource == MANAGED_DEPLOYMENT).collect();
        assert_eq!(kept.len(), 1, "{kind}");
        for key in kept {
            assert!(!plan.decides(key), "{kind}: {key} would go");
        }
    }
}

fn container(stage: &Stage) -> Value {
    let plan = stage.plan();
    let deployment =
        plan.desired.iter().find(|object| object.key().resource.kind == "Deployment").expect("a Deployment");
    deployment.body()["spec"]["template"]["spec"]["containers"][0].clone()
}
