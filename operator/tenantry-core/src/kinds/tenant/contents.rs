//! What one namespace needs, and when: everything at once, but rights only where the quota is enforced already.

use crate::build::{
    NamespaceParts, build_allow, build_default_deny, build_limit_range, build_namespace, build_resource_quota,
    build_role_binding,
};
use crate::conditions::Reason;
use crate::fields::{Permission, PodSecurity, Quantities, Stage};
use crate::names::{self, Place};
use crate::object::ObjectKey;
use crate::plan::Undecided;
use crate::quantity::Quantity;
use crate::resources::{LIMIT_RANGE, NAMESPACE, NETWORK_POLICY, RESOURCE_QUOTA, ROLE_BINDING};
use crate::world::Lookup;

use super::allowed;
use super::ownership::{Holder, holder};
use super::plan::{Case, Common, Draft};
use super::rights::has_bindings;

impl Case<'_> {
    /// Wants the namespace itself, unless its labels or annotations were refused.
    pub(super) fn want_namespace(
        &self,
        draft: &mut Draft,
        common: &Common,
        place: &Place,
        stage: Option<Stage>,
        level: PodSecurity,
        takes_over: bool,
    ) {
        let settings = &common.settings;
        if settings.namespace_refused {
            draft.plan.undecided.push(Undecided::Object(ObjectKey::cluster(&NAMESPACE, &place.namespace)));
            return;
        }
        let policy = allowed::annotations(
            &settings.allowed,
            self.tenant.spec.contact.as_ref(),
            &common.namespaces,
            settings.network.between_environments,
            stage,
        );
        let namespace = build_namespace(&NamespaceParts {
            place,
            stage,
            pod_security: level,
            labels: &settings.metadata.labels,
            annotations: &settings.metadata.annotations,
            policy: &policy,
        });
        draft.plan.want(namespace.taking_over(takes_over));
    }

    pub(super) fn want_contents(&self, draft: &mut Draft, common: &Common, place: &Place, quota: &Quantities) {
        let key = |resource, name: &str| Undecided::Object(ObjectKey::namespaced(resource, &place.namespace, name));
        let plan = &mut draft.plan;
        plan.want(build_default_deny(place, &self.platform.dns));
        match &common.openings {
            Some(openings) => {
                let between = common.settings.network.between_environments == Permission::Allow;
                plan.desired.extend(build_allow(place, between, openings));
            }
            None => plan.undecided.push(key(&NETWORK_POLICY, names::ALLOW)),
        }
        if common.quotas_good {
            plan.desired.extend(build_resource_quota(place, quota));
        } else {
            plan.undecided.push(key(&RESOURCE_QUOTA, names::QUOTA));
        }
        if common.settings.limits_refused {
            plan.undecided.push(key(&LIMIT_RANGE, names::LIMITS));
        } else if let Some(limits) = &common.settings.limits {
            plan.desired.extend(build_limit_range(place, limits));
        }
    }

    /// Wants the role bindings, unless nobody has had rights here yet and the namespace is not policed so far. Once
    /// bindings exist they are always decided: a revoked member must go at once, whatever a quota's status lags behind.
    /// Returns what is waited for.
    pub(super) fn want_bindings(
        &self,
        draft: &mut Draft,
        common: &Common,
        place: &Place,
        quota: &Quantities,
    ) -> Option<String> {
        let namespace = &place.namespace;
        let is_bounded = || {
            // A refused quota leaves in force what there is; where there is none, nobody gets rights yet.
            if common.quotas_good || place.is_home() {
                self.enforces(place, quota)
            } else {
                self.enforces_what_is_there(place)
            }
        };
        if self.is_ours(place) && (has_bindings(place, self.world) || is_bounded()) {
            for (role, subjects) in common.members.of(place) {
                draft.plan.want(build_role_binding(place, role, &subjects));
            }
            return None;
        }
        draft.plan.undecided.push(Undecided::Kind(&ROLE_BINDING, namespace.clone()));
        let text = format!("quota of namespace {namespace} is not enforced yet; members get their rights then");
        draft.plan.wait(Reason::Pending, text.clone());
        Some(text)
    }

    fn is_ours(&self, place: &Place) -> bool {
        matches!(holder(place, self.world), Holder::Ours(_))
    }

    /// Whether a quota is in force, be it an earlier one: what the spec says of quotas was refused.
    fn enforces_what_is_there(&self, place: &Place) -> bool {
        let key = ObjectKey::namespaced(&RESOURCE_QUOTA, &place.namespace, names::QUOTA);
        let Lookup::Found(facts) = self.world.get(&key) else { return false };
        facts["status"]["hard"].is_object() && facts["status"]["hard"] == facts["spec"]["hard"]
    }

    /// Whether the API server holds the namespace to every part of this quota. It goes by the quota's status, which the
    /// controller-manager fills after the fact: until then everything is let through.
    fn enforces(&self, place: &Place, quota: &Quantities) -> bool {
        if quota.is_empty() {
            return true;
        }
        let key = ObjectKey::namespaced(&RESOURCE_QUOTA, &place.namespace, names::QUOTA);
        let Lookup::Found(facts) = self.world.get(&key) else { return false };
        quota.iter().all(|(name, wanted)| {
            let enforced = facts["status"]["hard"][name].as_str().and_then(|amount| amount.parse::<Quantity>().ok());
            enforced.is_some_and(|enforced| enforced == wanted.rounded_up())
        })
    }
}
