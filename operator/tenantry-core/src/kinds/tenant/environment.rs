//! One namespace of the tenant, home or environment: what stands in its way, and what is wanted all the same.

use serde_json::Value;

use crate::conditions::Reason;
use crate::fields::{PodSecurity, Quantities};
use crate::names::Place;
use crate::plan::Undecided;
use crate::quantity::Quantity;

use super::leaving::{self, hold_rights};
use super::ownership::{Holder, holder};
use super::plan::{Case, Common, Draft, EnvironmentDraft, Planned};
use super::{quota, settings};

impl Case<'_> {
    pub(super) fn plan_home(&self, draft: &mut Draft, common: &Common, is_new: bool) {
        let place = Place::home(self.name);
        let nothing = Quantities::from([("pods".to_owned(), Quantity::ZERO)]);
        match holder(&place, self.world) {
            Holder::Unknown => draft.plan.undecided.push(Undecided::Namespace(place.namespace)),
            Holder::Leaving(facts) => {
                draft.plan.wait(Reason::Pending, leaving::describe(&place.namespace, &facts, false));
                hold_rights(&mut draft.plan, &place, &facts, Some(&common.members), self.world);
            }
            _ if is_new && common.settings.namespace_refused => {
                draft.plan.undecided.push(Undecided::Namespace(place.namespace));
            }
            _ => {
                self.want_namespace(draft, common, &place, None, Some(PodSecurity::Restricted), false);
                self.want_network(draft, &place, false, Some(&[]));
                self.want_home_quota(draft, common, &place, &nothing);
                self.want_bindings(draft, common, &place, &nothing);
            }
        }
    }

    pub(super) fn plan_environment(&self, draft: &mut Draft, common: &Common, planned: &Planned) {
        let Planned { environment, place, holder, share, fits } = planned;
        let level = settings::pod_security(environment, self.class);
        let level_good = settings::is_allowed(level, self.class);
        let field = format!("spec.environments[{}]", environment.name);
        if !level_good {
            let text =
                format!("class {} does not allow {level:?}: choose a stricter level", self.tenant.spec.class_name);
            draft.plan.refuse(Reason::Invalid, format!("{field}.podSecurity"), text);
        }
        let is_new = matches!(holder, Holder::Nobody | Holder::Adoptable(_));
        let settings = &common.settings;
        let bad = !level_good || settings.namespace_refused || settings.limits_refused || !common.quotas_good || !*fits;
        let mut obstacle = None;
        let uid = match holder {
            Holder::Unknown => {
                obstacle = Some((Reason::Pending, "not known yet".to_owned()));
                draft.plan.wait(Reason::Pending, format!("namespace {} is not known yet", place.namespace));
                None
            }
            Holder::Foreign(whose) => {
                let namespace = &place.namespace;
                let (part, text) = if environment.adopt.is_some() {
                    ("adopt", format!("namespace {namespace} cannot be adopted: {whose}"))
                } else {
                    let fix = "rename the environment, or remove that namespace";
                    ("name", format!("namespace {namespace} is not this tenant's: {whose}; {fix}"))
                };
                draft.plan.refuse(Reason::NotOwned, format!("{field}.{part}"), text.clone());
                obstacle = Some((Reason::NotOwned, text));
                None
            }
            Holder::Absent => {
                let text = format!(
                    "{field}.adopt: there is no namespace {}: create it, or remove adopt and have one made",
                    place.namespace
                );
                draft.plan.wait(Reason::RefNotFound, text.clone());
                obstacle = Some((Reason::RefNotFound, text));
                None
            }
            Holder::Leaving(facts) => {
                let text = leaving::describe(&place.namespace, facts, environment.adopt.is_some());
                draft.plan.wait(Reason::Pending, text.clone());
                obstacle = Some((Reason::Pending, text));
                uid_of(facts)
            }
            Holder::Nobody | Holder::Adoptable(_) if bad => {
                let what = if matches!(holder, Holder::Nobody) { "made" } else { "taken over" };
                let text = format!("not {what} before the spec is accepted, see condition Accepted");
                obstacle = Some((Reason::Invalid, text));
                None
            }
            Holder::Nobody => None,
            Holder::Adoptable(facts) => uid_of(facts),
            Holder::Ours(facts) => {
                if bad || common.openings.is_none() {
                    obstacle = Some((
                        Reason::Invalid,
                        "stays as it was in what was refused, see condition Accepted".to_owned(),
                    ));
                }
                uid_of(facts)
            }
        };
        let members = common.members.count(place);
        let hands_off = !(is_new || matches!(holder, Holder::Ours(_))) || (is_new && bad);
        if let Holder::Leaving(facts) = holder {
            hold_rights(&mut draft.plan, place, facts, Some(&common.members), self.world);
        } else if hands_off {
            draft.plan.undecided.push(Undecided::Namespace(place.namespace.clone()));
        } else {
            let takes_over = matches!(holder, Holder::Adoptable(_));
            let level = Some(level).filter(|_| level_good);
            self.want_namespace(draft, common, place, Some(environment.stage), level, takes_over);
            self.want_contents(draft, common, place, share);
            self.want_inside(&mut draft.plan, place, environment.stage);
            Self::want_copies(&mut draft.plan, &common.replicas, place);
            let bounds = quota::bounds(&common.settings.quota, share);
            if obstacle.is_none() {
                obstacle = self.want_bindings(draft, common, place, &bounds).map(|text| (Reason::Pending, text));
            } else {
                self.want_bindings(draft, common, place, &bounds);
            }
        }
        let conflicts = match holder {
            Holder::Ours(_) if environment.adopt.is_some() => self.conflicts(draft, place, uid.as_deref()),
            _ => None,
        };
        draft.environments.push(EnvironmentDraft {
            place: place.clone(),
            uid,
            pod_security: level,
            quota: self.hard(common, place, share),
            members,
            obstacle,
            conflicts,
        });
    }
}

fn uid_of(facts: &Value) -> Option<String> {
    facts["metadata"]["uid"].as_str().map(str::to_owned)
}
