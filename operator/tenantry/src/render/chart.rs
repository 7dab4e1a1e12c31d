//! The generated part of the Helm chart: what the operator may do, the roles of tenants, the admission policies, and the schema
//! of the values.
//! The templates that put them in place are written by hand.

pub(super) mod values;

use tenantry_core::kind::Registration;

use super::files::{Files, NOTICE};
use super::manifests;
use crate::format::{self, FormatError};

/// Stands for the operator's namespace in generated files; templates put the release's in its place.
const RELEASE_NAMESPACE: &str = "RELEASE-NAMESPACE";

/// Files of the chart, by path within it. The CRDs are added by [`super::files`].
pub(super) fn files(kinds: &[Registration]) -> Result<Files, FormatError> {
    let rules = manifests::cluster_role_rules(kinds);
    let roles = manifests::roles_for_others(kinds);
    let lists = [
        ("operator-rules", rules),
        ("reader-rules", manifests::reader_rules(kinds)),
        ("policies", manifests::policies()),
        ("self-guard", manifests::self_guard(RELEASE_NAMESPACE)),
    ];
    let mut files = Files::new();
    for (name, list) in lists {
        files.insert(format!("generated/{name}.yaml"), format!("# {NOTICE}\n{}", format::yaml(&list)?));
    }
    files.insert(
        "generated/tenant-roles.yaml".into(),
        format!("# {NOTICE}\n{}", format::objects(&roles, format::Structured::Yaml)?),
    );
    files.insert("values.schema.json".into(), format::json(&values::schema())?);
    Ok(files)
}
