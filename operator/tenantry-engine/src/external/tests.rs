//! When what is asked again, in paused time.

use std::cell::RefCell;

use serde_json::json;
use tenantry_core::external::{Protocol, Reach};
use tenantry_core::resources::MCP_SERVER;

use super::*;

/// Answers as it is told to, after as long as it is told to, and remembers when it was asked.
#[derive(Default)]
struct Fake {
    inner: Mutex<FakeInner>,
}

#[derive(Default)]
struct FakeInner {
    answers: BTreeMap<String, (Answer, Duration)>,
    asked: Vec<(String, Instant)>,
    at_once: Arc<Mutex<(usize, usize)>>,
}

impl Fake {
    fn answers(&self, url: &str, answer: Answer, after: Duration) {
        self.inner.lock().expect("whole").answers.insert(url.to_owned(), (answer, after));
    }

    fn asked(&self, url: &str) -> Vec<Instant> {
        let inner = self.inner.lock().expect("whole");
        inner.asked.iter().filter(|(asked, _)| asked == url).map(|(_, when)| *when).collect()
    }

    fn most_at_once(&self) -> usize {
        self.inner.lock().expect("whole").at_once.lock().expect("whole").1
    }
}

impl Outside for Fake {
    fn ask(&self, question: Question) -> Asking {
        let mut inner = self.inner.lock().expect("whole");
        inner.asked.push((question.url.clone(), Instant::now()));
        let (answer, after) = inner.answers[&question.url].clone();
        let at_once = inner.at_once.clone();
        Box::pin(async move {
            {
                let mut count = at_once.lock().expect("whole");
                count.0 += 1;
                count.1 = count.1.max(count.0);
            }
            tokio::time::sleep(after).await;
            at_once.lock().expect("whole").0 -= 1;
            answer
        })
    }
}

fn answer(state: &str, retry: Option<u32>) -> Answer {
    let verdict =
        json!({ "state": state, "message": state, "auth": "None", "verification": {}, "retryAfterSeconds": retry });
    Answer::Mcp(serde_json::from_value(verdict).expect("a verdict"))
}

fn key(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey::namespaced(&MCP_SERVER, namespace, name)
}

fn question(asker: &ObjectKey, state: &str) -> Question {
    Question {
        asker: asker.clone(),
        state: state.to_owned(),
        protocol: Protocol::Mcp,
        url: asker.name.clone(),
        reach: Reach::Service,
        interval: Duration::from_mins(5),
    }
}

/// Runs the schedule for so long; returns the names of those of whom something new was told.
async fn pass(schedule: &Schedule, fake: &Fake, span: Duration) -> Vec<String> {
    pass_as(schedule, fake, span, || true).await
}

async fn pass_as(schedule: &Schedule, fake: &Fake, span: Duration, leads: impl Fn() -> bool) -> Vec<String> {
    let told = RefCell::new(Vec::new());
    let tell = |question: &Question, _: Option<&Answer>, is_news: bool| {
        if is_news {
            told.borrow_mut().push(question.asker.name.clone());
        }
    };
    let _ = timeout(span, run(schedule, fake, leads, tell)).await;
    told.into_inner()
}

const MINUTE: Duration = Duration::from_mins(1);
const MOMENT: Duration = Duration::from_millis(50);

#[tokio::test(start_paused = true)]
async fn who_answers_well_is_asked_at_once_and_then_about_every_interval_without_news() {
    let (schedule, fake, web) = (Schedule::default(), Fake::default(), key("a", "web"));
    fake.answers("web", answer("Verified", None), MOMENT);
    schedule.set(&web, &[question(&web, "1")]);
    let began = Instant::now();
    assert_eq!(pass(&schedule, &fake, 21 * MINUTE).await, ["web"], "the same answer is no news");
    let asked = fake.asked("web");
    assert_eq!(asked[0], began);
    let pauses: Vec<Duration> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.iter().all(|pause| (4 * MINUTE..=5 * MINUTE + MOMENT).contains(pause)), "{pauses:?}");
    assert!((4..=6).contains(&asked.len()), "{pauses:?}");
    assert!(pauses.windows(2).any(|pair| pair[0] != pair[1]), "spread: {pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn who_fails_is_asked_after_growing_pauses_for_ever_and_told_of_once() {
    let (schedule, fake, web) = (Schedule::default(), Fake::default(), key("a", "web"));
    fake.answers("web", answer("ProbeBlocked", None), MOMENT);
    schedule.set(&web, &[question(&web, "1")]);
    assert_eq!(pass(&schedule, &fake, 60 * MINUTE).await, ["web"]);
    let asked = fake.asked("web");
    let pauses: Vec<u64> = asked.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    for (pause, most) in pauses.iter().zip([5, 10, 20, 40, 80, 160, 300, 300, 300]) {
        assert!((most * 4 / 5..=most).contains(pause), "{pauses:?}");
    }
    assert!(pauses.len() >= 15, "it never ends: {pauses:?}");
    fake.answers("web", answer("Verified", None), MOMENT);
    assert_eq!(pass(&schedule, &fake, 5 * MINUTE).await, ["web"], "it is noticed when it mends");
}

