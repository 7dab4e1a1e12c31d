//! What members are told of what is in force: the TenantView's spec. What was refused is not shown, as something else is in
//! force there; it is named instead. Nothing of what a refusal says is passed on: that may name somebody else.

use std::collections::BTreeSet;

use crate::build::build_tenant_view;
use crate::fields::Images;
use crate::kinds::tenant_view::types::{TenantViewSpec, ViewedEnvironment, ViewedMember, ViewedNetwork, ViewedReplica};
use crate::names::Place;
use crate::object::ObjectKey;
use crate::plan::Refusal;
use crate::resources::TENANT_VIEW;

use super::plan::{Case, Common, Draft};
use super::settings;

/// What the admission policies are told by a namespace's annotations.
const ON_NAMESPACES: [&str; 5] = ["classes", "encryption", "hostnames", "images", "services"];
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
        let (spec, settings) = (&self.tenant.spec, &common.settings);
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
        let unsettled = unsettled(&draft.plan.refusals, settings.namespace_refused);
        let replicated = spec.replicate.iter().map(|replica| ViewedReplica {
            kind: replica.kind,
            name: replica.name.clone(),
            environments: known(&replica.environments),
        });
        // What stands on the namespaces is written as a whole, or stays as a whole.
        let allowed = (!settings.namespace_refused).then_some(&settings.allowed);
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
            images: allowed.map(|allowed| Images {
                registries: allowed.registries.clone(),
                pull_policy: Some(allowed.pull_policy),
                require_digest: Some(allowed.require_digest.clone()).filter(|stages| !stages.is_empty()),
            }),
            classes: allowed.map(|allowed| allowed.classes.clone()),
            hostnames: allowed.map(|allowed| allowed.hostnames.clone()).unwrap_or_default(),
            service_types: allowed.map(|allowed| allowed.service_types.clone()).unwrap_or_default(),
            encryption_at_rest: allowed.map(|allowed| allowed.at_rest),
            replicated: replicated.collect(),
            audit_level: settings.allowed.audit,
            suspend: spec.suspend.clone(),
            unsettled,
        }
    }
}

/// Which parts of the spec were refused, as paths without what is in them: that may be the name of something foreign.
fn unsettled(refusals: &[Refusal], namespace_refused: bool) -> Vec<String> {
    let mut parts: BTreeSet<String> =
        refusals.iter().filter_map(|refusal| refusal.field.strip_prefix("spec.")).map(part).collect();
    if namespace_refused {
        parts.extend(ON_NAMESPACES.map(str::to_owned));
    }
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
