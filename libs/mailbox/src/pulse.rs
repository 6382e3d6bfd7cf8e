//! How much work a process has done: two equal readings mean that nothing moved in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// A shared counter of work done, and a bell that wakes the process' loops.
///
/// The bell is a level, not an edge: a ring between two waits is never lost.
#[derive(Debug, Clone)]
pub struct Pulse {
    activity: Arc<AtomicU64>,
    bell: watch::Sender<u64>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            activity: Arc::default(),
            bell: watch::Sender::new(0),
        }
    }
}

impl Pulse {
    /// Counts work and wakes every loop.
    pub fn beat(&self) {
        self.count();
        self.ring();
    }

    /// Counts work that makes none for this process' loops.
    pub fn count(&self) {
        self.activity.fetch_add(1, Ordering::Relaxed);
    }

    /// Wakes every loop without counting; answers the ring's number.
    pub fn ring(&self) -> u64 {
        let mut number = 0;
        self.bell.send_modify(|rings| {
            *rings = rings.wrapping_add(1);
            number = *rings;
        });
        number
    }

    /// Work done since the process began.
    #[must_use]
    pub fn activity(&self) -> u64 {
        self.activity.load(Ordering::Relaxed)
    }

    /// A listener of its own for one loop.
    #[must_use]
    pub fn listen(&self) -> Bell {
        Bell {
            rings: self.bell.subscribe(),
        }
    }
}

/// One loop's ear.
#[derive(Debug)]
pub struct Bell {
    rings: watch::Receiver<u64>,
}

impl Bell {
    /// The number of the last ring, marked as heard.
    pub fn heard(&mut self) -> u64 {
        *self.rings.borrow_and_update()
    }

    /// Resolves when there is a ring that was not heard.
    pub async fn rung(&mut self) {
        // The sender lives as long as the process; were it gone, polling would go on.
        if self.rings.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
