//! The spec with the class's defaults filled in, and what of it the class does not allow. Each refusal names the field,
//! the bound and the fix, and withholds only the kind of object that the field decides.

use std::collections::BTreeMap;

use crate::conditions::Reason;
use crate::escrow::Share;
use crate::fields::{AtRest, Audit, Images, Limits, Metadata, PodSecurity, Quantities, Services};
use crate::kinds::tenant_class::types::{StageDefaults, TenantClassSpec};
use crate::kinds::tenantry_platform::types::TenantryPlatformSpec;
use crate::names;
use crate::plan::Plan;

use super::allowed::{self, Allowed};
use super::types::{Effective, EffectiveEncryption, EffectiveNetwork, Environment, TenantSpec};

/// The whole tenant's settings in force.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    /// Most of all environments together.
    pub(super) quota: Quantities,
    /// Of each container; `None` when there are none.
    pub(super) limits: Option<Limits>,
    /// Network permissions.
    pub(super) network: EffectiveNetwork,
    /// For every namespace.
    pub(super) metadata: Metadata,
    /// What may be used of the cluster.
    pub(super) allowed: Allowed,
    /// Whether `limits` contradict themselves.
    pub(super) limits_refused: bool,
    /// Whether what stands on the namespaces themselves was refused: `metadata`, or what may be used.
    pub(super) namespace_refused: bool,
}

impl Settings {
    /// As the status tells them.
    pub(super) fn effective(&self, platform: &TenantryPlatformSpec) -> Effective {
        let allowed = &self.allowed;
        let listed = allowed.classes.storage.iter().flatten();
        let evidence = platform
            .encrypted_storage_classes
            .iter()
            .filter(|class| allowed.at_rest == AtRest::Required && listed.clone().any(|name| *name == class.name));
        Effective {
            quota: self.quota.clone(),
            limits: self.limits.clone(),
            network: Some(self.network.clone()),
            images: Some(Images {
                registries: allowed.registries.clone(),
                pull_policy: Some(allowed.pull_policy),
                require_digest: Some(allowed.require_digest.clone()).filter(|stages| !stages.is_empty()),
            }),
            classes: Some(allowed.classes.clone()),
            services: Some(Services { types: Some(allowed.service_types.clone()) }),
            encryption: Some(EffectiveEncryption {
                at_rest: allowed.at_rest,
                evidence: evidence.map(|class| (class.name.clone(), class.evidence.clone())).collect(),
            }),
            audit: Some(Audit { level: Some(allowed.audit) }),
        }
    }
}

/// Resolves the tenant's settings and notes what is refused.
pub(super) fn resolve(
    spec: &TenantSpec,
    class: &TenantClassSpec,
    platform: &TenantryPlatformSpec,
    plan: &mut Plan,
) -> Settings {
    let defaults = &class.defaults;
    let network = spec.network.clone().unwrap_or_default();
    let mut settings = Settings {
        quota: merged(defaults.quota.as_ref(), spec.quota.as_ref()),
        limits: spec.limits.clone().or_else(|| defaults.limits.clone()),
        network: EffectiveNetwork {
            between_environments: network.between_environments.unwrap_or(defaults.network.between_environments),
            internet: network.internet.unwrap_or(defaults.network.internet),
            api_server: network.api_server.unwrap_or(defaults.network.api_server),
        },
        metadata: with_defaults(defaults.metadata.as_ref(), spec.metadata.as_ref()),
        ..Settings::default()
    };
    if let Some((field, fault)) = settings.limits.as_ref().and_then(contradiction) {
        plan.refuse(Reason::Invalid, format!("spec.limits.{field}"), fault);
        settings.limits_refused = true;
    }
    let before = plan.refusals.len();
    refuse_metadata(&settings.metadata, spec, class, plan);
    settings.allowed = allowed::resolve(spec, class, platform, plan);
    settings.namespace_refused = plan.refusals.len() > before;
    if let Some(allowed) = &class.bounds.deletion_policies
        && !allowed.contains(&spec.deletion_policy)
    {
        let text = format!(
            "{:?} is not allowed by class {}: choose one of {allowed:?}; until then Retain is in force",
            spec.deletion_policy, spec.class_name
        );
        plan.refuse(Reason::Invalid, "spec.deletionPolicy", text);
    }
    settings
}

/// Pod security level of an environment.
pub(super) fn pod_security(environment: &Environment, class: &TenantClassSpec) -> PodSecurity {
    let default = || stage_defaults(environment, class).and_then(|stage| stage.pod_security);
    environment.pod_security.or_else(default).unwrap_or_default()
}

/// Whether the class allows the level.
pub(super) fn is_allowed(level: PodSecurity, class: &TenantClassSpec) -> bool {
    match &class.bounds.pod_security {
        Some(allowed) => allowed.contains(&level),
        None => level != PodSecurity::Privileged,
    }
}

