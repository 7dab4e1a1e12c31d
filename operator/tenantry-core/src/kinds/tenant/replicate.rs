//! Which of the platform's Secrets and ConfigMaps are copied into which environments. It sees that an original is there and
//! which state of it, never what it holds. An original that is known to be gone takes its copies with it; one of which
//! nothing is known leaves them.

use crate::build::build_copy;
use crate::check;
use crate::conditions::Reason;
use crate::meta::{self, Owner};
use crate::names::Place;
use crate::object::{ObjectKey, Origin};
use crate::plan::{Plan, Undecided};
use crate::resources::{CONFIG_MAP, CONFIG_MAP_ORIGINAL, NAMESPACE, Resource, SECRET, SECRET_ORIGINAL};
use crate::world::Lookup;

use super::plan::Case;
use super::types::{Replica, ReplicaKind};

/// How many copies one Tenant may have: each is recorded on it, and annotations have 256 KiB together.
const MOST_COPIES: usize = 512;

/// What the spec wants copied, checked.
#[derive(Debug, Default)]
pub(super) struct Replicas<'a> {
    entries: Vec<(&'a Replica, Copying)>,
}

/// What becomes of the copies of one original.
#[derive(Debug, Clone)]
enum Copying {
    /// They are kept equal to it.
    Follow(Origin),
    /// They stay as they are: nothing is known of it.
    Stay,
}

fn copies(kind: ReplicaKind) -> &'static Resource {
    match kind {
        ReplicaKind::Secret => &SECRET,
        ReplicaKind::ConfigMap => &CONFIG_MAP,
    }
}

fn original(replica: &Replica) -> ObjectKey {
    let resource = match replica.kind {
        ReplicaKind::Secret => &SECRET_ORIGINAL,
        ReplicaKind::ConfigMap => &CONFIG_MAP_ORIGINAL,
    };
    ObjectKey::namespaced(resource, &replica.namespace, &replica.name)
}

fn is_for(replica: &Replica, environment: &str) -> bool {
    replica.environments.as_ref().is_none_or(|names| names.iter().any(|name| name == environment))
}

impl<'a> Case<'a> {
    /// Checks all entries. What is refused has no copies.
    pub(super) fn replicas(&self, plan: &mut Plan) -> Replicas<'a> {
        let spec = &self.tenant.spec;
        let mut replicas = Replicas::default();
        let wanted = |replica: &Replica| spec.environments.iter().filter(|one| is_for(replica, &one.name)).count();
        let count: usize = spec.replicate.iter().map(wanted).sum();
        for (index, replica) in spec.replicate.iter().enumerate() {
            let source = original(replica);
            let field = format!("spec.replicate[{source}]");
            for unknown in replica.environments.iter().flatten() {
                if !spec.environments.iter().any(|environment| environment.name == *unknown) {
                    let text = format!(
                        "{unknown} is no environment of this tenant: add it to spec.environments, or remove it here"
                    );
                    plan.refuse(Reason::Invalid, format!("{field}.environments"), text);
                }
            }
            let twin = |other: &&Replica| (other.kind, &other.name) == (replica.kind, &replica.name);
            if let Some(twin) = spec.replicate[..index].iter().find(twin) {
                let text = format!("its copies would have the names of those of {}: remove one", original(twin));
                plan.refuse(Reason::Invalid, field, text);
                continue;
            }
            if let Some((part, fault)) = self.unusable_source(replica) {
                plan.refuse(Reason::Invalid, format!("{field}.{part}"), fault);
                continue;
            }
            match self.world.get(&source) {
                Lookup::Found(facts) if facts["isToken"] == true => {
                    let text =
                        "is the token of a ServiceAccount, which is valid for that one only: name another Secret";
                    plan.refuse(Reason::Invalid, format!("{field}.name"), text);
                }
                Lookup::Found(facts) => {
                    let text = |field: &str| facts["metadata"][field].as_str().unwrap_or_default().to_owned();
                    let origin = Origin { key: source, uid: text("uid"), version: text("resourceVersion") };
                    replicas.entries.push((replica, Copying::Follow(origin)));
                }
                Lookup::Missing => {
                    plan.wait(
                        Reason::RefNotFound,
                        format!("{field}: there is no {source}: create it, or remove this entry"),
                    );
                }
                Lookup::NotSynced => {
                    let (plural, namespace) = (source.resource.plural, &replica.namespace);
                    let text = format!(
                        "{field}: whether there is {source} is not known yet; if it stays so, the operator lacks get, list and watch on {plural} in namespace {namespace}: tenantry install --replicate-from {namespace}, or the chart's value replicateFrom, gives them"
                    );
                    plan.wait(Reason::Pending, text);
                    replicas.entries.push((replica, Copying::Stay));
                }
            }
        }
        if count > MOST_COPIES {
            let text =
                format!("{count} copies are more than {MOST_COPIES}: name fewer, or fewer environments for each");
            plan.refuse(Reason::Invalid, "spec.replicate", text);
            replicas.entries.iter_mut().for_each(|(_, copying)| *copying = Copying::Stay);
        }
        replicas
    }

    /// Why nothing may be copied from there, whatever is there: which field says so, and what is wrong.
    fn unusable_source(&self, replica: &Replica) -> Option<(&'static str, String)> {
        let namespace = &replica.namespace;
        if check::is_protected(namespace) {
            return Some(("namespace", format!("namespace {namespace} is protected: have it put into another one")));
        }
        if !self.platform.replicate_from.contains(namespace) {
            return Some((
                "namespace",
                format!(
                    "namespace {namespace} is not among spec.replicateFrom of TenantryPlatform default: name one that is, or ask the platform team"
                ),
            ));
        }
        let facts = self.world.get(&ObjectKey::cluster(&NAMESPACE, namespace)).found();
        let is_tenants = |facts: &serde_json::Value| {
            !facts["metadata"]["labels"][meta::TENANT].is_null() || Owner::marked_on(facts).is_some()
        };
        if facts.is_some_and(|facts| is_tenants(&facts)) {
            return Some((
                "namespace",
                format!(
                    "namespace {namespace} is a tenant's, and what is in there is not the platform's: name another"
                ),
            ));
        }
        (replica.kind == ReplicaKind::ConfigMap && replica.name == "kube-root-ca.crt")
            .then(|| ("name", "every namespace has one of its own: remove this entry".to_owned()))
    }

    /// Wants the copies of one environment.
    pub(super) fn want_copies(plan: &mut Plan, replicas: &Replicas, place: &Place) {
        for (replica, copying) in replicas.entries.iter().filter(|(replica, _)| is_for(replica, &place.environment)) {
            let resource = copies(replica.kind);
            match copying {
                Copying::Follow(origin) => plan.want(build_copy(place, resource, origin.clone())),
                Copying::Stay => {
                    let key = ObjectKey::namespaced(resource, &place.namespace, &replica.name);
                    plan.undecided.push(Undecided::Object(key));
                }
            }
        }
    }
}
