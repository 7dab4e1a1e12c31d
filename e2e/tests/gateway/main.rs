//! A real gateway: that the harness around Traefik works, and what Traefik really does with what Gateway API can say. Linux, in a network
//! of its own; skipped where Traefik cannot be installed.

// What a test has waited for in vain, it says as it likes; clippy looks for `#[test]` on the function itself.
#![allow(clippy::panic)]
// Parts of objects are written where they are handed over.
#![allow(clippy::needless_pass_by_value)]

mod asked;
mod attachment;
mod facts;
mod harness;
mod judged;
mod prepared;
#[path = "../shared/program.rs"]
#[allow(dead_code, reason = "other test programs do more with it")]
mod program;
mod stage;
mod tenants;

/// The program under test; see `shared/program.rs`. Run as a test it does nothing.
#[test]
fn program_under_test() {
    program::be_the_operator_if_asked();
}
