//! Asks what plans want to know of others than the API server, in the background: so many at once, each again when its answer has
//! grown old, and sooner while nobody answers. No look ever waits for an answer. It decides nothing, and knows no protocol.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tenantry_core::external::{Answer, Question};
use tenantry_core::object::ObjectKey;
use tokio::sync::Notify;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use xxhash_rust::xxh3::xxh3_64;

/// How many are asked at once.
const AT_ONCE: usize = 64;
/// How many of those on behalf of one namespace, so that servers that hang keep nobody else waiting.
const AT_ONCE_FOR_ONE: usize = 8;
/// The pause after a first failure. It doubles with each further one, up to the question's own interval.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// However long somebody asks to be left alone, we come again after this.
const LONGEST_PATIENCE: Duration = Duration::from_hours(1);
/// Whoever asks should have given up long before this.
const LIMIT: Duration = Duration::from_mins(1);
/// How soon it is noticed that this process leads again.
const LEADER_CHECK: Duration = Duration::from_secs(1);

/// What asks in the end.
pub trait Outside: Send + Sync {
    /// Asks once, without changing anything there.
    fn ask(&self, question: Question) -> Asking;
}

/// Comes to an answer, whatever happens.
pub type Asking = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// What is asked, what was answered, and when it is asked again.
#[derive(Default)]
pub struct Schedule {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    entries: BTreeMap<Arc<Question>, Entry>,
    /// Whose plan asks what.
    asked: BTreeMap<ObjectKey, BTreeSet<Arc<Question>>>,
    /// Those that are not being asked just now, by when they will be.
    due: BTreeSet<(Instant, Arc<Question>)>,
    /// How many are being asked on behalf of each namespace.
    running: HashMap<String, usize>,
}

#[derive(Default)]
struct Entry {
    answer: Option<Arc<Answer>>,
    /// In a row.
    failures: u32,
    times: u64,
    /// When it is due, unless it is being asked just now.
    due: Option<Instant>,
}

impl Schedule {
    /// Puts the questions of a resource's newest plan in the place of the earlier ones. What is new is asked at once; what is asked
    /// no more is forgotten with its answer.
    pub fn set(&self, asker: &ObjectKey, questions: &[Question]) {
        let mut inner = self.lock();
        let known = inner.asked.get(asker);
        if known.map_or(questions.is_empty(), |known| {
            known.len() == questions.len() && questions.iter().all(|question| known.contains(question))
        }) {
            return;
        }
        let wanted: BTreeSet<Arc<Question>> = questions.iter().cloned().map(Arc::new).collect();
        let known = inner.asked.remove(asker).unwrap_or_default();
        for question in known.difference(&wanted) {
            if let Some(due) = inner.entries.remove(question).and_then(|entry| entry.due) {
                inner.due.remove(&(due, question.clone()));
            }
        }
        let now = Instant::now();
        for question in wanted.difference(&known) {
            inner.entries.insert(question.clone(), Entry { due: Some(now), ..Entry::default() });
            inner.due.insert((now, question.clone()));
        }
        if !wanted.is_empty() {
            inner.asked.insert(asker.clone(), wanted);
        }
        drop(inner);
        self.changed.notify_one();
    }

    /// Forgets all questions and answers.
    pub fn forget_all(&self) {
        let mut inner = self.lock();
        let running = std::mem::take(&mut inner.running);
        *inner = Inner { running, ..Inner::default() };
    }

    /// What was last answered.
    pub fn answer(&self, question: &Question) -> Option<Arc<Answer>> {
        self.lock().entries.get(question)?.answer.clone()
    }

    /// The next that is due; hand it back with [`Schedule::note`].
    fn take(&self, now: Instant) -> Option<Arc<Question>> {
        let mut inner = self.lock();
        let (due, question) = inner.next().filter(|(due, _)| *due <= now)?;
        inner.due.remove(&(due, question.clone()));
        *inner.running.entry(question.asker.namespace.clone()).or_default() += 1;
        let entry = inner.entries.get_mut(&question)?;
        entry.due = None;
        entry.times += 1;
        Some(question)
    }

    /// When the next is due.
    fn next(&self) -> Option<Instant> {
        self.lock().next().map(|(due, _)| due)
    }

