//! An agent with a model, a tool and a colleague.

use crate::kind::Example;

use super::types::Agent;

/// One agent.
pub(super) fn examples() -> Vec<Example<Agent>> {
    crate::kinds::example_list(&[(
        "43-agent-helper",
        "The agent behind the support desk: it calls a model and an MCP server of the same environment. The image finds their \
         addresses in OPENAI_BASE_URL, TENANTRY_MCP_TICKETS_URL and /etc/tenantry/bindings.json.",
        include_str!("examples/helper.json"),
    )])
}
