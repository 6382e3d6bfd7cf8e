//! Loops: the month's lock, its seal, and keys that were kept long enough.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use kit::{Clock, Error, Turn, Worker, async_trait};

use crate::usecases::{Due, Usecases};

/// Locks months that have ended, one a turn, in order.
pub struct LockMonths {
    pub usecases: Usecases,
}

#[async_trait]
impl Worker for LockMonths {
    fn name(&self) -> &'static str {
        "lock_months"
    }

    async fn turn(&self) -> Result<Turn, Error> {
        Ok(match self.usecases.lock_ended_month().await? {
            Due::Locked => Turn::AGAIN,
            Due::Not(due) => Turn::until(due),
        })
    }
}

/// Every call and every fact rings; to look after each would cost a query for each.
const PAUSE_WHEN_IDLE: Duration = Duration::from_millis(20);

/// Seals locked months that are complete, one a turn.
pub struct SealMonths {
    pub usecases: Usecases,
    was_idle: AtomicBool,
}

impl SealMonths {
    pub fn new(usecases: Usecases) -> Self {
        Self {
            usecases,
            was_idle: AtomicBool::new(false),
        }
    }
}

#[async_trait]
impl Worker for SealMonths {
    fn name(&self) -> &'static str {
        "seal_months"
    }

    async fn turn(&self) -> Result<Turn, Error> {
        if self.was_idle.load(Ordering::Relaxed) {
            tokio::time::sleep(PAUSE_WHEN_IDLE).await;
        }
        let sealed = self.usecases.seal_complete_month().await?;
        self.was_idle.store(!sealed, Ordering::Relaxed);
        Ok(if sealed { Turn::AGAIN } else { Turn::IDLE })
    }
}

/// Forgets what was answered under keys that nobody may send again, a batch a turn.
pub struct ForgetAnswers {
    usecases: Usecases,
    clock: Clock,
    keep_days: u32,
    /// Wall time in seconds: retention has nothing to do with months.
    next_look: AtomicI64,
}

/// Bells ring for every call; what is a month old is in no hurry.
const SECONDS_BETWEEN_LOOKS: i64 = 60;

impl ForgetAnswers {
    pub fn new(usecases: Usecases, clock: Clock, keep_days: u32) -> Self {
        Self {
            usecases,
            clock,
            keep_days,
            next_look: AtomicI64::new(0),
        }
    }
}

#[async_trait]
impl Worker for ForgetAnswers {
    fn name(&self) -> &'static str {
        "forget_answers"
    }

    fn poll(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn turn(&self) -> Result<Turn, Error> {
        let wall = self.clock.wall().unix_timestamp();
        if wall < self.next_look.load(Ordering::Relaxed) {
            return Ok(Turn::IDLE);
        }
        if self.usecases.forget_answers(self.keep_days).await? {
            return Ok(Turn::AGAIN);
        }
        let next = wall.saturating_add(SECONDS_BETWEEN_LOOKS);
        self.next_look.store(next, Ordering::Relaxed);
        Ok(Turn::IDLE)
    }
}
