//! An API of one team, and a new version of it for a part of the requests.

use crate::kind::Example;

use super::types::ServiceRoute;

/// One route.
pub(super) fn examples() -> Vec<Example<ServiceRoute>> {
    crate::kinds::example_list(&[(
        "50-service-route-desk",
        "The desk, found as /api/v1/DESK/ in every environment, with no more than 50 requests a second of each client.",
        include_str!("examples/desk.json"),
    )])
}
