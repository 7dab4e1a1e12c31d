//! The command line of Tenantry: one file per subcommand, and under `render/` the pure renderers of everything that is
//! generated in this repository. It decides nothing about tenants: that is `tenantry-core`.

mod audit_policy;
pub mod cli;
mod completions;
mod connect;
mod crds;
mod failure;
mod format;
mod install;
mod manifest;
mod my;
mod outside;
mod plan;
pub mod render;
mod run;
mod settings;
mod table;
mod terminal;
mod verify;
mod version;
