//! What is to be looked at next: each key once, edits before backlog, failures after a growing pause. It knows nothing of
//! what the keys mean.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use tenantry_core::object::ObjectKey;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::backoff::Backoff;

/// How urgent a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Somebody changed something and waits, or isolation has drifted.
    Edit,
    /// Everything else: start-up, first visits, progress of what is under way.
    Backlog,
}

impl Lane {
    /// Label in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Backlog => "backlog",
        }
    }
}

/// After so many keys from the edit lane one from the backlog is taken, so that a flood of edits starves nobody.
const EDITS_PER_BACKLOG: u32 = 8;

/// The queue of keys.
#[derive(Default)]
pub struct Queue {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    edit: VecDeque<ObjectKey>,
    backlog: VecDeque<ObjectKey>,
    waiting: HashMap<ObjectKey, (Lane, Instant)>,
    running: HashMap<ObjectKey, Option<Lane>>,
    /// Keys that come due; each at most once.
    timers: BTreeSet<(Instant, ObjectKey)>,
    due: HashMap<ObjectKey, Instant>,
    backoff: Backoff,
    edits_in_a_row: u32,
    closed: bool,
}

/// A key to work on.
#[derive(Debug)]
pub struct Turn {
    /// The key.
    pub key: ObjectKey,
    /// Which lane it came from.
    pub lane: Lane,
    /// How long it has waited there.
    pub waited: Duration,
}

impl Queue {
    /// A queue whose pauses are spread by this seed.
    pub fn new(seed: u64) -> Self {
        let inner = Inner { backoff: Backoff::new(seed), ..Inner::default() };
        Self { inner: Mutex::new(inner), changed: Notify::new() }
    }

    /// Asks for a look at this key. A key under a pause after failures runs at once for an edit, and keeps its pause otherwise.
    pub fn add(&self, key: &ObjectKey, lane: Lane) {
        let mut inner = self.lock();
        if let Some(again) = inner.running.get_mut(key) {
            *again = Some(again.map_or(lane, |earlier| earlier.min(lane)));
            return;
        }
        if lane == Lane::Backlog && inner.backoff.is_pausing(key) && inner.due.contains_key(key) {
            return;
        }
        inner.enqueue(key, lane);
        drop(inner);
        self.changed.notify_one();
    }

    /// Asks for a look at this key after `delay`, or earlier if that was asked already.
    pub fn add_after(&self, key: &ObjectKey, delay: Duration) {
        self.lock().schedule(key, Instant::now() + delay);
        self.changed.notify_one();
    }

    /// The next key, as soon as there is one; `None` once the queue is closed. Hand it back with [`Queue::succeeded`] or
    /// [`Queue::failed`]; until then nobody else gets it.
    pub async fn next(&self) -> Option<Turn> {
        loop {
            let changed = self.changed.notified();
            let next_timer = {
                let mut inner = self.lock();
                if inner.closed {
                    return None;
                }
                inner.release_due(Instant::now());
                if let Some(turn) = inner.take() {
                    if !inner.waiting.is_empty() {
                        self.changed.notify_one();
                    }
                    return Some(turn);
                }
                inner.timers.first().map(|(when, _)| *when)
            };
            match next_timer {
                // Equal seeds give equal traces.
                Some(when) => tokio::select! { biased; () = changed => {}, () = sleep_until(when) => {} },
                None => changed.await,
            }
        }
    }

    /// The look went well: its pauses start over.
    pub fn succeeded(&self, key: &ObjectKey) {
        let mut inner = self.lock();
        inner.backoff.reset(key);
        inner.finish(key);
        drop(inner);
        self.changed.notify_one();
    }

    /// The look failed: it comes again after a growing pause, or after what the server asked for.
    pub fn failed(&self, key: &ObjectKey, asked: Option<Duration>) {
        let mut inner = self.lock();
        let pause = inner.backoff.next(key).max(asked.unwrap_or_default());
        // Only an edit while it ran is worth trying earlier.
        let edited = inner.running.remove(key) == Some(Some(Lane::Edit));
        if edited {
            inner.enqueue(key, Lane::Edit);
        } else {
            inner.schedule(key, Instant::now() + pause);
        }
        drop(inner);
        self.changed.notify_one();
    }

