//! `src/kinds/<kind>/accept/*.yaml` pass the schema and its CEL rules, `reject/*.yaml` do not. The first line of a
//! rejected file is a comment with a part of the message. The same files go to the real API server in e2e.

mod support;

use std::fs;

use support::{documents, entries, folder_of, kinds_folder};
use tenantry_core::kinds::KINDS;
use tenantry_core::schema;

#[test]
fn what_should_be_accepted_is() {
    for kind in KINDS {
        let crd = (kind.crd)();
        let files = entries(&kinds_folder().join(folder_of(kind.resource.kind)).join("accept"));
        assert!(!files.is_empty(), "{} has no accepted file", kind.resource.kind);
        for path in files {
            for object in documents(&path) {
                assert_eq!(schema::faults(&crd, &object), Vec::<String>::new(), "{}", path.display());
            }
        }
        for example in (kind.examples)() {
            assert_eq!(schema::faults(&crd, &example.cr), Vec::<String>::new(), "{}", example.name);
        }
    }
}

#[test]
fn what_should_be_rejected_is_and_says_why() {
    for kind in KINDS {
        let crd = (kind.crd)();
        let files = entries(&kinds_folder().join(folder_of(kind.resource.kind)).join("reject"));
        assert!(!files.is_empty(), "{} has no rejected file", kind.resource.kind);
        for path in files {
            let text = fs::read_to_string(&path).expect("readable");
            let expected =
                text.lines().next().and_then(|line| line.strip_prefix("# ")).expect("a first line `# message`");
            let object = documents(&path).remove(0);
            let faults = schema::faults(&crd, &object);
            assert!(faults.iter().any(|fault| fault.contains(expected)), "{}: {faults:?}", path.display());
        }
    }
}
