//! What a workload is told of what it refers to: environment variables, and one file with all of it. Names, addresses and choices,
//! never a secret: keys of models are references to Secrets.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::references::{Target, resolve};
use super::sort;
use super::types::{Bound, BoundStatus, Connections, KeyRef, ToolRef};
use crate::conditions::Reason;
use crate::grants::Caller;
use crate::plan::Plan;
use crate::world::World;

/// Where the file is in every container.
pub const BINDINGS_PATH: &str = "/etc/tenantry/bindings.json";

/// What a workload is bound to.
#[derive(Debug, Default)]
pub(crate) struct Bindings {
    /// Environment variables, as in a container.
    pub(crate) env: Vec<Value>,
    /// The text of the file.
    pub(crate) file: String,
    /// What was resolved.
    pub(crate) targets: Vec<Target>,
    /// The same, as the status tells it.
    pub(crate) bound: Bound,
}

/// The file.
#[derive(Serialize, Default)]
struct File {
    models: Vec<Model>,
    tools: Vec<Tool>,
    peers: Vec<Peer>,
}

#[derive(Serialize)]
struct Model {
    name: String,
    url: String,
    model: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tool {
    name: String,
    url: String,
    tool_names: Vec<String>,
    require_approval: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<Header>,
}

/// A header that is to be sent, and the environment variable that its value is in.
#[derive(Serialize)]
struct Header {
    name: String,
    variable: String,
}

#[derive(Serialize)]
struct Peer {
    name: String,
    url: String,
}

/// Resolves everything that a workload refers to.
pub(crate) fn bind(
    caller: Caller,
    connections: &Connections,
    world: &World,
    now: Timestamp,
    plan: &mut Plan,
) -> Bindings {
    let mut bindings = Bindings::default();
    let mut file = File::default();
    for model in &connections.models {
        bindings.bind_model(caller, model, &mut file, world, now, plan);
    }
    let mut names = BTreeSet::new();
    for (index, tool) in connections.tools.iter().enumerate() {
        let name = tool.mcp_server_ref.name.clone();
        let field = format!("spec.tools[{index}].mcpServerRef");
        if !names.insert(format!("tool {name}")) {
            plan.refuse(Reason::Invalid, field, twice("MCP servers", &name));
            continue;
        }
        let target = resolve(caller, &tool.mcp_server_ref, &sort::MCP_SERVER, &field, world, now, plan);
        for missing in missing_tools(tool, &target) {
            let text = format!(
                "spec.tools[{index}]: McpServer {name} has no tool {missing}: name one of its status.tools, or remove it"
            );
            plan.wait(Reason::RefNotFound, text);
        }
        if let Some(url) = target.url.clone() {
            bindings.env.push(variable(&format!("TENANTRY_MCP_{}_URL", upper(&name)), &url));
            let (tool_names, require_approval) = (tool.tool_names.clone(), tool.require_approval.clone());
            let headers = bindings.bind_headers(&name, &target);
            file.tools.push(Tool { name: name.clone(), url, tool_names, require_approval, headers });
        }
        bindings.bound.tools.push(status(&name, &target));
        bindings.targets.push(target);
    }
    for (index, peer) in connections.peers.iter().enumerate() {
        let name = peer.agent_ref.name.clone();
        let field = format!("spec.peers[{index}].agentRef");
        if !names.insert(format!("peer {name}")) {
            plan.refuse(Reason::Invalid, field, twice("agents", &name));
            continue;
        }
        let target = resolve(caller, &peer.agent_ref, &sort::AGENT, &field, world, now, plan);
        if let Some(url) = target.url.clone() {
            bindings.env.push(variable(&format!("TENANTRY_AGENT_{}_URL", upper(&name)), &url));
            file.peers.push(Peer { name: name.clone(), url });
        }
        bindings.bound.peers.push(status(&name, &target));
        bindings.targets.push(target);
    }
    // Maps, lists and texts always convert.
    bindings.file = serde_json::to_string(&file).unwrap_or_default();
    bindings
}

impl Bindings {
    /// Variables for the headers that a server elsewhere wants. They are numbered: a name made from that of the header could be another
    /// server's as well.
    fn bind_headers(&mut self, server: &str, target: &Target) -> Vec<Header> {
        let headers = target.cr.as_ref().and_then(|cr| cr["spec"]["remote"]["headersFrom"].as_array());
        let headers = headers.into_iter().flatten().zip(1..).filter_map(|(header, number)| {
            let key: KeyRef = serde_json::from_value(header["secretRef"].clone()).ok()?;
            let variable = format!("TENANTRY_MCP_{}_HEADER_{number}", upper(server));
            self.env.push(super::pods::secret_variable(&variable, &key));
            Some(Header { name: header["name"].as_str()?.to_owned(), variable })
        });
        headers.collect()
    }

