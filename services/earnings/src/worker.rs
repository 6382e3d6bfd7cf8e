//! The close, taken in turns by whichever replica gets there first.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kit::{Error, Turn, Worker, async_trait};
use ledger::{ControlTotals, Month};
use time::OffsetDateTime;

use crate::domain::month::{Closing, MonthState, Waiting, decide_waiting};
use crate::usecases::{Turned, Usecases};

/// Between two looks at a month whose time is up.
const MOMENT: Duration = Duration::from_millis(100);

/// Closes sealed months, oldest first.
pub struct Closer {
    usecases: Usecases,
    last_look: Mutex<Option<Look>>,
}

/// What was posted of a month that does not add up, and since when, in wall time, nothing more.
struct Look {
    month: Month,
    posted: ControlTotals,
    since: OffsetDateTime,
}

impl Closer {
    pub fn new(usecases: Usecases) -> Self {
        Self {
            usecases,
            last_look: Mutex::default(),
        }
    }

    /// A month that differs is waited for, then announced, and waited for again: the fact that
    /// was missing rings the bell when it arrives.
    async fn wait(
        &self,
        closing: Closing,
        posted: ControlTotals,
        differences: Vec<String>,
    ) -> Result<Turn, Error> {
        if closing.state == MonthState::Stopped {
            return Ok(Turn::IDLE);
        }
        let quiet = self.quiet(closing.month, posted);
        match decide_waiting(closing.sealed_at, self.usecases.clock.now(), quiet) {
            Waiting::Until(due) => Ok(Turn::until(Some(due))),
            Waiting::Moment => {
                tokio::time::sleep(MOMENT).await;
                Ok(Turn::AGAIN)
            }
            Waiting::Announce => {
                self.usecases
                    .announce_unbalanced(&closing, differences)
                    .await?;
                Ok(Turn::AGAIN)
            }
        }
    }

    /// How long nothing has been posted that counts for the month.
    fn quiet(&self, month: Month, posted: ControlTotals) -> time::Duration {
        let now = self.usecases.clock.wall();
        let mut last = self
            .last_look
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(look) if look.month == month && look.posted == posted => now - look.since,
            Some(_) | None => {
                *last = Some(Look {
                    month,
                    posted,
                    since: now,
                });
                time::Duration::ZERO
            }
        }
    }
}

#[async_trait]
impl Worker for Closer {
    fn name(&self) -> &'static str {
        "close"
    }

    async fn turn(&self) -> Result<Turn, Error> {
        match self.usecases.close_turn().await? {
            Turned::Nothing => Ok(Turn::IDLE),
            Turned::Progress => Ok(Turn::AGAIN),
            Turned::Waiting {
                closing,
                posted,
                differences,
            } => self.wait(closing, posted, differences).await,
        }
    }
}
