//! Tells tasks that something has changed, in the order in which they began to wait: tokio's watch channel wakes them in
//! random order, and equal seeds must give equal traces. It carries nothing but that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// What is rung.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    rung: AtomicU64,
    waiting: Notify,
}

/// What hears it.
pub struct Listener {
    bell: Bell,
    heard: u64,
}

impl Bell {
    /// Tells all.
    pub fn ring(&self) {
        self.0.rung.fetch_add(1, Ordering::SeqCst);
        self.0.waiting.notify_waiters();
    }

    /// Hears what is rung from now on.
    pub fn listen(&self) -> Listener {
        Listener { bell: self.clone(), heard: self.rung() }
    }

    fn rung(&self) -> u64 {
        self.0.rung.load(Ordering::SeqCst)
    }
}

impl Listener {
    /// Until it has been rung since the last time.
    pub async fn changed(&mut self) {
        let bell = self.bell.clone();
        loop {
            let next = bell.0.waiting.notified();
            if self.has_changed() {
                return self.hear();
            }
            next.await;
        }
    }

    /// Whether it has been rung since the last time.
    pub fn has_changed(&self) -> bool {
        self.bell.rung() != self.heard
    }

    /// What was rung until now counts as heard.
    pub fn hear(&mut self) {
        self.heard = self.bell.rung();
    }
}