    fn bind_model(
        &mut self,
        caller: Caller,
        model: &super::types::ModelRef,
        file: &mut File,
        world: &World,
        now: Timestamp,
        plan: &mut Plan,
    ) {
        let name = &model.name;
        let (target, served, key) = match (&model.model_deployment_ref, &model.external) {
            (Some(reference), _) => {
                let field = format!("spec.models[{name}].modelDeploymentRef");
                let target = resolve(caller, reference, &sort::MODEL_DEPLOYMENT, &field, world, now, plan);
                let served = target.cr.as_ref().and_then(|cr| cr["spec"]["model"]["name"].as_str());
                let served = served.unwrap_or(&reference.name).to_owned();
                (target, served, None)
            }
            (None, Some(external)) => {
                let target = Target { url: Some(external.base_url.clone()), cr: None, edge: None, unknown: false };
                (target, external.model.clone(), external.secret_ref.as_ref())
            }
            // The schema sees to it that there is one.
            (None, None) => return,
        };
        if let Some(url) = target.url.clone() {
            let key = match key {
                Some(key) => super::pods::secret_variable("", key),
                // Programs refuse to start without one; nobody looks at it.
                None => variable("", "none"),
            };
            let mut prefixes = vec![format!("TENANTRY_MODEL_{}", upper(name))];
            if self.bound.models.is_empty() {
                prefixes.push("OPENAI".to_owned());
            }
            for prefix in prefixes {
                let url_name = if prefix == "OPENAI" { "OPENAI_BASE_URL".to_owned() } else { format!("{prefix}_URL") };
                self.env.push(variable(&url_name, &url));
                let mut key = key.clone();
                key["name"] = json!(format!("{prefix}_API_KEY"));
                self.env.push(key);
                let model_name = if prefix == "OPENAI" { "OPENAI_MODEL".to_owned() } else { format!("{prefix}_NAME") };
                self.env.push(variable(&model_name, &served));
            }
            file.models.push(Model { name: name.clone(), url, model: served });
        }
        self.bound.models.push(match &model.external {
            None => status(name, &target),
            // Nobody says how it is.
            Some(external) => BoundStatus { name: name.clone(), url: Some(external.base_url.clone()), ready: None },
        });
        self.targets.push(target);
    }
}

/// Tools that are named and that the server is known not to have.
fn missing_tools<'a>(tool: &'a ToolRef, target: &Target) -> Vec<&'a str> {
    let Some(status) = target.cr.as_ref().map(|cr| &cr["status"]) else { return Vec::new() };
    let known: Vec<&Value> = status["tools"].as_array().into_iter().flatten().map(|one| &one["name"]).collect();
    // Of a long list the status tells the beginning only, and of a server that was not asked nothing.
    if known.is_empty() || status["toolCount"].as_u64() != u64::try_from(known.len()).ok() {
        return Vec::new();
    }
    let named: BTreeSet<&str> = tool.tool_names.iter().chain(&tool.require_approval).map(String::as_str).collect();
    named.into_iter().filter(|name| !known.iter().any(|one| *one == name)).collect()
}

fn status(name: &str, target: &Target) -> BoundStatus {
    // Only what exists has an address that is worth telling.
    let url = target.url.clone().filter(|_| target.cr.is_some());
    BoundStatus { name: name.to_owned(), url, ready: Some(target.ready()) }
}

fn twice(what: &str, name: &str) -> String {
    format!("two {what} are called {name}, so their environment variables would be the same: keep one of them")
}

fn variable(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}

/// As in the name of an environment variable.
fn upper(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}
