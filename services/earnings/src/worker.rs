//! The close, taken in turns by whichever replica gets there first.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kit::{Error, Turn, Worker, async_trait};
use ledger::{ControlTotals, Month};
use mailbox::Pulse;
use time::OffsetDateTime;

use crate::domain::month::{Closing, MonthState, Waiting, decide_waiting};
use crate::usecases::{Turned, Usecases};

/// Between two looks at a month whose time is up.
const MOMENT: Duration = Duration::from_millis(100);

/// To count a large month's postings takes seconds. While nothing moves in this process, they
/// are counted again after this long, for what other replicas have posted.
const COUNT_AGAIN: time::Duration = time::Duration::seconds(5);

/// Closes sealed months, oldest first.
pub struct Closer {
    usecases: Usecases,
    pulse: Pulse,
    last_look: Mutex<Option<Look>>,
    last_count: Mutex<Option<Count>>,
}

/// A month that did not add up, when it was counted, and after how much work of this process.
struct Count {
    turned: Turned,
    activity: u64,
    at: OffsetDateTime,
}

/// What was posted of a month that does not add up, and since when, in wall time, nothing more.
struct Look {
    month: Month,
    posted: ControlTotals,
    since: OffsetDateTime,
}

impl Closer {
    pub fn new(usecases: Usecases, pulse: Pulse) -> Self {
        Self {
            usecases,
            pulse,
            last_look: Mutex::default(),
            last_count: Mutex::default(),
        }
    }

    async fn close_turn(&self) -> Result<Turned, Error> {
        let (activity, at) = (self.pulse.activity(), self.usecases.clock.wall());
        if let Some(turned) = self.counted(activity, at) {
            return Ok(turned);
        }
        let turned = self.usecases.close_turn().await?;
        let waits = matches!(turned, Turned::Waiting { .. });
        let count = waits.then(|| Count {
            turned: turned.clone(),
            activity,
            at,
        });
        *self
            .last_count
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = count;
        Ok(turned)
    }

    fn counted(&self, activity: u64, now: OffsetDateTime) -> Option<Turned> {
        let last = self
            .last_count
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let fresh = |count: &&Count| count.activity == activity && now - count.at < COUNT_AGAIN;
        last.as_ref()
            .filter(fresh)
            .map(|count| count.turned.clone())
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
        match self.close_turn().await? {
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
