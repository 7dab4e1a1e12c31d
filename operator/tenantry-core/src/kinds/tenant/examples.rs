//! Tenants of a plausible company.

use crate::kind::Example;

use super::types::Tenant;

/// Three tenants: a research group, a payments team, and support bots.
pub(super) fn examples() -> Vec<Example<Tenant>> {
    crate::kinds::example_list(&[
        (
            "20-tenant-acme-research",
            "A research group with its own quota, a model API outside, and a guest on call until a date.",
            include_str!("examples/acme-research.json"),
        ),
        (
            "21-tenant-payments",
            "A team under strict rules: production is closed to developers, and nothing outside can be reached.",
            include_str!("examples/payments.json"),
        ),
        (
            "22-tenant-support-bots",
            "Bots that talk to the internet, whose environments may reach each other.",
            include_str!("examples/support-bots.json"),
        ),
    ])
}
