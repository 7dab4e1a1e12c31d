//! What Tenantry wants, as pure functions: custom resources in, plans and status out.
//!
//! This crate knows no client, clock, randomness or environment (tests/purity.rs holds it to that), so everything it
//! decides can be printed, compared and replayed. `ARCHITECTURE.md` is the map.

pub mod access;
pub mod audit;
pub mod build;
pub mod check;
pub mod cidr;
pub mod conditions;
pub mod content;
pub mod enforcement;
pub mod escrow;
pub mod external;
pub mod fields;
pub mod grants;
pub mod kind;
pub mod kinds;
pub mod meta;
pub mod names;
pub mod object;
pub mod passing;
pub mod plan;
pub mod policies;
pub mod quantity;
pub mod quotas;
pub mod resources;
pub mod roles;
pub mod routing;
pub mod schema;
pub mod workload;
pub mod world;
