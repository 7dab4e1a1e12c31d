//! A server that speaks to its standard input and output alone: the platform's bridge is copied into its container, runs it, and
//! serves what it says over HTTP.

use serde_json::json;

use crate::conditions::Reason;
use crate::kinds::tenantry_platform;
use crate::plan::Refusal;
use crate::workload::types::Trunk;
use crate::workload::{Extras, First, Lack, sort};
use crate::world::World;

use super::types::{McpServer, Sessions};

/// Where the bridge is in the container.
const FOLDER: &str = "/bridge";
const PROGRAM: &str = "/bridge/tenantry-bridge";

/// The trunk that runs the bridge instead of the server, and what brings the bridge there.
pub(super) fn bridged(server: &McpServer, world: &World) -> Result<(Trunk, Extras), Lack> {
    let refuse = |reason, field, message: &str| Err(Lack::Refused(Refusal::new(reason, field, message)));
    let platform = tenantry_platform::settings(world)
        .ok_or(Lack::Unknown("it is not known yet whether the platform has a bridge for Stdio"))?;
    let Some(bridge) = platform.stdio_bridge else {
        let text = "the platform names no bridge for Stdio: have spec.stdioBridge of the TenantryPlatform set, or use an image that serves StreamableHttp";
        return refuse(Reason::Unsupported, "spec.transport", text);
    };
    let mut trunk = server.spec.trunk.clone();
    let port = trunk.ports.first().map(|port| port.port).or(sort::MCP_SERVER.port).unwrap_or_default();
    let path = server.spec.path.as_deref().unwrap_or(sort::MCP_SERVER.path);
    if path == "/" || path == "/healthz" || path.contains(['{', '}']) {
        let text = "the bridge serves no such path: use one like /mcp, without braces, and not /healthz";
        return refuse(Reason::Invalid, "spec.path", text);
    }
    let sessions = match server.spec.stdio.clone().unwrap_or_default().sessions {
        Sessions::PerSession => "own",
        Sessions::Shared => "shared",
    };
    let told = [PROGRAM, "--listen", &format!("0.0.0.0:{port}"), "--path", path, "--sessions", sessions, "--"];
    trunk.args.splice(..0, trunk.command.drain(..));
    trunk.command = told.map(str::to_owned).into();
    let mount = |read_only: bool| {
        let mut mount = json!({ "name": "bridge", "mountPath": FOLDER });
        if read_only {
            mount["readOnly"] = json!(true);
        }
        mount
    };
    let extras = Extras {
        volumes: vec![(json!({ "name": "bridge", "emptyDir": {} }), mount(true))],
        first: Some(First {
            name: "bridge",
            image: bridge.image,
            command: ["/tenantry-bridge", "--install", PROGRAM].map(str::to_owned).into(),
            mounts: vec![mount(false)],
        }),
        ..Extras::default()
    };
    Ok((trunk, extras))
}
