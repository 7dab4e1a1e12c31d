//! A front end that calls an agent.

use crate::kind::Example;

use super::types::Application;

/// One application.
pub(super) fn examples() -> Vec<Example<Application>> {
    crate::kinds::example_list(&[(
        "40-application-desk",
        "The web front end of the support bots: it calls an agent of the same environment, and is scaled by its use of CPU.",
        include_str!("examples/desk.json"),
    )])
}