#[tokio::test(start_paused = true)]
async fn a_single_silence_is_no_news_and_a_second_one_is() {
    let (schedule, fake, web) = (Schedule::default(), Fake::default(), key("a", "web"));
    fake.answers("web", answer("Verified", None), MOMENT);
    schedule.set(&web, &[question(&web, "1")]);
    pass(&schedule, &fake, MINUTE).await;
    fake.answers("web", answer("Unavailable", None), MOMENT);
    while fake.asked("web").len() < 2 {
        assert_eq!(pass(&schedule, &fake, Duration::from_secs(1)).await, [""; 0]);
    }
    assert_eq!(schedule.answer(&question(&web, "1")).as_deref(), Some(&answer("Verified", None)));
    assert_eq!(pass(&schedule, &fake, Duration::from_secs(6)).await, ["web"]);
    // A wrong answer is news at once.
    fake.answers("web", answer("ProtocolError", None), MOMENT);
    assert_eq!(pass(&schedule, &fake, Duration::from_secs(20)).await, ["web"]);
}

#[tokio::test(start_paused = true)]
async fn who_asks_to_be_left_alone_is() {
    let (schedule, fake, web) = (Schedule::default(), Fake::default(), key("a", "web"));
    fake.answers("web", answer("RateLimited", Some(1200)), MOMENT);
    schedule.set(&web, &[question(&web, "1")]);
    pass(&schedule, &fake, 19 * MINUTE).await;
    assert_eq!(fake.asked("web").len(), 1);
    pass(&schedule, &fake, 2 * MINUTE).await;
    assert_eq!(fake.asked("web").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn another_question_is_asked_at_once_and_no_question_forgets_the_answer() {
    let (schedule, fake, web) = (Schedule::default(), Fake::default(), key("a", "web"));
    fake.answers("web", answer("Verified", None), MOMENT);
    for state in ["1", "2"] {
        schedule.set(&web, &[question(&web, state)]);
        assert_eq!(pass(&schedule, &fake, MINUTE).await, ["web"]);
        // The same plan again changes nothing.
        schedule.set(&web, &[question(&web, state)]);
        assert_eq!(pass(&schedule, &fake, MINUTE).await, [""; 0]);
    }
    assert_eq!(fake.asked("web").len(), 2);
    assert_eq!(schedule.answer(&question(&web, "1")), None, "it belonged to the earlier state");
    schedule.set(&web, &[]);
    assert_eq!(schedule.answer(&question(&web, "2")), None);
    pass(&schedule, &fake, 20 * MINUTE).await;
    assert_eq!(fake.asked("web").len(), 2, "nobody wants to know any more");
    assert!(schedule.lock().entries.is_empty() && schedule.lock().due.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_when_nobody_wants_it_any_more_is_dropped() {
    let (schedule, fake, web) = (Schedule::default(), Fake::default(), key("a", "web"));
    fake.answers("web", answer("Verified", None), 10 * MOMENT);
    schedule.set(&web, &[question(&web, "1")]);
    let forget = async {
        tokio::time::sleep(MOMENT).await;
        schedule.set(&web, &[]);
    };
    let (told, ()) = tokio::join!(pass(&schedule, &fake, MINUTE), forget);
    assert_eq!(told, [""; 0]);
    assert!(schedule.lock().running.is_empty() && schedule.lock().due.is_empty());
}

#[tokio::test(start_paused = true)]
async fn whole_namespaces_that_hang_keep_nobody_waiting() {
    let (schedule, fake) = (Schedule::default(), Fake::default());
    for number in 0..200 {
        let name = format!("hangs-{number}");
        fake.answers(&name, answer("ProbeBlocked", None), Duration::from_secs(10));
        let asker = key("slow", &name);
        schedule.set(&asker, &[question(&asker, "1")]);
    }
    fake.answers("web", answer("Verified", None), MOMENT);
    let web = key("quick", "web");
    schedule.set(&web, &[question(&web, "1")]);
    assert_eq!(pass(&schedule, &fake, Duration::from_secs(1)).await, ["web"]);
    assert_eq!(fake.most_at_once(), AT_ONCE_FOR_ONE + 1);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_so_many_are_asked_at_once() {
    let (schedule, fake) = (Schedule::default(), Fake::default());
    for number in 0..200 {
        let name = format!("server-{number}");
        fake.answers(&name, answer("Verified", None), Duration::from_secs(1));
        let asker = key(&format!("namespace-{number}"), &name);
        schedule.set(&asker, &[question(&asker, "1")]);
    }
    assert_eq!(pass(&schedule, &fake, MINUTE).await.len(), 200);
    assert_eq!(fake.most_at_once(), AT_ONCE);
}

#[tokio::test(start_paused = true)]
async fn only_the_leader_asks_and_who_never_answers_is_given_up() {
    let (schedule, fake, web) = (Schedule::default(), Fake::default(), key("a", "web"));
    fake.answers("web", answer("Verified", None), 100 * MINUTE);
    schedule.set(&web, &[question(&web, "1")]);
    pass_as(&schedule, &fake, MINUTE, || false).await;
    assert_eq!(fake.asked("web").len(), 0);
    assert_eq!(pass(&schedule, &fake, 2 * MINUTE).await, [""; 0]);
    assert_eq!(fake.asked("web").len(), 2, "after its limit it is tried again");
}
