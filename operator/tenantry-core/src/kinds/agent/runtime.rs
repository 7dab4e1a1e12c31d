//! An agent that brings no image: the platform's runtime is run, and told what to do.

use serde_json::{Value, json};

use crate::conditions::Reason;
use crate::kinds::tenantry_platform;
use crate::plan::Refusal;
use crate::workload::Lack;
use crate::world::World;

use super::types::Declarative;

/// The image of the runtime that a declarative agent names.
pub(super) fn image(declarative: &Declarative, world: &World) -> Result<String, Lack> {
    let platform = tenantry_platform::settings(world)
        .ok_or(Lack::Unknown("it is not known yet which runtimes the platform has"))?;
    let runtimes = platform.agent_runtimes;
    if let Some(found) = runtimes.iter().find(|one| one.name == declarative.runtime) {
        return Ok(found.image.clone());
    }
    let text = if runtimes.is_empty() {
        "the platform names no runtime for declarative agents: have spec.agentRuntimes of the TenantryPlatform set, or use type: Container with an image of your own".to_owned()
    } else {
        let names: Vec<&str> = runtimes.iter().map(|one| one.name.as_str()).collect();
        format!("the platform has no runtime {}: use one of {}", declarative.runtime, names.join(", "))
    };
    Err(Lack::Refused(Refusal::new(Reason::Unsupported, "spec.declarative.runtime", text)))
}

/// What the runtime is told.
pub(super) fn env(declarative: &Declarative) -> Vec<Value> {
    let mut env = Vec::new();
    if let Some(message) = &declarative.system_message {
        env.push(json!({ "name": "TENANTRY_AGENT_SYSTEM_MESSAGE", "value": message }));
    }
    if let Some(key) = &declarative.system_message_from {
        env.push(json!({ "name": "TENANTRY_AGENT_SYSTEM_MESSAGE", "valueFrom": { "configMapKeyRef": key } }));
    }
    if let Some(turns) = declarative.max_turns {
        env.push(json!({ "name": "TENANTRY_AGENT_MAX_TURNS", "value": turns.to_string() }));
    }
    env
}
