//! Faults ordered in advance: which call or watch event goes wrong, and how. The server asks; nothing here looks at objects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::bell::{Bell, Listener};
use crate::server::{Call, Verb};

/// How a call goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallFault {
    /// Refused with this code; nothing is done.
    Answer {
        /// HTTP status.
        code: u16,
        /// Seconds of `Retry-After`.
        retry_after: Option<u64>,
    },
    /// Done, but answered with this code.
    AnswerAfterCommit {
        /// HTTP status.
        code: u16,
    },
    /// The connection breaks before anything is done.
    Reset,
    /// Done, but the connection breaks before the answer.
    ResetAfterCommit,
    /// No answer for this long, then the connection breaks; nothing is done.
    Hang(Duration),
    /// Done and answered, but only after this long.
    Delay(Duration),
    /// The caller dies before the call; see [`Faults::crashed`].
    CrashBefore,
    /// The caller dies after the server did it and before the answer.
    CrashAfter,
}

impl CallFault {
    /// A name for records.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Answer { .. } => "answer",
            Self::AnswerAfterCommit { .. } => "answer-after-commit",
            Self::Reset => "reset",
            Self::ResetAfterCommit => "reset-after-commit",
            Self::Hang(_) => "hang",
            Self::Delay(_) => "delay",
            Self::CrashBefore => "crash-before",
            Self::CrashAfter => "crash-after",
        }
    }
}

/// How a watch goes wrong at one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchFault {
    /// The event is never sent.
    Drop,
    /// The event is sent twice.
    Double,
    /// This event and all later ones of the watch wait for so many more writes of the same client, or so long at most. Other kinds
    /// go on, so kinds are reordered against each other.
    Delay {
        /// Writes to wait for.
        writes: u64,
        /// The longest wait.
        at_most: Duration,
    },
    /// This event and all later ones of the watch wait this long.
    Freeze(Duration),
    /// Instead of the event: an ERROR event with 410, then the end.
    Gone,
    /// Instead of the event: the end of the stream.
    End,
    /// Instead of the event: the connection breaks.
    Truncate,
    /// Half-open: nothing is ever sent again, and the stream does not end.
    Silent,
}

/// Which calls or events are meant; absent fields match everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    /// The client, as named by `ApiServer::client_as`.
    pub agent: Option<String>,
    /// What is done.
    pub verb: Option<Verb>,
    /// API group.
    pub group: Option<String>,
    /// Plural resource name.
    pub resource: Option<String>,
    /// Subresource, empty for the object itself.
    pub subresource: Option<String>,
    /// Namespace.
    pub namespace: Option<String>,
    /// Object name.
    pub name: Option<String>,
}

impl Pattern {
    /// Calls of one client.
    pub fn agent(agent: &str) -> Self {
        Self { agent: Some(agent.to_owned()), ..Self::default() }
    }

    /// Narrowed to a verb.
    #[must_use]
    pub fn verb(mut self, verb: Verb) -> Self {
        self.verb = Some(verb);
        self
    }

    /// Narrowed to a resource.
    #[must_use]
    pub fn resource(mut self, resource: &str) -> Self {
        self.resource = Some(resource.to_owned());
        self
    }

    fn matches(&self, call: &Call) -> bool {
        let text = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        text(&self.agent, &call.agent)
            && self.verb.is_none_or(|verb| verb == call.verb)
            && text(&self.group, &call.group)
            && text(&self.resource, &call.resource)
            && text(&self.subresource, &call.subresource)
            && text(&self.namespace, &call.namespace)
            && text(&self.name, &call.name)
    }
}

#[derive(Debug)]
struct Order<Fault> {
    pattern: Pattern,
    skip: u64,
    times: u64,
    fault: Fault,
}

#[derive(Debug)]
struct Orders {
    calls: Vec<Order<CallFault>>,
    events: Vec<Order<WatchFault>>,
    call_counts: BTreeMap<String, u64>,
    event_counts: BTreeMap<String, u64>,
    write_counts: BTreeMap<String, u64>,
    dead: BTreeSet<String>,
    crashes: Bell,
}

/// The faults ordered for one server. Clones are handles of the same orders.
#[derive(Clone, Debug)]
pub struct Faults {
    orders: Arc<Mutex<Orders>>,
}

