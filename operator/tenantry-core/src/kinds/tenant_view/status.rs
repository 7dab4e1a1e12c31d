//! The view's status, told from the Tenant's. Only messages that are about the tenant's own objects are passed on: others
//! may say who else holds a name, or what a server said to the operator.

use jiff::Timestamp;

use crate::conditions::{Conditions, Reason, Truth, Type};
use crate::kind::Outcome;
use crate::kinds::tenant::types::{EnvironmentStatus, TenantStatus};
use crate::world::{Lookup, World};

use super::plan::tenant;
use super::types::{TenantView, TenantViewStatus, ViewedEnvironmentStatus};

/// What the status should say.
pub(super) fn status(view: &TenantView, world: &World, done: &Outcome, now: Timestamp) -> TenantViewStatus {
    let earlier = view.status.clone().unwrap_or_default();
    let mut conditions = Conditions::new(&earlier.conditions, view.metadata.generation.unwrap_or_default(), now);
    let told = match tenant(view, world) {
        Lookup::Found(tenant) => tenant.status.unwrap_or_default(),
        // Ignorance keeps what was known.
        Lookup::NotSynced => return earlier,
        Lookup::Missing => {
            conditions.set_accepted(done, "");
            return TenantViewStatus {
                observed_generation: view.metadata.generation,
                conditions: conditions.summarise(&[Type::Accepted], ""),
                ..TenantViewStatus::default()
            };
        }
    };
    let (truth, reason) = ready(&told);
    let message = match truth {
        Truth::True => "everything is as wanted".to_owned(),
        Truth::False | Truth::Unknown => reason.meaning().to_owned(),
    };
    conditions.set(Type::Ready, truth, reason, message.clone());
    if truth == Truth::Unknown {
        conditions.set(Type::Reconciling, Truth::True, reason, message);
    }
    TenantViewStatus {
        observed_generation: view.metadata.generation,
        conditions: conditions.into_list(),
        ready: told.ready,
        environments: told.environments.into_iter().map(environment).collect(),
        quota: told.quota,
    }
}

/// The Tenant's `Ready`.
fn ready(told: &TenantStatus) -> (Truth, Reason) {
    let condition = told.conditions.iter().find(|condition| condition.type_ == Type::Ready.name());
    condition.map_or((Truth::Unknown, Reason::Pending), |condition| (condition.status, reason_of(&condition.reason)))
}

fn environment(told: EnvironmentStatus) -> ViewedEnvironmentStatus {
    let reason = reason_of(&told.reason);
    let own = matches!(reason, Reason::Pending | Reason::Invalid | Reason::Deleting);
    ViewedEnvironmentStatus {
        // A name that somebody else holds is no namespace of this tenant's.
        namespace: told.uid.is_some().then_some(told.namespace),
        name: told.name,
        ready: told.ready,
        reason: told.reason,
        message: told.message.map(|message| if own { message } else { reason.meaning().to_owned() }),
        quota: told.quota,
    }
}

fn reason_of(word: &str) -> Reason {
    Reason::ALL.into_iter().find(|reason| reason.name() == word).unwrap_or(Reason::Pending)
}
