//! Agent cards of the Agent2Agent protocol, version 1.0 and older. Never sends a message to an agent.

pub mod card;
pub mod rules;
mod verify;

pub use card::{Card, Shape, judge};
pub use verify::{Verdict, verify};
