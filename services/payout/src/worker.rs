//! Loops: planning runs, sending payouts, reading Stripe's objects. All replicas run them; rows
//! are leased, so that a process that dies leaves its work to the others within seconds.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use kit::{Error, Turn, Worker, async_trait};
use time::OffsetDateTime;

use crate::lease::kept;
use crate::store::{Reading, ReadingKind};
use crate::usecases::{Usecases, cause};

/// Payouts and readings in hand at once. Stripe allows 25 calls a second and endpoint; a call
/// takes a good part of a second.
const IN_HAND: i64 = 8;

/// How long rows that are leased or pause are left alone before they are looked at again. They
/// count as work in hand, so the turn is not idle.
const BREATH: Duration = Duration::from_millis(150);

/// Pause before a reading that failed is tried again.
const READING_PAUSE_MS: i64 = 1_000;

/// What is left when nothing could be taken: a timer, or work in other hands.
async fn nothing_taken(due: Option<OffsetDateTime>, now: OffsetDateTime) -> Turn {
    if due.is_some_and(|due| due <= now) {
        tokio::time::sleep(BREATH).await;
        return Turn::AGAIN;
    }
    Turn::until(due)
}

/// Turns closes into payouts.
pub struct Planner(pub Usecases);

#[async_trait]
impl Worker for Planner {
    fn name(&self) -> &'static str {
        "planner"
    }

    async fn turn(&self) -> Result<Turn, Error> {
        let Self(usecases) = self;
        let now = usecases.clock.now();
        let Some(run) = usecases.store.lease_run(now).await? else {
            return Ok(nothing_taken(usecases.store.next_run_due().await?, now).await);
        };
        let keep = || usecases.store.extend_run_lease(run);
        if let Err(error) = kept(usecases.plan_run(run), keep).await {
            usecases.store.pause_run(run).await?;
            return Err(error);
        }
        Ok(Turn::AGAIN)
    }
}

/// Takes payouts as far as they go.
pub struct Sender(pub Usecases);

#[async_trait]
impl Worker for Sender {
    fn name(&self) -> &'static str {
        "sender"
    }

    async fn turn(&self) -> Result<Turn, Error> {
        let Self(usecases) = self;
        let now = usecases.clock.now();
        let due = usecases.store.lease_due_payouts(now, IN_HAND).await?;
        if due.is_empty() {
            return Ok(nothing_taken(usecases.store.next_payout_due().await?, now).await);
        }
        join_all(due.iter().map(|payout_id| usecases.advance(payout_id))).await;
        Ok(Turn::AGAIN)
    }
}

/// Reads what events told of.
pub struct Reader(pub Usecases);

#[async_trait]
impl Worker for Reader {
    fn name(&self) -> &'static str {
        "reader"
    }

    async fn turn(&self) -> Result<Turn, Error> {
        let Self(usecases) = self;
        let readings = usecases.store.lease_readings(IN_HAND).await?;
        if readings.is_empty() {
            if usecases.store.has_readings().await? {
                tokio::time::sleep(BREATH).await;
                return Ok(Turn::AGAIN);
            }
            return Ok(Turn::IDLE);
        }
        join_all(readings.iter().map(|reading| self.read(reading))).await;
        Ok(Turn::AGAIN)
    }
}

impl Reader {
    async fn read(&self, reading: &Reading) {
        let Self(usecases) = self;
        let object_id = reading.object_id.as_str();
        let keep = || usecases.store.extend_reading(object_id);
        let kept = match kept(self.follow(reading), keep).await {
            // What the rules refuse is logged where they did, and stays refused.
            Ok(()) | Err(Error::Conflict(_)) => usecases.store.finish_reading(reading).await,
            // What Stripe refuses to show is not there for us, and never will be.
            Err(error @ Error::Rejected(_)) => {
                tracing::error!(
                    object.id = object_id,
                    event.id = reading.event_id,
                    error = cause(&error),
                    "an event tells of what Stripe does not show: laid aside"
                );
                usecases.store.finish_reading(reading).await
            }
            Err(error) => {
                tracing::warn!(
                    object.id = object_id,
                    error = cause(&error),
                    "reading failed"
                );
                let pause = READING_PAUSE_MS;
                usecases.store.pause_reading(object_id, pause).await
            }
        };
        if let Err(error) = kept {
            // The lease runs out by itself.
            tracing::warn!(object.id = object_id, %error, "reading not given back");
        }
    }

