//! What one tenant comes to, as the operator really made it: its children, so that the floors create the same objects. It sends
//! nothing but lists.

use kube::Client;
use serde_json::{Value, json};
use tenantry_e2e::objects;

use crate::commands::CommandError;

/// In the order of the waves: namespace, isolation, limits, access, view.
const WAVES: [&[(&str, &str)]; 5] = [
    &[("v1", "Namespace")],
    &[("networking.k8s.io/v1", "NetworkPolicy")],
    &[("v1", "ResourceQuota"), ("v1", "LimitRange")],
    &[("rbac.authorization.k8s.io/v1", "RoleBinding")],
    &[("tenantry.dev/v1alpha1", "TenantView")],
];
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// The children of one tenant, wave by wave.
pub(crate) struct Template {
    name: String,
    waves: Vec<Vec<Value>>,
}

impl Template {
    /// Of the tenant of this name, which is ready.
    pub(crate) async fn of(client: &Client, name: &str) -> Result<Self, CommandError> {
        let mut waves = Vec::new();
        for kinds in WAVES {
            let mut wave = Vec::new();
            for (version, kind) in kinds {
                let found = objects::list(client, version, kind, None, &format!("{MANAGED_BY}=tenantry")).await?;
                let ours = found.into_iter().filter(|object| belongs_to(object, name));
                wave.extend(ours.map(|object| as_sent(object, version, kind)));
            }
            waves.push(wave);
        }
        Ok(Self { name: name.to_owned(), waves })
    }

    /// How many objects a tenant has.
    pub(crate) fn children(&self) -> usize {
        self.waves.iter().map(Vec::len).sum()
    }

    /// The same objects for another tenant, whose name must be as long. They are marked as nobody's, so that no operator
    /// takes them for its own.
    pub(crate) fn waves_for(&self, name: &str) -> Vec<Vec<Value>> {
        let rename = |object: &Value| {
            let text = object.to_string().replace(&self.name, name);
            // It was JSON before, and names are plain.
            let mut object: Value = serde_json::from_str(&text).unwrap_or_default();
            object["metadata"]["labels"][MANAGED_BY] = "nobodies".into();
            object
        };
        self.waves.iter().map(|wave| wave.iter().map(rename).collect()).collect()
    }
}

fn belongs_to(object: &Value, tenant: &str) -> bool {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_else(|| objects::name(object));
    namespace == tenant || namespace.strip_prefix(tenant).is_some_and(|rest| rest.starts_with('-'))
}

/// Without what the server added.
fn as_sent(mut object: Value, version: &str, kind: &str) -> Value {
    let metadata = &object["metadata"];
    let mut kept = json!({});
    for field in ["name", "namespace", "labels", "annotations"] {
        if !metadata[field].is_null() {
            kept[field] = metadata[field].clone();
        }
    }
    if let Some(labels) = kept["labels"].as_object_mut() {
        labels.remove("kubernetes.io/metadata.name");
    }
    object["metadata"] = kept;
    object["apiVersion"] = version.into();
    object["kind"] = kind.into();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
        if kind == "Namespace" {
            fields.remove("spec");
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Template, as_sent, belongs_to};

    #[test]
    fn another_tenant_gets_the_same_objects() {
        let seen = json!({ "metadata": { "name": "t-0001-dev", "uid": "u", "labels": { "kubernetes.io/metadata.name": "t-0001-dev", "a": "t-0001" } },
            "spec": { "finalizers": ["kubernetes"] }, "status": { "phase": "Active" } });
        let template = Template { name: "t-0001".into(), waves: vec![vec![as_sent(seen, "v1", "Namespace")]] };
        let expected = json!({ "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": "t-0002-dev", "labels": { "a": "t-0002", "app.kubernetes.io/managed-by": "nobodies" } } });
        assert_eq!(template.waves_for("t-0002"), vec![vec![expected]]);
        assert_eq!(template.children(), 1);
    }

    #[test]
    fn names_that_begin_alike_are_kept_apart() {
        let policy = json!({ "metadata": { "name": "p", "namespace": "t-00011-dev" } });
        assert!(!belongs_to(&policy, "t-0001"));
    }
}