impl Default for Faults {
    fn default() -> Self {
        let orders = Orders {
            calls: Vec::new(),
            events: Vec::new(),
            call_counts: BTreeMap::new(),
            event_counts: BTreeMap::new(),
            write_counts: BTreeMap::new(),
            dead: BTreeSet::new(),
            crashes: Bell::default(),
        };
        Self { orders: Arc::new(Mutex::new(orders)) }
    }
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call number `k` (from 0, counted from now) among those that match goes wrong.
    pub fn at_call(&self, pattern: Pattern, k: u64, fault: CallFault) {
        self.lock().calls.push(Order { pattern, skip: k, times: 1, fault });
    }

    /// The next `times` calls that match go wrong.
    pub fn on_calls(&self, pattern: Pattern, times: u64, fault: CallFault) {
        self.lock().calls.push(Order { pattern, skip: 0, times, fault });
    }

    /// The watch event number `k` (from 0, counted from now) among those of matching watches goes wrong.
    pub fn at_event(&self, pattern: Pattern, k: u64, fault: WatchFault) {
        self.lock().events.push(Order { pattern, skip: k, times: 1, fault });
    }

    /// The next `times` watch events of matching watches go wrong.
    pub fn on_events(&self, pattern: Pattern, times: u64, fault: WatchFault) {
        self.lock().events.push(Order { pattern, skip: 0, times, fault });
    }

    /// Take back every order that has not struck yet.
    pub fn clear(&self) {
        let mut orders = self.lock();
        orders.calls.clear();
        orders.events.clear();
    }

    /// Whether every order has struck as often as it should.
    pub fn are_spent(&self) -> bool {
        let orders = self.lock();
        orders.calls.iter().all(|order| order.times == 0) && orders.events.iter().all(|order| order.times == 0)
    }

    /// Calls a client has made: K of the learn pass.
    pub fn calls(&self, agent: &str) -> u64 {
        self.lock().call_counts.get(agent).copied().unwrap_or_default()
    }

    /// Watch events a client's watches have come to (initial lists not counted): E of the learn pass.
    pub fn events(&self, agent: &str) -> u64 {
        self.lock().event_counts.get(agent).copied().unwrap_or_default()
    }

    /// Writes of a client that changed the store.
    pub fn writes(&self, agent: &str) -> u64 {
        self.lock().write_counts.get(agent).copied().unwrap_or_default()
    }

    /// Counts crashes: when it changes, drop the program that crashed. Until [`Faults::revive`], each of its calls breaks.
    pub fn crashed(&self) -> Listener {
        self.lock().crashes.listen()
    }

    /// Let a crashed client's successor in.
    pub fn revive(&self, agent: &str) {
        self.lock().dead.remove(agent);
    }

    /// Kill a client now.
    pub fn crash(&self, agent: &str) {
        let mut orders = self.lock();
        orders.dead.insert(agent.to_owned());
        orders.crashes.ring();
    }

    /// Whether a client has crashed and not been revived.
    pub fn is_dead(&self, agent: &str) -> bool {
        self.lock().dead.contains(agent)
    }

    pub(crate) fn next_call(&self, call: &Call) -> Option<CallFault> {
        let mut orders = self.lock();
        if orders.dead.contains(&call.agent) {
            return Some(CallFault::Reset);
        }
        *orders.call_counts.entry(call.agent.clone()).or_default() += 1;
        strike(&mut orders.calls, call)
    }

    pub(crate) fn next_event(&self, call: &Call) -> Option<WatchFault> {
        let mut orders = self.lock();
        *orders.event_counts.entry(call.agent.clone()).or_default() += 1;
        strike(&mut orders.events, call)
    }

    pub(crate) fn count_write(&self, agent: &str) {
        *self.lock().write_counts.entry(agent.to_owned()).or_default() += 1;
    }
}

/// The first order that is due; every matching order counts the call.
fn strike<Fault: Clone>(orders: &mut [Order<Fault>], call: &Call) -> Option<Fault> {
    let mut struck = None;
    for order in orders.iter_mut().filter(|order| order.times > 0 && order.pattern.matches(call)) {
        if order.skip > 0 {
            order.skip -= 1;
        } else if struck.is_none() {
            order.times -= 1;
            struck = Some(order.fault.clone());
        }
    }
    struck
}
