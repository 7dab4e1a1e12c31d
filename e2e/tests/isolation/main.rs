//! The isolation suite: what a tenant must not be able to do, tried on a real API server in every way, once with the operator
//! and once without. `docs/testing.md` tells how it is run and how it is shown to find holes.

// What a check has waited for in vain, it says as it likes; clippy looks for `#[test]` on the function itself.
#![allow(clippy::panic)]

mod access;
mod benchmark;
mod breach;
mod cases;
mod check;
mod definitions;
mod grants;
mod hole;
mod holes;
mod loose;
mod network;
// The operator's tests need more of it than this suite does.
#[allow(dead_code)]
#[path = "../shared/program.rs"]
mod program;
mod reach;
mod request;
mod run;
mod samples;
mod stage;
mod suite;
mod tampering;
mod tokens;
mod universal;
mod writer;

/// The program under test; see `shared/program.rs`. Run as a test it does nothing.
#[test]
fn program_under_test() {
    program::be_the_operator_if_asked();
}
