//! What an adopted namespace held before and the tenant's rules or quota would refuse now: told, never touched. The rules are the
//! admission policies' own, evaluated here; what the operator may not look at, `tenantry plan` judges by the rights of its caller.

use serde_json::Value;

use crate::names::{self, Place};
use crate::object::{Desired, ObjectKey};
use crate::policies::judge::refused_anew;
use crate::quotas::{amounts, beyond};
use crate::resources::{
    CRON_JOB, DAEMON_SET, DEPLOYMENT, JOB, NAMESPACE, POD, REPLICA_SET, REPLICATION_CONTROLLER, RESOURCE_QUOTA,
    Resource, STATEFUL_SET, THEIR_NETWORK_POLICY, THEIR_ROLE_BINDING,
};
use crate::world::{Lookup, Scope};

use super::plan::{Case, Draft};
use super::types::{Conflict, Conflicts};

/// How many are told one by one; the schema stores no more.
const MOST_NAMED: usize = 20;

/// What is looked at.
const JUDGED: [&Resource; 10] = [
    &POD,
    &DEPLOYMENT,
    &STATEFUL_SET,
    &DAEMON_SET,
    &REPLICA_SET,
    &REPLICATION_CONTROLLER,
    &CRON_JOB,
    &JOB,
    &THEIR_NETWORK_POLICY,
    &THEIR_ROLE_BINDING,
];

impl Case<'_> {
    /// What conflicts in a namespace that is this tenant's by now, with this uid. While not all is known: what was told last.
    /// Looking needs watches, so nobody looks again where nothing was found: what conflicts cannot come any more.
    pub(super) fn conflicts(&self, draft: &Draft, place: &Place, uid: Option<&str>) -> Option<Conflicts> {
        let told = self.tenant.status.iter().flat_map(|status| &status.environments);
        let told = told
            .filter(|told| told.namespace == place.namespace && told.uid.as_deref() == uid)
            .find_map(|told| told.conflicts.clone());
        if told.as_ref().is_some_and(|told| told.total == 0) {
            return told;
        }
        let key = ObjectKey::cluster(&NAMESPACE, &place.namespace);
        let Some(namespace) = draft.plan.desired.iter().find(|object| *object.key() == key).map(Desired::body) else {
            return told;
        };
        let (mut found, mut knows_all) = (Vec::new(), true);
        for resource in JUDGED {
            match self.world.list(resource, Scope::Namespace(place.namespace.clone())) {
                Lookup::Found(objects) => {
                    found.extend(objects.iter().flat_map(|facts| refused(resource, facts, namespace)));
                }
                Lookup::Missing | Lookup::NotSynced => knows_all = false,
            }
        }
        match self.exceeded(draft, place) {
            Some(exceeded) => found.extend(exceeded),
            None => knows_all = false,
        }
        if !knows_all {
            return told;
        }
        found.sort();
        let total = i64::try_from(found.len()).unwrap_or(i64::MAX);
        found.truncate(MOST_NAMED);
        Some(Conflicts { total, first: found })
    }

    /// What of the quota is used beyond it; `None` until it is counted. Without a quota nothing is.
    fn exceeded(&self, draft: &Draft, place: &Place) -> Option<Vec<Conflict>> {
        let key = ObjectKey::namespaced(&RESOURCE_QUOTA, &place.namespace, names::QUOTA);
        let facts = match self.world.get(&key) {
            Lookup::Found(facts) => facts,
            Lookup::Missing if draft.plan.desired.iter().all(|object| *object.key() != key) => return Some(Vec::new()),
            Lookup::Missing | Lookup::NotSynced => return None,
        };
        facts["spec"]["hard"].as_object()?;
        let (used, hard) = (amounts(&facts["status"]["used"]), amounts(&facts["spec"]["hard"]));
        let is_counted = hard.keys().all(|name| used.contains_key(name));
        let conflict = |message| Conflict {
            kind: RESOURCE_QUOTA.kind.to_owned(),
            name: names::QUOTA.to_owned(),
            rule: "quota".to_owned(),
            message,
        };
        is_counted.then(|| beyond(&used, &hard).into_iter().map(conflict).collect())
    }
}

fn refused<'a>(
    resource: &'static Resource,
    facts: &'a Value,
    namespace: &'a Value,
) -> impl Iterator<Item = Conflict> + 'a {
    let judged = Some(&facts["judged"]).filter(|judged| !judged.is_null() && facts["deleting"] != true);
    let rules = judged.map(|judged| refused_anew(resource.group, resource.plural, judged, namespace));
    rules.into_iter().flatten().map(move |rule| Conflict {
        kind: resource.kind.to_owned(),
        name: facts["name"].as_str().unwrap_or_default().to_owned(),
        rule: rule.name.to_owned(),
        message: rule.message.to_owned(),
    })
}
