//! The subcommands of `e2e`, one file each: `Arguments` and `run`.

pub(crate) mod bench;
pub(crate) mod bridge_image;
pub(crate) mod cluster;
pub(crate) mod demo;
pub(crate) mod tools;

/// What ends a subcommand: one line for the person who called it.
pub(crate) type CommandError = Box<dyn std::error::Error>;
