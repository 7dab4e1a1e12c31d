//! Every kind is registered, complete, and its examples are good.

mod support;

use std::collections::BTreeSet;

use support::{entries, folder_of, kinds_folder, plan};
use tenantry_core::check;
use tenantry_core::kinds::KINDS;
use tenantry_core::world::MemoryWorld;

#[test]
fn every_folder_is_a_registered_kind_with_golden_cases() {
    let folders: BTreeSet<String> = entries(&kinds_folder())
        .iter()
        .filter(|path| path.is_dir())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    let registered: BTreeSet<String> = KINDS.iter().map(|kind| folder_of(kind.resource.kind)).collect();
    assert_eq!(folders, registered);
    for folder in folders {
        assert!(!entries(&kinds_folder().join(&folder).join("golden")).is_empty(), "{folder} has no golden case");
    }
}

#[test]
fn resources_and_definitions_name_the_same() {
    for kind in KINDS {
        let crd = (kind.crd)();
        assert_eq!(crd.spec.group, kind.resource.group);
        assert_eq!(crd.spec.names.plural, kind.resource.plural);
        assert_eq!(crd.spec.names.kind, kind.resource.kind);
        assert_eq!(crd.spec.versions[0].name, kind.resource.version);
        let columns: Vec<_> = crd.spec.versions[0]
            .additional_printer_columns
            .iter()
            .flatten()
            .map(|column| column.name.as_str())
            .collect();
        assert!(columns.ends_with(&["Ready", "Reason", "Age"]), "{}: {columns:?}", kind.resource.kind);
    }
}

#[test]
fn the_examples_are_accepted_together() {
    let mut world = MemoryWorld::default();
    for example in KINDS.iter().flat_map(|kind| (kind.examples)()) {
        world.insert(example.cr).expect("a known kind");
    }
    let counts: Vec<usize> = KINDS.iter().map(|kind| (kind.examples)().len()).collect();
    let files: Vec<usize> = KINDS
        .iter()
        .map(|kind| entries(&kinds_folder().join(folder_of(kind.resource.kind)).join("examples")).len())
        .collect();
    assert_eq!(counts, files, "an example file that does not fit its type");
    for kind in KINDS {
        for example in (kind.examples)() {
            let plan = plan(kind, &example.cr, &world);
            assert!(plan.refusals.is_empty(), "{}: {plan}", example.name);
            assert_eq!(check::violation(&plan), None, "{}", example.name);
        }
    }
}
