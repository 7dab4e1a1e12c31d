//! What the tenant may use of the cluster, with the class's defaults filled in and held to its bounds, and the annotations by
//! which the admission policies know it. What is refused leaves the namespaces' annotations as they are.

use std::collections::BTreeMap;

use crate::conditions::Reason;
use crate::fields::{AtRest, AuditLevel, ClassChoice, Classes, Permission, PullPolicy, ServiceType, Stage};
use crate::kinds::tenant_class::types::TenantClassSpec;
use crate::kinds::tenantry_platform::types::TenantryPlatformSpec;
use crate::names;
use crate::plan::Plan;
use crate::policies::keys;

use super::types::{Contact, EffectiveClasses, TenantSpec};

/// Any class may be named.
const ANY: &str = "*";

/// What may be used, resolved.
#[derive(Debug, Clone, Default)]
pub(super) struct Allowed {
    /// Prefixes of images; `None` for any.
    pub(super) registries: Option<Vec<String>>,
    /// Which pull policy containers must have.
    pub(super) pull_policy: PullPolicy,
    /// Stages in which images must be named by digest.
    pub(super) require_digest: Vec<Stage>,
    /// Classes; `None` for any.
    pub(super) classes: EffectiveClasses,
    /// Hostnames.
    pub(super) hostnames: Vec<String>,
    /// Types of Services.
    pub(super) service_types: Vec<ServiceType>,
    /// Whether volumes must be encrypted.
    pub(super) at_rest: AtRest,
    /// What is kept in the audit log.
    pub(super) audit: AuditLevel,
}

/// Resolves what may be used, and notes what the class does not allow.
pub(super) fn resolve(
    spec: &TenantSpec,
    class: &TenantClassSpec,
    platform: &TenantryPlatformSpec,
    plan: &mut Plan,
) -> Allowed {
    let defaults = &class.defaults;
    let images = spec.images.clone().unwrap_or_default();
    let default_images = defaults.images.clone().unwrap_or_default();
    let mut allowed = Allowed {
        registries: images.registries.or(default_images.registries),
        pull_policy: images.pull_policy.or(default_images.pull_policy).unwrap_or_default(),
        require_digest: images.require_digest.or(default_images.require_digest).unwrap_or_default(),
        classes: classes(spec.classes.as_ref(), defaults.classes.as_ref()),
        hostnames: spec.hostnames.clone().unwrap_or_default(),
        service_types: (spec.services.as_ref().and_then(|services| services.types.clone()))
            .or_else(|| defaults.services.as_ref()?.types.clone())
            .unwrap_or_else(|| vec![ServiceType::ClusterIp]),
        at_rest: (spec.encryption.as_ref().and_then(|encryption| encryption.at_rest))
            .or_else(|| defaults.encryption.as_ref()?.at_rest)
            .unwrap_or_default(),
        audit: (spec.audit.as_ref().and_then(|audit| audit.level))
            .or_else(|| defaults.audit.as_ref()?.level)
            .unwrap_or_default(),
    };
    hold_to_bounds(&allowed, spec, class, plan);
    if allowed.at_rest == AtRest::Required {
        require_encryption(&mut allowed, platform, plan);
    }
    allowed
}

fn classes(own: Option<&Classes>, default: Option<&Classes>) -> EffectiveClasses {
    let of = |field: fn(&Classes) -> &Option<ClassChoice>| {
        let choice = own.and_then(|classes| field(classes).as_ref());
        let choice = choice.or_else(|| default.and_then(|classes| field(classes).as_ref()));
        choice.map(|choice| choice.allowed.clone())
    };
    EffectiveClasses {
        storage: of(|classes| &classes.storage),
        priority: of(|classes| &classes.priority),
        runtime: of(|classes| &classes.runtime),
        ingress: of(|classes| &classes.ingress),
        gateway: Some(of(|classes| &classes.gateway).unwrap_or_default()),
    }
}