    /// The resource is gone: no timers, no pauses.
    pub fn forget(&self, key: &ObjectKey) {
        let mut inner = self.lock();
        inner.backoff.reset(key);
        if let Some(when) = inner.due.remove(key) {
            inner.timers.remove(&(when, key.clone()));
        }
    }

    /// Hands out nothing more.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_waiters();
        self.changed.notify_one();
    }

    /// Keys waiting in a lane, and how long the oldest has waited.
    pub fn depth(&self, lane: Lane) -> (usize, Duration) {
        let inner = self.lock();
        let waits = inner.waiting.values().filter(|(other, _)| *other == lane).map(|(_, since)| since.elapsed());
        waits.fold((0, Duration::ZERO), |(count, oldest), wait| (count + 1, oldest.max(wait)))
    }

    /// Whether nothing waits and nothing runs (timers may be set).
    pub fn is_idle(&self) -> bool {
        let inner = self.lock();
        inner.waiting.is_empty() && inner.running.is_empty()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Inner {
    fn enqueue(&mut self, key: &ObjectKey, lane: Lane) {
        // A timer only asks for a look, and this is one; whoever looks sets the next.
        if let Some(when) = self.due.remove(key) {
            self.timers.remove(&(when, key.clone()));
        }
        match self.waiting.get(key).copied() {
            Some((Lane::Edit, _)) => {}
            Some((Lane::Backlog, _)) if lane == Lane::Backlog => {}
            Some((Lane::Backlog, since)) => {
                // Its place in the backlog is skipped when it comes up: `waiting` names the lane that counts.
                self.waiting.insert(key.clone(), (Lane::Edit, since));
                self.edit.push_back(key.clone());
            }
            None => {
                self.waiting.insert(key.clone(), (lane, Instant::now()));
                if lane == Lane::Edit { self.edit.push_back(key.clone()) } else { self.backlog.push_back(key.clone()) }
            }
        }
    }

    fn schedule(&mut self, key: &ObjectKey, when: Instant) {
        match self.due.get(key).copied() {
            Some(earlier) if earlier <= when => return,
            Some(later) => {
                self.timers.remove(&(later, key.clone()));
            }
            None => {}
        }
        self.due.insert(key.clone(), when);
        self.timers.insert((when, key.clone()));
    }

    fn release_due(&mut self, now: Instant) {
        while let Some((when, key)) = self.timers.first().cloned() {
            if when > now {
                break;
            }
            self.timers.pop_first();
            self.due.remove(&key);
            match self.running.get_mut(&key) {
                Some(again) => *again = Some(again.unwrap_or(Lane::Backlog)),
                None => self.enqueue(&key, Lane::Backlog),
            }
        }
    }

    fn take(&mut self) -> Option<Turn> {
        let backlog_first = self.edits_in_a_row >= EDITS_PER_BACKLOG;
        let order = if backlog_first { [Lane::Backlog, Lane::Edit] } else { [Lane::Edit, Lane::Backlog] };
        order.into_iter().find_map(|lane| self.take_from(lane))
    }

    fn take_from(&mut self, lane: Lane) -> Option<Turn> {
        loop {
            let key = if lane == Lane::Edit { self.edit.pop_front() } else { self.backlog.pop_front() }?;
            match self.waiting.get(&key).copied() {
                Some((its_lane, since)) if its_lane == lane => {
                    self.waiting.remove(&key);
                    self.running.insert(key.clone(), None);
                    self.edits_in_a_row = if lane == Lane::Edit { self.edits_in_a_row + 1 } else { 0 };
                    return Some(Turn { key, lane, waited: since.elapsed() });
                }
                // It moved to the other lane meanwhile.
                _ => {}
            }
        }
    }

    fn finish(&mut self, key: &ObjectKey) {
        if let Some(Some(lane)) = self.running.remove(key) {
            self.enqueue(key, lane);
        }
    }
}

#[cfg(test)]
mod tests;
