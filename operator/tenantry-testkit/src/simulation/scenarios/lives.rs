//! Stories of tenants that live: they are made, changed, and get other people.

use std::time::Duration;

use serde_json::json;

use super::super::scenario::{Scenario, Step};
use super::{CLASS, class, create, edit, environment, environments, established, fill, member, open, sharing, tenant};

/// The stories.
pub fn lives() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "create",
            "two tenants, one with three environments",
            vec![],
            vec![class(), create(tenant("globex", &["dev"])), create(tenant("acme", &["dev", "stage", "prod"]))],
        ),
        Scenario::new(
            "shrink",
            "an environment is removed from the spec and its namespace retained",
            established(&["dev", "stage"]),
            vec![edit(json!({"environments": environments(&["dev"])}))],
        ),
        Scenario::new(
            "shrink and grow",
            "an environment is removed, comes back, and gets its retained namespace back",
            established(&["dev", "stage"]),
            vec![
                edit(json!({"environments": environments(&["dev"])})),
                Step::Settle,
                edit(json!({"environments": environments(&["dev", "stage"])})),
            ],
        ),
        Scenario::new(
            "quota",
            "an environment's quota is changed",
            established(&["dev", "stage"]),
            vec![edit(json!({"environments": [environment("dev", "20"), environment("stage", "5")]}))],
        ),
        Scenario::new(
            "escrow",
            "one environment fills up and gets what the other does not use",
            shared(),
            fill("acme-dev", 9),
        )
        .sharing(),
        Scenario::new(
            "escrow with a newcomer",
            "one environment has what the other does not use; then a third comes",
            [shared(), fill("acme-dev", 9), vec![Step::Settle]].concat(),
            vec![edit(json!({"environments": open(&["dev", "stage", "prod"])}))],
        )
        .sharing(),
        Scenario::new(
            "escrow that shrinks",
            "one environment has what the other does not use; then the total shrinks",
            [shared(), fill("acme-dev", 9), vec![Step::Settle]].concat(),
            vec![edit(json!({"quota": {"configmaps": "16"}}))],
        )
        .sharing(),
        Scenario::new(
            "members",
            "a member is added for two minutes, another one removed; the first expires",
            established(&["dev", "stage"]),
            vec![
                edit(json!({"members": [
                    member("acme", "admins", "Admin"),
                    {"name": "guest", "role": "Viewer", "until": "2026-01-01T00:02:00Z",
                        "subjects": [{"kind": "User", "name": "guest@acme.example"}]},
                ]})),
                Step::Settle,
                Step::Pass(Duration::from_secs(140)),
            ],
        ),
        Scenario::new(
            "class",
            "the class opens the network between environments and changes the default limits",
            established(&["dev", "stage"]),
            vec![Step::Edit(
                CLASS.into(),
                json!({"spec": {"defaults": {
                    "network": {"betweenEnvironments": "Allow"},
                    "limits": {"default": {"cpu": "250m"}},
                }}}),
            )],
        ),
    ]
}

/// Two tenants, one of which has environments that share a total.
fn shared() -> Vec<Step> {
    vec![class(), create(tenant("globex", &["dev"])), create(sharing(&["dev", "stage"])), Step::Settle]
}
