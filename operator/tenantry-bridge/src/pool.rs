//! The children there are: one that is shared, and one for each session. Bounded in number; ends what nobody uses.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};
use tokio::time::{Instant, interval};

use crate::child::{ChildError, Opened};
use crate::kept::lock;
use crate::message::LEGACY;
use crate::options::{Options, Sessions};

/// A session of a legacy client.
pub(crate) struct Session {
    pub(crate) opened: Opened,
    used: Mutex<Instant>,
}

/// All children.
pub(crate) struct Pool {
    pub(crate) options: Arc<Options>,
    shared: tokio::sync::Mutex<Option<Arc<Opened>>>,
    sessions: Mutex<HashMap<String, Option<Arc<Session>>>>,
}

/// Why there is no new session.
pub(crate) enum NoSession {
    Full,
    NoId,
    Child(ChildError),
}

impl Pool {
    pub(crate) fn new(options: Arc<Options>) -> Self {
        Self { options, shared: tokio::sync::Mutex::default(), sessions: Mutex::default() }
    }

    /// The child that requests without sessions share; started when it is first needed, and anew when it has ended.
    pub(crate) async fn shared(&self) -> Result<Arc<Opened>, ChildError> {
        let mut shared = self.shared.lock().await;
        if let Some(opened) = shared.as_ref().filter(|opened| opened.child.is_alive()) {
            return Ok(Arc::clone(opened));
        }
        *shared = None;
        let client = json!({ "name": "tenantry-bridge", "version": env!("CARGO_PKG_VERSION") });
        let opened = Arc::new(Opened::start(&self.options, LEGACY[0], &client).await?);
        *shared = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// A new session with a child of its own; its id, and what the child says of itself.
    pub(crate) async fn open(&self, version: &str, client: &Value) -> Result<(String, Arc<Session>), NoSession> {
        let id = new_id().ok_or(NoSession::NoId)?;
        // A place is held before the child is started, so that many who come at once cannot start more than there may be.
        let mut held = self.hold(&id)?;
        let opened = Opened::start(&self.options, version, client).await.map_err(NoSession::Child)?;
        let session = Arc::new(Session { opened, used: Mutex::new(Instant::now()) });
        lock(&self.sessions).insert(id.clone(), Some(Arc::clone(&session)));
        held.id = None;
        Ok((id, session))
    }

    fn hold<'a>(&'a self, id: &str) -> Result<Held<'a>, NoSession> {
        let mut sessions = lock(&self.sessions);
        // Children that have ended by themselves make room.
        sessions.retain(|_, session| session.as_ref().is_none_or(|session| session.opened.child.is_alive()));
        if sessions.len() >= self.options.max_sessions as usize {
            return Err(NoSession::Full);
        }
        sessions.insert(id.to_owned(), None);
        Ok(Held { pool: self, id: Some(id.to_owned()) })
    }

    /// The session of this id, if it is still there.
    pub(crate) fn session(&self, id: &str) -> Option<Arc<Session>> {
        let session = lock(&self.sessions).get(id).cloned().flatten()?;
        if !session.opened.child.is_alive() {
            return None;
        }
        *lock(&session.used) = Instant::now();
        Some(session)
    }

    /// Ends a session. Whether it was there.
    pub(crate) fn close(&self, id: &str) -> bool {
        lock(&self.sessions).remove(id).is_some()
    }

    /// Whether sessions have children of their own.
    pub(crate) fn has_own_sessions(&self) -> bool {
        self.options.sessions == Sessions::Own
    }

    /// Ends sessions that nobody has used for long, as long as the program runs.
    pub(crate) async fn end_idle_sessions(self: Arc<Self>) {
        let idle = self.options.idle();
        let mut ticks = interval(idle / 4);
        loop {
            ticks.tick().await;
            lock(&self.sessions).retain(|_, session| {
                session.as_ref().is_none_or(|session| {
                    // One with a request that still runs is used.
                    Arc::strong_count(session) > 1 || lock(&session.used).elapsed() < idle
                })
            });
        }
    }

    /// Ends all children and waits until they are gone.
    pub(crate) async fn end(&self) {
        let sessions: Vec<_> = lock(&self.sessions).drain().filter_map(|(_, session)| session).collect();
        let shared = self.shared.lock().await.take();
        let mut ending = tokio::task::JoinSet::new();
        for session in sessions {
            ending.spawn(async move { session.opened.child.end().await });
        }
        if let Some(shared) = shared {
            ending.spawn(async move { shared.child.end().await });
        }
        ending.join_all().await;
    }
}

/// A place that is given back, unless a session takes it.
struct Held<'a> {
    pool: &'a Pool,
    id: Option<String>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(id) = &self.id {
            lock(&self.pool.sessions).remove(id);
        }
    }
}

/// An id that nobody can guess.
fn new_id() -> Option<String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(format!("{:032x}", u128::from_be_bytes(bytes)))
}