/// Quota of an environment.
pub(super) fn environment_quota(environment: &Environment, class: &TenantClassSpec) -> Share {
    let default = stage_defaults(environment, class).and_then(|stage| stage.quota.as_ref());
    let own = environment.quota.as_ref();
    Share {
        guaranteed: merged(default.map(|quota| &quota.guaranteed), own.map(|quota| &quota.guaranteed)),
        max: merged(default.map(|quota| &quota.max), own.map(|quota| &quota.max)),
    }
}

fn stage_defaults<'a>(environment: &Environment, class: &'a TenantClassSpec) -> Option<&'a StageDefaults> {
    class.defaults.environments.iter().find(|defaults| defaults.stage == environment.stage)
}

fn merged(default: Option<&Quantities>, own: Option<&Quantities>) -> Quantities {
    let mut merged = default.cloned().unwrap_or_default();
    merged.extend(own.into_iter().flatten().map(|(name, amount)| (name.clone(), *amount)));
    merged
}

fn with_defaults(default: Option<&Metadata>, own: Option<&Metadata>) -> Metadata {
    let mut merged = default.cloned().unwrap_or_default();
    let own = own.cloned().unwrap_or_default();
    merged.labels.extend(own.labels);
    merged.annotations.extend(own.annotations);
    merged
}

/// The first pair of limits that cannot both hold, as the API server would judge it.
fn contradiction(limits: &Limits) -> Option<(&'static str, String)> {
    let of = |amounts: &Option<crate::fields::ContainerAmounts>| {
        let amounts = amounts.clone().unwrap_or_default();
        [("cpu", amounts.cpu), ("memory", amounts.memory), ("ephemeral-storage", amounts.ephemeral_storage)]
    };
    let ordered = [
        ("min", "defaultRequest", of(&limits.min), of(&limits.default_request)),
        ("min", "default", of(&limits.min), of(&limits.default)),
        ("min", "max", of(&limits.min), of(&limits.max)),
        ("defaultRequest", "default", of(&limits.default_request), of(&limits.default)),
        ("defaultRequest", "max", of(&limits.default_request), of(&limits.max)),
        ("default", "max", of(&limits.default), of(&limits.max)),
    ];
    for (lower, upper, smaller, larger) in ordered {
        for ((resource, small), (_, large)) in smaller.into_iter().zip(larger) {
            if let (Some(small), Some(large)) = (small, large)
                && small > large
            {
                return Some((
                    lower,
                    format!("{resource} {small} is more than {large} in {upper}: lower it, or raise {upper}"),
                ));
            }
        }
    }
    None
}

fn refuse_metadata(metadata: &Metadata, spec: &TenantSpec, class: &TenantClassSpec, plan: &mut Plan) {
    let own = spec.metadata.clone().unwrap_or_default();
    let parts: [(&str, &BTreeMap<String, String>); 2] =
        [("labels", &metadata.labels), ("annotations", &metadata.annotations)];
    for (part, entries) in parts {
        for (key, value) in entries {
            let field = format!("spec.metadata.{part}[{key}]");
            if !names::is_qualified_name(key) {
                plan.refuse(Reason::Invalid, field, "is not a valid key: write it as name or prefix.example/name, with at most 63 letters, digits, dashes, dots and underscores in the name");
            } else if is_reserved(key) {
                plan.refuse(
                    Reason::Invalid,
                    field,
                    "belongs to Kubernetes or Tenantry and cannot be set here: remove it",
                );
            } else if part == "labels" && !names::is_label_value(value) {
                plan.refuse(Reason::Invalid, field, format!("{value:?} is not a valid label value: use at most 63 letters, digits, dashes, dots and underscores, beginning and ending with a letter or digit"));
            }
        }
    }
    let bounds = &class.bounds.metadata;
    for key in
        own.labels.keys().chain(own.annotations.keys()).filter(|key| names::is_among(key, &bounds.forbidden_keys))
    {
        plan.refuse(
            Reason::Invalid,
            format!("spec.metadata[{key}]"),
            format!("class {} keeps this key for the platform: remove it", spec.class_name),
        );
    }
    for key in bounds.required_labels.iter().filter(|key| !metadata.labels.contains_key(*key)) {
        plan.refuse(
            Reason::Invalid,
            format!("spec.metadata.labels[{key}]"),
            format!("class {} requires this label: add it", spec.class_name),
        );
    }
}

/// Keys that decide policy, ours or the cluster's.
fn is_reserved(key: &str) -> bool {
    let prefix = key.split_once('/').map_or("", |(prefix, _)| prefix);
    let is_in = |domain: &str| prefix == domain || prefix.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    crate::meta::is_managed_key(key) || ["kubernetes.io", "k8s.io", "tenantry.dev"].into_iter().any(is_in)
}
