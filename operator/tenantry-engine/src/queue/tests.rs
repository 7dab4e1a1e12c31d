use tenantry_core::resources::NAMESPACE;

use super::*;

fn key(name: &str) -> ObjectKey {
    ObjectKey::cluster(&NAMESPACE, name)
}

async fn next(queue: &Queue) -> String {
    queue.next().await.expect("open").key.name
}

#[tokio::test(start_paused = true)]
async fn edits_come_before_backlog_and_each_key_once() {
    let queue = Queue::new(1);
    for name in ["a", "b", "c"] {
        queue.add(&key(name), Lane::Backlog);
    }
    queue.add(&key("c"), Lane::Edit);
    queue.add(&key("c"), Lane::Edit);
    assert_eq!(next(&queue).await, "c");
    assert_eq!(next(&queue).await, "a");
    assert_eq!(next(&queue).await, "b");
    for name in ["a", "b", "c"] {
        queue.succeeded(&key(name));
    }
    assert!(queue.is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_edits_does_not_starve_the_backlog() {
    let queue = Queue::new(1);
    queue.add(&key("old"), Lane::Backlog);
    for edit in 0..20 {
        queue.add(&key(&format!("edit-{edit:02}")), Lane::Edit);
    }
    let mut before = 0;
    while next(&queue).await != "old" {
        before += 1;
    }
    assert_eq!(before, EDITS_PER_BACKLOG);
}

#[tokio::test(start_paused = true)]
async fn a_key_added_while_it_runs_comes_again_afterwards() {
    let queue = Queue::new(1);
    queue.add(&key("a"), Lane::Edit);
    let turn = queue.next().await.expect("open");
    queue.add(&key("a"), Lane::Edit);
    assert_eq!(queue.depth(Lane::Edit).0, 0, "never two at once");
    queue.succeeded(&turn.key);
    assert_eq!(next(&queue).await, "a");
}

#[tokio::test(start_paused = true)]
async fn failures_pause_longer_and_longer_but_an_edit_does_not_wait() {
    let queue = Queue::new(1);
    queue.add(&key("a"), Lane::Backlog);
    let mut last = Duration::ZERO;
    for _ in 0..6 {
        let turn = queue.next().await.expect("open");
        queue.failed(&turn.key, None);
        queue.add(&turn.key, Lane::Backlog); // does not shorten the pause
        let before = Instant::now();
        let again = queue.next().await.expect("open");
        let pause = before.elapsed();
        assert!(pause > last, "{pause:?} after {last:?}");
        last = pause;
        queue.failed(&again.key, None);
        let before = Instant::now();
        queue.add(&again.key, Lane::Edit);
        let at_once = queue.next().await.expect("open");
        assert_eq!(before.elapsed(), Duration::ZERO);
        queue.failed(&at_once.key, None);
        let due = queue.next().await.expect("open");
        queue.failed(&due.key, None);
    }
    let turn = queue.next().await.expect("open");
    queue.succeeded(&turn.key);
    queue.add(&key("a"), Lane::Backlog);
    let before = Instant::now();
    next(&queue).await;
    assert_eq!(before.elapsed(), Duration::ZERO, "a success resets the pauses");
}

#[tokio::test(start_paused = true)]
async fn the_server_may_ask_for_a_longer_pause() {
    let queue = Queue::new(1);
    queue.add(&key("a"), Lane::Backlog);
    let turn = queue.next().await.expect("open");
    queue.failed(&turn.key, Some(Duration::from_secs(7)));
    let before = Instant::now();
    next(&queue).await;
    assert!(before.elapsed() >= Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn timers_keep_the_earliest_and_closing_ends_all() {
    let queue = Queue::new(1);
    queue.add_after(&key("a"), Duration::from_mins(1));
    queue.add_after(&key("a"), Duration::from_secs(5));
    queue.add_after(&key("a"), Duration::from_secs(30));
    let before = Instant::now();
    assert_eq!(next(&queue).await, "a");
    assert_eq!(before.elapsed().as_secs(), 5);
    queue.close();
    assert!(queue.next().await.is_none());
}