    /// Takes note of an answer, or that there is none. Returns whether it says something new.
    fn note(&self, question: &Arc<Question>, answer: Option<Answer>, now: Instant) -> bool {
        let mut inner = self.lock();
        inner.leave(&question.asker.namespace);
        let Some(entry) = inner.entries.get_mut(question).filter(|entry| entry.due.is_none()) else { return false };
        let is_well = answer.as_ref().is_some_and(|answer| answer.state().is_healthy());
        entry.failures = if is_well { 0 } else { entry.failures.saturating_add(1) };
        let patience = answer.as_ref().map(Answer::patience).unwrap_or_default().min(LONGEST_PATIENCE);
        let due = now + pause(question, entry).max(patience);
        let is_news = answer.is_some_and(|answer| entry.learn(answer));
        entry.due = Some(due);
        inner.due.insert((due, question.clone()));
        is_news
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The first that is due and may be asked beside those that are being asked.
    fn next(&self) -> Option<(Instant, Arc<Question>)> {
        let has_room = |namespace: &String| self.running.get(namespace).is_none_or(|count| *count < AT_ONCE_FOR_ONE);
        self.due.iter().find(|(_, question)| has_room(&question.asker.namespace)).cloned()
    }

    fn leave(&mut self, namespace: &str) {
        if let Some(count) = self.running.get_mut(namespace) {
            *count -= 1;
            if *count == 0 {
                self.running.remove(namespace);
            }
        }
    }
}

impl Entry {
    /// Whether this answer says something new; then it is kept.
    fn learn(&mut self, answer: Answer) -> bool {
        // A single silence, after answers, is no news: it is asked again in a moment.
        let before = self.answer.as_deref();
        if !answer.tells() && self.failures == 1 && before.is_some_and(Answer::tells) {
            return false;
        }
        let answer = answer.after(before);
        if before == Some(&answer) {
            return false;
        }
        self.answer = Some(Arc::new(answer));
        true
    }
}

/// How long until it is asked again: a fifth of it is spread by who asks, so that what began at once does not go on at once.
fn pause(question: &Question, entry: &Entry) -> Duration {
    let pause = match entry.failures.checked_sub(1) {
        None => question.interval,
        Some(further) => FIRST_PAUSE.saturating_mul(1 << further.min(20)).min(question.interval),
    };
    let share =
        u32::try_from(xxh3_64(format!("{} {}", question.asker, entry.times).as_bytes()) % 200).unwrap_or_default();
    pause * (1000 - share) / 1000
}

/// Asks what is due as long as it `leads`, and tells of every answer, with whether it says something new, until it is dropped.
pub async fn run(
    schedule: &Schedule,
    outside: &dyn Outside,
    leads: impl Fn() -> bool,
    tell: impl Fn(&Question, Option<&Answer>, bool),
) {
    let mut asking: JoinSet<Option<Answer>> = JoinSet::new();
    let mut questions: HashMap<Id, Arc<Question>> = HashMap::new();
    loop {
        let now = Instant::now();
        while leads()
            && asking.len() < AT_ONCE
            && let Some(question) = schedule.take(now)
        {
            let answer = outside.ask(Question::clone(&question));
            let task = asking.spawn(async move { timeout(LIMIT, answer).await.ok() });
            questions.insert(task.id(), question);
        }
        let next = schedule.next().filter(|_| asking.len() < AT_ONCE).map(|due| due.max(now));
        let next = next.map(|due| if leads() { due } else { due.max(now + LEADER_CHECK) });
        tokio::select! {
            biased; // Equal seeds give equal traces.
            Some(done) = asking.join_next_with_id() => {
                let (id, answer) = match done {
                    Ok((id, answer)) => (id, answer),
                    Err(error) => (error.id(), None),
                };
                if let Some(question) = questions.remove(&id) {
                    let told = answer.clone();
                    let is_news = schedule.note(&question, answer, Instant::now());
                    tell(&question, told.as_ref(), is_news);
                }
            }
            () = schedule.changed.notified() => {}
            () = sleep_until(next.unwrap_or(now)), if next.is_some() => {}
        }
    }
}

#[cfg(test)]
mod tests;
