//! What MCP servers and A2A agents answer, and what it is worth: requests to send, answers to judge, verdicts.
//!
//! This crate opens no connection and knows no clock (tests/purity.rs holds it to that): it says what to ask through
//! [`wire::Wire`], and whoever implements that does the asking. `tenantry-probe` does it over the network.

pub mod a2a;
pub mod address;
pub mod challenge;
pub mod check;
pub mod events;
pub mod json;
pub mod mcp;
pub mod opening;
pub mod target;
pub mod verdict;
pub mod wire;
