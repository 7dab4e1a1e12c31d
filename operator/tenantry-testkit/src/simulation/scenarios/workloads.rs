//! Stories of what runs in a tenant: made, changed, cut off from what it calls, and removed.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::outside::Servers;
use super::super::scenario::{Scenario, Step};
use super::established;

/// Where the server `pinned` is called.
const URL: &str = "http://pinned-mcp.acme-dev.svc:8080/mcp";
const OURS: &str = "/apis/tenantry.dev/v1alpha1/namespaces/acme-dev";

/// The stories.
pub fn workloads() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "workloads",
            "an agent comes before the MCP server that it calls; it is given a model and more pods, and loses the server",
            established(&["dev"]),
            vec![
                agent(),
                server(),
                Step::Settle,
                Step::Edit(
                    format!("{OURS}/agents/helper"),
                    json!({"spec": {
                        "scaling": {"minReplicas": 2},
                        "models": [{"name": "chat", "modelDeploymentRef": {"name": "small"}}],
                    }}),
                ),
                model(),
                Step::Settle,
                Step::Delete(format!("{OURS}/mcpservers/tickets")),
            ],
        ),
        Scenario::new(
            "workloads removed",
            "an agent and what it calls are deleted, all at once, and the agent is made again",
            [established(&["dev"]), vec![agent(), server(), model(), Step::Settle]].concat(),
            vec![
                Step::Delete(format!("{OURS}/agents/helper")),
                Step::Delete(format!("{OURS}/modeldeployments/small")),
                Step::Delete(format!("{OURS}/mcpservers/tickets")),
                Step::Settle,
                agent(),
            ],
        ),
        Scenario::new(
            "workloads verified",
            "an MCP server whose tools are pinned gets one more, which the spec approves later; the operator dies in between",
            [established(&["dev"]), vec![Step::Offer(URL, &["close", "search"]), pinned(), presented(), Step::Settle]]
                .concat(),
            vec![
                Step::Offer(URL, &["close", "delete", "search"]),
                Step::Pass(Duration::from_secs(15)),
                Step::Settle,
                Step::Crash,
                Step::Settle,
                Step::Edit(
                    format!("{OURS}/mcpservers/pinned"),
                    json!({"spec": {"verification": {"approvedToolsHash": Servers::hash(&["close", "delete", "search"])}}}),
                ),
            ],
        ),
        Scenario::new(
            "versions of a model",
            "a model with a cache gets a version beside it, which is changed; then both the version and the cache are removed",
            [established(&["dev"]), vec![cached_model(), Step::Settle]].concat(),
            vec![
                Step::Edit(small(), json!({"spec": {"versions": [{"name": "next", "trafficPercent": 10}]}})),
                Step::Settle,
                Step::Edit(
                    small(),
                    json!({"spec": {"cache": {"size": "2Gi"}, "versions": [{"name": "next", "image": "registry.example/a:2"}]}}),
                ),
                Step::Settle,
                Step::Edit(small(), json!({"spec": {"cache": null, "versions": []}})),
            ],
        ),
        Scenario::new(
            "workloads rolled back",
            "an application is given an image that never runs, then one that does, and then another that never runs",
            [established(&["dev"]), vec![application(), Step::Settle]].concat(),
            vec![
                image("registry.example/never:1"),
                Step::Settle,
                image("registry.example/a:2"),
                Step::Settle,
                image("registry.example/never:2"),
            ],
        ),
    ]
}

/// A server that is checked so often that a minute in which nothing may be asked of the API server sees checks.
fn pinned() -> Step {
    let verification = json!({"mode": "Enforce", "interval": "10s", "pinTools": true, "requiredTools": ["search"]});
    made("mcpservers", "McpServer", "pinned", &json!({"image": "registry.example/a:1", "verification": verification}))
}

/// An agent with a card.
fn presented() -> Step {
    made("agents", "Agent", "presented", &json!({"image": "registry.example/a:1", "a2a": {"enabled": true}}))
}

fn application() -> Step {
    made(
        "applications",
        "Application",
        "web",
        &json!({"image": "registry.example/a:1", "rollout": {"onFailure": "Rollback"}}),
    )
}

fn image(image: &str) -> Step {
    Step::Edit(format!("{OURS}/applications/web"), json!({"spec": {"image": image}}))
}

fn agent() -> Step {
    made(
        "agents",
        "Agent",
        "helper",
        &json!({"image": "registry.example/a:1", "tools": [{"mcpServerRef": {"name": "tickets"}}]}),
    )
}

fn server() -> Step {
    made(
        "mcpservers",
        "McpServer",
        "tickets",
        &json!({"image": "registry.example/a:1", "verification": {"mode": "Off"}}),
    )
}

fn model() -> Step {
    let spec = json!({"model": {"uri": "hf://example/small"}, "runtime": {"image": "registry.example/a:1"}});
    made("modeldeployments", "ModelDeployment", "small", &spec)
}

fn cached_model() -> Step {
    let spec = json!({
        "model": {"uri": "hf://example/small"}, "runtime": {"image": "registry.example/a:1"}, "cache": {"size": "1Gi"},
    });
    made("modeldeployments", "ModelDeployment", "small", &spec)
}

fn small() -> String {
    format!("{OURS}/modeldeployments/small")
}

fn made(plural: &str, kind: &str, name: &str, spec: &Value) -> Step {
    let body = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": kind,
        "metadata": {"name": name, "namespace": "acme-dev"}, "spec": spec,
    });
    Step::Create(format!("{OURS}/{plural}"), body)
}
