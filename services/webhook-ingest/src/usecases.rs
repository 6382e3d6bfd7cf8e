//! Begin, load, decide, save, announce, commit.

use std::collections::HashMap;
use std::sync::Arc;

use kit::{Clock, Error, Turn};
use ledger::Month;
use mailbox::{Fact, Outbox};
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use crate::convert;
use crate::domain::{self, Event, Outcome};
use crate::store::{Cut, Statistics, Store};
use crate::tally::Tally;

/// What this service does, whoever asks.
#[derive(Clone)]
pub struct Usecases {
    pub store: Store,
    pub outbox: Outbox,
    pub clock: Clock,
    /// How long after its end a month is cut.
    pub grace: Duration,
    pub tally: Arc<Tally>,
}

impl Usecases {
    /// Stores what is new of a batch and announces it, all in one transaction. Answers what
    /// became of each delivery, in their order.
    ///
    /// # Errors
    /// The database's; then nothing of the batch is stored.
    pub async fn store_events(&self, events: &[Event]) -> Result<Vec<Outcome>, Error> {
        let firsts = domain::firsts(events);
        let mut tx = self.store.begin().await?;
        self.store.lock_months_shared_in_tx(&mut tx).await?;
        let stored = self.store.save_events_in_tx(&mut tx, &firsts).await?;
        let known = self.known_in_tx(&mut tx, &firsts, &stored).await?;
        self.outbox
            .enqueue_in_tx(&mut tx, &facts(&firsts, &stored))
            .await?;
        tx.commit().await?;
        Ok(domain::outcomes(events, &stored, &known))
    }

    async fn known_in_tx(
        &self,
        tx: &mut PgConnection,
        firsts: &[&Event],
        stored: &HashMap<String, OffsetDateTime>,
    ) -> Result<HashMap<String, Vec<u8>>, Error> {
        let ids = firsts.iter().map(|event| &event.event_id);
        let ids: Vec<String> = ids
            .filter(|id| !stored.contains_key(*id))
            .cloned()
            .collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        Ok(self.store.find_hashes_in_tx(tx, &ids).await?)
    }

    /// Cuts the next month if its time has come: from then on nothing counts in it any more.
    ///
    /// # Errors
    /// The database's.
    pub async fn cut_next_month(&self) -> Result<Turn, Error> {
        let now = self.clock.now();
        let Some(month) = self.store.find_next_month().await? else {
            return Ok(Turn::IDLE);
        };
        let due = month.next().first_instant().saturating_add(self.grace);
        if now < due {
            return Ok(Turn::until(Some(due)));
        }
        let mut tx = self.store.begin().await?;
        // Looked at again under the lock: another replica may have been first.
        self.store.lock_months_in_tx(&mut tx).await?;
        let before = match self.next_month_in_tx(&mut tx).await? {
            Some((next, before)) if next == month => before,
            _ => return Ok(Turn::AGAIN),
        };
        let added = self.store.sum_month_in_tx(&mut tx, month).await?;
        let cut = cumulated(before, added);
        self.store.save_cut_in_tx(&mut tx, &cut, now).await?;
        self.outbox
            .enqueue_in_tx(&mut tx, &[convert::month_fact(&cut, now)])
            .await?;
        tx.commit().await?;
        tracing::info!(month = %cut.month, events = cut.event_count, "month ingested");
        Ok(Turn::AGAIN)
    }

    /// The month to be cut next, with the last cut before it; none before the first event.
    async fn next_month_in_tx(
        &self,
        tx: &mut PgConnection,
    ) -> Result<Option<(Month, Option<Cut>)>, Error> {
        if let Some(last) = self.store.find_last_cut_in_tx(tx).await? {
            return Ok(Some((last.month.next(), Some(last))));
        }
        let first = self.store.find_first_event_in_tx(tx).await?;
        Ok(first.map(|first| (Month::of(first), None)))
    }

    /// Writes down what was counted in memory.
    ///
    /// # Errors
    /// The database's; then the counts stay in memory.
    pub async fn write_tally(&self) -> Result<(), Error> {
        let counts = self.tally.take();
        if counts.is_empty() {
            return Ok(());
        }
        let written = self.store.add_tally(&counts).await;
        written.inspect_err(|_| self.tally.give_back(&counts))?;
        Ok(())
    }

    /// Counts since the beginning.
    ///
    /// # Errors
    /// The database's.
    pub async fn statistics(&self) -> Result<Statistics, Error> {
        self.write_tally().await?;
        Ok(self.store.get_statistics().await?)
    }
}

fn facts(firsts: &[&Event], stored: &HashMap<String, OffsetDateTime>) -> Vec<Fact> {
    let announced = firsts.iter().filter(|event| event.announced);
    announced
        .filter_map(|event| {
            stored
                .get(&event.event_id)
                .map(|from| convert::event_fact(event, *from))
        })
        .collect()
}

fn cumulated(before: Option<Cut>, added: Cut) -> Cut {
    let (count, digest) = before.map_or((0, 0), |cut| (cut.event_count, cut.digest));
    Cut {
        month: added.month,
        event_count: added.event_count.saturating_add(count),
        digest: added.digest.wrapping_add(digest),
    }
}
