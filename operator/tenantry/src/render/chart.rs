//! The generated part of the Helm chart: what the operator may do, the roles of tenants, and the schema of the values.
//! The templates that put them in place are written by hand.

pub(super) mod values;

use tenantry_core::kind::Registration;

use super::files::{Files, NOTICE};
use super::manifests;
use crate::format::{self, FormatError};

/// Files of the chart, by path within it. The CRDs are added by [`super::files`].
pub(super) fn files(kinds: &[Registration]) -> Result<Files, FormatError> {
    let rules = manifests::cluster_role_rules(kinds);
    let reader = manifests::reader_rules(kinds);
    let roles = manifests::tenant_roles();
    let mut files = Files::new();
    files.insert("generated/operator-rules.yaml".into(), format!("# {NOTICE}\n{}", format::yaml(&rules)?));
    files.insert("generated/reader-rules.yaml".into(), format!("# {NOTICE}\n{}", format::yaml(&reader)?));
    files.insert(
        "generated/tenant-roles.yaml".into(),
        format!("# {NOTICE}\n{}", format::objects(&roles, format::Structured::Yaml)?),
    );
    files.insert("values.schema.json".into(), format::json(&values::schema())?);
    Ok(files)
}
