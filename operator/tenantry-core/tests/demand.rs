//! What is watched only while some plan lists it must be listed by whoever writes it: else nothing is ever known of it, and what
//! is wanted of it is held for ever (`apply.rs`: no record, and the kind not synced).

#![allow(clippy::panic)] // A case that cannot be read is named.

mod support;

use std::collections::BTreeSet;

use support::{documents, entries, folder_of, kinds_folder, now, read_world};
use tenantry_core::kinds::KINDS;
use tenantry_core::world::{Read, World};

#[test]
fn whoever_writes_what_is_watched_on_demand_lists_it() {
    let mut silent = BTreeSet::new();
    for registration in KINDS {
        let folder = kinds_folder().join(folder_of(registration.resource.kind)).join("golden");
        for case in entries(&folder) {
            let Some(cr) = documents(&case.join("cr.yaml")).into_iter().next() else { continue };
            let world = read_world(&case.join("world.yaml"));
            let look = World::new(&world);
            let plan = (registration.plan)(&cr, &look, now()).expect("a well-formed resource");
            let reads = look.into_reads();
            for object in plan.desired.iter().filter(|object| object.key().resource.watch.is_on_demand()) {
                let kind = object.key().resource;
                if !reads.iter().any(|read| matches!(read, Read::List(listed, _) if *listed == kind)) {
                    silent.insert(format!("{} wants {} in {}", registration.resource.kind, kind.kind, case.display()));
                }
            }
        }
    }
    assert!(silent.is_empty(), "wanted and never listed, so never watched:\n{silent:#?}");
}
