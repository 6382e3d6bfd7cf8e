//! Loops: the month's lock, and its seal.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kit::{Error, Turn, Worker, async_trait};

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
