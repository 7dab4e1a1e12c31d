//! Tools of a team's own, and tools from elsewhere.

use crate::kind::Example;

use super::types::McpServer;

/// Two servers.
pub(super) fn examples() -> Vec<Example<McpServer>> {
    crate::kinds::example_list(&[
        (
            "42-mcpserver-tickets",
            "Tools around tickets, run as a container. Only agents that name it can call it.",
            include_str!("examples/tickets.json"),
        ),
        (
            "42-mcpserver-weather",
            "Tools of somebody else: agents that name it are told its address.",
            include_str!("examples/weather.json"),
        ),
    ])
}
