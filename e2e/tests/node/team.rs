//! The tenants of the stories and what they run, as their teams would write it.

use serde_json::{Value, json};

/// The namespace that most happens in.
pub const TEAM: &str = "acme-dev";
/// Another tenant's.
pub const OTHERS: &str = "globex-dev";
pub const AGENT: &str = "tenantry.dev/kind=Agent,tenantry.dev/name=helper";
pub const MODEL: &str = "tenantry.dev/kind=ModelDeployment,tenantry.dev/name=small";
pub const TOOLS: &str = "tenantry.dev/kind=McpServer,tenantry.dev/name=tickets";
pub const APPLICATION: &str = "tenantry.dev/kind=Application,tenantry.dev/name=desk";

pub fn ours(kind: &str, namespace: Option<&str>, name: &str, spec: Value) -> Value {
    let mut object = json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": kind, "metadata": { "name": name } });
    if let Some(namespace) = namespace {
        object["metadata"]["namespace"] = namespace.into();
    }
    object["spec"] = spec;
    object
}

pub fn tenant(name: &str) -> Value {
    let quota = json!({ "max": { "pods": "12", "requests.cpu": "2", "limits.memory": "4Gi" } });
    let limits =
        json!({ "default": { "cpu": "1", "memory": "128Mi" }, "defaultRequest": { "cpu": "10m", "memory": "16Mi" } });
    let spec = json!({
        "className": "wide", "deletionPolicy": "Delete", "limits": limits,
        "environments": [{ "name": "dev", "quota": quota }],
    });
    ours("Tenant", None, name, spec)
}

pub fn model() -> Value {
    let spec = json!({
        "model": { "name": "small", "uri": "hf://example/small" },
        "runtime": {
            "image": "registry.example/test/model:1",
            "args": ["--listen", "0.0.0.0:8000", "--name", "$(TENANTRY_MODEL_NAME)", "--work", "20"],
        },
        "resources": { "requests": { "cpu": "100m", "memory": "16Mi" }, "limits": { "memory": "64Mi" } },
        "scaling": { "minReplicas": 1, "maxReplicas": 3, "metrics": [{ "type": "Cpu", "averageUtilization": 50 }] },
    });
    ours("ModelDeployment", Some(TEAM), "small", spec)
}

pub fn tools() -> Value {
    let spec = json!({
        "image": "registry.example/test/mcp-server:1", "args": ["--name", "tickets", "--tools", "whoami,search"],
        "verification": { "requiredTools": ["search"] },
    });
    ours("McpServer", Some(TEAM), "tickets", spec)
}

pub fn agent() -> Value {
    let spec = json!({
        "image": "registry.example/test/agent:1",
        "models": [{ "name": "chat", "modelDeploymentRef": { "name": "small" } }],
        "tools": [{ "mcpServerRef": { "name": "tickets" } }],
        "env": [
            { "name": "AGENT_NAME", "value": "helper" },
            { "name": "AGENT_URL", "value": format!("http://helper-agent.{TEAM}.svc:8080/") },
        ],
        "a2a": { "enabled": true },
    });
    ours("Agent", Some(TEAM), "helper", spec)
}

/// A pod of another tenant, from which things are tried, and which can be reached at home.
pub fn application() -> Value {
    let spec = json!({ "image": "registry.example/test/model:1", "ports": [{ "name": "http", "port": 8080 }] });
    ours("Application", Some(OTHERS), "desk", spec)
}
