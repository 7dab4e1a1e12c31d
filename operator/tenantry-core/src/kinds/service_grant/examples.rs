//! What one team lets another call, for a while.

use crate::kind::Example;

use super::types::ServiceGrant;

/// One offer.
pub(super) fn examples() -> Vec<Example<ServiceGrant>> {
    crate::kinds::example_list(&[(
        "55-service-grant-tickets",
        "Tenant acme-research may call the ticket tools of the support bots, until the end of the year. It does by naming them in one of its workloads.",
        include_str!("examples/tickets.json"),
    )])
}
