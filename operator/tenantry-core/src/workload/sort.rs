//! The sorts of workloads: what a name of one becomes. Whoever refers to a workload knows its address from this and from its spec,
//! so no kind needs another kind's code.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::meta;
use crate::names;
use crate::resources::{self, Resource};

/// What a kind of workload is called, and where it listens if nobody says otherwise.
#[derive(Debug)]
pub struct Sort {
    /// Its custom resource.
    pub resource: &'static Resource,
    /// What the names of its objects end in.
    pub role: &'static str,
    /// The port it listens on if it names none; none if it need not listen at all.
    pub port: Option<i32>,
    /// Path of its protocol, if the spec has no `path`.
    pub path: &'static str,
}

/// All of them.
pub static SORTS: [&Sort; 4] = [&APPLICATION, &AGENT, &MCP_SERVER, &MODEL_DEPLOYMENT];

/// An Application.
pub static APPLICATION: Sort = Sort { resource: &resources::APPLICATION, role: "app", port: None, path: "" };
/// An Agent.
pub static AGENT: Sort = Sort { resource: &resources::AGENT, role: "agent", port: Some(8080), path: "" };
/// An McpServer.
pub static MCP_SERVER: Sort = Sort { resource: &resources::MCP_SERVER, role: "mcp", port: Some(8080), path: "/mcp" };
/// A ModelDeployment.
pub static MODEL_DEPLOYMENT: Sort =
    Sort { resource: &resources::MODEL_DEPLOYMENT, role: "model", port: Some(8000), path: "/v1" };

impl Sort {
    /// Name of the objects that a workload of this name consists of.
    pub fn child(&self, name: &str) -> String {
        names::child_name(name, self.role)
    }

    /// What the objects of a workload of this name are named after, or those of one of its versions.
    pub fn instance(name: &str, version: Option<&str>) -> String {
        version.map_or_else(|| name.to_owned(), |version| format!("{name}-{version}"))
    }

    /// The name by which its pods are selected. That of a version cannot be another resource's.
    pub fn mark(name: &str, version: Option<&str>) -> String {
        version.map_or_else(|| name.to_owned(), |version| format!("{name}.{version}"))
    }

    /// Labels that its pods carry, that nobody else can give to a pod, and that it is selected by.
    pub fn labels(&self, name: &str) -> BTreeMap<&'static str, String> {
        BTreeMap::from([(meta::WORKLOAD_KIND, self.resource.kind.to_owned()), (meta::WORKLOAD_NAME, name.to_owned())])
    }

    /// The port it is called at, from its custom resource; the default if that is not known. `None` if it does not listen, or not
    /// in this cluster.
    pub fn port_of(&self, cr: Option<&Value>) -> Option<i32> {
        if cr.is_some_and(|cr| !cr["spec"]["remote"].is_null()) {
            return None;
        }
        let named = cr.and_then(|cr| cr["spec"]["ports"][0]["port"].as_i64());
        named.and_then(|port| i32::try_from(port).ok()).or(self.port)
    }

    /// Where it is called, from its custom resource; by the defaults if that is not known. `None` if it does not listen.
    pub fn url(&self, namespace: &str, name: &str, cr: Option<&Value>) -> Option<String> {
        if let Some(remote) = cr.and_then(|cr| cr["spec"]["remote"]["url"].as_str()) {
            return Some(remote.to_owned());
        }
        Some(self.address(namespace, name, self.port_of(cr)?, self.path_of(cr)))
    }

    /// The path it is called at, from its custom resource; the default if that is not known.
    pub(crate) fn path_of<'a>(&self, cr: Option<&'a Value>) -> &'a str {
        cr.and_then(|cr| cr["spec"]["path"].as_str()).unwrap_or(self.path)
    }

    /// The ServiceAccount that its pods run as, from its custom resource.
    pub(crate) fn account(&self, cr: &Value) -> String {
        let named = cr["spec"]["serviceAccount"]["name"].as_str().map(str::to_owned);
        named.unwrap_or_else(|| self.child(cr["metadata"]["name"].as_str().unwrap_or_default()))
    }

    /// The address of its Service.
    pub fn address(&self, namespace: &str, name: &str, port: i32, path: &str) -> String {
        format!("http://{}.{namespace}.svc:{port}{path}", self.child(name))
    }
}
