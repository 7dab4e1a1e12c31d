//! Tools for Tenantry's tests: an in-memory API server with faults, and what compares it with a real one.
//!
//! Nothing here is linked into the operator.

pub mod bell;
pub mod conformance;
pub mod faults;
pub mod policy_cases;
pub mod server;
pub mod simulation;
