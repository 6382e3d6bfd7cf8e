//! Cutting a month: the promise that all of its charges are announced.

use kit::{Error, Turn};
use ledger::Month;
use sqlx::PgConnection;

use super::Usecases;
use crate::convert;
use crate::domain::month::EventTotals;
use crate::store::Cash;

impl Usecases {
    /// Cuts the next month, if all of its events are here and read. If not, whatever is missing
    /// rings the bell when it comes.
    ///
    /// # Errors
    /// The database's.
    pub async fn cut_next_month(&self) -> Result<Turn, Error> {
        if !self.store.has_month_to_cut().await? {
            return Ok(Turn::IDLE);
        }
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let Some((month, before)) = self.next_month_in_tx(&mut tx).await? else {
            return Ok(Turn::IDLE);
        };
        if !self.looks_complete_in_tx(&mut tx, month, before).await? {
            return Ok(Turn::IDLE);
        }
        // Looked at again under the lock: what is open must not change until the commit.
        self.store.lock_months_in_tx(&mut tx).await?;
        let before = match self.next_month_in_tx(&mut tx).await? {
            Some((next, before)) if next == month => before,
            _ => return Ok(Turn::AGAIN),
        };
        let standing = self
            .store
            .get_standing_in_tx(&mut tx, month, before)
            .await?;
        if !standing.is_complete() {
            tracing::debug!(%month, ?standing, "month not complete");
            return Ok(Turn::IDLE);
        }
        let control = self.store.sum_charges_in_tx(&mut tx, month).await?;
        let charge_count =
            i64::try_from(control.count).map_err(|error| Error::Bug(error.into()))?;
        let cash = Cash {
            charge_count,
            gross_minor: control.sum_minor,
            digest: control.digest,
        };
        self.store
            .save_cut_in_tx(&mut tx, month, standing.received, cash, now)
            .await?;
        let fact = convert::cut_fact(month, control, charge_count, now);
        self.outbox.enqueue_in_tx(&mut tx, &[fact]).await?;
        tx.commit().await?;
        tracing::info!(%month, charges = charge_count, gross_minor = cash.gross_minor, "month cut");
        Ok(Turn::AGAIN)
    }

    /// Asked without the lock: whoever waits for it stops all who record charges.
    async fn looks_complete_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        before: EventTotals,
    ) -> Result<bool, Error> {
        if !self.store.is_ingested_and_read_in_tx(tx, month).await? {
            return Ok(false);
        }
        let standing = self.store.get_standing_in_tx(tx, month, before).await?;
        Ok(standing.is_complete())
    }

    /// The month to be cut next, with the totals of the events before it; none before the first
    /// event.
    async fn next_month_in_tx(
        &self,
        tx: &mut PgConnection,
    ) -> Result<Option<(Month, EventTotals)>, Error> {
        if let Some((last, totals)) = self.store.find_last_cut_in_tx(tx).await? {
            return Ok(Some((last.next(), totals)));
        }
        let first = self.store.find_first_event_in_tx(tx).await?;
        Ok(first.map(|first| (first, EventTotals::default())))
    }
}
