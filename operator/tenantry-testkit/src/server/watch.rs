//! WATCH: a stream of JSON lines that follows the history of one kind, with the faults ordered for it. It never changes the store.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::bell::Listener;
use futures::Stream;
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::BoxError;

use super::error::{ApiError, ApiResult, FieldError};
use super::http::{Bytes, Shared};
use super::list::{present, revision};
use super::record::{Change, ChangeKind};
use super::registry::Resource;
use super::request::{ApiRequest, Call};
use super::selector::Selector;
use super::state::State;
use crate::faults::WatchFault;

/// How long a watch without events stays without a bookmark.
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);

/// One open watch.
pub struct Watch {
    shared: Arc<Shared>,
    resource: Arc<Resource>,
    selector: Selector,
    call: Call,
    metadata_only: bool,
    bookmarks: bool,
    cursor: u64,
    changed: Listener,
    deadline: Option<Instant>,
    next_bookmark: Instant,
    ready: VecDeque<Value>,
    hold: Option<Hold>,
    last: Last,
}

/// Why nothing is sent for now.
#[derive(Clone, Copy)]
struct Hold {
    until: Option<Instant>,
    writes: Option<u64>,
}

/// How the stream goes on after what is ready.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    More,
    End,
    Broken,
}

enum Next {
    Send(Value),
    Finish,
    Break,
    Wait,
}

/// Begin a watch.
pub fn open(shared: &Arc<Shared>, state: &State, resource: &Arc<Resource>, request: &ApiRequest) -> ApiResult<Watch> {
    let selector = Selector::parse(request.option("labelSelector"), request.option("fieldSelector"))?;
    let asked = revision(request.option("resourceVersion"))?;
    let initial = request.is_set("sendInitialEvents");
    if initial && request.option("resourceVersionMatch") != "NotOlderThan" {
        let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        let error = FieldError::forbidden("resourceVersionMatch", why);
        return Err(ApiError::invalid("meta.k8s.io", "ListOptions", "", &[error]));
    }
    let seconds = request.option("timeoutSeconds").parse::<u64>().ok();
    let now = Instant::now();
    let mut watch = Watch {
        shared: shared.clone(),
        resource: resource.clone(),
        selector,
        call: request.call.clone(),
        metadata_only: request.wants_metadata_only(),
        bookmarks: request.is_set("allowWatchBookmarks"),
        cursor: asked,
        changed: state.changed.listen(),
        deadline: seconds.map(|seconds| now + Duration::from_secs(seconds)),
        next_bookmark: now + BOOKMARK_EVERY,
        ready: VecDeque::new(),
        hold: None,
        last: Last::More,
    };
    if initial || asked == 0 {
        watch.cursor = state.revision;
        watch.send_all(state, initial);
    } else if asked < state.kept_from {
        watch.send_gone(&format!("too old resource version: {asked} ({})", state.kept_from));
    }
    Ok(watch)
}

