//! The operator on a real control plane: always a process of its own, with a token of its ServiceAccount and nothing but its
//! generated rights. One program, so that the tests share a cluster; those that break things start their own.

// What a test has waited for in vain, it says as it likes; clippy looks for `#[test]` on the function itself.
#![allow(clippy::panic)]

mod adopt;
mod audit;
mod autoscalers;
mod birth;
mod can_i;
#[path = "../../../operator/tenantry-core/tests/edges/mod.rs"]
mod cases;
mod channels;
mod collisions;
mod configuration;
mod deletion;
mod drift;
mod edges;
mod envoy_gateway;
mod exact;
mod faults;
mod grants;
mod inside;
mod keeping;
mod leadership;
mod lives;
mod managed_listeners;
mod members;
mod models;
mod onboarding;
#[path = "../shared/program.rs"]
mod program;
mod quota;
mod races;
mod refusals;
mod replicate;
mod rights;
mod rollback;
mod routes;
mod scene;
mod stolen;
mod stolen_gateways;
mod suspend;
mod verified;
mod view;
mod workloads;
mod written_down;

/// The program under test; see `shared/program.rs`. Run as a test it does nothing.
#[test]
fn program_under_test() {
    program::be_the_operator_if_asked();
}
