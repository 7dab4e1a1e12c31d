//! The Model Context Protocol over HTTP, in both its eras. Never calls a tool.

pub mod checks;
mod context;
mod list;
mod message;
mod open;
mod protected;
pub mod requirements;
mod schema;
pub mod tools;
pub mod verdict;
mod verify;

#[cfg(test)]
mod tests;

pub use requirements::{Drift, drift, missing_tools};
pub use tools::Tool;
pub use verdict::{Auth, Era, ServerInfo, Verdict, Verification};
pub use verify::{Depth, verify};

/// The revision without sessions, newest first.
pub const MODERN: &str = "2026-07-28";
/// The last revision that opens a session by `initialize`.
pub const LEGACY: &str = "2025-11-25";
/// The revision of the HTTP+SSE transport.
pub const SSE: &str = "2024-11-05";
/// Legacy revisions that may be answered with.
pub const LEGACY_REVISIONS: [&str; 4] = [LEGACY, "2025-06-18", "2025-03-26", SSE];
