//! Tenants' pods on a real node: they run, reach what they are bound to and nobody else's, are scaled by what they use, and go.
//! `cargo xtask e2e node` builds what is needed and runs this; it needs Linux and root.

// What a test has waited for in vain, it says as it likes; clippy looks for `#[test]` on the function itself.
#![allow(clippy::panic)]

mod configuration;
mod gateway;
mod installed;
mod matrix;
mod pods;
#[path = "../shared/program.rs"]
#[allow(dead_code, reason = "other test programs do more with it")]
mod program;
mod rollback;
mod room;
mod stage;
mod stories;
mod suspension;
mod team;
mod verified;

/// The program under test; see `shared/program.rs`. Run as a test it does nothing.
#[test]
fn program_under_test() {
    program::be_the_operator_if_asked();
}