    async fn follow(&self, reading: &Reading) -> Result<(), Error> {
        let Self(usecases) = self;
        let Reading {
            object_id,
            account_id,
            event_id,
            ..
        } = reading;
        match reading.kind {
            ReadingKind::Account => usecases.refresh_account(object_id).await,
            ReadingKind::BankPayout => {
                let read = usecases.read_bank_payout(account_id, object_id, event_id);
                read.await
            }
            ReadingKind::Transfer => usecases.read_transfer(object_id, event_id).await,
            ReadingKind::TransferFailed | ReadingKind::TransferReversed => {
                usecases.read_transfer_again(reading).await
            }
        }
    }
}

/// Keeps the platform's floor: at the start, after each close, and every quarter of an hour. No
/// timer of business: a clock that jumps need not stop for it, only come by.
pub struct Floor {
    usecases: Usecases,
    has_begun: AtomicBool,
}

impl Floor {
    pub fn new(usecases: Usecases) -> Self {
        Self {
            usecases,
            has_begun: AtomicBool::new(false),
        }
    }

    async fn ask(&self) -> Result<(), Error> {
        let store = &self.usecases.store;
        let mut tx = store.begin().await?;
        store.ask_for_floor_in_tx(&mut tx).await?;
        Ok(tx.commit().await?)
    }

    /// After a failure. Whoever lost the floor meanwhile may have told Stripe something late, which
    /// the replica that has it did not see: it looks again.
    async fn pause(&self, fence: i64, seconds: i32) -> Result<(), Error> {
        if !self.usecases.store.pause_floor(fence, seconds).await? {
            self.ask().await?;
        }
        Ok(())
    }
}

/// How long a floor that cannot be set, for a reason that does not pass by itself, is left alone.
const FLOOR_PAUSE_SECONDS: i32 = 30;

#[async_trait]
impl Worker for Floor {
    fn name(&self) -> &'static str {
        "floor"
    }

    async fn turn(&self) -> Result<Turn, Error> {
        let store = &self.usecases.store;
        if !self.has_begun.load(Ordering::Acquire) {
            self.ask().await?;
            self.has_begun.store(true, Ordering::Release);
        }
        let Some(lease) = store.lease_floor(self.usecases.clock.now()).await? else {
            return Ok(Turn::IDLE);
        };
        let fence = lease.fence;
        let keep = || store.extend_floor_lease(fence);
        match kept(self.usecases.keep_floor(lease), keep).await {
            Ok(()) => Ok(Turn::AGAIN),
            Err(error @ Error::Unavailable(_)) => {
                self.pause(fence, 0).await?;
                Err(error)
            }
            Err(error) => {
                tracing::error!(
                    error = cause(&error),
                    "the platform's floor cannot be set: it stays as it was"
                );
                self.pause(fence, FLOOR_PAUSE_SECONDS).await?;
                Ok(Turn::IDLE)
            }
        }
    }
}

/// Looks again for holds that were not there when their payouts ended.
pub struct Holds(pub Usecases);

#[async_trait]
impl Worker for Holds {
    fn name(&self) -> &'static str {
        "holds"
    }

    fn poll(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn turn(&self) -> Result<Turn, Error> {
        let Self(usecases) = self;
        let looks = usecases.store.lease_hold_looks(IN_HAND).await?;
        for look in &looks {
            usecases.look_for_hold(look).await?;
        }
        Ok(if looks.is_empty() {
            Turn::IDLE
        } else {
            Turn::AGAIN
        })
    }
}
