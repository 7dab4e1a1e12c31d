//! Namespaces. Never with an owner reference: a lost CRD must not take them away.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fields::{PodSecurity, Stage};
use crate::meta;
use crate::names::Place;
use crate::object::{Desired, ObjectKey};
use crate::resources::NAMESPACE;

/// What is special about one namespace.
#[derive(Debug, Clone)]
pub struct NamespaceParts<'a> {
    /// Where it is.
    pub place: &'a Place,
    /// What its environment is for; none for the home namespace.
    pub stage: Option<Stage>,
    /// What pods may ask for.
    pub pod_security: PodSecurity,
    /// The tenant's own labels.
    pub labels: &'a BTreeMap<String, String>,
    /// The tenant's own annotations.
    pub annotations: &'a BTreeMap<String, String>,
    /// What the admission policies read, by annotation key.
    pub policy: &'a BTreeMap<&'static str, String>,
}

/// A namespace of a tenant.
pub fn build_namespace(parts: &NamespaceParts) -> Desired {
    let NamespaceParts { place, stage, pod_security, labels, annotations, policy } = parts;
    let mut namespace = Desired::new(ObjectKey::cluster(&NAMESPACE, &place.namespace));
    // The tenant's own first, so that they can never stand in for ours.
    for (key, value) in *labels {
        namespace = namespace.label(key, value);
    }
    for (key, value) in *annotations {
        namespace = namespace.annotation(key, value);
    }
    for (key, value) in *policy {
        namespace = namespace.annotation(key, value);
    }
    for mode in ["enforce", "warn", "audit"] {
        namespace = namespace
            .label(&format!("pod-security.kubernetes.io/{mode}"), pod_security.label())
            .label(&format!("pod-security.kubernetes.io/{mode}-version"), "latest");
    }
    if let Some(stage) = stage {
        namespace = namespace.label(meta::STAGE, stage.label());
    }
    if place.is_adopted() {
        namespace = namespace.annotation(meta::ADOPTED, &place.namespace);
    }
    namespace
        .labels(place.labels())
        .label("app.kubernetes.io/name", "tenant")
        .label("app.kubernetes.io/instance", &place.tenant)
}

/// A namespace that outlives its environment or Tenant: what we own of it now, and the mark that says whom it was retained from.
pub fn build_retained_namespace(place: &Place, owned: &Value) -> Desired {
    build_namespace_as_it_is(place, owned).label(meta::RETAINED_FROM, &place.tenant)
}

/// A namespace of which nothing else is decided: exactly what we own of it now (`owned` of the namespace's facts), but for how
/// its tenant is suspended, which is always decided anew.
pub fn build_namespace_as_it_is(place: &Place, owned: &Value) -> Desired {
    let suspension = [meta::SUSPEND, meta::SUSPEND_REASON, meta::RESUME];
    let kept = |section: &str| -> Vec<(String, String)> {
        let entries = owned[section].as_object().into_iter().flatten();
        entries
            .filter(|(key, _)| !suspension.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect()
    };
    let mut namespace = Desired::new(ObjectKey::cluster(&NAMESPACE, &place.namespace));
    for (key, value) in kept("labels") {
        namespace = namespace.label(&key, &value);
    }
    for (key, value) in kept("annotations") {
        namespace = namespace.annotation(&key, &value);
    }
    namespace.labels(place.labels())
}
