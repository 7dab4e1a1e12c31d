//! What members are told of what is in force: the TenantView's spec. What was refused is not shown, as something else is in
//! force there; it is named instead. Nothing of what a refusal says is passed on: that may name somebody else.

use std::collections::BTreeSet;

use crate::build::build_tenant_view;
use crate::fields::{ClassChoice, Classes, Images, ServiceType, Services};
use crate::kinds::tenant_class::types::Defaults;
use crate::kinds::tenant_view::types::{TenantViewSpec, ViewedEnvironment, ViewedMember, ViewedNetwork, ViewedReplica};
use crate::names::Place;
use crate::object::ObjectKey;
use crate::plan::Refusal;
use crate::resources::TENANT_VIEW;

use super::plan::{Case, Common, Draft};
use super::settings;
use super::types::TenantSpec;

/// How many the schema stores.
const MOST_UNSETTLED: usize = 128;

impl Case<'_> {
    /// Wants the view, where the home namespace is the tenant's.
    pub(super) fn want_view(&self, draft: &mut Draft, common: &Common) {
        let place = Place::home(self.name);
        if draft.plan.decides(&ObjectKey::namespaced(&TENANT_VIEW, &place.namespace, &place.tenant)) {
            let spec = self.view(draft, common);
            draft.plan.want(build_tenant_view(&place, &spec));
        }
    }

    fn view(&self, draft: &Draft, common: &Common) -> TenantViewSpec {
        let (spec, defaults, settings) = (&self.tenant.spec, &self.class.defaults, &common.settings);
        let names: Vec<&String> = draft.environments.iter().map(|environment| &environment.place.environment).collect();
        let known = |listed: &Option<Vec<String>>| {
            listed.as_ref().map(|listed| listed.iter().filter(|name| names.contains(name)).cloned().collect())
        };
        let environments = draft.environments.iter().filter_map(|environment| {
            let named = spec.environments.iter().find(|one| one.name == environment.place.environment)?;
            let level = environment.pod_security;
            Some(ViewedEnvironment {
                name: named.name.clone(),
                stage: named.stage,
                pod_security: settings::is_allowed(level, self.class).then_some(level),
            })
        });
        let members = common.members.acting().map(|member| ViewedMember {
            name: member.name.clone(),
            role: member.role,
            environments: known(&member.environments),
            until: member.until,
        });
        let unsettled = unsettled(&draft.plan.refusals);
        let settled = |part: &str| !unsettled.iter().any(|other| other == part);
        let replicated = spec.replicate.iter().map(|replica| ViewedReplica {
            kind: replica.kind,
            name: replica.name.clone(),
            environments: known(&replica.environments),
        });
        let encryption = spec.encryption.as_ref().or(defaults.encryption.as_ref());
        let audit = spec.audit.as_ref().or(defaults.audit.as_ref());
        TenantViewSpec {
            display_name: spec.display_name.clone(),
            contact: spec.contact.clone(),
            class_name: spec.class_name.clone(),
            environments: environments.collect(),
            members: members.collect(),
            limits: settings.limits.clone().filter(|_| !settings.limits_refused),
            network: common.openings.is_some().then(|| ViewedNetwork {
                between_environments: settings.network.between_environments,
                internet: settings.network.internet,
                api_server: settings.network.api_server,
                egress: spec.network.iter().flat_map(|network| network.egress.clone()).collect(),
            }),
            images: images(spec.images.as_ref(), defaults.images.as_ref()).filter(|_| settled("images")),
            classes: classes(spec.classes.as_ref(), defaults.classes.as_ref()).filter(|_| settled("classes")),
            hostnames: spec.hostnames.clone().filter(|_| settled("hostnames")).unwrap_or_default(),
            service_types: service_types(spec, defaults).filter(|_| settled("services")).unwrap_or_default(),
            replicated: replicated.collect(),
            encryption_at_rest: settled("encryption")
                .then(|| encryption.and_then(|encryption| encryption.at_rest).unwrap_or_default()),
            audit_level: audit.and_then(|audit| audit.level).unwrap_or_default(),
            suspend: spec.suspend.clone(),
            unsettled,
        }
    }
}

/// Which parts of the spec were refused, as paths without what is in them: that may be the name of something foreign.
fn unsettled(refusals: &[Refusal]) -> Vec<String> {
    let parts: BTreeSet<String> =
        refusals.iter().filter_map(|refusal| refusal.field.strip_prefix("spec.")).map(part).collect();
    parts.into_iter().take(MOST_UNSETTLED).collect()
}

/// `limits` of `limits.min`, `members` of `members[x].until`, and `environments[dev].quota` of `environments[dev].quota.max`.
fn part(field: &str) -> String {
    let word = |text: &str| text.split(['.', '[']).next().unwrap_or_default().to_owned();
    match field.strip_prefix("environments[").and_then(|rest| rest.split_once(']')) {
        Some((environment, rest)) => {
            let field = word(rest.trim_start_matches('.'));
            format!("environments[{environment}].{field}")
        }
        None => word(field),
    }
}

fn images(own: Option<&Images>, default: Option<&Images>) -> Option<Images> {
    let (Some(own), Some(default)) = (own, default) else { return own.or(default).cloned() };
    Some(Images {
        registries: own.registries.clone().or_else(|| default.registries.clone()),
        pull_policy: own.pull_policy.or(default.pull_policy),
        require_digest: own.require_digest.clone().or_else(|| default.require_digest.clone()),
    })
}

fn classes(own: Option<&Classes>, default: Option<&Classes>) -> Option<Classes> {
    let (Some(own), Some(default)) = (own, default) else { return own.or(default).cloned() };
    let choice = |own: &Option<ClassChoice>, default: &Option<ClassChoice>| own.clone().or_else(|| default.clone());
    Some(Classes {
        storage: choice(&own.storage, &default.storage),
        priority: choice(&own.priority, &default.priority),
        runtime: choice(&own.runtime, &default.runtime),
        ingress: choice(&own.ingress, &default.ingress),
        gateway: choice(&own.gateway, &default.gateway),
    })
}

fn service_types(spec: &TenantSpec, defaults: &Defaults) -> Option<Vec<ServiceType>> {
    let types = |services: &Option<Services>| services.as_ref().and_then(|services| services.types.clone());
    Some(types(&spec.services).or_else(|| types(&defaults.services)).unwrap_or_else(|| vec![ServiceType::ClusterIp]))
}
