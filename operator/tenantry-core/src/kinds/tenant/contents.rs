//! What one namespace needs, and when: everything at once, but rights only where the quota is enforced already.

use crate::build::{
    NamespaceParts, Opening, build_allow, build_default_deny, build_limit_range, build_namespace, build_quarantine,
    build_role_binding,
};
use crate::conditions::Reason;
use crate::enforcement;
use crate::escrow::Share;
use crate::fields::{Permission, PodSecurity, Quantities, Stage};
use crate::names::{self, Place};
use crate::object::ObjectKey;
use crate::plan::Undecided;
use crate::quantity::Quantity;
use crate::resources::{LIMIT_RANGE, NAMESPACE, NETWORK_POLICY, RESOURCE_QUOTA, ROLE_BINDING};
use crate::world::Lookup;

use super::ownership::{Holder, holder};
use super::plan::{Case, Common, Draft};
use super::rights::has_bindings;
use super::suspend;
use super::types::SuspendMode;
use super::{allowed, escrow};

impl Case<'_> {
    /// Wants the namespace itself; where its labels or annotations were refused, as it is. `level` is none if refused.
    pub(super) fn want_namespace(
        &self,
        draft: &mut Draft,
        common: &Common,
        place: &Place,
        stage: Option<Stage>,
        level: Option<PodSecurity>,
        takes_over: bool,
    ) {
        let notes = common.stopped.notes_in(&place.namespace);
        let Some(level) = level.filter(|_| !common.settings.namespace_refused) else {
            match holder(place, self.world) {
                Holder::Ours(facts) => {
                    suspend::mark_as_it_is(&mut draft.plan, self.tenant, place, &facts, notes);
                }
                _ => draft.plan.undecided.push(Undecided::Object(ObjectKey::cluster(&NAMESPACE, &place.namespace))),
            }
            return;
        };
        let settings = &common.settings;
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
        draft.plan.want(suspend::mark(namespace, self.tenant, notes).taking_over(takes_over));
    }

    /// Wants what closes the network there, and what opens it again. `openings` are none if they were refused.
    pub(super) fn want_network(&self, draft: &mut Draft, place: &Place, between: bool, openings: Option<&[Opening]>) {
        let plan = &mut draft.plan;
        if suspend::is(self.tenant, SuspendMode::Quarantine) {
            plan.want(build_quarantine(place));
            return;
        }
        plan.want(build_default_deny(place, &self.platform.dns));
        match openings {
            Some(openings) => plan.desired.extend(build_allow(place, between, openings)),
            None => plan.undecided.push(Undecided::Object(ObjectKey::namespaced(
                &NETWORK_POLICY,
                &place.namespace,
                names::ALLOW,
            ))),
        }
    }

    pub(super) fn want_contents(&self, draft: &mut Draft, common: &Common, place: &Place, share: &Share) {
        let key = |resource, name: &str| Undecided::Object(ObjectKey::namespaced(resource, &place.namespace, name));
        let between = common.settings.network.between_environments == Permission::Allow;
        self.want_network(draft, place, between, common.openings.as_deref());
        let plan = &mut draft.plan;
        match escrow::quota(common, place, share) {
            Some(quota) => match escrow::restless_until(place, &common.settings.quota, self, common.now) {
                Some(when) if escrow::changes(&quota, place, self) => {
                    plan.undecided.push(key(&RESOURCE_QUOTA, names::QUOTA));
                    plan.requeue_at(when);
                }
                _ => plan.desired.extend(quota),
            },
            None => plan.undecided.push(key(&RESOURCE_QUOTA, names::QUOTA)),
        }
        if common.settings.limits_refused {
            plan.undecided.push(key(&LIMIT_RANGE, names::LIMITS));
        } else if let Some(limits) = &common.settings.limits {
            plan.desired.extend(build_limit_range(place, limits));
        }
    }

    /// Wants the role bindings, unless nobody has had rights here yet and the namespace is not policed so far: its quota does not
    /// bite yet, or the admission policies are not there. Once bindings exist they are always decided: a revoked member must go
    /// at once, whatever a quota's status lags behind. Returns what is waited for.
    pub(super) fn want_bindings(
        &self,
        draft: &mut Draft,
        common: &Common,
        place: &Place,
        bounds: &Quantities,
    ) -> Option<String> {
        let namespace = &place.namespace;
        let is_bounded = || {
            // A refused quota leaves in force what there is; where there is none, nobody gets rights yet.
            if common.quotas_good || place.is_home() {
                self.enforces(place, bounds)
            } else {
                self.enforces_what_is_there(place)
            }
        };
        let bindings = common.members.of(place);
        let missing = if self.is_ours(place) && has_bindings(place, self.world) {
            None
        } else if !self.is_ours(place) || !is_bounded() {
            Some(format!("quota of namespace {namespace} is not enforced yet; members get their rights then"))
        } else if bindings.is_empty() {
            None
        } else {
            let unbound = self.unbound.get_or_init(|| enforcement::unbound(self.world)).as_ref();
            unbound.map(|why| {
                format!(
                    "members get their rights in namespace {namespace} once the admission policies bind them: {why}"
                )
            })
        };
        let Some(text) = missing else {
            for (role, subjects) in bindings {
                draft.plan.want(build_role_binding(place, role, &subjects));
            }
            return None;
        };
        draft.plan.undecided.push(Undecided::Kind(&ROLE_BINDING, namespace.clone()));
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

    /// Whether the API server holds the namespace to every one of these bounds, or to less: what moves between environments
    /// never exceeds them. It goes by the quota's status, which the controller-manager fills after the fact: until then
    /// everything is let through.
    fn enforces(&self, place: &Place, bounds: &Quantities) -> bool {
        if bounds.is_empty() {
            return true;
        }
        let key = ObjectKey::namespaced(&RESOURCE_QUOTA, &place.namespace, names::QUOTA);
        let Lookup::Found(facts) = self.world.get(&key) else { return false };
        bounds.iter().all(|(name, bound)| {
            let enforced = facts["status"]["hard"][name].as_str().and_then(|amount| amount.parse::<Quantity>().ok());
            enforced.is_some_and(|enforced| enforced <= bound.rounded_up())
        })
    }
}
