//! Begin, load, decide, save, announce, commit.

mod answering;
mod directing;
mod funding;
mod months;
mod reading;

pub use directing::Done;
pub use months::{Due, MonthView};
pub use reading::{Page, View};

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use kit::{Clock, Error};
use ledger::{CreatorId, Month};
use mailbox::Outbox;
use sqlx::PgConnection;

use crate::domain::Cut;
use crate::store::{Store, SubscriptionRow};

/// What this service does, whoever asks.
#[derive(Clone)]
pub struct Usecases {
    store: Store,
    outbox: Outbox,
    clock: Clock,
    seen: SeenOpen,
}

/// The open month as this process saw it last. It is only ever too early, because months are
/// locked in order and stay so: who acts on it reads the row under the month's lock.
#[derive(Debug, Clone, Default)]
struct SeenOpen(Arc<AtomicI32>);

impl SeenOpen {
    fn get(&self) -> Option<Month> {
        Month::from_i32(self.0.load(Ordering::Relaxed)).ok()
    }

    fn set(&self, month: Month) {
        self.0.fetch_max(month.to_i32(), Ordering::Relaxed);
    }
}

impl Usecases {
    pub fn new(store: Store, outbox: Outbox, clock: Clock) -> Self {
        Self {
            store,
            outbox,
            clock,
            seen: SeenOpen::default(),
        }
    }

    /// # Errors
    /// The database's.
    pub async fn knows_creator(&self, creator: &CreatorId) -> Result<bool, Error> {
        Ok(self.store.knows_creator(creator).await?)
    }

    /// # Errors
    /// The database's.
    pub async fn register_creators_in_tx(
        &self,
        tx: &mut PgConnection,
        creators: &[(CreatorId, i64)],
    ) -> Result<(), Error> {
        let ids: Vec<String> = creators
            .iter()
            .map(|(creator, _)| creator.to_string())
            .collect();
        let versions: Vec<i64> = creators.iter().map(|(_, version)| *version).collect();
        Ok(self.store.save_creators_in_tx(tx, &ids, &versions).await?)
    }

    /// # Errors
    /// The database's.
    pub async fn record_subscriptions_in_tx(
        &self,
        tx: &mut PgConnection,
        rows: &[SubscriptionRow],
    ) -> Result<(), Error> {
        Ok(self.store.save_subscriptions_in_tx(tx, rows).await?)
    }

    /// # Errors
    /// The database's.
    pub async fn record_cuts_in_tx(
        &self,
        tx: &mut PgConnection,
        cuts: &[(Month, Cut)],
    ) -> Result<(), Error> {
        for (month, cut) in cuts {
            self.store.save_cut_in_tx(tx, *month, *cut).await?;
        }
        Ok(())
    }
}
