//! Timed loops: replies that were kept long enough go.

use kit::{Error, Turn, Worker, async_trait};

use crate::store::Store;

/// Deletes old replies, a batch at a turn.
pub struct Sweeper {
    pub store: Store,
    pub keep_days: u32,
}

/// Small enough that no turn is noticed by those who write at the same time.
const BATCH: i64 = 500;

#[async_trait]
impl Worker for Sweeper {
    fn name(&self) -> &'static str {
        "sweep replies"
    }

    fn poll(&self) -> std::time::Duration {
        std::time::Duration::from_secs(60)
    }

    async fn turn(&self) -> Result<Turn, Error> {
        let swept = self.store.sweep(self.keep_days, BATCH).await?;
        Ok(if swept == 0 { Turn::IDLE } else { Turn::AGAIN })
    }
}
