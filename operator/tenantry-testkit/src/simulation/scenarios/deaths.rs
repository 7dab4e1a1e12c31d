//! Stories of tenants that end: deleted in every way, also while they are being made, and made again.

use super::super::scenario::{Scenario, Step};
use super::{ACME, NAMESPACES, class, create, delete, doomed, established, mortal, tenant};

/// The stories.
pub fn deaths() -> Vec<Scenario> {
    let confirm = || Step::Confirm(ACME.into());
    let mut deaths = vec![
        Scenario::new(
            "retain and return",
            "a tenant is deleted, its namespaces stay; made again, it takes them back",
            established(&["dev"]),
            vec![delete(), Step::Settle, create(tenant("acme", &["dev"]))],
        ),
        Scenario::new(
            "delete",
            "a tenant is deleted with all its namespaces, as confirmed before",
            mortal(&["dev", "stage"]),
            vec![confirm(), delete()],
        ),
        Scenario::new(
            "delete, then confirm",
            "a tenant is deleted; its namespaces go only when that is confirmed",
            mortal(&["dev"]),
            vec![delete(), Step::Settle, confirm()],
        ),
        Scenario::new(
            "delete and make again",
            "a tenant is deleted with its namespaces and made again under the same name once it is gone",
            mortal(&["dev"]),
            vec![confirm(), delete(), Step::Settle, create(tenant("acme", &["dev"]))],
        ),
        Scenario::new(
            "namespace deleted",
            "somebody deletes a namespace of a tenant; it is made again, as safely as the first time",
            established(&["dev", "stage"]),
            vec![Step::Delete(format!("{NAMESPACES}/acme-dev"))],
        ),
    ];
    for (name, writes) in [("delete in birth 2", 2), ("delete in birth 7", 7), ("delete in birth 15", 15)] {
        deaths.push(Scenario::new(
            name,
            "a tenant is deleted while it is being created",
            vec![class(), create(tenant("globex", &["dev"])), Step::Settle],
            vec![create(doomed("acme", &["dev", "stage"])), confirm(), Step::Writes(writes), delete()],
        ));
    }
    deaths
}
