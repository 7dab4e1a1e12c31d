//! Asks MCP servers and A2A agents over the network, within bounds: time, size, addresses, how many at once. What the
//! answers are worth is `tenantry-protocol`'s to say. Follows no redirect, calls no tool, keeps no connection.

mod connect;
mod exchange;
mod prober;

pub use prober::{Limits, NoRoots, Options, Prober, roots};
