//! What holds callers to a grant that says more than who may call what: a gate of its own. Pods of two tenants that call each other
//! directly have nothing between them that could tell requests apart; whoever reaches a gate is the consumer of its grant.

use crate::conditions::Reason;
use crate::kinds::mcp_server::types::Transport;
use crate::kinds::service_grant::types::ServiceGrantSpec;
use crate::kinds::service_route::types::Backend;
use crate::kinds::tenantry_platform;
use crate::names::child_name;
use crate::object::ObjectKey;
use crate::plan::Refusal;
use crate::resources::{MANAGED_DEPLOYMENT, MCP_SERVER, SERVICE_GRANT};
use crate::workload::{Edge, Lack};
use crate::world::{Lookup, World};

/// The port of every gate.
pub(crate) const PORT: i32 = 8080;
/// The port at which it says how it is. Nobody but the node is let in there.
pub(crate) const HEALTH: i32 = 8081;
/// What the names of its objects end in.
pub(crate) const ROLE: &str = "gate";

/// The field of a grant that only a gate can hold callers to, if it has one.
pub(crate) fn needs_gate(spec: &ServiceGrantSpec) -> Option<&'static str> {
    let asked = [
        ("spec.methods", !spec.methods.is_empty()),
        ("spec.tools", !spec.tools.is_empty()),
        ("spec.rateLimit", spec.rate_limit.is_some()),
    ];
    asked.into_iter().find(|(_, is_asked)| *is_asked).map(|(field, _)| field)
}

/// The image of a grant's gate; none if it needs no gate. What no gate can hold callers to is refused, as it would give more than it says.
pub(crate) fn image(spec: &ServiceGrantSpec, namespace: &str, world: &World) -> Result<Option<String>, Lack> {
    let Some(field) = needs_gate(spec) else { return Ok(None) };
    let refuse = |reason, field, text: &str| Err(Lack::Refused(Refusal::new(reason, field, text)));
    if let Some(server) = spec.provider.as_ref().and_then(|provider| provider.mcp_server_ref.as_ref()) {
        let cr = match world.get(&ObjectKey::namespaced(&MCP_SERVER, namespace, server.name.as_str())) {
            Lookup::Found(cr) => cr,
            // That it is missing is told where it is looked for.
            Lookup::Missing => return of_platform(world, field).map(Some),
            Lookup::NotSynced => return Err(Lack::Unknown("McpServers are not known yet")),
        };
        if !cr["spec"]["remote"].is_null() {
            let text = "the server is not in this cluster, so that nothing here stands before it: remove it, or grant one that is";
            return refuse(Reason::Unsupported, field, text);
        }
        if !spec.tools.is_empty() && !is_at_one_path(spec.provider.as_ref(), &cr) {
            let text = "a server with transport Sse is called at addresses that it chooses itself, so calls of single tools cannot be told: remove it, or have the server use StreamableHttp";
            return refuse(Reason::Unsupported, "spec.tools", text);
        }
    } else if !spec.tools.is_empty() {
        let text = "only an McpServer has tools: name it by provider.mcpServerRef, or remove tools";
        return refuse(Reason::Invalid, "spec.tools", text);
    }
    of_platform(world, field).map(Some)
}

fn of_platform(world: &World, field: &str) -> Result<String, Lack> {
    let platform = tenantry_platform::settings(world)
        .ok_or(Lack::Unknown("it is not known yet whether the platform has a gate for grants"))?;
    platform.stdio_bridge.map(|bridge| bridge.image).ok_or_else(|| {
        let text = "the platform names no program that could hold callers to it, and the grant would give more than it says: have spec.stdioBridge of the TenantryPlatform set, or remove it and grant the whole service";
        Lack::Refused(Refusal::new(Reason::Unsupported, field, text))
    })
}

/// Whether all requests to what is offered go to one path: that of a server that speaks Streamable HTTP.
pub(crate) fn is_at_one_path(provider: Option<&Backend>, cr: &serde_json::Value) -> bool {
    let transport: Transport = serde_json::from_value(cr["spec"]["transport"].clone()).unwrap_or_default();
    provider.is_some_and(|provider| provider.mcp_server_ref.is_some()) && transport != Transport::Sse
}

/// What a gate's objects are called.
pub(crate) fn child(grant: &str) -> String {
    child_name(grant, ROLE)
}

/// The Deployment of a gate.
pub(crate) fn deployment(namespace: &str, grant: &str) -> ObjectKey {
    ObjectKey::namespaced(&MANAGED_DEPLOYMENT, namespace, child(grant))
}

/// Where a gate is called, at this path.
pub(crate) fn url(namespace: &str, grant: &str, path: &str) -> String {
    format!("http://{}.{namespace}.svc:{PORT}{path}", child(grant))
}

/// The way to a gate of another namespace.
pub(crate) fn edge(namespace: &str, grant: &str) -> Edge {
    Edge { namespace: Some(namespace.to_owned()), kind: SERVICE_GRANT.kind, name: grant.to_owned(), port: PORT }
}
