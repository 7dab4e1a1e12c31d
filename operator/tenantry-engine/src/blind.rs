//! Objects that may be written and not read: copies of Secrets. Creation cannot seize what is there, every change names the
//! uid that was given to ours, and what was written is known from the inventory alone. What they hold is taken from the
//! original at the moment of writing, and kept nowhere.

use serde_json::Value;
use tenantry_core::content;
use tenantry_core::kind::Progress;
use tenantry_core::object::{Desired, ObjectKey};
use tenantry_core::plan::Plan;
use tenantry_core::resources::NAMESPACE;

use crate::calls::Version;
use crate::engine::Engine;
use crate::error::{Cause, Error};
use crate::inventory::{Ledger, State};

/// Type of Secrets that are worth nothing, or too much, elsewhere.
const TOKEN: &str = "kubernetes.io/service-account-token";

/// Writes an object unless it was written just so. Returns how far it is, and whether that took a write.
pub async fn write(engine: &Engine, object: &Desired, ledger: &Ledger) -> Result<(Progress, bool), Error> {
    let key = object.key();
    let namespace = ObjectKey::cluster(&NAMESPACE, &key.namespace);
    let Some(namespace) = engine.store().record(&namespace).map(|record| record.version.uid.clone()) else {
        return Ok((Progress::Held, false));
    };
    let hash = content::hash_blind(object, &namespace);
    let state = ledger.state(key);
    if matches!(&state, Some(State::Written { hash: written, .. }) if *written == hash) {
        return Ok((Progress::Observed, false));
    }
    let Some(body) = filled(engine, object).await? else { return Ok((Progress::Held, false)) };
    let calls = engine.leads(key)?;
    let answer = match state {
        Some(State::Written { uid, .. }) => match calls.replace_unseen(key, &body, Some(&uid)).await {
            // It was deleted, or made anew by somebody else: in either case ours is gone.
            Err(error) if error.code() == Some(404) || is_another(&error) => create(engine, key, &body).await?,
            // What cannot be changed in place (a Secret's type) is made anew.
            Err(error) if error.code() == Some(422) => {
                calls.delete(key, &uid).await?;
                create(engine, key, &body).await?
            }
            answer => Some(answer?),
        },
        Some(State::Intended) if ledger.is_old(key) => match create(engine, key, &body).await? {
            // We were about to write it when we were interrupted, so it is ours; and if it is not, the API server knows and
            // refuses the change by the policy on our own writes.
            None => match calls.replace_unseen(key, &body, None).await {
                Err(error) if matches!(error.code(), Some(403 | 422)) => None,
                answer => Some(answer?),
            },
            created => created,
        },
        _ => create(engine, key, &body).await?,
    };
    let Some(answer) = answer else {
        ledger.note(key, Some(State::Stranger));
        return Ok((Progress::NotOwned, false));
    };
    ledger.note(key, Some(State::Written { uid: Version::of(&answer).uid, hash }));
    engine.metrics.changed(key.resource.kind, "copied");
    Ok((Progress::Observed, true))
}

/// Removes what is recorded and no longer wanted. Returns what is still there, and what failed.
pub async fn prune(engine: &Engine, cr: &ObjectKey, plan: &Plan, ledger: &Ledger) -> (Vec<ObjectKey>, Vec<Error>) {
    let (mut leaving, mut errors) = (Vec::new(), Vec::new());
    for (key, state) in ledger.blind(engine, cr) {
        if plan.desired.iter().any(|object| *object.key() == key) || !plan.decides(&key) {
            continue;
        }
        match remove(engine, &key, &state).await {
            Ok(()) => ledger.note(&key, None),
            Err(error) => {
                errors.push(error);
                leaving.push(key);
            }
        }
    }
    (leaving, errors)
}

async fn remove(engine: &Engine, key: &ObjectKey, state: &State) -> Result<(), Error> {
    let calls = engine.leads(key)?;
    let answer = match state {
        State::Stranger => return Ok(()),
        State::Written { uid, .. } => calls.delete(key, uid).await,
        // It may be ours or not be there at all; the policy on our own writes keeps it if it is another's.
        State::Intended => calls.delete_unseen(key).await,
    };
    match answer {
        Err(error) if error.code() == Some(409) => Ok(()),
        Err(error) if *state == State::Intended && error.code() == Some(422) => Ok(()),
        answer => answer.inspect(|()| engine.metrics.changed(key.resource.kind, "deleted")),
    }
}

/// Creates it; `None` if there is one of that name.
async fn create(engine: &Engine, key: &ObjectKey, body: &Value) -> Result<Option<Value>, Error> {
    match engine.leads(key)?.create(key, body).await {
        Err(error) if error.reason() == "AlreadyExists" => Ok(None),
        answer => answer.map(Some),
    }
}

/// The body with what the original holds; `None` if that is not in the state any more that was planned with. Its change wakes
/// whoever looked at it.
async fn filled(engine: &Engine, object: &Desired) -> Result<Option<Value>, Error> {
    let mut body = object.body().clone();
    let Some(origin) = object.origin() else { return Ok(Some(body)) };
    let found = match engine.calls.get(&origin.key).await {
        Err(error) if error.code() == Some(404) => return Ok(None),
        found => found?,
    };
    let metadata = &found["metadata"];
    if metadata["uid"] != origin.uid.as_str() || metadata["resourceVersion"] != origin.version.as_str() {
        return Ok(None);
    }
    if found["type"] == TOKEN {
        let cause = Cause::Answer {
            code: 422,
            reason: "Invalid".to_owned(),
            message: "the token of a ServiceAccount is never copied".to_owned(),
            retry_after: None,
        };
        return Err(Error::new("copy", &origin.key, cause));
    }
    for (field, value) in found.as_object().into_iter().flatten() {
        // A copy that could not be changed could not follow.
        if !matches!(field.as_str(), "apiVersion" | "kind" | "metadata" | "status" | "immutable") {
            body[field] = value.clone();
        }
    }
    Ok(Some(body))
}

/// Whether another object has the name of the one that was meant.
fn is_another(error: &Error) -> bool {
    matches!(&error.cause, Cause::Answer { code: 409, message, .. } if message.contains("UID"))
}
