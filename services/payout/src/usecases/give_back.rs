//! After the end: telling the limits and the books.

use kit::{Error, reason_of};
use ledger::Month;
use sqlx::PgConnection;
use time::OffsetDateTime;
use tonic::{Code, Status};
use wire::earnings::v1::ReleaseHoldRequest;
use wire::fraud_limits::v1::{ConfirmRequest, ReleaseRequest};

use super::Usecases;
use crate::domain::{Errand, Payout, State, back_after_a_run, left_by_a_limit};
use crate::store::HoldLook;

/// After the first look, which is a minute after the end.
const LOOK_AGAIN_MINUTES: [i32; 2] = [10, 60];

impl Usecases {
    /// It went out: its share of the limits counts for good.
    pub(super) async fn confirm(&self, payout: &Payout) -> Result<(), Error> {
        let payout_id = payout.payout_id.to_string();
        self.limits
            .clone()
            .confirm(ConfirmRequest { payout_id })
            .await?;
        let mut tx = self.store.begin().await?;
        self.store
            .finish_errand_in_tx(&mut tx, payout.payout_id.as_str(), payout.errand)
            .await?;
        Ok(tx.commit().await?)
    }

    /// It came back: the books know, the limits do not yet.
    pub(super) async fn release_limits(&self, payout: &Payout) -> Result<(), Error> {
        let payout_id = payout.payout_id.to_string();
        self.limits
            .clone()
            .release(ReleaseRequest { payout_id })
            .await?;
        let mut tx = self.store.begin().await?;
        self.store
            .finish_errand_in_tx(&mut tx, payout.payout_id.as_str(), payout.errand)
            .await?;
        Ok(tx.commit().await?)
    }

    /// It will not go out: the limits and the books get back what was kept for it, and only then
    /// is the payout planned that takes its place.
    pub(super) async fn give_back(
        &self,
        payout: &Payout,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let payout_id = payout.payout_id.to_string();
        self.limits
            .clone()
            .release(ReleaseRequest { payout_id })
            .await?;
        let hold = self.release_hold(payout.payout_id.as_str()).await;
        let was_there = match hold {
            Ok(was_there) => was_there,
            // The refusal is announced; the books release the hold when it reaches them.
            Err(status) if is_committed(&status) && payout.state == State::Failed => {
                return Err(Error::unavailable(
                    "the books have not heard of the refusal yet",
                ));
            }
            Err(status) => return Err(status.into()),
        };
        let mut tx = self.store.begin().await?;
        let locked = self
            .store
            .lock_payout_in_tx(&mut tx, payout.payout_id.as_str())
            .await?;
        let Some(payout) = locked.filter(|payout| payout.errand == Errand::GiveBack) else {
            return Ok(());
        };
        self.store
            .finish_errand_in_tx(&mut tx, payout.payout_id.as_str(), payout.errand)
            .await?;
        if !was_there {
            self.store
                .look_for_hold_in_tx(&mut tx, payout.payout_id.as_str())
                .await?;
        }
        match payout.month {
            Some(month) => self.plan_on_in_tx(&mut tx, &payout, month, now).await?,
            None => self.look_again_in_tx(&mut tx, &payout, now).await?,
        }
        Ok(tx.commit().await?)
    }

    /// What takes a run's payout's place today, and what a limit leaves for another day. Only now
    /// can the rest be planned: before, a pass found it held.
    async fn plan_on_in_tx(
        &self,
        tx: &mut PgConnection,
        payout: &Payout,
        month: Month,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let newest = self.store.lock_newest_run_in_tx(tx, Some(month)).await?;
        let newest = newest.unwrap_or(month);
        let creator_ids = [payout.creator_id.to_string()];
        let sequences = self
            .store
            .newest_sequences_in_tx(tx, month, &creator_ids)
            .await?;
        let sequence = sequences.values().copied().max().unwrap_or(payout.sequence);
        if let Some(successor) = payout.successor(sequence.saturating_add(1), now) {
            self.plan_in_tx(tx, vec![successor], now).await?;
        }
        // Due since it was canceled: a hold that comes back late makes the rest no later.
        let Some(left) = left_by_a_limit(payout, payout.due_at.unwrap_or(now)) else {
            return Ok(());
        };
        let again_at = left.again_at.unwrap_or(now);
        self.store.wait_again_in_tx(tx, newest, &[left]).await?;
        Ok(self.store.go_on_in_tx(tx, newest, again_at).await?)
    }

    /// A run that went by while a payout that was asked for held the money has not seen it: it
    /// looks at its creator now.
    async fn look_again_in_tx(
        &self,
        tx: &mut PgConnection,
        payout: &Payout,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let Some(newest) = self.store.lock_newest_run_in_tx(tx, None).await? else {
            return Ok(());
        };
        let payout_id = payout.payout_id.as_str();
        let store = &self.store;
        if !store.was_passed_over_in_tx(tx, newest, payout_id).await? {
            return Ok(());
        }
        let back = back_after_a_run(payout, now);
        store.wait_again_in_tx(tx, newest, &[back]).await?;
        Ok(store.go_on_in_tx(tx, newest, now).await?)
    }

    /// Looks again for a hold that was not there when its payout ended, and for its share of the
    /// limits: a request for them may have been under way.
    ///
    /// # Errors
    /// The database's.
    pub async fn look_for_hold(&self, look: &HoldLook) -> Result<(), Error> {
        let payout_id = look.payout_id.as_str();
        let again = LOOK_AGAIN_MINUTES.get(usize::try_from(look.count).unwrap_or(usize::MAX));
        let found = self.release_hold(payout_id).await;
        let limits = self
            .limits
            .clone()
            .release(ReleaseRequest {
                payout_id: payout_id.to_owned(),
            })
            .await;
        let again = match (found, limits) {
            (Ok(true), Ok(_)) => {
                tracing::warn!(
                    payout.id = payout_id,
                    "a hold was placed late and is released"
                );
                None
            }
            (Ok(false), Ok(_)) => again.copied(),
            (Err(status), _) if is_committed(&status) => {
                tracing::error!(payout.id = payout_id, "an ended payout's hold is committed");
                None
            }
            (Err(status), _) | (_, Err(status)) => {
                tracing::warn!(payout.id = payout_id, %status, "a hold is looked for later");
                return Ok(());
            }
        };
        Ok(self.store.finish_hold_look(payout_id, again).await?)
    }

    /// Answers whether there was one, held or released before.
    async fn release_hold(&self, payout_id: &str) -> Result<bool, Status> {
        let request = ReleaseHoldRequest {
            payout_id: payout_id.to_owned(),
        };
        let Err(status) = self.earnings.clone().release_hold(request).await else {
            return Ok(true);
        };
        match reason_of(&status).map(|(code, _)| code).as_deref() {
            Some("HOLD_RELEASED" | "HOLD_BROKEN") => Ok(true),
            Some(_) | None if status.code() == Code::NotFound => Ok(false),
            Some(_) | None => Err(status),
        }
    }
}

fn is_committed(status: &Status) -> bool {
    reason_of(status).is_some_and(|(code, _)| code == "HOLD_COMMITTED")
}