impl Watch {
    /// The body of the answer.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, BoxError>> + Send {
        futures::stream::unfold(self, |mut watch| async move {
            let item = watch.next().await?;
            Some((item, watch))
        })
    }

    fn send_all(&mut self, state: &State, with_bookmark: bool) {
        for (_, object) in state.of_kind(&self.resource.group, &self.resource.plural, &self.call.namespace) {
            if self.selector.matches(object) {
                self.ready.push_back(self.event("ADDED", object));
            }
        }
        if with_bookmark {
            let mut bookmark = self.bookmark(self.cursor);
            bookmark["object"]["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
            self.ready.push_back(bookmark);
        }
    }

    fn send_gone(&mut self, why: &str) {
        self.ready.push_back(json!({"type": "ERROR", "object": ApiError::expired(why).to_status()}));
        self.last = Last::End;
    }

    fn event(&self, kind: &str, object: &Value) -> Value {
        json!({"type": kind, "object": present(&self.resource, object, self.metadata_only)})
    }

    fn bookmark(&self, at: u64) -> Value {
        let object = json!({
            "kind": self.resource.kind, "apiVersion": self.resource.api_version(),
            "metadata": {"resourceVersion": at.to_string(), "creationTimestamp": null},
        });
        let object = if self.metadata_only { present(&self.resource, &object, true) } else { object };
        json!({"type": "BOOKMARK", "object": object})
    }

    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        loop {
            self.changed.hear();
            match self.step() {
                Next::Send(event) => {
                    let mut line = event.to_string();
                    line.push('\n');
                    return Some(Ok(Bytes::from(line.into_bytes())));
                }
                Next::Finish => return None,
                Next::Break => {
                    self.last = Last::End;
                    return Some(Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()));
                }
                Next::Wait => self.wait().await,
            }
        }
    }

    async fn wait(&mut self) {
        let held_until = self.hold.and_then(|hold| hold.until);
        let is_silent = self.hold.is_some_and(|hold| hold.until.is_none() && hold.writes.is_none());
        let bookmark = (self.bookmarks && self.hold.is_none()).then_some(self.next_bookmark);
        let deadline = self.deadline.filter(|_| !is_silent);
        let wake = [held_until, bookmark, deadline].into_iter().flatten().min();
        tokio::select! {
            biased; // Equal seeds give equal traces.
            () = self.changed.changed() => {}
            () = sleep_until(wake) => {}
        }
    }

    /// The next thing to do, decided under the lock.
    fn step(&mut self) -> Next {
        let now = Instant::now();
        let shared = self.shared.clone();
        let state = shared.lock();
        if shared.faults.is_dead(&self.call.agent) {
            return Next::Break;
        }
        if let Some(hold) = self.hold {
            let is_over = hold.until.is_some_and(|until| now >= until)
                || hold.writes.is_some_and(|writes| shared.faults.writes(&self.call.agent) >= writes);
            if !is_over {
                let is_silent = hold.until.is_none() && hold.writes.is_none();
                let is_late = self.deadline.is_some_and(|deadline| now >= deadline);
                return if is_late && !is_silent { Next::Finish } else { Next::Wait };
            }
            self.hold = None;
        }
        if self.ready.is_empty() && self.last == Last::More {
            self.look(&state);
        }
        if self.hold.is_some() {
            return Next::Wait;
        }
        if let Some(event) = self.ready.pop_front() {
            self.next_bookmark = now + BOOKMARK_EVERY;
            return Next::Send(event);
        }
        match self.last {
            Last::End => return Next::Finish,
            Last::Broken => return Next::Break,
            Last::More => {}
        }
        if self.deadline.is_some_and(|deadline| now >= deadline) || !self.is_served(&state) {
            return Next::Finish;
        }
        if self.bookmarks && now >= self.next_bookmark {
            self.next_bookmark = now + BOOKMARK_EVERY;
            return Next::Send(self.bookmark(self.cursor.max(state.revision)));
        }
        Next::Wait
    }

    fn is_served(&self, state: &State) -> bool {
        state.registry.find(&self.resource.group, &self.resource.version, &self.resource.plural).is_some()
    }

    /// Take the next change of this kind, and the fault ordered for it.
    fn look(&mut self, state: &State) {
        let start = state.history.partition_point(|change| change.revision <= self.cursor);
        for change in &state.history[start..] {
            let Some(event) = self.translate(change) else {
                self.cursor = change.revision;
                continue;
            };
            let fault = self.shared.faults.next_event(&self.call);
            let now = Instant::now();
            match fault {
                None => self.ready.push_back(event),
                Some(WatchFault::Drop) => {
                    self.cursor = change.revision;
                    continue;
                }
                Some(WatchFault::Double) => self.ready.extend([event.clone(), event]),
                Some(WatchFault::Freeze(span)) => {
                    self.ready.push_back(event);
                    self.hold = Some(Hold { until: Some(now + span), writes: None });
                }
                Some(WatchFault::Delay { writes, at_most }) => {
                    self.ready.push_back(event);
                    let target = self.shared.faults.writes(&self.call.agent) + writes;
                    self.hold = Some(Hold { until: Some(now + at_most), writes: Some(target) });
                }
                Some(WatchFault::Silent) => self.hold = Some(Hold { until: None, writes: None }),
                Some(WatchFault::Gone) => self.send_gone("The resourceVersion for the provided watch is too old."),
                Some(WatchFault::End) => self.last = Last::End,
                Some(WatchFault::Truncate) => self.last = Last::Broken,
            }
            self.cursor = change.revision;
            return;
        }
        self.cursor = self.cursor.max(state.revision.min(state.history.last().map_or(0, |change| change.revision)));
    }

    /// A change as this watch sees it: leaving the selector is a deletion.
    fn translate(&self, change: &Change) -> Option<Value> {
        if change.group != self.resource.group || change.resource != self.resource.plural {
            return None;
        }
        if !self.call.namespace.is_empty() && change.namespace != self.call.namespace {
            return None;
        }
        let is_in = change.kind != ChangeKind::Deleted && self.selector.matches(&change.object);
        let was_in = change.previous.as_ref().is_some_and(|previous| self.selector.matches(previous));
        match (was_in, is_in) {
            (false, true) => Some(self.event("ADDED", &change.object)),
            (true, true) => Some(self.event("MODIFIED", &change.object)),
            (true, false) => {
                let mut gone = Value::clone(change.previous.as_ref()?);
                gone["metadata"]["resourceVersion"] = json!(change.revision.to_string());
                Some(self.event("DELETED", &gone))
            }
            (false, false) => None,
        }
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}
