//! Read outside, then begin, decide, save, announce, commit.

mod alerts;
mod check;
mod look;
mod questions;

use std::time::Duration as Pause;

use kit::{Clock, Error, Peer, Turn};
use mailbox::Outbox;
use sqlx::PgConnection;
use stripe::Stripe;
use time::Duration;
use wire::earnings::v1::earnings_service_client::EarningsServiceClient;

use crate::store::{Alert, AlertFilter, Snapshot, Store};

/// What this service does, whoever asks.
#[derive(Clone)]
pub struct Usecases {
    pub store: Store,
    pub outbox: Outbox,
    pub clock: Clock,
    pub stripe: Stripe,
    pub earnings: EarningsServiceClient<Peer>,
    /// Business time between two checks, and how long a difference must stand.
    pub every: Duration,
}

/// While another replica is at the work.
const ELSEWHERE_PAUSE: Pause = Pause::from_millis(100);

impl Usecases {
    /// Notes that the balance may have moved. The note is work in hand until what it led to was
    /// announced.
    ///
    /// # Errors
    /// The database's.
    pub async fn ask_in_tx(&self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        self.store.ask_in_tx(tx).await
    }

    /// Looks and checks if it was asked for, or if it is time.
    ///
    /// # Errors
    /// The database's, Stripe's, earnings'; then it stays to be done.
    pub async fn take_turn(&self) -> Result<Turn, Error> {
        let work = self.store.get_work().await?;
        let is_due = match work.last_check_at {
            Some(last) => self.clock.now() >= last.saturating_add(self.every),
            None => true,
        };
        // When the next check is due is told to nobody: it must not stop a jump of the clock.
        if !self.clock.is_read() || !(work.is_asked || is_due) {
            return Ok(Turn::IDLE);
        }
        let Some(asked) = self.store.lease_work().await? else {
            // Not idle: what the other replica finds is not announced yet.
            tokio::time::sleep(ELSEWHERE_PAUSE).await;
            return Ok(Turn::AGAIN);
        };
        let checked = self.check_now().await;
        self.store
            .end_work(checked.is_ok().then_some(asked))
            .await?;
        checked.map(|_| Turn::AGAIN)
    }

    /// Looks for new balance transactions, then compares the balance with the books.
    ///
    /// # Errors
    /// The database's, Stripe's, earnings'.
    pub async fn check_now(&self) -> Result<Snapshot, Error> {
        self.look().await?;
        self.check().await
    }

    /// # Errors
    /// The database's.
    pub async fn find_latest(&self) -> Result<Option<Snapshot>, Error> {
        Ok(self.store.find_latest_snapshot().await?)
    }

    /// # Errors
    /// The database's.
    pub async fn list_alerts(&self, filter: &AlertFilter) -> Result<Vec<Alert>, Error> {
        Ok(self.store.list_alerts(filter).await?)
    }
}