fn hold_to_bounds(allowed: &Allowed, spec: &TenantSpec, class: &TenantClassSpec, plan: &mut Plan) {
    let (bounds, class_name) = (&class.bounds, &spec.class_name);
    let mut refuse = |field: String, text: String| plan.refuse(Reason::Invalid, field, text);
    if let Some(bound) = &bounds.registries {
        match &allowed.registries {
            None => refuse(
                "spec.images.registries".into(),
                format!("class {class_name} allows {} only, and any is asked for: name some of these", join(bound)),
            ),
            Some(registries) => {
                for registry in registries.iter().filter(|one| !bound.iter().any(|prefix| one.starts_with(prefix))) {
                    refuse(
                        format!("spec.images.registries[{registry}]"),
                        format!("is not inside what class {class_name} allows ({}): narrow it", join(bound)),
                    );
                }
            }
        }
    }
    let kinds = [
        ("storage", &allowed.classes.storage, &bounds.classes.storage),
        ("priority", &allowed.classes.priority, &bounds.classes.priority),
        ("runtime", &allowed.classes.runtime, &bounds.classes.runtime),
        ("ingress", &allowed.classes.ingress, &bounds.classes.ingress),
        ("gateway", &allowed.classes.gateway, &bounds.classes.gateway),
    ];
    for (kind, names, bound) in kinds {
        let Some(bound) = bound else { continue };
        match names {
            None => refuse(
                format!("spec.classes.{kind}"),
                format!(
                    "class {class_name} allows {} only, and any is asked for: name some of these",
                    join(&bound.allowed)
                ),
            ),
            Some(names) => {
                for name in names.iter().filter(|name| !bound.allowed.contains(name)) {
                    refuse(
                        format!("spec.classes.{kind}.allowed[{name}]"),
                        format!("is not among what class {class_name} allows ({}): remove it", join(&bound.allowed)),
                    );
                }
            }
        }
    }
    if let Some(bound) = &bounds.hostnames {
        for host in
            allowed.hostnames.iter().filter(|host| !bound.iter().any(|pattern| names::is_host_within(host, pattern)))
        {
            refuse(
                format!("spec.hostnames[{host}]"),
                format!("is not inside what class {class_name} allows ({}): remove it", join(bound)),
            );
        }
    }
    if let Some(bound) = &bounds.service_types {
        for kind in allowed.service_types.iter().filter(|kind| !bound.contains(kind)) {
            let words: Vec<String> = bound.iter().map(|kind| kind.word().to_owned()).collect();
            refuse(
                format!("spec.services.types[{}]", kind.word()),
                format!("is not among what class {class_name} allows ({}): remove it", join(&words)),
            );
        }
    }
    if allowed.at_rest < bounds.encryption_at_rest {
        refuse("spec.encryption.atRest".into(), format!("class {class_name} requires encryption: set Required"));
    }
}

/// Leaves of the storage classes those that the platform team says encrypt.
fn require_encryption(allowed: &mut Allowed, platform: &TenantryPlatformSpec, plan: &mut Plan) {
    let encrypted: Vec<String> = platform.encrypted_storage_classes.iter().map(|class| class.name.clone()).collect();
    let storage = match allowed.classes.storage.take() {
        None => encrypted,
        Some(names) => names.into_iter().filter(|name| encrypted.contains(name)).collect(),
    };
    if storage.is_empty() {
        plan.refuse(
            Reason::Unsupported,
            "spec.encryption.atRest",
            "of the storage classes that this tenant may use, none is known to encrypt: the platform team must list those that do in spec.encryptedStorageClasses of TenantryPlatform default, or set Optional",
        );
    }
    allowed.classes.storage = Some(storage);
}

fn join(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// What the admission policies read on a namespace of this tenant; `stage` is absent for the home namespace.
pub(super) fn annotations(
    allowed: &Allowed,
    contact: Option<&Contact>,
    namespaces: &[String],
    between_environments: Permission,
    stage: Option<Stage>,
) -> BTreeMap<&'static str, String> {
    let any_or = |names: &Option<Vec<String>>| names.as_ref().map_or_else(|| ANY.to_owned(), |names| names.join(","));
    let digest = stage.is_some_and(|stage| allowed.require_digest.contains(&stage));
    let types: Vec<&str> = allowed.service_types.iter().map(|kind| kind.word()).collect();
    let classes = &allowed.classes;
    let mut annotations = BTreeMap::from([
        (keys::NAMESPACES, namespaces.join(",")),
        (keys::REGISTRIES, any_or(&allowed.registries)),
        (keys::PULL_POLICY, format!("{:?}", allowed.pull_policy)),
        (keys::DIGEST, if digest { "Required" } else { "Optional" }.to_owned()),
        (keys::STORAGE_CLASSES, any_or(&classes.storage)),
        (keys::PRIORITY_CLASSES, any_or(&classes.priority)),
        (keys::RUNTIME_CLASSES, any_or(&classes.runtime)),
        (keys::INGRESS_CLASSES, any_or(&classes.ingress)),
        (keys::GATEWAY_CLASSES, any_or(&classes.gateway)),
        (keys::HOSTNAMES, allowed.hostnames.join(",")),
        (keys::SERVICE_TYPES, types.join(",")),
        (keys::BETWEEN_ENVIRONMENTS, format!("{between_environments:?}")),
    ]);
    if let Some(contact) = contact.and_then(whom_to_ask) {
        annotations.insert(keys::CONTACT, contact);
    }
    annotations
}

/// `team <mail> (https://…)`, as far as it is said.
fn whom_to_ask(contact: &Contact) -> Option<String> {
    let parts = [
        contact.team.clone(),
        contact.email.as_ref().map(|email| format!("<{email}>")),
        contact.escalation.as_ref().map(|escalation| format!("({escalation})")),
    ];
    let text = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}
