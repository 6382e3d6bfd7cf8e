//! Months begin, are locked, and are sealed.

use kit::Error;
use ledger::{ControlTotals, Month};
use mailbox::Fact as Announcement;
use time::OffsetDateTime;
use wire::allocation::v1 as contract;

use super::Usecases;
use crate::convert;
use crate::domain::{MonthState, Readiness, Standing, readiness, standing};
use crate::error::{month_unknown, no_month_yet};

/// What came of looking whether the open month has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// A month was locked; the next may have ended as well.
    Locked,
    /// Nothing is to be locked before then; `None` before the clock's first reading.
    Not(Option<OffsetDateTime>),
}

/// A month as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthView {
    pub month: Month,
    pub standing: Standing,
    pub locked_at: Option<OffsetDateTime>,
    pub sealed_at: Option<OffsetDateTime>,
    pub totals: ControlTotals,
    pub waiting_for: String,
}

impl Usecases {
    /// Makes the clock's month the first one, at the first start of all.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin_first_month(&self) -> Result<(), Error> {
        let Some(today) = self.today() else {
            return Ok(());
        };
        let mut tx = self.store.begin().await?;
        self.store.lock_calendar_in_tx(&mut tx).await?;
        if self.store.find_span_in_tx(&mut tx).await?.is_none() {
            let first = [(today, MonthState::Open)];
            self.store
                .add_months_in_tx(&mut tx, &first, self.clock.now())
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Locks the open month if the clock has passed its end.
    ///
    /// # Errors
    /// The database's; among them that transactions under way took longer than a lock may wait.
    pub async fn lock_ended_month(&self) -> Result<Due, Error> {
        let now = self.clock.now();
        if let Some(end) = self.seen.get().map(end_of).filter(|end| now < *end) {
            return Ok(Due::Not(Some(end)));
        }
        let Some(open) = self.store.find_open().await? else {
            self.begin_first_month().await?;
            return Ok(if self.clock.is_read() {
                Due::Locked
            } else {
                Due::Not(None)
            });
        };
        self.seen.set(open);
        if now < end_of(open) {
            return Ok(Due::Not(Some(end_of(open))));
        }
        self.lock(open, now).await?;
        Ok(Due::Locked)
    }

    /// Waits for all that is being stamped with the month. What comes after that waits for us,
    /// and finds the month locked.
    async fn lock(&self, month: Month, now: OffsetDateTime) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        self.store.lock_calendar_in_tx(&mut tx).await?;
        self.store.lock_month_in_tx(&mut tx, month).await?;
        self.store.set_locked_in_tx(&mut tx, month, now).await?;
        self.store
            .add_months_in_tx(&mut tx, &[(month.next(), MonthState::Open)], now)
            .await?;
        tx.commit().await?;
        tracing::info!(%month, "month locked");
        Ok(())
    }

    /// Seals the first month that is complete; answers whether there was one.
    ///
    /// # Errors
    /// The database's.
    pub async fn seal_complete_month(&self) -> Result<bool, Error> {
        for month in self.store.list_months_to_seal().await? {
            if self.seal(month).await? {
                tracing::info!(%month, "month sealed");
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn seal(&self, month: Month) -> Result<bool, Error> {
        let mut tx = self.store.begin().await?;
        // Looked at first without the lock, which a month that waits must not keep from others.
        let (applied, cut) = self.store.find_controls_in_tx(&mut tx, month).await?;
        if readiness(applied, cut) != Readiness::Complete {
            return Ok(false);
        }
        self.store.lock_month_in_tx(&mut tx, month).await?;
        let state = self.store.find_state_in_tx(&mut tx, month).await?;
        let (applied, cut) = self.store.find_controls_in_tx(&mut tx, month).await?;
        if state != Some(MonthState::Locked) || readiness(applied, cut) != Readiness::Complete {
            return Ok(false);
        }
        let now = self.clock.now();
        let totals = self.store.sum_facts_in_tx(&mut tx, month).await?;
        self.store
            .save_totals_in_tx(&mut tx, month, &totals)
            .await?;
        self.store.set_sealed_in_tx(&mut tx, month, now).await?;
        let event = contract::MonthSealed {
            month: month.to_string(),
            totals: convert::totals(&totals),
        };
        let fact_id = format!("seal:{month}");
        let sealed = Announcement::new(fact_id, month.to_string(), 1, now, &event);
        self.outbox.enqueue_in_tx(&mut tx, &[sealed]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// A month, or the open one, and what its seal waits for.
    ///
    /// # Errors
    /// `NotFound` for a month before the first, and the database's.
    pub async fn get_month(&self, month: Option<Month>) -> Result<MonthView, Error> {
        let (month, standing) = self.standing_of(month).await?;
        if standing == Standing::Unknown {
            return Err(month_unknown(month));
        }
        let row = self.store.find_month(month).await?;
        Ok(MonthView {
            month,
            standing,
            locked_at: row.and_then(|row| row.locked_at),
            sealed_at: row.and_then(|row| row.sealed_at),
            totals: self.store.find_totals(month).await?,
            waiting_for: self.waiting_for(month, standing).await?,
        })
    }

    /// Where a month stands; `None` asks for the open one.
    pub(super) async fn standing_of(
        &self,
        month: Option<Month>,
    ) -> Result<(Month, Standing), Error> {
        let open = self.store.find_open().await?.ok_or_else(no_month_yet)?;
        let Some(month) = month.filter(|month| *month != open) else {
            return Ok((open, Standing::Open));
        };
        let row = self.store.find_month(month).await?;
        Ok((month, standing(month, row.map(|row| row.state), open)))
    }

    async fn waiting_for(&self, month: Month, standing: Standing) -> Result<String, Error> {
        Ok(match standing {
            Standing::Sealed | Standing::Unknown => String::new(),
            Standing::Future => format!("its beginning, {month}-01 00:00 UTC"),
            Standing::Open => format!("the month's end, {}-01 00:00 UTC", month.next()),
            Standing::Locked => {
                let mut tx = self.store.begin().await?;
                let (applied, cut) = self.store.find_controls_in_tx(&mut tx, month).await?;
                tx.commit().await?;
                readiness(applied, cut).in_words(month)
            }
        })
    }
}

fn end_of(month: Month) -> OffsetDateTime {
    month.next().first_instant()
}
