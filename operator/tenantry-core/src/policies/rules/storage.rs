//! Volume claims: which classes, and no way to a volume or snapshot that somebody else has filled.

use crate::policies::rule::{CREATE, Exempt, Group, Rule, Target, UPDATE, WRITE};

/// Volume claims and snapshots.
pub const STORAGE: Group = Group {
    name: "storage",
    targets: &[
        Target { groups: &[""], resources: &["persistentvolumeclaims"] },
        Target { groups: &["snapshot.storage.k8s.io"], resources: &["volumesnapshots"] },
    ],
    pod: "",
    template: "",
    rules: &[
        Rule {
            name: "storage-class",
            expression: "{storage-classes} == '*' || (has(object.spec.storageClassName) && object.spec.storageClassName != '' && object.spec.storageClassName in {storage-classes}.split(','))",
            operations: CREATE,
            resources: &["persistentvolumeclaims"],
            exempt: Exempt::Nobody,
            field: "spec.classes.storage",
            allowed: "storage-classes",
            message: "this storageClassName is not allowed to this tenant, or none is named: name one that is",
        },
        Rule {
            name: "volume-name",
            expression: "!has(object.spec.volumeName) || object.spec.volumeName == ''",
            operations: CREATE,
            resources: &["persistentvolumeclaims"],
            exempt: Exempt::Platform,
            field: "",
            allowed: "",
            message: "volumeName could name another tenant's volume: leave it out",
        },
        Rule {
            name: "volume-name-change",
            expression: "!has(object.spec.volumeName) || (has(oldObject.spec.volumeName) && oldObject.spec.volumeName == object.spec.volumeName)",
            operations: UPDATE,
            resources: &["persistentvolumeclaims"],
            exempt: Exempt::PlatformAndSystem,
            field: "",
            allowed: "",
            message: "volumeName could name another tenant's volume: leave it as it is",
        },
        Rule {
            name: "volume-selector",
            expression: "!has(object.spec.selector)",
            operations: CREATE,
            resources: &["persistentvolumeclaims"],
            exempt: Exempt::Platform,
            field: "",
            allowed: "",
            message: "a selector could choose another tenant's volume: leave it out",
        },
        Rule {
            name: "data-source",
            expression: "!has(object.spec.dataSourceRef) || !has(object.spec.dataSourceRef.namespace) || object.spec.dataSourceRef.namespace == '' || object.spec.dataSourceRef.namespace == request.namespace",
            operations: WRITE,
            resources: &["persistentvolumeclaims"],
            exempt: Exempt::Platform,
            field: "",
            allowed: "",
            message: "dataSourceRef names another namespace: use a source in this one",
        },
        Rule {
            name: "snapshot-content",
            expression: "!has(object.spec.source) || !has(object.spec.source.volumeSnapshotContentName)",
            operations: WRITE,
            resources: &["volumesnapshots"],
            exempt: Exempt::PlatformAndSystem,
            field: "",
            allowed: "",
            message: "volumeSnapshotContentName could name another tenant's data: take a snapshot of a claim in this namespace",
        },
    ],
};
