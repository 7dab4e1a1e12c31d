//! McpServer: tools that agents call by the Model Context Protocol, run here or elsewhere.

use jiff::Timestamp;

use crate::access::Access;
use crate::kind::{Children, Example, Kind, Outcome};
use crate::plan::Plan;
use crate::resources::{self, Resource};
use crate::workload;
use crate::world::World;

mod bridge;
mod examples;
mod plan;
mod status;
pub mod types;
mod verified;

use types::{McpServer, McpServerStatus};

/// The kind McpServer.
pub struct McpServerKind;

impl Kind for McpServerKind {
    type Cr = McpServer;
    const RESOURCE: &'static Resource = &resources::MCP_SERVER;
    const CHILDREN: Children = Children::Owned;
    const ACCESS: &'static [Access] = workload::ACCESS;
    const INCIDENTAL: &'static [&'static str] = workload::INCIDENTAL;

    fn plan(cr: &McpServer, world: &World, now: Timestamp) -> Plan {
        workload::draft(&plan::workload(cr, world), world, now).plan
    }

    fn status(cr: &McpServer, world: &World, done: &Outcome, now: Timestamp) -> McpServerStatus {
        status::status(cr, world, done, now)
    }

    fn examples() -> Vec<Example<McpServer>> {
        examples::examples()
    }
}
